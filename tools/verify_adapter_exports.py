"""Loads exports of the adapter fixtures with the programs' own code, or by their rules, and compares logits.

    python tools/verify_adapter_exports.py --bowline ./bowline --fixtures library/src/test/resources/fixtures

For peft: PEFT 0.21 loads the export, with no missing and no unexpected key. For vllm: the pairs are added to the weights
with the factor alpha / r, by the names of the export. For llama.cpp: gguf 0.19.0 reads the file, rows of q and k are put
back in order, and the pairs are added. The logits must be those that PEFT had with the adapter itself.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

BOUND = 2e-4
GGUF = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj", "attn_qkv": "self_attn.qkv_proj", "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def model(base):
    loaded = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, experts_implementation="eager")
    return loaded.eval()


def untied(base):
    """Both programs add a delta of the head or of the input embedding to that module alone."""
    loaded = model(base)
    loaded.lm_head.weight = torch.nn.Parameter(loaded.lm_head.weight.detach().clone())
    return loaded


def add(weights, name, delta):
    name = name.replace(".moe.experts", ".experts")
    expert = re.fullmatch(r"(.*\.experts)\.(\d+)\.(gate_proj|up_proj|down_proj)", name)
    if expert:
        stack, index, projection = expert.group(1), int(expert.group(2)), expert.group(3)
        target = weights[find(weights, stack + (".down_proj" if projection == "down_proj" else ".gate_up_proj"))][index]
        half = target.shape[0] // 2
        part = {"down_proj": target, "gate_proj": target[:half], "up_proj": target[half:]}[projection]
        part += delta
    elif find(weights, name + ".weight") is None and name.endswith("v_proj"):
        return  # keys that are values: transformers has one weight
    else:
        weights[find(weights, name + ".weight")] += delta


def find(weights, name):
    plain = name.replace("model.language_model.", "model.")
    return next((key for key in (name, plain, plain.replace("model.", "model.language_model.", 1)) if key in weights), None)


def vllm(base, out):
    changed = untied(base)
    weights = changed.state_dict()
    tensors = load_file(out / "adapter_model.safetensors")
    config = json.loads((out / "adapter_config.json").read_text())
    factor = config["lora_alpha"] / config["r"]
    for key in tensors:
        if key.endswith(".lora_A.weight"):
            name = key.removesuffix(".lora_A.weight")
            add(weights, name.removeprefix("base_model.model."), factor * tensors[name + ".lora_B.weight"] @ tensors[key])
        if key.endswith(".lora_embedding_A"):
            name = key.removesuffix(".lora_embedding_A")
            delta = factor * (tensors[name + ".lora_embedding_B"] @ tensors[key]).T
            add(weights, name.removeprefix("base_model.model."), delta)
    return changed


def llama_cpp(base, out):
    import gguf

    changed = untied(base)
    weights = changed.state_dict()
    config = changed.config
    reader = gguf.GGUFReader(out / "adapter.gguf")
    alpha = float(reader.fields["adapter.lora.alpha"].parts[-1][0])
    architecture = bytes(reader.fields["general.architecture"].parts[-1]).decode()
    tensors = {tensor.name: torch.tensor(tensor.data.copy()) for tensor in reader.tensors}
    for name, a in tensors.items():
        if not name.endswith(".lora_a"):
            continue
        b = tensors[name[:-1] + "b"]
        if name == "token_embd.weight.lora_a":
            add(weights, "model.embed_tokens", alpha / a.shape[1] * a @ b.T)
            continue
        if name == "output.weight.lora_a":
            add(weights, "lm_head", alpha / a.shape[0] * b @ a)
            continue
        layer = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight\.lora_a", name)
        module = GGUF[layer.group(2)]
        if architecture == "phi3" and module == "mlp.up_proj":
            module = "mlp.gate_up_proj"
        if architecture == "llama" and layer.group(2) in ("attn_q", "attn_k"):
            heads = config.num_attention_heads if layer.group(2) == "attn_q" else config.num_key_value_heads
            b = b.reshape(heads, b.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(b.shape)
        add(weights, f"model.layers.{layer.group(1)}.{module}", alpha / a.shape[0] * b @ a)
    return changed


def peft(base, out):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*(missing|unexpected).*keys.*")
        return PeftModel.from_pretrained(model(base), out).eval()


PROGRAMS = {"peft": peft, "vllm": vllm, "llama.cpp": llama_cpp}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bowline", default="./bowline")
    parser.add_argument("--fixtures", type=Path, required=True)
    arguments = parser.parse_args()
    failures, compared, refused = 0, 0, 0
    for reference in sorted(arguments.fixtures.glob("adapters/*/peft_reference.json")):
        adapter, facts = reference.parent, json.loads(reference.read_text())
        golden = adapter if "same_values_as" not in facts else adapter.parent / facts["same_values_as"]
        expected = load_file(golden / "peft_reference.safetensors")
        for program, load in PROGRAMS.items():
            with tempfile.TemporaryDirectory() as directory:
                out = Path(directory) / "out"
                base = arguments.fixtures / facts["base"]
                command = [*arguments.bowline.split(), "adapter", "export", adapter, "--for", program, "--base", base, "--out", out]
                ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
                if ran.returncode:
                    refused += 1
                    print(f"{adapter.name:28} {program:10} refused: {ran.stderr.splitlines()[0][:90]}")
                    continue
                with torch.no_grad():
                    logits = load(base, out)(input_ids=expected["input_ids"]).logits
                difference = (logits - expected["logits"]).abs().max().item() / expected["logits"].abs().max().item()
                compared += 1
                failures += difference > BOUND
                print(f"{adapter.name:28} {program:10} {difference:.1e}{'  WRONG' if difference > BOUND else ''}")
    print(f"{compared} compared, {refused} refused, {failures} wrong")
    sys.exit(1 if failures or not compared else 0)


if __name__ == "__main__":
    main()
