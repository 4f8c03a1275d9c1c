"""Writes matrices quantised by bitsandbytes, and checkpoints quantised and saved by transformers with bitsandbytes.

    python tools/make_quantization_fixtures.py --out library/src/test/resources/fixtures/quantization

Pinned: bitsandbytes 0.50.2, transformers 5.18.0. The CPU is enough. `matrices.safetensors` holds, per case, the matrix,
its NF4 codes and scales (plain and nested), its int8 codes and scales, and the dequantised values of each. The
checkpoints are tiny Llamas with random weights, and their `golden.safetensors` holds token ids and the logits of the
same model with dequantised weights in float32. (bitsandbytes' own product for int8 rounds the activations too.)
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # the operators as written

import bitsandbytes as bnb
import bitsandbytes.functional as F
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

CASES = {
    "whole_blocks": (8, 192),
    "many_blocks": (70, 256),
    "odd": (3, 7),
    "last_block_shorter": (3, 50),
    "blocks_across_rows": (6, 96),
}


def matrices(out):
    torch.manual_seed(7)
    tensors = {}
    for name, (rows, columns) in CASES.items():
        w = torch.randn(rows, columns) * torch.rand(rows, 1).exp2() * 3
        w.view(-1)[:5] = 0
        if name == "whole_blocks":
            w[2, 64:128] = 0
            w[3] = 0
            w[4] *= 1e-30
            w[5] *= 1e30
        if name == "many_blocks":
            w = w.bfloat16().float()
        tensors[f"{name}.values"] = w
        for kind, nested in (("plain", False), ("nested", True)):
            codes, state = F.quantize_4bit(w, quant_type="nf4", compress_statistics=nested)
            for key, tensor in state.as_dict(packed=True).items():
                tensors[f"{name}.nf4.{kind}.{key}"] = tensor
            tensors[f"{name}.nf4.{kind}.codes"] = codes
            if name != "many_blocks":
                tensors[f"{name}.nf4.{kind}.float32"] = F.dequantize_4bit(codes, state)
            state.dtype = torch.bfloat16
            tensors[f"{name}.nf4.{kind}.bfloat16"] = F.dequantize_4bit(codes, state)
        zeros = w.abs().amax(1) == 0
        codes, scales, _ = F.int8_vectorwise_quant(w.clone())
        codes[zeros] = 0
        tensors[f"{name}.int8.codes"] = codes
        tensors[f"{name}.int8.scales"] = scales
        values = F.int8_vectorwise_dequant(codes, scales)
        if name != "many_blocks":
            tensors[f"{name}.int8.float32"] = values
        tensors[f"{name}.int8.bfloat16"] = values.bfloat16()
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, out / "matrices.safetensors")


def dequantized(model):
    """The same model with dense weights."""
    dense = LlamaForCausalLM(model.config)
    state = {}
    for name, module in model.named_modules():
        if isinstance(module, bnb.nn.Linear4bit):
            state[f"{name}.weight"] = F.dequantize_4bit(module.weight.data, module.weight.quant_state).float()
        elif isinstance(module, bnb.nn.Linear8bitLt):
            scales = module.weight.SCB if module.weight.SCB is not None else module.state.SCB
            state[f"{name}.weight"] = F.int8_vectorwise_dequant(module.weight.data, scales)
    for name, tensor in model.state_dict().items():
        if name in dense.state_dict() and name not in state:
            state[name] = tensor.float()
    dense.load_state_dict(state)
    return dense


def checkpoint(base, out, config):
    quantized = AutoModelForCausalLM.from_pretrained(base, quantization_config=config, dtype=torch.bfloat16)
    quantized.save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    dense = dequantized(quantized)
    ids = torch.tensor([[3, 60, 17, 5, 44, 9, 2]])
    with torch.no_grad():
        logits = dense(ids).logits
    weights = {
        f"dequantized.{name}": tensor
        for name, tensor in dense.state_dict().items()
        if name.endswith(("layers.0.self_attn.q_proj.weight", "layers.1.mlp.down_proj.weight"))
    }
    save_file({"ids": ids, "logits": logits} | weights, out / "golden.safetensors")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    matrices(out)
    torch.manual_seed(11)
    config = LlamaConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=64, max_position_embeddings=128, tie_word_embeddings=False)
    with tempfile.TemporaryDirectory() as base:
        model = LlamaForCausalLM(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.2 if parameter.dim() > 1 else 1)
        model.bfloat16().save_pretrained(base)
        nf4 = dict(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
        checkpoint(base, out / "llama_nf4", BitsAndBytesConfig(**nf4))
        checkpoint(base, out / "llama_nf4_nested", BitsAndBytesConfig(**nf4, bnb_4bit_use_double_quant=True))
        checkpoint(base, out / "llama_int8", BitsAndBytesConfig(load_in_8bit=True))


if __name__ == "__main__":
    main()
