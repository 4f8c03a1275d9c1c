"""Writes the tiny Gemma 4 checkpoints and the reference values that the parity tests compare with.

    python tools/make_gemma4_fixtures.py --out library/src/test/resources/fixtures/gemma4 [--only NAME ...]

Pinned: transformers 5.18.0, torch 2.13.0 (CPU). Nothing is downloaded. Running it again writes the same values.
What every file and key means is in tools/README.md.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    Gemma4AudioConfig,
    Gemma4Config,
    Gemma4ForCausalLM,
    Gemma4ForConditionalGeneration,
    Gemma4TextConfig,
    Gemma4VisionConfig,
    GenerationConfig,
)

BATCH, LENGTH, WINDOW = 3, 24, 8
ROW_LENGTHS = (24, 17, 9)
PROMPT_LENGTH, NEW_TOKENS = 12, 64 + WINDOW
PACKED_ROWS = ((9, 10, 5), (14, 10))
# A small rate keeps five steps reproducible (a large one amplifies rounding); the large decay makes its rule visible.
ADAMW = {"lr": 2e-4, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 5.0}
ADAMW_STEPS = 5
MIN_GREEDY_GAP, MIN_ROUTER_GAP, MIN_DISTINCT, MAX_ADAMW_DRIFT = 5e-3, 2e-5, 24, 2e-5
MAX_BF16_DRIFT = 0.5
MAX_PACKED_DRIFT = 5e-5
BIG_NORM = "language_model.norm.weight", "model.norm.weight"


# ---------------------------------------------------------------------------------------------------------------------
# Configurations
# ---------------------------------------------------------------------------------------------------------------------


def layers(pattern):
    return [{"s": "sliding_attention", "f": "full_attention"}[kind] for kind in pattern]


BASE = dict(
    vocab_size=128,
    vocab_size_per_layer_input=128,
    hidden_size=32,
    intermediate_size=40,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    global_head_dim=32,
    hidden_size_per_layer_input=0,
    sliding_window=WINDOW,
    max_position_embeddings=256,
    final_logit_softcapping=12.0,
)


def text(pattern, **changes):
    merged = {**BASE, **changes}
    return dict(merged, layer_types=layers(pattern), num_hidden_layers=len(pattern))


MOE = dict(enable_moe_block=True, num_experts=8, top_k_experts=2, moe_intermediate_size=8)
K_IS_V = dict(attention_k_eq_v=True, num_global_key_value_heads=1)
PLE = dict(hidden_size_per_layer_input=8)

MOE_TIED = text("sfssf", **MOE, **K_IS_V)
DENSE_KV = text("ssfssf", **K_IS_V)
E2B = text("ssfsssf", **PLE, num_key_value_heads=1, num_kv_shared_layers=3, use_double_wide_mlp=True)
E4B = text("ssfssf", **PLE, hidden_size=40, num_kv_shared_layers=2)
UNALIGNED = text(
    "sfsf", **MOE, **K_IS_V, hidden_size=30, intermediate_size=42, vocab_size=131, vocab_size_per_layer_input=131
) | {"moe_intermediate_size": 18, "num_experts": 6, "top_k_experts": 3}

VISION = dict(
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=2,
    head_dim=8,
    position_embedding_size=12,
    use_clipped_linears=True,
    standardize=True,
)
AUDIO = dict(
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    subsampling_conv_channels=[4, 2],
    output_proj_dims=24,
)


class Variant:
    def __init__(
        self, name, exercises, settings, *, top=None, causal=False, towers=False, packed=False, bf16=False, tokens=None
    ):
        self.name, self.exercises, self.settings, self.tokens = name, exercises, dict(settings), tokens or {}
        self.causal, self.towers = causal, towers
        self.top, self.packed, self.bf16 = top, packed, bf16

    def config(self):
        text_config = Gemma4TextConfig(**self.settings)
        if self.causal:
            return text_config
        parts = {}
        if self.towers:
            parts = dict(vision_config=Gemma4VisionConfig(**VISION), audio_config=Gemma4AudioConfig(**AUDIO))
        return Gemma4Config(text_config=text_config, tie_word_embeddings=self.top is not False, **parts, **self.tokens)

    @property
    def model_class(self):
        return Gemma4ForCausalLM if self.causal else Gemma4ForConditionalGeneration


VARIANTS = [
    Variant("moe_tied", "mixture of experts, K=V in full layers", MOE_TIED, packed=True),
    Variant(
        "moe_untied",
        "mixture of experts with a head of its own",
        MOE_TIED | {"tie_word_embeddings": False, "final_logit_softcapping": 30.0},
        top=False,
    ),
    Variant("dense_kv", "dense, K=V in full layers", DENSE_KV, packed=True),
    Variant("e2b_like", "per-layer embeddings, KV sharing, double-wide MLP, one KV head", E2B, packed=True),
    Variant("e4b_like", "per-layer embeddings, KV sharing", E4B),
    Variant(
        "flag_top_true_text_false",
        "flags in conflict: top true, text false",
        text("sf", **K_IS_V, tie_word_embeddings=False),
        top=True,
    ),
    Variant(
        "flag_top_false_text_true",
        "flags in conflict: top false, text true",
        text("sf", **K_IS_V, tie_word_embeddings=True),
        top=False,
    ),
    Variant("text_only", "text-only class", text("ssfsf"), causal=True),
    Variant(
        "text_only_untied",
        "text-only class with a head of its own, no softcap",
        text("ssfsf", tie_word_embeddings=False, final_logit_softcapping=None),
        causal=True,
    ),
    Variant("attention_bias", "biases in attention", text("sfsf", **K_IS_V, attention_bias=True)),
    Variant("with_towers", "vision and audio towers beside the text, text input", text("sfsf"), towers=True),
    Variant("moe_unaligned", "mixture of experts of odd widths, three experts a token", UNALIGNED),
    Variant(
        "placeholders",
        "ids that stand for images, videos and sounds, without any: looked up as the padding row; per-layer embeddings",
        text("sf", **PLE, vocab_size=56, vocab_size_per_layer_input=56),
        tokens=dict(image_token_id=11, audio_token_id=12, video_token_id=13),
    ),
    Variant("moe_tied_bf16", "mixture of experts stored in bf16", MOE_TIED, bf16=True),
    Variant("dense_kv_bf16", "dense stored in bf16", DENSE_KV, bf16=True),
    Variant("e2b_like_bf16", "per-layer embeddings and KV sharing stored in bf16", E2B, bf16=True),
]


# ---------------------------------------------------------------------------------------------------------------------
# Random values: large, different everywhere, activations of order one
# ---------------------------------------------------------------------------------------------------------------------


def random_value(name, shape, generator):
    noise = torch.randn(shape, generator=generator)
    uniform = torch.rand(shape, generator=generator)
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "layer_scalar":
        return 0.7 + 0.6 * uniform
    if leaf in ("input_min", "output_min"):
        return -(4.0 + 2.0 * uniform)
    if leaf in ("input_max", "output_max"):
        return 4.0 + 2.0 * uniform
    if leaf == "per_expert_scale":
        return 0.5 + 1.3 * uniform
    if leaf in ("scale", "std_scale"):
        return 1.0 + 0.4 * noise
    if leaf == "bias" or leaf in ("std_bias", "per_dim_scale"):
        return 0.3 * noise
    if name.endswith(BIG_NORM):
        return 6.0 + 1.5 * noise
    if "post_" in name:
        return 1.5 + 0.4 * noise
    if "norm" in name:
        return 1.0 + 0.3 * noise
    if "embed_tokens." in name or name == "lm_head.weight":
        return 0.15 * noise
    if name.endswith("router.proj.weight"):
        return 1.5 * noise
    if "embed_tokens_per_layer" in name:
        return 0.4 * noise
    fan_in = shape[-1] if len(shape) <= 3 else shape[1] * shape[2] * shape[3]
    return 1.2 * fan_in**-0.5 * noise


def calm(name, value):
    """The bf16 fixtures: values that do not amplify rounding, so that what transformers differs from itself is small."""
    if name.endswith(("q_norm.weight", "k_norm.weight")):
        return 0.4 * value
    if name.endswith(BIG_NORM) or "post_" in name:
        return 0.4 * value
    if "embed_tokens." in name or name.endswith("router.proj.weight"):
        return 2.5 * value
    return value


@torch.no_grad()
def fill(model, seed, calmed):
    generator = torch.Generator().manual_seed(seed)
    seen = set()
    for name, tensor in sorted(model.state_dict().items()):
        if tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        value = random_value(name, tuple(tensor.shape), generator)
        tensor.copy_(calm(name, value) if calmed else value)


# ---------------------------------------------------------------------------------------------------------------------
# Reference values
# ---------------------------------------------------------------------------------------------------------------------


class RouterGap:
    """Smallest gap between the last chosen and the first rejected expert probability, over every router call."""

    def __init__(self, model):
        self.smallest = None
        self.hooks = [m.register_forward_hook(self.see) for n, m in model.named_modules() if n.endswith(".router")]

    def see(self, router, _, output):
        ranked = output[0].detach().float().sort(dim=-1, descending=True).values
        gap = (ranked[:, router.config.top_k_experts - 1] - ranked[:, router.config.top_k_experts]).min().item()
        self.smallest = gap if self.smallest is None else min(self.smallest, gap)

    def close(self):
        for hook in self.hooks:
            hook.remove()


def load(variant, directory, dtype=torch.float32, attention="eager", experts="eager"):
    model, info = variant.model_class.from_pretrained(
        directory,
        dtype=dtype,
        attn_implementation=attention,
        experts_implementation=experts,
        output_loading_info=True,
    )
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    return model.eval(), problems


def loaded(variant, directory, **options):
    model, problems = load(variant, directory, **options)
    if problems:
        raise SystemExit(f"{variant.name}: transformers reports {problems}")
    return model


def batches(variant, seed):
    generator = torch.Generator().manual_seed(seed + 1)
    vocabulary = variant.settings["vocab_size"]
    ids = torch.randint(4, vocabulary, (BATCH, LENGTH), generator=generator)
    mask = torch.zeros(BATCH, LENGTH, dtype=torch.int64)
    for row, length in enumerate(ROW_LENGTHS):
        mask[row, :length] = 1
        ids[row, 0] = 2
        ids[row, length:] = 0
    ids[0, 5] = 0  # the pad id as ordinary text: its lookup gets no gradient, its head row does
    unpadded = torch.randint(4, vocabulary, (1, LENGTH), generator=generator)
    prompt = torch.randint(4, vocabulary, (1, PROMPT_LENGTH), generator=generator)
    return ids, mask, unpadded, prompt, generator


def gradients(model):
    return {name: p.grad.detach().clone() for name, p in model.named_parameters() if p.grad is not None}


def forward_and_backward(model, ids, mask=None, labels=None, **inputs):
    model.zero_grad(set_to_none=True)
    if labels is None:
        labels = ids if mask is None else ids.masked_fill(mask == 0, -100)
    output = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False, **inputs)
    output.loss.backward()
    return output.logits.detach(), output.loss.detach().reshape(1), gradients(model)


def adamw(model, ids, mask):
    """Five steps on the same batch. Decay on parameters of two or more dimensions, none on the others; no clipping."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": ADAMW["weight_decay"]},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=ADAMW["lr"], betas=ADAMW["betas"], eps=ADAMW["eps"], foreach=False)
    losses = []
    for _ in range(ADAMW_STEPS):
        optimizer.zero_grad(set_to_none=True)
        _, loss, _ = forward_and_backward(model, ids, mask)
        losses.append(loss)
        optimizer.step()
    return torch.cat(losses)


def greedy(model, prompt):
    """Greedy decoding with transformers' own cache, and the smallest gap between the best two logits of any step."""
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=None,
        pad_token_id=0,
        bos_token_id=2,
        use_cache=True,
        return_dict_in_generate=True,
        output_logits=True,
    )
    model.generation_config = settings
    result = model.generate(prompt, attention_mask=torch.ones_like(prompt), generation_config=settings)
    tokens = result.sequences[0, prompt.shape[1] :]
    if tokens.numel() != NEW_TOKENS:
        raise SystemExit(f"generation stopped after {tokens.numel()} tokens")
    best = torch.stack(result.logits)[:, 0].float().topk(2, dim=-1).values
    return tokens.contiguous(), (best[:, 0] - best[:, 1]).min().item()


def relative(a, b):
    return ((a - b).norm() / a.norm()).item()


def self_difference(variant, directory, ids, mask, logits, loss, grads, losses):
    """How far transformers is from itself with its default attention and experts: the floor of any tolerance."""
    aligned = variant.settings["hidden_size"] % 4 == 0  # grouped_mm refuses strides that are not multiples of 16 bytes
    experts = "grouped_mm" if aligned else "eager"
    other = loaded(variant, directory, attention="sdpa", experts=experts)
    other_logits, other_loss, other_grads = forward_and_backward(other, ids, mask)
    other_losses = adamw(other, ids, mask)
    real = mask.bool()
    return {
        "other": ["sdpa", experts],
        "logits_relative_to_largest": ((logits - other_logits)[real].abs().max() / logits.abs().max()).item(),
        "loss_absolute": (loss - other_loss).abs().item(),
        "worst_gradient_relative_to_norm": max(relative(g, other_grads[n]) for n, g in grads.items()),
        "adamw_losses_absolute": (losses - other_losses).abs().max().item(),
    }


def chosen_finals(model):
    names = [name for name, _ in model.named_parameters()]
    language = [n for n in names if "tower" not in n]
    embedding = next(n for n in language if n.endswith("embed_tokens.weight"))
    query = next(n for n in language if n.endswith("layers.1.self_attn.q_proj.weight"))
    feed = next((n for n in language if n.endswith("experts.down_proj")), None)
    feed = feed or next(n for n in language if n.endswith("layers.1.mlp.down_proj.weight"))
    undecayed = [n for n in language if n.endswith(("layers.0.input_layernorm.weight", "layers.0.router.scale"))]
    return [embedding, query, feed, *undecayed]


def reference_of(variant, directory, seed):
    """Returns the tensors, the facts, and whether this seed meets the margins."""
    ids, mask, unpadded, prompt, generator = batches(variant, seed)
    model = loaded(variant, directory)
    routing = RouterGap(model)
    tokens, gap = greedy(model, prompt)
    logits, loss, grads = forward_and_backward(model, ids, mask)
    distinct = tokens.unique().numel()
    if gap < MIN_GREEDY_GAP or distinct < MIN_DISTINCT:
        routing.close()
        return None
    tensors = {"input_ids": ids, "attention_mask": mask, "logits": logits, "loss": loss}
    tensors |= {f"grad.{name}": value for name, value in grads.items()}
    alone_logits, alone_loss, alone_grads = forward_and_backward(model, unpadded)
    tensors |= {"unpadded.input_ids": unpadded, "unpadded.logits": alone_logits, "unpadded.loss": alone_loss}
    tensors |= {f"unpadded.grad.{name}": value for name, value in alone_grads.items()}
    tensors |= {"greedy.prompt": prompt, "greedy.tokens": tokens}
    if variant.packed:
        tensors |= packed_reference(variant, directory, model, generator)
    facts = describe(variant, model, tensors, grads, seed)
    routing.close()
    trained = loaded(variant, directory)
    routing_in_training = RouterGap(trained)
    losses = adamw(trained, ids, mask)
    tensors["adamw.losses"] = losses
    named = dict(trained.named_parameters())
    tensors |= {f"adamw.final.{n}": named[n].detach().clone() for n in chosen_finals(trained)}
    gaps = [g for g in (routing.smallest, routing_in_training.smallest) if g is not None]
    if gaps and min(gaps) < MIN_ROUTER_GAP:
        return None
    drift = self_difference(variant, directory, ids, mask, logits, loss, grads, losses)
    if drift["adamw_losses_absolute"] > MAX_ADAMW_DRIFT:
        return None
    facts |= {
        "greedy_smallest_gap": gap,
        "greedy_distinct_tokens": distinct,
        "router_smallest_gap": min(gaps) if gaps else None,
        "self_difference": drift,
        "adamw": {
            "lr": ADAMW["lr"],
            "betas": list(ADAMW["betas"]),
            "eps": ADAMW["eps"],
            "weight_decay": ADAMW["weight_decay"],
            "decay_rule": "parameters with ndim >= 2",
            "clipping": None,
            "steps": ADAMW_STEPS,
        },
    }
    return tensors, facts


def packed_reference(variant, directory, model, generator):
    """Several documents per row; the first rows on which transformers' gradients hardly differ from themselves."""
    positions = torch.cat([torch.cat([torch.arange(n) for n in row])[None] for row in PACKED_ROWS])
    other = loaded(variant, directory, attention="sdpa")
    drift = None
    while drift is None or drift > MAX_PACKED_DRIFT:
        ids = torch.randint(4, variant.settings["vocab_size"], (len(PACKED_ROWS), LENGTH), generator=generator)
        labels = ids.masked_fill(positions == 0, -100)
        logits, loss, grads = forward_and_backward(model, ids, labels=labels, position_ids=positions)
        _, _, other_grads = forward_and_backward(other, ids, labels=labels, position_ids=positions)
        drift = max(relative(g, other_grads[name]) for name, g in grads.items())
    for row, lengths in enumerate(PACKED_ROWS):
        start = 0
        for length in lengths:
            part = slice(start, start + length)
            alone = model(input_ids=ids[row : row + 1, part], use_cache=False).logits
            if (alone[0] - logits[row, part]).abs().max() > 1e-3:
                raise SystemExit("a packed document sees another one")
            start += length
    tensors = {
        "packed.input_ids": ids,
        "packed.position_ids": positions,
        "packed.labels": labels,
        "packed.logits": logits,
        "packed.loss": loss,
    }
    return tensors | {f"packed.grad.{name}": value for name, value in grads.items()}


def bf16_reference(variant, directory, seed):
    ids, mask, *_ = batches(variant, seed)
    ways = {
        "": (torch.float32, "eager", "eager"),
        "bf16_eager.": (torch.bfloat16, "eager", "eager"),
        "bf16_sdpa.": (torch.bfloat16, "sdpa", "eager"),
        "bf16_default.": (torch.bfloat16, "sdpa", "grouped_mm"),
    }
    tensors, seen = {"input_ids": ids, "attention_mask": mask}, {}
    for prefix, (dtype, attention, experts) in ways.items():
        model = loaded(variant, directory, dtype=dtype, attention=attention, experts=experts)
        logits, loss, grads = forward_and_backward(model, ids, mask)
        tensors |= {prefix + "logits": logits.float(), prefix + "loss": loss.float()}
        if prefix != "bf16_default.":
            tensors |= {f"{prefix}grad.{name}": value for name, value in grads.items()}
        seen[prefix] = (logits.float()[mask.bool()], loss.float(), grads)
    facts = describe(variant, loaded(variant, directory), tensors, seen[""][2], seed)
    exact, eager = seen[""], seen["bf16_eager."]
    facts["bf16"] = {
        prefix.rstrip("."): {
            "logits_max_from_fp32": (seen[prefix][0] - exact[0]).abs().max().item(),
            "logits_max_from_bf16_eager": (seen[prefix][0] - eager[0]).abs().max().item(),
            "loss_from_fp32": (seen[prefix][1] - exact[1]).abs().item(),
            "worst_gradient_from_fp32": max(relative(g, seen[prefix][2][n].float()) for n, g in exact[2].items()),
        }
        for prefix in list(ways)[1:]
    }
    if max(way["logits_max_from_fp32"] for way in facts["bf16"].values()) > MAX_BF16_DRIFT:
        return None
    return tensors, facts


def describe(variant, model, tensors, grads, seed):
    head, embedding = model.get_output_embeddings().weight, model.get_input_embeddings().weight
    without = sorted(n for n, _ in model.named_parameters() if n not in grads)
    towers = ("model.vision_tower.", "model.audio_tower.", "model.embed_vision.", "model.embed_audio.")
    stray = [n for n in without if not n.startswith(towers)]
    zero = [n for n, g in grads.items() if not g.abs().max() > 0]
    logits = tensors["logits"][tensors["attention_mask"].bool()]
    spread = logits.std(dim=0).mean().item()
    if stray or zero or not torch.isfinite(tensors["loss"]).all() or spread < 1.0:
        raise SystemExit(f"{variant.name}: dull fixture: {stray} {zero} loss {tensors['loss']} spread {spread}")
    buffers = sorted(n for n, _ in model.named_buffers() if n in model.state_dict())
    return {
        "class": type(model).__name__,
        "exercises": variant.exercises,
        "tie_default": type(model.config)().tie_word_embeddings,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "seed": seed,
        "attention": "eager",
        "experts": "eager",
        "tied": head is embedding,
        "parameters_distinct": sum(p.numel() for p in model.parameters()),
        "persistent_buffers": buffers,
        "without_gradient": without,
        "largest_logit": logits.abs().max().item(),
        "logit_spread_between_positions": spread,
        "state_dict": [[name, list(value.shape)] for name, value in model.state_dict().items()],
    }


# ---------------------------------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------------------------------


def save_reference(directory, tensors, facts):
    save_file({k: v.contiguous() for k, v in sorted(tensors.items())}, directory / "reference.safetensors")
    write_json(directory / "reference.json", facts)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def save_checkpoint(variant, directory, seed):
    shutil.rmtree(directory, ignore_errors=True)
    model = variant.model_class(variant.config())
    fill(model, seed, variant.bf16)
    if variant.bf16:
        model = model.to(torch.bfloat16)
    model.save_pretrained(directory)


def make(variant, out):
    directory = out / variant.name
    for seed in range(1000, 1400):
        save_checkpoint(variant, directory, seed)
        made = (bf16_reference if variant.bf16 else reference_of)(variant, directory, seed)
        if made is not None:
            save_reference(directory, *made)
            return report(variant.name, directory, made[1])
    raise SystemExit(f"{variant.name}: no seed met the margins")


def report(name, directory, facts):
    sizes = [(directory / f).stat().st_size // 1024 for f in ("model.safetensors", "reference.safetensors")]
    extra = {k: facts.get(k) for k in ("greedy_smallest_gap", "greedy_distinct_tokens", "router_smallest_gap")}
    print(f"{name}: seed {facts['seed']} tied {facts['tied']} KiB {sizes} {extra}", flush=True)
    print("   ", facts.get("self_difference") or facts.get("bf16"), flush=True)


def copied(out, source, name, note):
    """A copy of a finished fixture, whose files are then changed by the caller."""
    directory = out / name
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(out / source, directory)
    facts = json.loads((directory / "reference.json").read_text())
    write_json(directory / "reference.json", {"same_values_as": source, **facts, "exercises": note})
    path = directory / "reference.safetensors"
    kept = {key: value for key, value in load_file(path).items() if not key.startswith(("packed.", "unpadded.grad."))}
    save_file(kept, path)
    return directory


def record_load(directory, variant):
    """Writes down what transformers says about this spelling, and checks the logits where it loads everything."""
    model, problems = load(variant, directory)
    facts = json.loads((directory / "reference.json").read_text())
    facts["transformers_load_report"] = problems
    if not problems:
        reference = load_file(directory / "reference.safetensors")
        ids, mask = reference["input_ids"], reference["attention_mask"]
        logits, _, _ = forward_and_backward(model, ids, mask)
        if not torch.equal(logits, reference["logits"]):
            raise SystemExit(f"{directory.name}: logits changed")
    write_json(directory / "reference.json", facts)
    counts = {key: len(value) for key, value in problems.items()}
    print(f"{directory.name}: transformers reports {counts or 'no problem'}", flush=True)


def rewrite_tensors(directory, change):
    path = directory / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def legacy_text_config(config, **overrides):
    """The spelling of the published files: two global keys in place of per_layer_config."""
    text_config = dict(config["text_config"])
    geometry = text_config.pop("per_layer_config")
    first = geometry[min(geometry, key=int)]
    text_config["global_head_dim"] = first["head_dim"]
    text_config["num_global_key_value_heads"] = first.get("num_key_value_heads")
    return dict(config, text_config=dict(sorted((text_config | overrides).items())))


def make_legacy_config(out, variants):
    directory = copied(
        out, "dense_kv", "dense_kv_legacy_config", "config.json spells global_head_dim and num_global_key_value_heads"
    )
    path = directory / "config.json"
    write_json(path, legacy_text_config(json.loads(path.read_text())))
    record_load(directory, variants["dense_kv"])


def make_e2b_hub(out, variants):
    directory = copied(
        out, "e2b_like", "e2b_hub", "as published: dead key and value tensors in KV-shared layers, older config spelling"
    )
    path = directory / "config.json"
    nothing = dict(expert_intermediate_size=None, num_experts=None, top_k_experts=None, moe_intermediate_size=None)
    config = legacy_text_config(json.loads(path.read_text()), dtype="float32", **nothing)
    config |= {"eoa_token_id": 258883, "eos_token_id": [1, 106], "vision_soft_tokens_per_image": 280}
    write_json(path, config)
    settings, generator = E2B, torch.Generator().manual_seed(77)

    def add_dead(tensors):
        first = settings["num_hidden_layers"] - settings["num_kv_shared_layers"]
        for layer in range(first, settings["num_hidden_layers"]):
            sliding = settings["layer_types"][layer] == "sliding_attention"
            size = settings["head_dim" if sliding else "global_head_dim"]
            prefix = f"model.language_model.layers.{layer}.self_attn."
            shape = (size * settings["num_key_value_heads"], settings["hidden_size"])
            tensors[prefix + "k_proj.weight"] = torch.randn(shape, generator=generator)
            tensors[prefix + "v_proj.weight"] = torch.randn(shape, generator=generator)
            tensors[prefix + "k_norm.weight"] = torch.randn(size, generator=generator)
        return tensors

    rewrite_tensors(directory, add_dead)
    record_load(directory, variants["e2b_like"])


def make_legacy_moe_keys(out, variants):
    directory = copied(
        out, "moe_tied", "moe_legacy_keys", "pre-release names layers.N.moe.{gate_up_proj,down_proj,per_expert_scale}"
    )

    def rename(name):
        for new in ("experts.gate_up_proj", "experts.down_proj", "router.per_expert_scale"):
            if name.endswith("." + new):
                return name.removesuffix(new) + "moe." + new.split(".")[1]
        return name

    rewrite_tensors(directory, lambda tensors: {rename(name): value for name, value in tensors.items()})
    record_load(directory, variants["moe_tied"])


def make_prefix_swap(out, variants):
    directory = copied(
        out, "text_only", "text_only_prefix", "text-only class whose tensors carry the prefix model.language_model."
    )

    def rename(name):
        return "model.language_model." + name.removeprefix("model.") if name.startswith("model.") else name

    rewrite_tensors(directory, lambda tensors: {rename(name): value for name, value in tensors.items()})
    record_load(directory, variants["text_only"])


DERIVED = {
    "dense_kv_legacy_config": make_legacy_config,
    "e2b_hub": make_e2b_hub,
    "moe_legacy_keys": make_legacy_moe_keys,
    "text_only_prefix": make_prefix_swap,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    if transformers.__version__ != "5.18.0":
        raise SystemExit(f"the reference is transformers 5.18.0, this is {transformers.__version__}")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    variants = {variant.name: variant for variant in VARIANTS}
    unknown = set(arguments.only) - set(variants) - set(DERIVED)
    if unknown:
        raise SystemExit(f"unknown fixtures {sorted(unknown)}")
    for name, variant in variants.items():
        if not arguments.only or name in arguments.only:
            make(variant, arguments.out)
    for name, build in DERIVED.items():
        if not arguments.only or name in arguments.only:
            build(arguments.out, variants)


if __name__ == "__main__":
    main()
