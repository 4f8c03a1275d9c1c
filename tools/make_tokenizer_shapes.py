"""Makes library/src/test/resources/fixtures/tokenizers/shapes.json: what AutoTokenizer makes of the files around a tokenizer.json.

Pinned: transformers 5.18.0, trl 1.13.0. Each case is a base fixture, changes to its tokenizer.json, and the other files of
the directory; `special` is the special_tokens_map, `texts` are ids with and without special tokens, and `rows` are the ids
and labels that trl's SFTTrainer prepares. Nothing is downloaded.

    python tools/make_tokenizer_shapes.py
"""

import json
import os
import pathlib
import tempfile
import types

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import transformers
import trl
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

assert transformers.__version__ == "5.18.0", transformers.__version__
assert trl.__version__ == "1.13.0", trl.__version__
datasets.disable_progress_bars()

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "library/src/test/resources/fixtures/tokenizers"
TEXTS = ["Hello there", " a\n", "<|im_start|>user<|im_end|><eos>x<bos><|new|>y<|other|>", "😀"]
ROWS = [
    {"prompt": "2+2=", "completion": "4"},
    {"prompt": "Say:", "completion": " hello 😀"},
    {"prompt": "q?\n", "completion": "a<|im_end|>"},
    {"text": "Ropes hold."},
    {"text": "Ropes hold.<|im_end|>"},
]


def template(before, after):
    special = {token: {"id": token, "ids": [number], "tokens": [token]} for token, number in before + after}
    single = [{"SpecialToken": {"id": token, "type_id": 0}} for token, _ in before]
    single += [{"Sequence": {"id": "A", "type_id": 0}}]
    single += [{"SpecialToken": {"id": token, "type_id": 0}} for token, _ in after]
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


BYTES = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
BOS = template([("<bos>", 422)], [])
BOTH = template([("<bos>", 422)], [("<eos>", 421)])
FAST = "PreTrainedTokenizerFast"
TOKEN = {"content": "<bos>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}


def config(**keys):
    return {"tokenizer_class": FAST, **keys}


CASES = {
    "bos named, not added": {"config": config(bos_token="<bos>", eos_token="<eos>")},
    "bos added by a template": {"config": config(bos_token="<bos>", eos_token="<eos>"), "post_processor": BOS},
    "bos and eos added": {"config": config(bos_token="<bos>", eos_token="<eos>"), "post_processor": BOTH},
    "added in a sequence": {
        "config": config(bos_token="<bos>", eos_token="<eos>"),
        "post_processor": {"type": "Sequence", "processors": [BYTES, BOS]},
    },
    "another token than the named one is added": {
        "config": config(bos_token="<s>", eos_token="<eos>"),
        "post_processor": BOS,
    },
    "two tokens in front": {
        "config": config(eos_token="<eos>"),
        "post_processor": template([("<bos>", 422), ("<s>", 424)], []),
    },
    "bert": {
        "config": config(eos_token="<eos>"),
        "post_processor": {"type": "BertProcessing", "cls": ["<s>", 424], "sep": ["</s>", 425]},
    },
    "roberta": {
        "config": config(eos_token="<eos>"),
        "post_processor": {
            "type": "RobertaProcessing",
            "cls": ["<s>", 424],
            "sep": ["</s>", 425],
            "trim_offsets": True,
            "add_prefix_space": False,
        },
    },
    "no post-processor": {"config": config(bos_token="<bos>", eos_token="<eos>"), "post_processor": None},
    "no post-processor, add_bos_token": {
        "config": config(bos_token="<bos>", eos_token="<eos>", add_bos_token=True, add_eos_token=True),
        "post_processor": None,
    },
    "add_bos_token false": {
        "config": config(bos_token="<bos>", eos_token="<eos>", add_bos_token=False),
        "post_processor": BOS,
    },
    "special_tokens_map alone": {"config": config(), "map": {"bos_token": TOKEN, "eos_token": "<|im_end|>"}},
    "special_tokens_map and a different config": {
        "config": config(bos_token="<s>", eos_token="<eos>", pad_token=None),
        "map": {"bos_token": "<bos>", "pad_token": "<pad>"},
    },
    "special_tokens_map beside added_tokens_decoder": {
        "config": config(eos_token="<eos>", added_tokens_decoder={"421": {"content": "<eos>", "special": True}}),
        "map": {"bos_token": "<bos>", "eos_token": "<|im_end|>"},
    },
    "special_tokens_map without a config": {"map": {"bos_token": "<bos>", "eos_token": "<eos>"}},
    "no file but tokenizer.json": {},
    "tokens of a model's own": {
        "config": config(
            eos_token="<eos>", extra_special_tokens={"image_token": "<|turn>", "boi_token": "<s>"}, some_token="</s>"
        )
    },
    "additional tokens are no names": {
        "config": config(eos_token="<eos>", additional_special_tokens=["<|im_start|>"]),
        "map": {"additional_special_tokens": ["<|im_end|>"], "cls_token": "<s>"},
    },
    "added_tokens.json": {
        "config": config(eos_token="<eos>"),
        "added": {"<|new|>": 456, "<|other|>": 457},
    },
    "added_tokens.json with a special one": {
        "config": config(eos_token="<|other|>"),
        "added": {"<|other|>": 457, "<|new|>": 456},
    },
    "added_tokens.json beside added_tokens_decoder": {
        "config": config(eos_token="<eos>", added_tokens_decoder={"456": {"content": "<|other|>", "special": True}}),
        "added": {"<|new|>": 456},
    },
    "a named token that is not there": {"config": config(bos_token="<|new|>", eos_token="<eos>")},
    "an additional token that is not there": {
        "config": config(eos_token="<eos>", additional_special_tokens=["<|other|>", "<|new|>"])
    },
    "an extra token that is not there": {"config": config(eos_token="<eos>", extra_special_tokens=["<|new|>"])},
    "an extra named token that is not there": {
        "config": config(eos_token="<eos>", extra_special_tokens={"image_token": "<|new|>"})
    },
    "added tokens that are normalized or stripped": {
        "config": config(
            eos_token="<eos>",
            added_tokens_decoder={
                "456": {"content": "<|new|>", "special": False, "normalized": True, "lstrip": True, "rstrip": True},
                "457": {"content": "<|other|>", "special": True, "normalized": False},
            },
        )
    },
    "an added token of the vocabulary": {"config": config(eos_token="<eos>"), "added": {"Hello": 270}},
    "padding names the pad token": {"config": config(eos_token="<eos>"), "padding": True},
    "Llama's class, silent": {"config": {"tokenizer_class": "LlamaTokenizer"}, "base": "byte_fallback"},
    "Llama's class, null": {
        "config": {"tokenizer_class": "LlamaTokenizerFast", "bos_token": None, "legacy": None},
        "base": "byte_fallback",
    },
    "Llama's class, legacy": {
        "config": {"tokenizer_class": "LlamaTokenizer", "legacy": True},
        "base": "byte_fallback",
    },
    "Llama's class, no space in front": {
        "config": {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False, "legacy": True},
        "base": "byte_fallback",
    },
    "Gemma's class, silent": {"config": {"tokenizer_class": "GemmaTokenizer"}, "base": "byte_fallback", "texts": False},
    "Qwen's class, silent": {"config": {"tokenizer_class": "Qwen2Tokenizer"}},
    "GPT-2's class, silent": {"config": {"tokenizer_class": "GPT2Tokenizer"}, "texts": False},
    "Gemma 2 without a class": {"model": "gemma2", "base": "byte_fallback", "texts": False},
    "Gemma 2 with the fast class": {"config": config(), "model": "gemma2", "base": "byte_fallback"},
    "Qwen2 with the fast class": {"config": config(), "model": "qwen2"},
    "Qwen2 with Llama's class": {"config": {"tokenizer_class": "LlamaTokenizer"}, "model": "qwen2"},
    "Qwen3 without a class": {"model": "qwen3"},
    "Qwen3 with the fast class": {"config": config(), "model": "qwen3"},
    "Mistral with Llama's class": {"config": {"tokenizer_class": "LlamaTokenizer"}, "model": "mistral"},
    "Phi-3 with Llama's class": {"config": {"tokenizer_class": "LlamaTokenizer"}, "model": "phi3"},
    "Llama without a class": {"model": "llama"},
    "SmolLM3 with the fast class": {"config": config(eos_token="<eos>"), "model": "smollm3"},
}


def prepared(tokenizer, row):
    trainer = types.SimpleNamespace(
        _tokenizer=tokenizer, chat_template=None, completion_only_loss="prompt" in row
    )
    arguments = types.SimpleNamespace(
        dataset_num_proc=None,
        dataset_text_field="text",
        assistant_only_loss=False,
        max_length=None,
        use_liger_kernel=False,
        shuffle_dataset=False,
    )
    dataset = datasets.Dataset.from_list([row])
    made = SFTTrainer._prepare_dataset(trainer, dataset, tokenizer, arguments, False, None, "train")[0]
    return {"row": row, "ids": made["input_ids"], "labels": made["labels"]}


def measure(name, case):
    base = case.get("base", "byte_level")
    file = json.loads((FIXTURES / base / "tokenizer.json").read_text())
    file["truncation"] = None
    if not case.get("padding"):
        file["padding"] = None
    if "post_processor" in case:
        file["post_processor"] = case["post_processor"]
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        files = {
            "tokenizer.json": file,
            "tokenizer_config.json": case.get("config"),
            "special_tokens_map.json": case.get("map"),
            "added_tokens.json": case.get("added"),
            "config.json": {"model_type": case.get("model", "llama")},
        }
        for written, value in files.items():
            if value is not None:
                (path / written).write_text(json.dumps(value))
        tokenizer = AutoTokenizer.from_pretrained(directory)
        result = {"name": name, "base": base, "padding": bool(case.get("padding"))}
        result |= {key: case[key] for key in ("config", "map", "added", "post_processor") if key in case}
        result["model"] = case.get("model", "llama")
        result["special"] = tokenizer.special_tokens_map
        result["size"] = len(tokenizer)
        if case.get("texts", True):
            result["texts"] = [
                {
                    "text": text,
                    "plain": tokenizer(text, add_special_tokens=False, padding=False).input_ids,
                    "added": tokenizer(text, padding=False).input_ids,
                    "hidden": tokenizer.decode(
                        tokenizer(text, add_special_tokens=False, padding=False).input_ids, skip_special_tokens=True
                    ),
                }
                for text in TEXTS
            ]
            # trl counts a token that ends the prompt as one of the prompt's, and masks one of the completion's for it.
            ends = tokenizer("a").input_ids[-1] != tokenizer("a", add_special_tokens=False).input_ids[-1]
            if tokenizer.eos_token is not None and not case.get("padding") and not ends:
                result["rows"] = [prepared(tokenizer, row) for row in ROWS]
        return result


cases = [measure(name, case) for name, case in CASES.items()]
golden = FIXTURES / "shapes.json"
golden.write_text(json.dumps({"cases": cases}, ensure_ascii=False).replace('{"name"', '\n{"name"') + "\n")
print(f"{golden}: {len(cases)} cases")
