"""Writes PEFT's results with the adapters of make_adapter_fixtures.py on bases of bfloat16.

    python tools/make_adapter_bfloat16_fixtures.py

Per adapter, `bfloat16.safetensors` has logits, loss and gradients on the base rounded to bfloat16 and computed in
float32, and `bfloat16.json` how far PEFT is from them when it computes in bfloat16: of each tensor, the norm of the
difference relative to the norm. Every token takes every expert, since a choice that rounding decides is no difference
between two programs. Pinned as in make_adapter_fixtures.py. Nothing is downloaded.
"""

import json
from pathlib import Path

import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file, save_file

FIXTURES = Path(__file__).parent.parent / "library/src/test/resources/fixtures"
# Of B: trained deltas are small beside the weights, and rounding in the adapter would be most of the difference.
SMALLER = 0.1
NAMES = ["llama_linear", "qwen3_dora_rslora", "phi3_fused", "gemma4_experts", "qwen3moe_experts"]


def load_base(base, dtype):
    directory = FIXTURES / base
    config = transformers.AutoConfig.from_pretrained(directory)
    text = config.get_text_config()
    experts = {}
    if "moe" in base:
        experts = {"experts_implementation": "eager"}
        for key in ("top_k_experts", "num_experts_per_tok"):
            if getattr(text, key, None) is not None:
                setattr(text, key, text.num_experts)
    kind = getattr(transformers, config.architectures[0])
    return kind.from_pretrained(directory, config=config, dtype=dtype, attn_implementation="eager", **experts).eval()


def run(base, directory, ids):
    model = PeftModel.from_pretrained(base, directory, is_trainable=True).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.mul_(SMALLER)
    out = model(input_ids=ids, labels=ids, use_cache=False)
    out.loss.backward()
    results = {"logits": out.logits.detach().float(), "loss": out.loss.detach().float().reshape(1)}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            key = name.replace(".default", "").replace("lora_magnitude_vector.weight", "lora_magnitude_vector")
            results["grad." + key] = parameter.grad.float()
    return results


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in NAMES:
        directory = FIXTURES / "adapters" / name
        base = json.loads((directory / "peft_reference.json").read_text())["base"]
        ids = load_file(directory / "peft_reference.safetensors")["input_ids"]
        rounded = load_base(base, torch.float32)
        with torch.no_grad():
            for parameter in rounded.parameters():
                parameter.copy_(parameter.bfloat16())
        exact = run(rounded, directory, ids)
        actual = run(load_base(base, torch.bfloat16), directory, ids)
        assert exact.keys() == actual.keys()
        distances = {key: ((actual[key] - exact[key]).norm() / exact[key].norm()).item() for key in exact}
        save_file({key: value.contiguous() for key, value in exact.items()}, directory / "bfloat16.safetensors")
        (directory / "bfloat16.json").write_text(json.dumps(distances, indent=1, sort_keys=True) + "\n")
        print(f"{name}: mean {sum(distances.values()) / len(distances):.4f}, largest {max(distances.values()):.4f}")


if __name__ == "__main__":
    main()
