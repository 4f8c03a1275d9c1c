"""Makes library/src/test/resources/fixtures/tokenizers: two tiny tokenizers and what the Python library does with them.

Pinned: tokenizers 0.23.2, Python 3.11 or later.

    python tools/make_tokenizer_fixtures.py

`byte_fallback` is built as Gemma's is: blanks become U+2581, BPE over characters, bytes for what is missing.
`byte_level` is built as GPT-2's and Qwen's are. It also asks for truncation and padding, which Bowline must not do.
"""

import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = pathlib.Path(__file__).resolve().parent.parent / "library/src/test/resources/fixtures/tokenizers"
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<s>", "</s>"]
TURNS = [
    "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<start_of_turn>", "<end_of_turn>", "<|turn>", "<turn|>", "<|channel>", "<channel|>",
    "<|tool>", "<tool|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", '<|"|>', "<|think|>", "<|image|>",
    "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|start|>", "<|message|>", "<|return|>",
]
PLAIN = ["<think>", "</think>"]
CORPUS = [
    "A bowline is a knot that makes a loop at the end of a rope and does not slip.",
    "The user asks the model a question, and the model gives the answer in one short line.",
    "You are a helpful assistant. Answer with the word and nothing else.",
    "system user assistant model tool developer thought answer question hello there thanks",
    "Hello! Hi there, how are you? I am fine. What is 2 + 2? It is 4. And 3 + 3? It is 6.",
    "1 2 3 4 5 6 7 8 9 10 11 12 20 21 30 100 2024 2025 one two three four five six seven",
    "Grüße aus Zürich; naïve café, déjà vu.",
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n",
] * 4
TEXTS = [
    "",
    "Hello there",
    " Hello  there ",
    "\n\n  a\tb\r\n",
    "Grüße 😀 aus Zürich 🪢!",
    "😀😀",
    "日本語 and 👩‍👩‍👧 family",
    "e\u0301 combining, ﬁ ligature, \u00a0nbsp",
    "<|turn>user\nHi<turn|>\n<|turn>model\n",
    "<|im_start|>user\nHi 😀<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nHello!<|im_end|>\n",
    "literal <0x41> and ▁ and <unk>",
    "def add(a, b):\n    return a + b\n",
    "a" * 50,
]


def byte_fallback():
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=420, show_progress=False, initial_alphabet=["▁"]))
    model = json.loads(trained.to_str())["model"]
    pieces = SPECIAL + TURNS + PLAIN + [f"<0x{byte:02X}>" for byte in range(256)]
    vocab = {piece: id for id, piece in enumerate(pieces)}
    for piece in sorted(model["vocab"], key=model["vocab"].get):
        vocab.setdefault(piece, len(vocab))
    merges = [tuple(merge) for merge in model["merges"]]
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", vocab["<bos>"])])
    return made


def byte_level():
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    pattern = Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(pattern, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=420, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
    )
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    return made


def utf16(text, code_points):
    return len(text[:code_points].encode("utf-16-le")) // 2


def golden(tokenizer):
    cases = []
    for text in TEXTS:
        plain = tokenizer.encode(text, add_special_tokens=False)
        cases.append({
            "text": text,
            "ids": plain.ids,
            "spans": [[utf16(text, start), utf16(text, end)] for start, end in plain.offsets],
            "with_special_tokens": tokenizer.encode(text).ids,
            "shown": tokenizer.decode(plain.ids, skip_special_tokens=False),
            "hidden": tokenizer.decode(plain.ids, skip_special_tokens=True),
        })
    return cases


def write(name, tokenizer, config):
    directory = OUT / name
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL + TURNS])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in PLAIN])
    cases = golden(tokenizer)
    if name == "byte_level":
        tokenizer.enable_truncation(max_length=4)
        tokenizer.enable_padding(length=16, pad_id=tokenizer.token_to_id("<pad>"), pad_token="<pad>")
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    made = {"tokenizers": tokenizers.__version__, "vocabulary": tokenizer.get_vocab_size(with_added_tokens=True), "cases": cases}
    (directory / "golden.json").write_text(json.dumps(made, ensure_ascii=False) + "\n")
    print(name, made["vocabulary"], sum(path.stat().st_size for path in directory.iterdir()), "bytes")


write("byte_fallback", byte_fallback(), {
    "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": {"content": "<pad>", "special": True}, "unk_token": "<unk>",
    "extra_special_tokens": {"image_token": "<|image|>"}, "add_bos_token": False, "model_max_length": 8,
    "tokenizer_class": "PreTrainedTokenizerFast",
})
write("byte_level", byte_level(), {
    "bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<pad>", "clean_up_tokenization_spaces": True,
    "add_prefix_space": True, "model_max_length": 8, "tokenizer_class": "PreTrainedTokenizerFast",
    "chat_template": "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
})
