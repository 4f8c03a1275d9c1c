"""Writes the tiny checkpoints and reference values of every family but Gemma 4 (make_gemma4_fixtures.py).

    python tools/make_family_fixtures.py --out library/src/test/resources/fixtures/families [--only FAMILY/NAME ...]

Pinned: transformers 5.18.0, torch 2.13.0 (CPU). Nothing is downloaded. Running it again writes the same values.
A family is a module in tools/families with a list VARIANTS. What every file and key means is in tools/README.md.
"""

import argparse
import importlib
import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AttentionInterface, AttentionMaskInterface, GenerationConfig
from transformers.masking_utils import eager_mask

sys.path.insert(0, str(Path(__file__).parent))
from families import common  # noqa: E402

BATCH, LENGTH = 3, 20
ROW_LENGTHS = (20, 15, 9)
PACKED_ROWS = ((8, 7, 5), (12, 8))
PROMPT_LENGTH, NEW_TOKENS = 12, 60
# A small rate keeps five steps reproducible (a large one amplifies rounding); the large decay makes its rule visible.
ADAMW = {"lr": 2e-4, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 5.0}
ADAMW_STEPS = 5
MIN_GREEDY_GAP, MIN_ROUTER_GAP, MAX_ADAMW_DRIFT, MIN_SPREAD = 5e-3, 2e-5, 2e-5, 0.5
MAX_PACKED_DRIFT, MAX_BF16_DRIFT = 5e-5, 0.05
CAPPED = "eager_in_float32"


def capped_in_float32(module, query, key, value, attention_mask, scaling, softcap=None, **_):
    """What sdpa computes, with the cap on scores that sdpa in transformers leaves out: everything within in float32."""
    groups = module.num_key_value_groups
    k, v = (x.float().repeat_interleave(groups, 1) for x in (key, value))
    scores = query.float() @ k.transpose(2, 3) * scaling
    if softcap is not None:
        scores = (scores / softcap).tanh() * softcap
    weights = (scores + attention_mask[..., : k.shape[2]].float()).softmax(-1)
    return (weights @ v).to(query.dtype).transpose(1, 2).contiguous(), weights


AttentionInterface.register(CAPPED, capped_in_float32)
AttentionMaskInterface.register(CAPPED, eager_mask)


def load(variant, directory, attention="eager", dtype=torch.float32):
    if variant.reference is not None:
        return variant.reference(directory, attention, dtype).eval()
    extra = {"experts_implementation": "eager"} if variant.experts else {}
    model, info = variant.model_class.from_pretrained(
        directory, dtype=dtype, attn_implementation=attention, output_loading_info=True, **extra
    )
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    if problems:
        raise SystemExit(f"{variant.name}: transformers reports {problems}")
    return model.eval()


def batches(variant, seed):
    generator = torch.Generator().manual_seed(seed + 1)
    draw = lambda *shape: torch.randint(4, variant.vocabulary, shape, generator=generator)  # noqa: E731
    ids = draw(BATCH, LENGTH)
    mask = torch.zeros(BATCH, LENGTH, dtype=torch.int64)
    for row, length in enumerate(ROW_LENGTHS):
        mask[row, :length] = 1
        ids[row, length:] = 0
    ids[0, 5] = 0  # the pad id as ordinary text: its lookup gets no gradient where it is the padding row
    return ids, mask, draw(1, LENGTH), draw(1, PROMPT_LENGTH)


def loss_of(model, ids, mask=None, positions=None):
    labels = ids if mask is None else ids.masked_fill(mask == 0, -100)
    extra = {} if mask is None else {"attention_mask": mask}
    if positions is not None:
        labels, extra = first_ignored(ids, positions), {"position_ids": positions}
    return model(input_ids=ids, labels=labels, use_cache=False, **extra)


def first_ignored(ids, positions):
    return ids.masked_fill(positions == 0, -100)


def forward_and_backward(model, ids, mask=None, positions=None):
    model.zero_grad(set_to_none=True)
    out = loss_of(model, ids, mask, positions)
    out.loss.backward()
    grads = {n: p.grad.detach().clone() for n, p in model.named_parameters() if p.grad is not None}
    return out.logits.detach().clone(), out.loss.detach().reshape(1).clone(), grads


def adamw(model, ids, mask):
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    rates = {key: value for key, value in ADAMW.items() if key != "weight_decay"}
    groups = [{"params": decayed, "weight_decay": ADAMW["weight_decay"]}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, foreach=False, **rates)
    losses = []
    for _ in range(ADAMW_STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, ids, mask).loss
        loss.backward()
        losses.append(loss.detach().reshape(1))
        optimizer.step()
    return torch.cat(losses)


def greedy(variant, model, prompt):
    """Greedy decoding, with the reference's own cache where that keeps its answer, and the smallest gap between the best
    two logits of any step."""
    if variant.reference is not None:
        return model.greedy(prompt, NEW_TOKENS)
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=None,
        pad_token_id=0,
        bos_token_id=1,
        use_cache=variant.cached,
        return_dict_in_generate=True,
        output_logits=True,
    )
    model.generation_config = settings
    result = model.generate(prompt, attention_mask=torch.ones_like(prompt), generation_config=settings)
    tokens = result.sequences[0, prompt.shape[1] :]
    best = torch.stack(result.logits)[:, 0].float().topk(2, dim=-1).values
    return tokens.contiguous(), (best[:, 0] - best[:, 1]).min().item()


class RouterGap:
    """Smallest gap between the last chosen and the first rejected expert probability, over every router call."""

    def __init__(self, model):
        self.smallest = None
        routers = [m for n, m in model.named_modules() if n.endswith(".mlp.gate")]
        self.hooks = [router.register_forward_hook(self.see) for router in routers]

    def see(self, router, _, output):
        ranked = output[0].detach().float().softmax(-1).sort(dim=-1, descending=True).values
        gap = (ranked[:, router.top_k - 1] - ranked[:, router.top_k]).min().item()
        self.smallest = gap if self.smallest is None else min(self.smallest, gap)


def reference_of(variant, directory, seed):
    """Returns the tensors and the facts, or None where this seed does not meet the margins."""
    ids, mask, unpadded, prompt = batches(variant, seed)
    model = load(variant, directory)
    routing = RouterGap(model)
    tokens, gap = greedy(variant, model, prompt)
    distinct = tokens.unique().numel()
    if gap < MIN_GREEDY_GAP or distinct < variant.distinct:
        return None
    # Loaded anew for each pass: rotations of type dynamic remember the longest one.
    logits, loss, grads = forward_and_backward(load(variant, directory), ids, mask)
    alone_logits, alone_loss, alone_grads = forward_and_backward(load(variant, directory), unpadded)
    tensors = {"input_ids": ids, "attention_mask": mask, "logits": logits, "loss": loss}
    tensors |= {f"grad.{name}": value for name, value in grads.items()}
    tensors |= {"unpadded.input_ids": unpadded, "unpadded.logits": alone_logits, "unpadded.loss": alone_loss}
    tensors |= {f"unpadded.grad.{name}": value for name, value in alone_grads.items()}
    tensors |= {"greedy.prompt": prompt, "greedy.tokens": tokens}
    if variant.packed:
        tensors |= packed_reference(variant, directory, seed)
    trained = load(variant, directory)
    training_routing = RouterGap(trained)
    tensors["adamw.losses"] = adamw(trained, ids, mask)
    named = dict(trained.named_parameters())
    for name in common.chosen_finals(list(grads)):
        tensors[f"adamw.final.{name}"] = named[name].detach().clone()
    gaps = [g for g in (routing.smallest, training_routing.smallest) if g is not None]
    if gaps and min(gaps) < MIN_ROUTER_GAP:
        return None
    other = load(variant, directory, other_attention(variant))
    other_logits, _, other_grads = forward_and_backward(other, ids, mask)
    other_losses = adamw(other, ids, mask)
    drift = {
        "logits_relative_to_largest": relative_to_largest(logits, other_logits, mask),
        "worst_gradient_relative_to_norm": max(relative(g, other_grads[n]) for n, g in grads.items()),
        "adamw_losses_absolute": (tensors["adamw.losses"] - other_losses).abs().max().item(),
    }
    if drift["adamw_losses_absolute"] > MAX_ADAMW_DRIFT:
        return None
    facts = describe(variant, model, tensors, grads, seed) | declared(variant)
    facts |= {
        "greedy_smallest_gap": gap,
        "greedy_distinct_tokens": distinct,
        "router_smallest_gap": min(gaps) if gaps else None,
        "self_difference": drift,
    }
    return tensors, facts


def other_attention(variant):
    return "sdpa" if variant.sdpa else CAPPED


def packed_reference(variant, directory, seed):
    """Several documents per row; the first rows on which the reference's gradients hardly differ from themselves."""
    positions = torch.cat([torch.cat([torch.arange(n) for n in row])[None] for row in PACKED_ROWS])
    generator = torch.Generator().manual_seed(seed + 2)
    drift = None
    while drift is None or drift > MAX_PACKED_DRIFT:
        ids = torch.randint(4, variant.vocabulary, (len(PACKED_ROWS), LENGTH), generator=generator)
        model = load(variant, directory)
        logits, loss, grads = forward_and_backward(model, ids, positions=positions)
        other = load(variant, directory, other_attention(variant))
        _, _, other_grads = forward_and_backward(other, ids, positions=positions)
        drift = max(relative(g, other_grads[name]) for name, g in grads.items())
    require_documents_apart(model, ids, positions, logits)
    tensors = {
        "packed.input_ids": ids,
        "packed.position_ids": positions,
        "packed.labels": first_ignored(ids, positions),
        "packed.logits": logits,
        "packed.loss": loss,
    }
    return tensors | {f"packed.grad.{name}": value for name, value in grads.items()}


def require_documents_apart(model, ids, positions, logits):
    for row, lengths in enumerate(PACKED_ROWS):
        start = 0
        for length in lengths:
            part = slice(start, start + length)
            alone = model(input_ids=ids[row : row + 1, part], use_cache=False).logits
            if (alone[0] - logits[row, part]).abs().max() > 1e-3:
                raise SystemExit("a packed document sees another one")
            start += length


def bf16_reference(variant, directory, seed):
    """The padded batch in float32 and, by both ways to attend, in bfloat16."""
    ids, mask, *_ = batches(variant, seed)
    ways = {
        "": (torch.float32, "eager"),
        "bf16_eager.": (torch.bfloat16, "eager"),
        "bf16_sdpa.": (torch.bfloat16, other_attention(variant)),
    }
    tensors, seen = {"input_ids": ids, "attention_mask": mask}, {}
    for prefix, (dtype, attention) in ways.items():
        logits, loss, grads = forward_and_backward(load(variant, directory, attention, dtype), ids, mask)
        tensors |= {prefix + "logits": logits.float(), prefix + "loss": loss.float()}
        tensors |= {f"{prefix}grad.{name}": value for name, value in grads.items()}
        seen[prefix] = (logits.float(), loss.float(), grads)
    facts = describe(variant, load(variant, directory), tensors, seen[""][2], seed) | declared(variant)
    exact, eager = seen[""], seen["bf16_eager."]
    facts["bf16"] = {
        prefix.rstrip("."): {
            "logits_from_fp32": relative_to_largest(exact[0], seen[prefix][0], mask),
            "logits_from_bf16_eager": relative_to_largest(eager[0], seen[prefix][0], mask),
            "loss_from_fp32": (seen[prefix][1] - exact[1]).abs().item(),
            "worst_gradient_from_fp32": max(relative(g, seen[prefix][2][n].float()) for n, g in exact[2].items()),
        }
        for prefix in list(ways)[1:]
    }
    if max(way["logits_from_fp32"] for way in facts["bf16"].values()) > MAX_BF16_DRIFT:
        return None
    return tensors, facts


def relative_to_largest(a, b, mask):
    return ((a - b)[mask.bool()].abs().max() / a.abs().max()).item()


def relative(a, b):
    return ((a - b).norm() / a.norm()).item()


def describe(variant, model, tensors, grads, seed):
    head, embedding = model.get_output_embeddings().weight, model.get_input_embeddings().weight
    without = sorted(n for n, _ in model.named_parameters() if n not in grads)
    stray = [n for n in without if not any(part in n for part in variant.towers)]
    zero = [n for n, g in grads.items() if not g.abs().max() > 0]
    logits = tensors["logits"][tensors["attention_mask"].bool()]
    spread = logits.std(dim=0).mean().item()
    if stray or zero or not torch.isfinite(tensors["loss"]).all() or spread < MIN_SPREAD:
        raise SystemExit(f"{variant.name}: dull fixture: {stray} {zero} loss {tensors['loss']} spread {spread}")
    return {
        "class": type(model).__name__,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "seed": seed,
        "tied": head is embedding,
        "parameters_distinct": sum(p.numel() for p in model.parameters()),
        "without_gradient": without,
        "largest_logit": logits.abs().max().item(),
        "logit_spread_between_positions": spread,
        "state_dict": [[name, list(value.shape)] for name, value in model.state_dict().items()],
    }


def declared(variant):
    """What does not depend on values."""
    default = False if variant.reference is not None else variant.model_class.config_class().tie_word_embeddings
    rates = {key: list(value) if isinstance(value, tuple) else value for key, value in ADAMW.items()}
    return {
        "exercises": variant.exercises,
        "tie_default": default,
        "adamw": rates | {"decay_rule": "parameters with ndim >= 2", "clipping": None, "steps": ADAMW_STEPS},
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def save_checkpoint(variant, directory, seed):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    if variant.reference is not None:
        variant.save(directory, seed)
    else:
        model = variant.model_class(variant.config())
        common.fill(model, seed)
        model.to(torch.bfloat16 if variant.bf16 else torch.float32).save_pretrained(directory)
        (directory / "generation_config.json").unlink(missing_ok=True)
    if variant.rewrite_config is not None:
        path = directory / "config.json"
        path.write_text(json.dumps(variant.rewrite_config(json.loads(path.read_text())), indent=2) + "\n")
    if variant.rewrite_tensors is not None:
        path = directory / "model.safetensors"
        save_file(variant.rewrite_tensors(load_file(path)), path, metadata={"format": "pt"})


def make(family, variant, out):
    directory = out / family / variant.name
    for seed in range(1000, 1300):
        save_checkpoint(variant, directory, seed)
        made = (bf16_reference if variant.bf16 else reference_of)(variant, directory, seed)
        if made is not None:
            tensors, facts = made
            save_file({k: v.contiguous() for k, v in sorted(tensors.items())}, directory / "reference.safetensors")
            write_json(directory / "reference.json", facts)
            sizes = [(directory / f).stat().st_size // 1024 for f in ("model.safetensors", "reference.safetensors")]
            drift = facts.get("self_difference") or facts["bf16"]
            print(f"{family}/{variant.name}: seed {seed} tied {facts['tied']} KiB {sizes} {drift}", flush=True)
            return
    raise SystemExit(f"{variant.name}: no seed met the margins")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    common.write_tokenizer(arguments.out / "tokenizer")
    modules = sorted(p.stem for p in (Path(__file__).parent / "families").glob("*.py") if p.stem != "common")
    for family in modules:
        for variant in importlib.import_module(f"families.{family}").VARIANTS:
            wanted = arguments.only or [family]
            if family in wanted or f"{family}/{variant.name}" in wanted:
                make(family, variant, arguments.out)


if __name__ == "__main__":
    main()
