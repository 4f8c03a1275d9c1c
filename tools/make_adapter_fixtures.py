"""Writes tiny LoRA adapters with PEFT on the tiny checkpoints of the other fixtures, with PEFT's results.

    python tools/make_adapter_fixtures.py --out library/src/test/resources/fixtures/adapters [--only NAME ...]

Pinned: peft 0.21.0, transformers 5.18.0, torch 2.13.0 (CPU). Nothing is downloaded. Running it again writes the same
values. What every file and key means is in tools/README.md.
"""

import argparse
import hashlib
import json
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

FIXTURES = Path(__file__).parent.parent / "library/src/test/resources/fixtures"
LLAMA, LLAMA_UNTIED = "families/llama/tied", "families/llama/untied_old_config"
QWEN3, PHI3 = "families/qwen3/tied", "families/phi3/untied_window_old_config"
GEMMA4, QWEN3_MOE = "gemma4/moe_tied", "families/qwen3moe/normalised"
QWEN3_MOE_TIED = "families/qwen3moe/tied_old_config"

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
DENSE = [*ATTENTION, "gate_proj", "up_proj", "down_proj"]
EXPERTS = ["experts.gate_up_proj", "experts.down_proj"]
BATCH, LENGTH = 2, 10
# An adapter that hardly moves the logits would pass when it is ignored.
MIN_EFFECT, MAX_RELOAD = 0.1, 1e-5


@dataclass
class Variant:
    name: str
    base: str
    exercises: str
    settings: dict
    stored: torch.dtype = torch.float32


def dense(name, base, exercises, stored=torch.float32, **settings):
    return Variant(name, base, exercises, {"r": 4, "lora_alpha": 8, "target_modules": DENSE} | settings, stored)


VARIANTS = [
    dense("llama_linear", LLAMA, "LoRA on every linear but the head, tied"),
    dense("llama_rslora", LLAMA, "rsLoRA with an alpha that is no whole number", use_rslora=True, lora_alpha=6.5,
          target_modules=ATTENTION),
    dense("llama_bf16", LLAMA, "stored in bfloat16, computed in float32", stored=torch.bfloat16, target_modules=ATTENTION),
    dense("llama_dora", LLAMA, "DoRA", use_dora=True),
    dense("llama_embedding", LLAMA, "the input embedding of a tied pair, its head not", target_modules=["embed_tokens", "q_proj"]),
    dense("llama_head", LLAMA, "the head of a tied pair, its input embedding not", target_modules=["lm_head", "q_proj"]),
    dense("llama_shared", LLAMA, "one delta for a tied pair: ensure_weight_tying", ensure_weight_tying=True,
          target_modules=["embed_tokens", "q_proj"]),
    dense("llama_saved", LLAMA, "one trained copy for a tied pair", ensure_weight_tying=True,
          target_modules=["q_proj"], modules_to_save=["embed_tokens"]),
    dense("llama_saved_parted", LLAMA, "two trained copies of a tied pair, which differ",
          target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"]),
    dense("llama_tokens", LLAMA, "rows of tokens of a tied pair", target_modules=["q_proj"],
          trainable_token_indices=[3, 5, 90]),
    dense("llama_untied_patterns", LLAMA_UNTIED, "rank_pattern and alpha_pattern, a regular expression as target",
          target_modules=r".*\.(q_proj|v_proj|down_proj)", rank_pattern={"q_proj": 2, r"layers\.1\.mlp\.down_proj": 6},
          alpha_pattern={r"layers\.[02]\.self_attn\.q_proj": 3, "down_proj": 5.5}),
    dense("llama_untied_layers", LLAMA_UNTIED, "layers_to_transform with layers_pattern, exclude_modules",
          layers_to_transform=[0, 2], layers_pattern="layers", exclude_modules=["k_proj"]),
    dense("llama_untied_pair", LLAMA_UNTIED, "embedding and head of an untied pair", target_modules=["embed_tokens", "lm_head", "q_proj"]),
    dense("llama_untied_saved", LLAMA_UNTIED, "head and norm trained whole", target_modules=["q_proj"],
          modules_to_save=["lm_head", "norm"]),
    dense("llama_untied_tokens", LLAMA_UNTIED, "rows of tokens, of the input embedding and of the head",
          target_modules=["q_proj"], trainable_token_indices={"embed_tokens": [3, 5], "lm_head": [7]}),
    dense("qwen3_dora_rslora", QWEN3, "DoRA with rsLoRA, r and alpha odd", use_dora=True, use_rslora=True, r=3,
          lora_alpha=7, target_modules=ATTENTION),
    dense("phi3_fused", PHI3, "the fused projections", target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    dense("gemma4_experts", GEMMA4, "dense linears and both stacked weights", r=2, lora_alpha=4,
          target_modules=[*ATTENTION, "mlp.gate_proj"], target_parameters=EXPERTS),
    dense("gemma4_router", GEMMA4, "routers and experts' down_proj, of another rank", r=2, lora_alpha=4,
          target_modules=["router.proj"], target_parameters=["experts.down_proj"], rank_pattern={r"experts\.down_proj": 3}),
    dense("qwen3moe_experts", QWEN3_MOE, "both stacked weights; gate_up_proj is square", r=2, lora_alpha=4,
          target_modules=ATTENTION, target_parameters=["mlp." + name for name in EXPERTS]),
    dense("qwen3moe_all_linear", QWEN3_MOE, "all-linear as PEFT writes it: routers too, double rank for gate_up_proj",
          r=2, lora_alpha=4, target_modules="all-linear"),
    dense("qwen3moe_gate_up", QWEN3_MOE_TIED, "gate_up_proj alone", r=2, lora_alpha=4, target_modules=[],
          target_parameters=["mlp.experts.gate_up_proj"]),
]


def load_base(base):
    directory = FIXTURES / base
    kind = getattr(transformers, json.loads((directory / "config.json").read_text())["architectures"][0])
    experts = {"experts_implementation": "eager"} if "moe" in base else {}
    model, info = kind.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **experts
    )
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    if problems:
        raise SystemExit(f"{base}: transformers reports {problems}")
    return model.eval()


def randomise(model, seed, stored):
    """Large values in everything that the adapter trains; what is one tensor in PEFT stays one."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        with torch.no_grad():
            if "magnitude" in name:
                parameter.mul_(1 + 0.5 * noise.clamp(-1.5, 1.5))
            elif "lora_" in name:
                parameter.copy_(noise * 0.3)
            else:
                parameter.add_(noise * parameter.abs().mean().clamp(min=0.1))
            parameter.copy_(parameter.to(stored))


def run(model, ids):
    model.zero_grad(set_to_none=True)
    out = model(input_ids=ids, labels=ids, use_cache=False)
    out.loss.backward()
    gradients = {n: p.grad.detach().clone() for n, p in model.named_parameters() if p.grad is not None}
    return out.logits.detach().clone(), out.loss.detach().reshape(1).clone(), gradients


def make(variant, out):
    directory = out / variant.name
    shutil.rmtree(directory, ignore_errors=True)
    seed = int(hashlib.sha256(variant.name.encode()).hexdigest()[:8], 16)
    base = load_base(variant.base)
    text = base.config.get_text_config()
    ids = torch.randint(1, text.vocab_size - 2, (BATCH, LENGTH), generator=torch.Generator().manual_seed(seed))
    ids[0, 2:5] = torch.tensor([3, 5, 90])
    plain = base(input_ids=ids, use_cache=False).logits.detach()
    base.config._name_or_path = base.name_or_path = ""
    config = LoraConfig(task_type="CAUSAL_LM", base_model_name_or_path=variant.base, **variant.settings)
    model = get_peft_model(base, config).eval()
    randomise(model, seed, variant.stored)
    logits, loss, gradients = run(model, ids)
    model.peft_config["default"].base_model_name_or_path = None
    model.peft_config["default"].revision = None
    model.save_pretrained(directory, save_embedding_layers="auto")
    (directory / "README.md").unlink(missing_ok=True)
    if variant.stored != torch.float32:
        path = directory / "adapter_model.safetensors"
        save_file({k: v.to(variant.stored) for k, v in load_file(path).items()}, path, metadata={"format": "pt"})
    settings = json.loads((directory / "adapter_config.json").read_text())
    for key, value in settings.items():
        if isinstance(value, list):
            settings[key] = sorted(value)
    settings["base_model_name_or_path"] = variant.base
    (directory / "adapter_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True))

    again = PeftModel.from_pretrained(load_base(variant.base), directory).eval()
    reloaded = again(input_ids=ids, use_cache=False).logits.detach()
    effect = ((logits - plain).abs().max() / plain.abs().max()).item()
    reload = ((logits - reloaded).abs().max() / logits.abs().max()).item()
    if effect < MIN_EFFECT or reload > MAX_RELOAD:
        raise SystemExit(f"{variant.name}: effect {effect}, difference after a reload {reload}")
    tensors = {"input_ids": ids, "base.logits": plain, "logits": logits, "loss": loss}
    keys = {key: key for key in load_file(directory / "adapter_model.safetensors")}
    for name, value in gradients.items():
        tensors["grad." + name.replace(".default", "")] = value
    save_file({k: v.contiguous() for k, v in tensors.items()}, directory / "peft_reference.safetensors")
    merged = merged_difference(variant, directory, ids, logits)
    facts = {
        "base": variant.base,
        "exercises": variant.exercises,
        "versions": {"peft": "0.21.0", "transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]},
        "seed": seed,
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "effect_relative_to_largest": effect,
        "merge_and_unload_difference": merged,
        "keys": sorted(keys),
    }
    (directory / "peft_reference.json").write_text(json.dumps(facts, indent=1) + "\n")
    return effect, merged


def merged_difference(variant, directory, ids, logits):
    """How far PEFT's own merge moves the logits: large where a one-sided delta enters a shared tensor."""
    model = PeftModel.from_pretrained(load_base(variant.base), directory).eval().merge_and_unload()
    merged = model(input_ids=ids, use_cache=False).logits.detach()
    return ((logits - merged).abs().max() / logits.abs().max()).item()


def experts_of(tensors):
    """Module of the experts to A [E, r, in] and B [E, out, r] of both stacked weights, from PEFT 0.21's tensors."""
    found = {}
    for key, a in tensors.items():
        if not key.endswith(".lora_A.weight") or ".experts" not in key:
            continue
        b = tensors[key.replace("lora_A", "lora_B")]
        module = key.removesuffix(".lora_A.weight")
        part = "gate_up_proj" if module.endswith(".base_layer") else "down_proj"
        rank = RANK_OF_EXPERTS
        a = a.reshape(-1, rank, a.shape[-1])
        b = b.reshape(b.shape[0], rank, a.shape[0]).permute(2, 0, 1)
        found.setdefault(module.removesuffix(".base_layer"), {})[part] = (a, b)
    return found


def others(tensors):
    return {k: v for k, v in tensors.items() if ".experts" not in k}


def swapped(tensors, _):
    """PEFT 0.18: A and B are those of the transposed weight."""
    result = others(tensors)
    for module, parts in experts_of(tensors).items():
        for part, (a, b) in parts.items():
            wrapper = module + (".base_layer" if part == "gate_up_proj" else "")
            result[wrapper + ".lora_A.weight"] = b.transpose(1, 2).reshape(-1, b.shape[1])
            result[wrapper + ".lora_B.weight"] = a.permute(2, 1, 0).reshape(a.shape[2], -1)
    return result


def grouped(tensors, base):
    """NeMo AutoModel's Gemma 4: x @ A @ B per expert, with per_expert_scale inside down_proj and so inside its B."""
    result = others(tensors)
    weights = load_file(FIXTURES / base / "model.safetensors")
    for module, parts in experts_of(tensors).items():
        name = module.replace(".experts", ".moe.experts")
        scale = weights[module.removeprefix("base_model.model.").replace(".experts", ".router.per_expert_scale")]
        for part, (a, b) in parts.items():
            label = "gate_and_up" if part == "gate_up_proj" else "down"
            factor = 1 if part == "gate_up_proj" else scale[:, None, None]
            result[f"{name}.lora_{label}_A"] = a.transpose(1, 2)
            result[f"{name}.lora_{label}_B"] = (b * factor).transpose(1, 2)
    return result


def per_expert(tensors, _):
    """A linear of its own for every expert, as NeMo AutoModel writes in its v4 form and vLLM reads."""
    result = others(tensors)
    for module, parts in experts_of(tensors).items():
        for part, (a, b) in parts.items():
            for expert in range(a.shape[0]):
                halves = b[expert].chunk(2) if part == "gate_up_proj" else [b[expert]]
                names = ["gate_proj", "up_proj"] if part == "gate_up_proj" else ["down_proj"]
                for name, half in zip(names, halves):
                    result[f"{module}.{expert}.{name}.lora_A.weight"] = a[expert].clone()
                    result[f"{module}.{expert}.{name}.lora_B.weight"] = half
    return result


RANK_OF_EXPERTS = 2
AUTOMODEL_KEYS = ["base_model_name_or_path", "bias", "lora_alpha", "peft_type", "r", "target_modules", "target_parameters",
                  "task_type", "use_dora"]
# Name, the adapter with the same values, the layout, and what becomes of adapter_config.json.
LAYOUTS = [
    ("gemma4_experts_peft018", "gemma4_experts", swapped, lambda c: c | {"peft_version": "0.18.0"}),
    ("qwen3moe_experts_automodel", "qwen3moe_experts", swapped, lambda c: {k: c[k] for k in AUTOMODEL_KEYS}),
    ("gemma4_experts_automodel", "gemma4_experts", grouped,
     lambda c: {k: c[k] for k in AUTOMODEL_KEYS if k != "target_parameters"}),
    ("qwen3moe_experts_split", "qwen3moe_experts", per_expert,
     lambda c: {k: c[k] for k in AUTOMODEL_KEYS if k != "target_parameters"}),
]


def rewrite(name, source, layout, settings, out):
    directory = out / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    config = json.loads((out / source / "adapter_config.json").read_text())
    tensors = layout(load_file(out / source / "adapter_model.safetensors"), config["base_model_name_or_path"])
    tensors = {k: v.contiguous() for k, v in tensors.items()}
    save_file(tensors, directory / "adapter_model.safetensors", metadata={"format": "pt"})
    config = settings(config)
    if layout is per_expert:
        modules = {k.removeprefix("base_model.model.").rsplit(".lora_", 1)[0] for k in tensors}
        config["target_modules"] = sorted(modules)
    (directory / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    facts = {"base": config["base_model_name_or_path"], "same_values_as": source, "exercises": layout.__doc__}
    (directory / "peft_reference.json").write_text(json.dumps(facts | {"keys": sorted(tensors)}, indent=1) + "\n")
    print(f"{name}: {len(tensors)} tensors{transposed_check(name, directory, out / source) if layout is swapped else ''}")


def transposed_check(name, directory, source):
    """PEFT 0.21 itself reads the layout of 0.18 for a module that says is_transposed, and then gives the same logits."""
    base = load_base(json.loads((directory / "peft_reference.json").read_text())["base"])
    for module_name, module in base.named_modules():
        if module_name.endswith(".experts"):
            module.is_transposed = True
    model = PeftModel.from_pretrained(base, directory).eval()
    reference = load_file(source / "peft_reference.safetensors")
    with torch.no_grad():
        logits = model(input_ids=reference["input_ids"], use_cache=False).logits
    difference = ((logits - reference["logits"]).abs().max() / reference["logits"].abs().max()).item()
    if difference > MAX_RELOAD:
        raise SystemExit(f"{name}: {difference} from the logits of {source.name}")
    return f", {difference:.1e} from {source.name} where the experts say is_transposed"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    warnings.filterwarnings("ignore")
    for variant in VARIANTS:
        if not arguments.only or variant.name in arguments.only:
            effect, merged = make(variant, arguments.out)
            print(f"{variant.name}: effect {effect:.3f}, merge {merged:.2e}")
    for layout in LAYOUTS:
        if not arguments.only or layout[0] in arguments.only:
            rewrite(*layout, arguments.out)


if __name__ == "__main__":
    main()
