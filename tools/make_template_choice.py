"""Makes library/src/test/resources/jinja/choice.json: which chat template transformers takes, and what it prints.

Pinned: transformers 5.18.0, jinja2 3.1.6. Each case is a directory's template files, an apply_chat_template call and
its text; the tokenizer is the byte_fallback fixture. `variables` is jinja2's list of what each template of the
chat goldens reads. Nothing is downloaded.

    python tools/make_template_choice.py
"""

import datetime
import json
import pathlib
import shutil
import tempfile

import jinja2
import transformers
import transformers.utils.chat_template_utils as chat_template_utils
from transformers import PreTrainedTokenizerFast

assert transformers.__version__ == "5.18.0", transformers.__version__
assert jinja2.__version__ == "3.1.6", jinja2.__version__

RESOURCES = pathlib.Path(__file__).resolve().parent.parent / "library/src/test/resources"
TOKENIZER = RESOURCES / "fixtures/tokenizers/byte_fallback"
DAY = datetime.datetime(2026, 1, 31)


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return DAY


chat_template_utils.datetime = FixedClock

PLAIN = "{{ bos_token }}plain:{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}"
TOOLS = "tools:{{ tools | length }}:{{ messages[-1].content }}"
THINK = "{% if enable_thinking is defined and enable_thinking %}<think>{% endif %}{{ style | default('none') }}:{{ budget }}"
DATED = "{{ strftime_now('%d %b %Y %H:%M') }} {{ messages[0].content }}"
NAMED = [{"name": "default", "template": PLAIN}, {"name": "tool_use", "template": TOOLS}]

DIRECTORIES = {
    "one": {"config": PLAIN},
    "named": {"config": NAMED},
    "named_without_default": {"config": [{"name": "rag", "template": PLAIN}, {"name": "tool_use", "template": TOOLS}]},
    "file": {"chat_template.jinja": PLAIN},
    "file_over_config": {"config": NAMED, "chat_template.jinja": "file:" + PLAIN},
    "files": {"chat_template.jinja": PLAIN, "additional_chat_templates/tool_use.jinja": TOOLS},
    "files_over_config": {"config": NAMED, "additional_chat_templates/short.jinja": "short"},
    "files_with_default": {"chat_template.jinja": "a", "additional_chat_templates/default.jinja": "b"},
    "none": {},
    "think": {"config": THINK},
    "dated": {"config": DATED},
}
TOOL = [{"type": "function", "function": {"name": "ping"}}]
CALLS = [
    ("one", {}), ("one", {"tools": TOOL}), ("one", {"bos_token": "<other>"}),
    ("named", {}), ("named", {"tools": TOOL}), ("named", {"tools": []}), ("named", {"chat_template": "tool_use"}),
    ("named", {"chat_template": "default", "tools": TOOL}),
    ("named_without_default", {}), ("named_without_default", {"tools": TOOL}),
    ("named_without_default", {"chat_template": "rag"}),
    ("file", {}), ("file_over_config", {}), ("file_over_config", {"tools": TOOL}),
    ("files", {}), ("files", {"tools": TOOL}), ("files", {"chat_template": "tool_use"}),
    ("files_over_config", {}), ("files_over_config", {"chat_template": "short"}),
    ("files_with_default", {}), ("none", {}),
    ("think", {}), ("think", {"enable_thinking": True, "style": "dry", "budget": 3}),
    ("think", {"enable_thinking": False, "budget": [1, 0.5, None]}), ("think", {"unknown": 1}),
    ("dated", {}),
]
MESSAGES = [{"role": "user", "content": "Hi"}]


def applied(files, call):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        for path in TOKENIZER.iterdir():
            shutil.copy(path, directory)
        config = json.loads((directory / "tokenizer_config.json").read_text())
        # The base class takes special tokens as text only.
        config["pad_token"] = config["pad_token"]["content"]
        for path, text in files.items():
            if path == "config":
                config["chat_template"] = text
            else:
                (directory / path).parent.mkdir(exist_ok=True)
                (directory / path).write_text(text, encoding="utf-8")
        (directory / "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
        try:
            return {"text": tokenizer.apply_chat_template(MESSAGES, tokenize=False, **call)}
        except (ValueError, TypeError, jinja2.exceptions.TemplateError) as error:
            return {"error": str(error)}


golden = {
    "transformers": transformers.__version__,
    "day": DAY.date().isoformat(),
    "messages": MESSAGES,
    "directories": DIRECTORIES,
    "cases": [{"directory": name, "call": call, **applied(DIRECTORIES[name], call)} for name, call in CALLS],
    "variables": {
        path.stem: sorted(chat_template_utils._get_template_variables(path.read_text(encoding="utf-8")))
        for path in sorted((RESOURCES / "jinja/templates").glob("*.jinja"))
    },
}
target = RESOURCES / "jinja/choice.json"
target.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
print(f"{target.name}: {len(golden['cases'])} cases")
