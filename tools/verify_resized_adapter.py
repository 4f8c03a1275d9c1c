"""Loads an adapter with new tokens with PEFT on a base that transformers resized, and compares the logits.

Arguments: the base, the adapter, the rows, and a safetensors file with `logits` of `bowline logits BASE --adapter ADAPTER`
or of the merged model for the token ids of `ids.safetensors` next to it. Versions: requirements.txt.
"""

import sys
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict, load_peft_weights, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def main(base, adapter, rows, *logits):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model.resize_token_embeddings(int(rows))
    loaded = PeftModel.from_pretrained(model, adapter)
    stored = load_peft_weights(adapter)
    result = set_peft_model_state_dict(loaded, stored)
    wanted = get_peft_model_state_dict(loaded, save_embedding_layers=False)
    assert not result.unexpected_keys, result.unexpected_keys
    assert set(wanted) == set(stored), set(wanted) ^ set(stored)
    loaded.eval()
    tied = loaded.config.get_text_config().tie_word_embeddings
    print(f"{len(stored)} tensors, tied {tied}, no missing and no unexpected key")
    for file in map(Path, logits):
        ids = load_file(file.parent / "ids.safetensors")["input_ids"]
        found = load_file(file)
        ours = next(iter(found.values())).float()
        with torch.no_grad():
            theirs = loaded(input_ids=ids).logits.float()
        relative = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        print(f"{file.name}: {tuple(ours.shape)} largest relative difference {relative:.2e}")
        assert ours.shape == theirs.shape and relative < 1e-5, relative


main(*sys.argv[1:])
