"""Makes fixtures/gguf: the names that gguf-py gives to the linear weights of a model, per architecture of llama.cpp,
and a file that gguf-py writes.

Needs gguf 0.19.0 and numpy. Usage: python tools/make_gguf_fixtures.py library/src/test/resources/fixtures/gguf
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np

ATTENTION = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"]
DENSE = ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
GEMMA4 = ["per_layer_input_gate", "per_layer_projection", "router.proj"]

MODULES = {
    "LLAMA": ATTENTION + DENSE,
    "MISTRAL3": ATTENTION + DENSE,
    "SMOLLM3": ATTENTION + DENSE,
    "QWEN2": ATTENTION + DENSE,
    "QWEN3": ATTENTION + DENSE,
    "QWEN3MOE": ATTENTION + ["mlp.gate"],
    "GEMMA": ATTENTION + DENSE,
    "GEMMA2": ATTENTION + DENSE,
    "GEMMA3": ATTENTION + DENSE,
    "GEMMA4": ATTENTION + DENSE + GEMMA4,
    "PHI3": ["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj"],
    "BAICHUAN": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"] + DENSE,
}


def names(architecture, modules):
    arch = gguf.MODEL_ARCH[architecture]
    table = gguf.get_tensor_name_map(arch, 8)
    whole = ["model.layers.7." + module for module in modules] + ["model.embed_tokens", "lm_head"]
    return gguf.MODEL_ARCH_NAMES[arch], {name: table.get_name(name, try_suffixes=(".weight",)) for name in whole}


def write(path):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_float32("adapter.lora.alpha", 16.5)
    writer.add_uint32("llama.block_count", 3000000000)
    writer.add_bool("tokenizer.ggml.add_space_prefix", False)
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "é", ""])
    writer.add_array("tokenizer.ggml.token_type", [3, -1, 1])
    writer.add_array("tokenizer.ggml.scores", [0.5, -2.0])
    writer.add_tensor("blk.0.attn_q.weight.lora_a", np.arange(10, dtype=np.float32).reshape(2, 5) / 4)
    writer.add_tensor("blk.0.attn_q.weight.lora_b", np.arange(6, dtype=np.float16).reshape(3, 2) / 8)
    writer.add_tensor("blk.0.attn_norm.weight", np.full(8, -3, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    table = dict(names(arch, modules) for arch, modules in MODULES.items())
    (directory / "names.json").write_text(json.dumps(table, indent=1) + "\n")
    write(directory / "written.gguf")
