"""Makes library/src/test/resources/jinja/{chat,expressions}.json: what jinja2 prints, as chat templates are run.

Pinned: jinja2 3.1.6, MarkupSafe 3.0 or later, Python 3.11 or later. transformers is not needed: the environment is
the one its apply_chat_template sets up (immutable sandbox, trimmed blocks, loop controls, generation blocks, a plain
tojson, raise_exception, strftime_now).

    python tools/make_template_golden.py

The templates are library/src/test/resources/jinja/templates/*.jinja, written for this project in the style of the
model families they are named after.
"""

import json
import pathlib
import re
from datetime import datetime
from random import Random

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

assert jinja2.__version__ == "3.1.6", jinja2.__version__

ROOT = pathlib.Path(__file__).resolve().parent.parent / "library/src/test/resources/jinja"
NOW = datetime(2025, 3, 7, 9, 5, 3)


class Generation(jinja2.ext.Extension):
    """Generation blocks: what they print, and where on the page it begins (right for blocks that stand on the page)."""

    tags = {"generation"}

    def __init__(self, environment):
        super().__init__(environment)
        environment.extend(page=[], spans=[])

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_note"), [], [], body).set_lineno(line)

    def _note(self, caller):
        text = caller()
        start = utf16("".join(self.environment.page))
        if text:
            self.environment.spans.append([start, start + utf16(text)])
        return text


def utf16(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def render(source, variables):
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = NOW.strftime
    try:
        template = environment.from_string(source)
        for block in template.generate(**json.loads(json.dumps(variables))):
            environment.page.append(block)
    except Exception as error:  # every failure is part of the golden
        return {"error": {"type": type(error).__name__, "message": str(error)}}
    result = {"text": "".join(environment.page)}
    if environment.spans:
        result["generations"] = environment.spans
    return result


def message(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments, id=None):
    made = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {**made, "id": id} if id else made


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "What the weather is like, in \"plain\" words & <b>units</b>.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Which city, e.g. Zürich"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "array", "items": {"type": "integer"}, "description": "Days from today"},
                "exact": {"type": ["boolean", "null"]},
            },
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds numbers.",
        "parameters": {
            "type": "object",
            "properties": {
                "a": {"type": "number", "description": "first"},
                "b": {"type": "number", "description": "second", "default": 1.5},
            },
            "required": ["a", "b"],
        },
    },
}
NOTHING = {"type": "function", "function": {"name": "ping", "description": "Says pong.", "parameters": {"type": "object", "properties": {}}}}

CONVERSATIONS = {
    "question": {"messages": [message("user", "What is a bowline?")]},
    "answered": {"messages": [message("user", "Hi"), message("assistant", "Hello!")]},
    "system": {"messages": [message("system", "Answer in one word."), message("user", "Best knot?")]},
    "system_answered": {
        "messages": [
            message("system", "Be brief /no_think"),
            message("user", "2+2?"),
            message("assistant", "4"),
            message("user", "And 3+3?"),
            message("assistant", "6"),
        ]
    },
    "several_turns": {
        "messages": [
            message("user", "Grüße 😀 „Knoten“?"),
            message("assistant", "Ja: 'Palstek' & \"Bulin\" 🪢."),
            message("user", "<b>HTML</b> \\ backslash\ttab"),
            message("assistant", "日本語もOK。"),
            message("user", "end"),
        ]
    },
    "white_space": {
        "messages": [
            message("system", "  padded system \n"),
            message("user", "\n\n  lines\nand more\r\nand more \n"),
            message("assistant", " \tanswer\n\n"),
            message("user", "   "),
        ]
    },
    "tools_offered": {"messages": [message("user", "Weather in Bern?")], "tools": [WEATHER, ADD, NOTHING]},
    "tool_called": {
        "messages": [
            message("system", "Use tools."),
            message("user", "Weather in Zürich?"),
            message(
                "assistant",
                "",
                tool_calls=[call("get_weather", {"city": "Zürich", "days": [0, 1], "exact": None, "deep": {"x": 1.50, "y": True}}, "abcDEF123")],
            ),
            message("tool", "{\"temp\": 21.5, \"sky\": \"clear\"}", name="get_weather", tool_call_id="abcDEF123"),
            message("assistant", "21.5 degrees and clear."),
            message("user", "Thanks"),
        ],
        "tools": [WEATHER],
    },
    "two_calls_as_text": {
        "messages": [
            message("user", "Add twice."),
            message("assistant", None, tool_calls=[call("add", "{\"a\": 1, \"b\": 2}", "123456789"), call("add", "{\"a\": 3, \"b\": 4e2}", "987654321")]),
            message("tool", "3", name="add", tool_call_id="123456789"),
            message("tool", "403.0", name="add", tool_call_id="987654321"),
        ],
        "tools": [ADD],
    },
    "thinking": {
        "messages": [
            message("user", "Think."),
            message("assistant", "<think>\nhm, 1 + 1\n</think>\n\nTwo."),
            message("user", "Again."),
            message("assistant", "Three.", reasoning_content="\nwas 2, now 3\n"),
        ]
    },
    "channels": {
        "messages": [
            message("user", "Think in channels."),
            message("assistant", "<|channel>thought\nquietly<channel|>Said aloud. "),
            message("user", "More"),
        ]
    },
    "parts": {
        "messages": [
            message("user", [{"type": "image"}, {"type": "text", "text": " What is this? "}]),
            message("assistant", [{"type": "text", "text": "A knot."}]),
            message("user", [{"type": "text", "text": "Sure?"}, {"type": "text", "text": "Yes?"}]),
        ]
    },
    "assistant_first": {"messages": [message("assistant", "I begin."), message("user", "No, me.")]},
    "unknown_role": {"messages": [message("user", "x"), message("narrator", "Meanwhile ...")]},
    "developer": {"messages": [message("developer", "House rules."), message("user", "Ok")]},
    "empty": {"messages": []},
}

OPTIONS = {
    "closed": {"add_generation_prompt": False},
    "open": {"add_generation_prompt": True},
    "thinking_off": {"add_generation_prompt": True, "enable_thinking": False, "thinking": False},
    "thinking_on": {"add_generation_prompt": True, "enable_thinking": True, "thinking": True, "date_string": "01 Jan 2025"},
    "extras": {
        "add_generation_prompt": True,
        "tools_in_user_message": False,
        "builtin_tools": ["code_interpreter", "brave_search"],
        "documents": [{"doc_id": 7, "title": "Knots", "text": "A bowline holds."}],
        "controls": {"length": "short"},
        "reasoning_effort": "high",
    },
}


def chat():
    templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "templates").glob("*.jinja"))}
    cases = []
    for name, source in templates.items():
        for conversation, given in CONVERSATIONS.items():
            for option, extra in OPTIONS.items():
                if option not in ("closed", "open") and conversation not in ("question", "tool_called", "thinking"):
                    continue
                variables = {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None, **given, **extra}
                case = {"template": name, "conversation": conversation, "options": option}
                cases.append({**case, **render(source, variables)})
    return {
        "jinja2": jinja2.__version__,
        "now": NOW.isoformat(),
        "conversations": CONVERSATIONS,
        "options": OPTIONS,
        "cases": cases,
    }


VARIABLES = {
    "text": "Hello, World",
    "padded": "  a b  c \n",
    "unicode": "naïve 😀 ß ŉ",
    "empty": "",
    "none_value": None,
    "yes": True,
    "no": False,
    "n": 7,
    "big": 12345678901234567890123,
    "f": 2.5,
    "tiny": 0.00001234,
    "huge": 1e22,
    "numbers": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "nested": {"a": {"b": [1, {"c": "deep"}]}, "items": "a key", "n": None},
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x", "y"]},
        {"name": "bob", "age": 25, "tags": []},
        {"name": "Cid", "age": 31},
    ],
    "multi": "one\ntwo\n\nthree",
}

EXPRESSIONS = pathlib.Path(__file__).with_name("template_expressions.txt")


def drawn(random, depth):
    """A random expression over the variables; most are valid, and those that fail have to fail in ours too."""
    if depth == 0 or random.random() < 0.15:
        atoms = list(VARIABLES) + ["unknown", "0", "1", "-3", "2.5", "'a'", "'l'", "''", "none", "true", "[]", "{}", "(1, 2)", "'name'"]
        return random.choice(atoms)
    inner = lambda: drawn(random, depth - 1)
    small = lambda: random.choice(["0", "1", "2", "-1", "none", "n", "'a'"])
    forms = [
        lambda: f"({inner()} {random.choice(['+', '-', '*', '/', '//', '%', '~', '==', '!=', '<', '>=', 'in', 'not in', 'and', 'or'])} {inner()})",
        lambda: f"{inner()} | {random.choice(PLAIN_FILTERS)}",
        lambda: f"{inner()} | {random.choice(PLAIN_FILTERS)} | {random.choice(PLAIN_FILTERS)}",
        lambda: f"{inner()} | {random.choice(['join', 'default', 'replace', 'map', 'select', 'selectattr', 'sort', 'round', 'indent', 'batch', 'sum'])}({inner()})",
        lambda: f"({inner()} is {random.choice(PLAIN_TESTS)})",
        lambda: f"{random.choice(list(VARIABLES))}[{small()}]",
        lambda: f"{random.choice(list(VARIABLES))}[{random.choice(['', '1', '-2', 'n'])}:{random.choice(['', '2', '-1', '0'])}:{random.choice(['', '2', '-1'])}]",
        lambda: f"({inner()} if {inner()} else {inner()})",
        lambda: f"[{inner()}, {inner()}]",
        lambda: "{" + f"'a': {inner()}, 'b': {inner()}" + "}",
        lambda: f"({inner()}).{random.choice(['name', 'a', 'upper()', 'strip()', 'items()', 'split()', 'get(1)', 'title()', 'count(1)', 'zz'])}",
        lambda: f"(not {inner()})",
        lambda: f"(-{inner()})",
    ]
    return random.choice(forms)()


PLAIN_FILTERS = "upper lower trim length first last list string int float sort unique reverse sum min max tojson abs title capitalize items dictsort join map select".split()
PLAIN_TESTS = "defined none string number mapping sequence iterable integer odd true lower upper callable boolean".split()
ADDRESS = re.compile(r"(object|sync_do|generator|function|method|module|built-in).* at 0x[0-9a-f]+|<class|<function|<bound|<built-in", re.IGNORECASE)


def fuzz(count):
    random = Random(20250307)
    cases = []
    while len(cases) < count:
        source = "{{ " + drawn(random, random.choice([1, 2, 2, 3])) + " }}"
        result = render(source, VARIABLES)
        if not ADDRESS.search(result.get("text", "")) and all(source != case["source"] for case in cases):
            cases.append({"source": source, **({"error": result["error"]["type"]} if "error" in result else result)})
    return cases


def expressions():
    sources = EXPRESSIONS.read_text(encoding="utf-8").split("\n")
    sources = [line.replace("⏎", "\n") for line in sources if line and not line.startswith("# ")]
    assert len(set(sources)) == len(sources), [s for s in sources if sources.count(s) > 1]
    return {
        "jinja2": jinja2.__version__,
        "now": NOW.isoformat(),
        "variables": VARIABLES,
        "cases": [{"source": source, **render(source, VARIABLES)} for source in sources],
        "random": fuzz(1500),
    }


def write(name, golden):
    path = ROOT / name
    path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    failed = sum("error" in case for case in golden["cases"])
    print(f"{path.name}: {len(golden['cases'])} cases, {failed} of them errors, {path.stat().st_size} bytes")


write("chat.json", chat())
write("expressions.json", expressions())
