"""Fine-tunes a tiny model of every class and head with Bowline and opens what it saved in transformers.

    python tools/verify_families.py --bowline ./bowline --fixtures library/src/test/resources/fixtures

For each class of the families, and each head that a fixture of it has: two steps of `bowline finetune`, then
`bowline logits --grads` on the checkpoint it saved, and verify_checkpoint.py on both: no key is missing, unexpected or
mismatched, the tie is as config.json declares, and logits, loss and gradients are those of transformers.
Writes FIXTURES/family_saves.json. transformers has no Baichuan: its checkpoint is opened by families/baichuan2.py.
Exit code 1 when anything does not hold. Pinned: transformers 5.18.0, torch 2.13.0 (CPU).
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parent))
import verify_checkpoint as verify  # noqa: E402
from families import baichuan2  # noqa: E402

STEPS = 2
RECIPE = """\
model:
  pretrained_model_name_or_path: model
  torch_dtype: float32
dataset:
  path: train.jsonl
  column_mapping: {{question: question, answer: answer}}
  seq_length: 64
step_scheduler:
  global_batch_size: 2
  local_batch_size: 2
  max_steps: {steps}
optimizer:
  lr: 1e-3
lr_scheduler:
  lr_warmup_steps: 1
checkpoint:
  checkpoint_dir: run
seed: 7
"""
EXAMPLES = [("What is two and two?", "Four."), ("Which day follows Monday?", "Tuesday."),
            ("What do bees make?", "Honey."), ("How many legs has a cat?", "Four legs.")]  # fmt: skip


def chosen(fixtures):
    """The first fixture in float32 of every class and head."""
    found = {}
    for facts_file in sorted(fixtures.glob("families/*/*/reference.json")):
        facts = json.loads(facts_file.read_text())
        if "bf16" not in facts:
            found.setdefault((facts["class"], facts["tied"]), facts_file.parent)
    return found


def trained(bowline, fixture, tokenizer, directory):
    """The checkpoint that two steps on the fixture leave, beside ids and what Bowline computes of them."""
    model = directory / "model"
    model.mkdir(parents=True)
    for file in ("config.json", "model.safetensors"):
        shutil.copy(fixture / file, model)
    for file in tokenizer.iterdir():
        shutil.copy(file, model)
    lines = [json.dumps({"question": question, "answer": answer}) for question, answer in EXAMPLES]
    (directory / "train.jsonl").write_text("\n".join(lines) + "\n")
    (directory / "recipe.yaml").write_text(RECIPE.format(steps=STEPS))
    saved = Path(json.loads(run(bowline, "finetune", directory / "recipe.yaml", "--json"))["checkpoint"])
    given = load_file(fixture / "reference.safetensors")
    ids, logits = directory / "ids.safetensors", directory / "logits.safetensors"
    save_file({name: given[name] for name in ("input_ids", "attention_mask")}, ids)
    run(bowline, "logits", saved, "--input", ids, "--output", logits, "--grads", "--dtype", "float32")
    return saved, load_file(ids), load_file(logits)


def run(bowline, *arguments):
    result = subprocess.run([bowline, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{arguments}: exit code {result.returncode}\n{result.stderr}")
    return result.stdout


def opened(saved):
    config = json.loads((saved / "config.json").read_text())
    if config["architectures"] == ["BaichuanForCausalLM"]:
        model = baichuan2.load(saved, "eager", torch.float32).eval()  # strict about missing and unexpected keys
        model.config = transformers.PretrainedConfig(tie_word_embeddings=config["tie_word_embeddings"])
        return model, []
    return verify.open_model(saved, torch.float32)


def rounded(value):
    return float(f"{value:.0e}")


def checked(saved, ids, written, fixture):
    names = verify.stored(saved)
    model, problems = opened(saved)
    tie, found = verify.tie_report(model, names)
    problems += found
    before = verify.stored(fixture)
    problems += [f"not in the fixture's files: {name}" for name in sorted(names.keys() - before.keys())]
    kept = [name for name in names if before.get(name) == names[name]]
    towers = [name for name in names if "vision_tower" in name or "multi_modal_projector" in name]
    problems += [f"{name} is passed through and changed" for name in towers if name not in kept]
    comparison, found = verify.compare_logits(model, ids, written)
    problems += found
    return {
        "fixture": f"{fixture.parent.name}/{fixture.name}",
        "tensors": len(names),
        "passed_through": len(towers),
        "tie": tie,
        "logits": rounded(comparison["logits_relative_to_largest"]),
        "gradients": comparison["gradients"]["compared"],
        "worst_gradient": rounded(comparison["gradients"]["worst_relative_to_norm"]),
        "problems": problems,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bowline", required=True)
    parser.add_argument("--fixtures", type=Path, required=True)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    classes = {}
    for (name, tied), fixture in sorted(chosen(arguments.fixtures).items()):
        with tempfile.TemporaryDirectory() as directory:
            saved, ids, written = trained(
                arguments.bowline, fixture, arguments.fixtures / "families" / "tokenizer", Path(directory)
            )
            report = checked(saved, ids, written, fixture)
        classes.setdefault(name, {})["tied" if tied else "separate"] = report
        print(name, report, flush=True)
    document = {"transformers": transformers.__version__, "steps": STEPS, "classes": classes}
    (arguments.fixtures / "family_saves.json").write_text(json.dumps(document, indent=2) + "\n")
    return int(any(report["problems"] for heads in classes.values() for report in heads.values()))


if __name__ == "__main__":
    sys.exit(main())
