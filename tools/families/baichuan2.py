"""Baichuan 2 7B: transformers has no class for it, so its reference is written out here, from the architecture's published
description: fused W_pack, rotation in float32, and a NormHead whose rows are divided by their length on every forward."""

import json
from types import SimpleNamespace

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from .common import Variant, fill

CONFIG = dict(
    architectures=["BaichuanForCausalLM"],
    model_type="baichuan",
    vocab_size=96,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=3,
    num_attention_heads=4,
    hidden_act="silu",
    max_position_embeddings=128,
    model_max_length=128,
    rms_norm_eps=1e-6,
    initializer_range=0.02,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=False,
    torch_dtype="float32",
    use_cache=True,
    z_loss_weight=0,
)


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x):
        normed = x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * normed.to(self.weight.dtype)


def turned(x, positions):
    """x [B, N, S, D], by positions [B or 1, S], in float32 whatever the dtype of x."""
    width = x.shape[-1]
    frequencies = 1.0 / (10000 ** (torch.arange(0, width, 2).float() / width))
    angles = (positions.float()[..., None] * frequencies)[:, None]
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
    half = torch.cat([-x[..., width // 2 :], x[..., : width // 2]], -1)
    return (x.float() * cos + half.float() * sin).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, self.heads, self.way = config["hidden_size"], config["num_attention_heads"], config["attention"]
        self.W_pack = nn.Linear(width, 3 * width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x, mask, positions):
        rows, length, width = x.shape
        q, k, v = self.W_pack(x).unflatten(-1, (3, self.heads, width // self.heads)).permute(2, 0, 3, 1, 4)
        q, k = turned(q, positions), turned(k, positions)
        if self.way == "sdpa":
            o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5 + mask
            o = scores.softmax(-1, dtype=torch.float32).to(x.dtype) @ v
        return self.o_proj(o.transpose(1, 2).reshape(rows, length, width))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn, self.mlp = Attention(config), FeedForward(config)
        self.input_layernorm = Norm(config["hidden_size"], config["rms_norm_eps"])
        self.post_attention_layernorm = Norm(config["hidden_size"], config["rms_norm_eps"])

    def forward(self, x, mask, positions):
        h = x + self.self_attn(self.input_layernorm(x), mask, positions)
        return h + self.mlp(self.post_attention_layernorm(h))


class NormHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config["vocab_size"], config["hidden_size"]))

    def forward(self, h):
        return F.linear(h, F.normalize(self.weight))


class BaichuanForCausalLM(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(
            config["vocab_size"], config["hidden_size"], padding_idx=config["pad_token_id"]
        )
        self.model.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.model.norm = Norm(config["hidden_size"], config["rms_norm_eps"])
        self.lm_head = NormHead(config)

    def get_input_embeddings(self):
        return self.model.embed_tokens

    def get_output_embeddings(self):
        return self.lm_head

    def forward(self, input_ids, labels=None, attention_mask=None, use_cache=False, position_ids=None):
        h = self.model.embed_tokens(input_ids)
        length, lowest = input_ids.shape[1], torch.finfo(h.dtype).min
        mask = torch.full((length, length), lowest, dtype=h.dtype).triu(1)[None, None]
        if attention_mask is not None:
            mask = mask.masked_fill(attention_mask[:, None, None, :] == 0, lowest)
        positions = torch.arange(length)[None]
        if position_ids is not None:
            positions, documents = position_ids, (position_ids == 0).cumsum(-1)
            mask = mask.masked_fill((documents[:, :, None] != documents[:, None, :])[:, None], lowest)
        for layer in self.model.layers:
            h = layer(h, mask, positions)
        logits = self.lm_head(self.model.norm(h))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        return SimpleNamespace(logits=logits, loss=loss)

    @torch.no_grad()
    def greedy(self, prompt, count):
        """Without a cache: every step computes everything."""
        ids, smallest = prompt, float("inf")
        for _ in range(count):
            best = self(ids).logits[0, -1].topk(2)
            smallest = min(smallest, (best.values[0] - best.values[1]).item())
            ids = torch.cat([ids, best.indices[:1][None]], 1)
        return ids[0, prompt.shape[1] :].contiguous(), smallest


def load(directory, attention, dtype):
    model = BaichuanForCausalLM(json.loads((directory / "config.json").read_text()) | {"attention": attention})
    kept = {k: v for k, v in load_file(directory / "model.safetensors").items() if not k.endswith("inv_freq")}
    model.load_state_dict(kept)
    return model.to(dtype)


def save(directory, seed, dtype=torch.float32):
    model = BaichuanForCausalLM(CONFIG | {"attention": "eager"})
    fill(model, seed)
    config = CONFIG | {"torch_dtype": str(dtype).removeprefix("torch.")}
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = model.to(dtype)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def with_frequencies(tensors):
    """Published files also hold what is computed from the config."""
    frequencies = 1.0 / (10000 ** (torch.arange(0, 8, 2).float() / 8))
    extra = {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": frequencies.clone() for i in range(3)}
    return tensors | extra


def save_in_bf16(directory, seed):
    save(directory, seed, torch.bfloat16)


VARIANTS = [
    Variant("untied", "W_pack, and a head whose rows have length one", reference=load, save=save, distinct=9, packed=True),
    Variant(
        "with_inv_freq",
        "as published: files also hold inv_freq",
        reference=load,
        save=save,
        rewrite_tensors=with_frequencies,
        distinct=9,
    ),
    Variant("untied_bf16", "W_pack and NormHead, stored in bf16", reference=load, save=save_in_bf16, bf16=True),
]
