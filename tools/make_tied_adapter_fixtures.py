"""Adapters of peft on embeddings, heads, whole modules and rows of tokens, on models with and without a tie.

    python tools/make_tied_adapter_fixtures.py --fixtures library/src/test/resources/fixtures

Reads base models under the fixtures directory and writes one directory per case under tied_adapters: the adapter as
peft saves it, and reference.safetensors with logits and gradients of the model with the adapter.
"""

import argparse
import json
import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, Gemma4ForConditionalGeneration

LLAMA = "families/llama/tied"
LLAMA_UNTIED = "families/llama/untied_old_config"
GEMMA2 = "families/gemma2/tied_old_config"
GEMMA4 = "gemma4/e2b_like"


@dataclass
class Case:
    base: str
    settings: dict = field(default_factory=dict)


def lora(*targets, **others):
    return dict(r=3, lora_alpha=6, target_modules=list(targets), **others)


CASES = {
    "embedding_alone": Case(LLAMA, lora("embed_tokens", "q_proj")),
    "head_alone": Case(LLAMA, lora("lm_head", "q_proj")),
    "embedding_and_head_apart": Case(LLAMA, lora("embed_tokens", "lm_head")),
    "shared": Case(LLAMA, lora("embed_tokens", ensure_weight_tying=True)),
    "shared_by_head": Case(LLAMA, lora("lm_head", "v_proj", ensure_weight_tying=True, use_rslora=True)),
    "saved_apart": Case(LLAMA, lora("q_proj", modules_to_save=["embed_tokens", "lm_head"])),
    "saved_embedding_alone": Case(LLAMA, lora("q_proj", modules_to_save=["embed_tokens"])),
    "saved_shared": Case(LLAMA, lora("q_proj", modules_to_save=["embed_tokens"], ensure_weight_tying=True)),
    "saved_norms_and_mlp": Case(LLAMA, lora("q_proj", "down_proj", modules_to_save=["norm", "layers.1.mlp"])),
    "token_rows": Case(LLAMA, lora("q_proj", trainable_token_indices=[7, 2, 90])),
    "token_rows_of_padding": Case(LLAMA, lora("q_proj", trainable_token_indices={"embed_tokens": [0, 5]})),
    "untied": Case(LLAMA_UNTIED, lora("embed_tokens", "lm_head", ensure_weight_tying=True)),
    "untied_saved": Case(LLAMA_UNTIED, lora("q_proj", modules_to_save=["lm_head"])),
    "untied_token_rows": Case(
        LLAMA_UNTIED, lora("q_proj", trainable_token_indices={"embed_tokens": [3, 1], "lm_head": [4, 3, 80]})
    ),
    "gemma2_shared": Case(GEMMA2, lora("embed_tokens", ensure_weight_tying=True)),
    "gemma2_token_rows": Case(GEMMA2, lora("q_proj", trainable_token_indices=[9, 4])),
    "gemma4_shared": Case(
        GEMMA4, lora("embed_tokens", "embed_tokens_per_layer", "q_proj", ensure_weight_tying=True)
    ),
    "gemma4_token_rows": Case(GEMMA4, lora("q_proj", trainable_token_indices=[11, 6])),
    "gemma4_saved_shared": Case(
        GEMMA4, lora("q_proj", modules_to_save=["embed_tokens"], ensure_weight_tying=True)
    ),
}


def base_model(directory):
    config = json.loads((directory / "config.json").read_text())
    is_gemma4 = config["architectures"] == ["Gemma4ForConditionalGeneration"]
    kind = Gemma4ForConditionalGeneration if is_gemma4 else AutoModelForCausalLM
    model = kind.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def fill(model, generator):
    """Large random values in everything that the adapter trains. Tensors of one storage are filled once."""
    seen = set()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter.requires_grad and parameter.data_ptr() not in seen:
            seen.add(parameter.data_ptr())
            noise = torch.randn(parameter.shape, generator=generator)
            with torch.no_grad():
                parameter.add_(noise * (0.5 if "lora_" in name else 0.3))


def gradients(model):
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = name.removeprefix("base_model.model.").replace(".default", "")
            found["grad." + key] = parameter.grad.clone() if parameter.grad is not None else torch.zeros_like(parameter)
    return found


def vocabulary(model):
    return model.get_input_embeddings().weight.shape[0]


def make(name, case, fixtures, out):
    generator = torch.Generator().manual_seed(len(name) * 1009 + 17)
    base = base_model(fixtures / case.base)
    rows = vocabulary(base)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **case.settings)).eval()
    fill(model, generator)

    directory = out / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    (directory / "README.md").unlink(missing_ok=True)
    config = json.loads((directory / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = case.base
    (directory / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")

    ids = torch.randint(1, rows, (2, 10), generator=generator)
    indices = case.settings.get("trainable_token_indices", [])
    indices = sum(indices.values(), []) if isinstance(indices, dict) else indices
    for i, token in enumerate(indices[:4]):
        ids[i % 2, 2 + i] = token
    logits = model(input_ids=ids).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, rows), ids[:, 1:].reshape(-1))
    loss.backward()
    reference = {"input_ids": ids, "logits": logits.detach().clone(), "loss": loss.detach().reshape(1).clone()}
    reference |= gradients(model)

    merged = model.merge_and_unload()
    with torch.no_grad():
        after = merged(input_ids=ids).logits
    reference["merged_by_peft.logits"] = after.clone()
    save_file({key: value.contiguous() for key, value in reference.items()}, directory / "reference.safetensors")
    moved = (after - reference["logits"]).abs().max().item()
    (directory / "peft_reference.json").write_text(
        json.dumps(
            {
                "base": case.base,
                "peft": peft.__version__,
                "transformers": transformers.__version__,
                "torch": torch.__version__,
                "largest_move_of_a_logit_by_merge": moved,
            },
            indent=2,
        )
        + "\n"
    )
    print(f"{name}: merge moves logits by up to {moved:.3g}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in arguments.only:
        make(name, CASES[name], arguments.fixtures, arguments.fixtures / "tied_adapters")


if __name__ == "__main__":
    main()
