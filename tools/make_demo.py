"""Makes what `bowline demo` ships with: a tiny Gemma 4 MoE checkpoint, its tokenizer and the date-writing data.

    python tools/make_demo.py --out cli/src/main/resources/demo            # everything; about ten minutes on two cores
    python tools/make_demo.py --out cli/src/main/resources/demo --data     # only train.jsonl and heldout.jsonl
    python tools/make_demo.py --out cli/src/main/resources/demo --check    # fine-tune it with transformers and score it

Pinned: transformers 5.18.0, torch 2.13.0 (CPU), tokenizers 0.23.2. Nothing is downloaded. The shipped weights are
trained from random values on `demo_chatter.py` (copying, looking up, reordering, small facts). None of its tasks is
about dates: the skill in train.jsonl is new to the model.
"""

import argparse
import calendar
import json
import math
import random
import shutil
import time
from pathlib import Path

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Gemma4Config, Gemma4ForConditionalGeneration, Gemma4TextConfig, PreTrainedTokenizerFast

from demo_chatter import MONTHS, chatter

VOCABULARY = 1024
SPECIAL = [
    "<pad>", "<eos>", "<bos>", "<unk>", "<|tool>", "<tool|>", "<|tool_call>", "<tool_call|>", "<|tool_response>",
    "<tool_response|>", '<|"|>', "<|think|>", "<|channel>", "<channel|>", "<|turn>", "<turn|>",
]  # fmt: skip
BYTES = [f"<0x{value:02X}>" for value in range(256)]
TRAIN_ROWS, HELDOUT_ROWS = 4000, 200
PRETRAINING = {"lr": 3e-3, "betas": (0.9, 0.95), "steps": 3000, "batch": 32, "warmup": 100}
FINETUNING = {"lr": 3e-3, "betas": (0.8, 0.95), "steps": 450, "batch": 32, "warmup": 30}
CLIP, DECAY = 1.0, 0.01

CHAT_TEMPLATE = """\
{#- One turn is <|turn>ROLE, a newline, the text, <turn|> and a newline. The assistant's role is spelled model. -#}
{{- bos_token -}}
{%- for message in messages -%}
    {%- set role = message['role'] -%}
    {%- if role == 'assistant' -%}
        {%- set role = 'model' -%}
    {%- elif role in ['system', 'developer'] -%}
        {%- if not loop.first -%}
            {{- raise_exception('A system message can only be the first message.') -}}
        {%- endif -%}
        {%- set role = 'system' -%}
    {%- elif role != 'user' -%}
        {{- raise_exception('The roles are system, user and assistant, not ' ~ role ~ '.') -}}
    {%- endif -%}
    {{- '<|turn>' ~ role ~ '\\n' -}}
    {%- if message['content'] is string -%}
        {{- message['content'] | trim -}}
    {%- else -%}
        {%- for part in message['content'] if part['type'] == 'text' -%}
            {{- part['text'] | trim -}}
        {%- endfor -%}
    {%- endif -%}
    {{- '<turn|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|turn>model\\n' -}}
{%- endif -%}
"""


# ---------------------------------------------------------------------------------------------------------------------
# The skill: dates
# ---------------------------------------------------------------------------------------------------------------------

QUESTIONS = ["Write {} in ISO format.", "What is {} as an ISO date?", "Convert {} to year-month-day.", "ISO date for {}?"]


def spellings(day, month, year):
    name = MONTHS[month - 1]
    return [
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{day} {name[:3]} {year}",
        f"{name[:3]} {day}, {year}",
        f"{day:02d}.{month:02d}.{year}",
    ]


def date_row(chance, date):
    day, month, year = date
    question = chance.choice(QUESTIONS).format(chance.choice(spellings(*date)))
    return chat(question, f"{year}-{month:02d}-{day:02d}")


def chat(question, answer):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def date_rows(seed=20):
    """Training and held-out rows; no held-out date occurs in training, in any spelling."""
    chance = random.Random(seed)
    dates = [
        (day, month, year)
        for year in range(1950, 2100)
        for month in range(1, 13)
        for day in range(1, calendar.monthrange(year, month)[1] + 1)
    ]
    rows = [date_row(chance, date) for date in chance.sample(dates, TRAIN_ROWS + HELDOUT_ROWS)]
    return rows[:TRAIN_ROWS], rows[TRAIN_ROWS:]


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read_rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


# ---------------------------------------------------------------------------------------------------------------------
# Tokenizer
# ---------------------------------------------------------------------------------------------------------------------


def train_tokenizer(rows):
    """BPE with byte fallback in Gemma's manner (blanks become U+2581), with every digit and mark on its own."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Split("\u2581", "merged_with_next"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    alphabet = [chr(code) for code in range(0x21, 0x7F)] + ["\n", "\u2581"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL + BYTES,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    texts = [f"{turn['role']}\nmodel\nsystem\n{turn['content']}" for row in rows for turn in row["messages"]]
    tokenizer.train_from_iterator(texts, trainer)
    described = json.loads(tokenizer.to_str())
    described["added_tokens"] = [token for token in described["added_tokens"] if token["content"] in SPECIAL]
    vocabulary = described["model"]["vocab"]
    for unused in range(VOCABULARY - len(vocabulary)):
        vocabulary[f"<unused{unused}>"] = len(vocabulary)
    return json.dumps(described, indent=1, ensure_ascii=False)


def write_tokenizer(directory, rows):
    (directory / "tokenizer.json").write_text(train_tokenizer(rows), encoding="utf-8")
    (directory / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    settings = {
        "add_bos_token": False,
        "bos_token": "<bos>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "<eos>",
        "model_max_length": 512,
        "pad_token": "<pad>",
        "padding_side": "left",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
    }
    write_json(directory / "tokenizer_config.json", settings)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


# ---------------------------------------------------------------------------------------------------------------------
# Model
# ---------------------------------------------------------------------------------------------------------------------


def new_model(turn_end):
    pattern = ["sliding_attention", "full_attention"] * 2
    text_config = Gemma4TextConfig(
        vocab_size=VOCABULARY,
        vocab_size_per_layer_input=VOCABULARY,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=len(pattern),
        layer_types=pattern,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        global_head_dim=64,
        num_global_key_value_heads=1,
        attention_k_eq_v=True,
        hidden_size_per_layer_input=0,
        sliding_window=32,
        max_position_embeddings=512,
        final_logit_softcapping=30.0,
        enable_moe_block=True,
        num_experts=16,
        top_k_experts=2,
        moe_intermediate_size=96,
        eos_token_id=[1, turn_end],
        initializer_range=0.05,
    )
    torch.manual_seed(4)
    model = Gemma4ForConditionalGeneration(Gemma4Config(text_config=text_config, initializer_range=0.05))
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=2, eos_token_id=[1, turn_end], pad_token_id=0, max_new_tokens=64, do_sample=False
    )
    return model


# ---------------------------------------------------------------------------------------------------------------------
# Training and scoring
# ---------------------------------------------------------------------------------------------------------------------


class Encoder:
    """Renders a row with the checkpoint's own template and marks the tokens of the answer as targets."""

    def __init__(self, directory):
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)

    def prompt(self, row):
        text = self.tokenizer.apply_chat_template(row["messages"][:-1], tokenize=False, add_generation_prompt=True)
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def __call__(self, row):
        text = self.tokenizer.apply_chat_template(row["messages"], tokenize=False)
        ids, prompt = self.tokenizer(text, add_special_tokens=False)["input_ids"], self.prompt(row)
        if ids[: len(prompt)] != prompt:
            raise SystemExit(f"the prompt is not a prefix of the row: {row}")
        return ids, [-100] * len(prompt) + ids[len(prompt) :]


def collate(examples):
    width = max(len(ids) for ids, _ in examples)
    ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in examples])
    labels = torch.tensor([labels + [-100] * (width - len(labels)) for _, labels in examples])
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in examples])
    return ids, mask, labels


def train(model, next_batch, plan, report_every):
    trained = list(model.parameters())
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": DECAY},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=plan["lr"], betas=plan["betas"], fused=True)
    started, tokens, model = time.time(), 0, model.train()
    for step in range(plan["steps"]):
        rate = plan["lr"] * min(1.0, (step + 1) / plan["warmup"])
        if step >= plan["warmup"]:
            done = (step - plan["warmup"]) / max(1, plan["steps"] - plan["warmup"])
            rate = plan["lr"] * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, mask, labels = next_batch()
        loss = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, CLIP)
        optimizer.step()
        tokens += ids.numel()
        if step % report_every == 0 or step == plan["steps"] - 1:
            spent = time.time() - started
            print(f"step {step} loss {loss.item():.4f} norm {norm.item():.2f} {spent:.0f}s {tokens / spent:.0f} tok/s", flush=True)
    return model.eval()


@torch.no_grad()
def score(model, encoder, rows, show=3):
    right = 0
    for start in range(0, len(rows), 50):
        part = rows[start : start + 50]
        prompts = [encoder.prompt(row) for row in part]
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        output = model.generate(ids, attention_mask=mask, max_new_tokens=24, do_sample=False)[:, width:]
        for row, tokens in zip(part, output):
            said = encoder.tokenizer.decode(tokens, skip_special_tokens=True).strip()
            right += said == row["messages"][-1]["content"]
            if show > 0:
                show -= 1
                print("   ", row["messages"][0]["content"], "->", said)
    return right / len(rows)


def shuffled(examples, batch, seed):
    chance, queue = random.Random(seed), []

    def next_batch():
        nonlocal queue
        if len(queue) < batch:
            queue = queue + chance.sample(examples, len(examples))
        taken, queue = queue[:batch], queue[batch:]
        return collate(taken)

    return next_batch


def pretrain(directory, encoder):
    chance = random.Random(8)
    turn_end = encoder.tokenizer.convert_tokens_to_ids("<turn|>")
    model = new_model(turn_end)
    print("parameters", sum(p.numel() for p in model.parameters()))

    def next_batch():
        rows = [encoder(chat(*chatter(chance))) for _ in range(PRETRAINING["batch"])]
        return collate([(ids, ids) for ids, _ in rows])

    train(model, next_batch, PRETRAINING, 100)
    print("on new small talk", score(model, encoder, [chat(*chatter(chance)) for _ in range(200)], show=8))
    model.to(torch.bfloat16).save_pretrained(directory)


def check(out, encoder):
    model = Gemma4ForConditionalGeneration.from_pretrained(out / "model", dtype=torch.float32)
    heldout = read_rows(out / "heldout.jsonl")
    print("before", score(model, encoder, heldout))
    examples = [encoder(row) for row in read_rows(out / "train.jsonl")]
    started, spent = time.time(), time.process_time()
    train(model, shuffled(examples, FINETUNING["batch"], 3), FINETUNING, 25)
    print(f"trained in {time.time() - started:.0f} s, {time.process_time() - spent:.0f} s of processor time")
    print("after", score(model, encoder, heldout))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", action="store_true", help="write only the two JSONL files")
    parser.add_argument("--check", action="store_true", help="fine-tune what is there and print the accuracy")
    parser.add_argument("--steps", type=int, default=FINETUNING["steps"])
    parser.add_argument("--lr", type=float, default=FINETUNING["lr"])
    parser.add_argument("--batch", type=int, default=FINETUNING["batch"])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    FINETUNING.update(steps=arguments.steps, lr=arguments.lr, batch=arguments.batch)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    directory = arguments.out / "model"
    if arguments.check:
        return check(arguments.out, Encoder(directory))
    arguments.out.mkdir(parents=True, exist_ok=True)
    train_rows, heldout = date_rows()
    write_rows(arguments.out / "train.jsonl", train_rows)
    write_rows(arguments.out / "heldout.jsonl", heldout)
    if arguments.data:
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    chance = random.Random(7)
    write_tokenizer(directory, [chat(*chatter(chance)) for _ in range(20000)] + train_rows)
    pretrain(directory, Encoder(directory))


if __name__ == "__main__":
    main()
