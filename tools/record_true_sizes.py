"""Records the tensors and the config.json of published models at their true sizes, from transformers' meta device.

    python tools/record_true_sizes.py --fixtures library/src/test/resources/fixtures --out v5.json     # 5.18.0
    python4 tools/record_true_sizes.py --fixtures library/src/test/resources/fixtures --out v4.json    # 4.57.6
    python tools/record_true_sizes.py --fixtures library/src/test/resources/fixtures --merge v4.json v5.json

No weight exists at any time. The configs are those of published_configs.json and the ones below; each is read by the
class and written again, so it is spelled as that release spells it. The names are those of files: release 5 turns its
names in memory back into them, and a tied head is left out. Names that differ in numbers only are one entry, with the
ranges of each number. Writes FIXTURES/true_sizes.json, from which `TrueSizesTest` makes sparse files.
"""

import argparse
import json
import re
from pathlib import Path

import hf_release
import torch
import transformers

LLAMA3 = {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192}
ROPE3 = {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3"} | LLAMA3, "max_position_embeddings": 131072}


def gemma4(layers, period, hidden, wide, heads, kv, **more):
    kinds = ["full_attention" if (i + 1) % period == 0 else "sliding_attention" for i in range(layers)]
    return {
        "num_hidden_layers": layers,
        "layer_types": kinds,
        "hidden_size": hidden,
        "intermediate_size": wide,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "final_logit_softcapping": 30.0,
    } | more


def gemma4_large(layers, hidden, wide, heads, kv, full_kv, **more):
    return gemma4(
        layers,
        6,
        hidden,
        wide,
        heads,
        kv,
        num_global_key_value_heads=full_kv,
        attention_k_eq_v=True,
        hidden_size_per_layer_input=0,
        sliding_window=1024,
        max_position_embeddings=262144,
        use_bidirectional_attention="vision",
        **more,
    )


SMALL_TOWER = {"use_clipped_linears": True}
LARGE_TOWER = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 72,
    "standardize": True,
}
E2B = gemma4(35, 5, 1536, 6144, 8, 1, num_kv_shared_layers=20, use_double_wide_mlp=True)
E4B = gemma4(42, 6, 2560, 10240, 8, 2, num_kv_shared_layers=18)
A4B = gemma4_large(
    30, 2816, 2112, 16, 8, 2, enable_moe_block=True, num_experts=128, top_k_experts=8, moe_intermediate_size=704
)

MORE = {
    "Llama 3.1 405B": ("LlamaForCausalLM", ROPE3 | {
        "vocab_size": 128256, "hidden_size": 16384, "intermediate_size": 53248, "num_hidden_layers": 126,
        "num_attention_heads": 128, "num_key_value_heads": 8}),
    "Qwen2.5 72B": ("Qwen2ForCausalLM", {
        "vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "rope_theta": 1e6}),
    "Gemma 2 27B": ("Gemma2ForCausalLM", {
        "hidden_size": 4608, "intermediate_size": 36864, "num_hidden_layers": 46, "num_attention_heads": 32,
        "num_key_value_heads": 16, "head_dim": 128, "query_pre_attn_scalar": 144}),
    "Gemma 3 27B": ("Gemma3ForConditionalGeneration", {
        "text_config": {
            "vocab_size": 262208, "hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62,
            "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128, "query_pre_attn_scalar": 168,
            "sliding_window": 1024, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
        "vision_config": {
            "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
            "image_size": 896, "patch_size": 14, "vision_use_head": False}}),
    "Gemma 4 E2B, text": ("Gemma4ForCausalLM", E2B),
    "Gemma 4 E2B": ("Gemma4ForConditionalGeneration", {
        "text_config": E2B, "vision_config": SMALL_TOWER, "audio_config": {}}),
    "Gemma 4 E4B": ("Gemma4ForConditionalGeneration", {
        "text_config": E4B, "vision_config": SMALL_TOWER, "audio_config": {}}),
    "Gemma 4 26B-A4B": ("Gemma4ForConditionalGeneration", {"text_config": A4B, "vision_config": LARGE_TOWER}),
    "Gemma 4 31B": ("Gemma4ForConditionalGeneration", {
        "text_config": gemma4_large(60, 5376, 21504, 32, 16, 4), "vision_config": LARGE_TOWER}),
}  # fmt: skip

NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def ranges(numbers):
    found = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def compact(tensors):
    """Entries whose numbers are every combination of their ranges."""
    groups = {}
    for name, shape in tensors.items():
        numbers = tuple(int(number) for number in NUMBER.findall(name))
        groups.setdefault((NUMBER.sub("{}", name), shape), []).append(numbers)
    entries = []
    for (name, shape), found in groups.items():
        holes = [ranges(set(numbers)) for numbers in zip(*found)]
        combinations = 1
        for hole in holes:
            combinations *= sum(last - first + 1 for first, last in hole)
        assert combinations == len(found), name
        entries.append({"name": name, "numbers": holes, "shape": list(shape)})
    return entries


def files_of(model):
    """Names and shapes as a save writes them."""
    state = model.state_dict()
    embedding = model.get_input_embeddings().weight
    tied = [name for name, value in model.named_parameters(remove_duplicate=False)
            if name.endswith("lm_head.weight") and value is embedding]  # fmt: skip
    state = {name: value for name, value in state.items() if name not in tied}
    if hf_release.RELEASE == "v5":
        from transformers.core_model_loading import revert_weight_conversion

        state = revert_weight_conversion(model, state)
    else:
        for pattern, replacement in (model._checkpoint_conversion_mapping or {}).items():
            state = {re.sub("^" + replacement, pattern.lstrip("^"), name): value for name, value in state.items()}
    return {name: tuple(value.shape) for name, value in state.items()}


def elements(model):
    text = model.get_decoder() if hasattr(model, "get_decoder") else model.model
    counted = {id(value): value.numel() for value in text.parameters()}
    counted |= {id(value): value.numel() for value in model.get_output_embeddings().parameters()}
    return sum(counted.values())


def collect(fixtures):
    published = json.loads((fixtures / "published_configs.json").read_text())
    models = {name: (each["config"]["architectures"][0], each["config"]) for name, each in published.items()}
    found = {}
    for name, (architecture, values) in (models | MORE).items():
        model_class = getattr(transformers, architecture, None)
        if model_class is None:
            continue
        config = model_class.config_class.from_dict(values)
        config.architectures = [architecture]
        with torch.device("meta"):
            model = model_class(config).to(torch.bfloat16)
        model.config.dtype = torch.bfloat16
        found[name] = {
            "architecture": architecture,
            "config": json.loads(model.config.to_json_string()),
            "parameters": elements(model),
            "tensors": compact(files_of(model)),
        }
        print(name, len(files_of(model)))
    return {"transformers": transformers.__version__, "models": found}


def merge(fixtures, v4, v5):
    old, new = (json.loads(path.read_text()) for path in (v4, v5))
    models = {}
    for name, record in new["models"].items():
        models[name] = {key: record[key] for key in ("architecture", "parameters", "tensors")}
        models[name]["configs"] = {new["transformers"]: record["config"]}
        before = old["models"].get(name)
        if before is not None:
            both = [sorted(map(json.dumps, each["tensors"])) for each in (before, record)]
            configs = {old["transformers"]: before["config"]}
            if both[0] == both[1]:
                models[name]["configs"] |= configs
            else:
                models[f"{name}, as {old['transformers']} names it"] = before | {"configs": configs}
    for record in models.values():
        record.pop("config", None)
    (fixtures / "true_sizes.json").write_text(json.dumps({"models": models}, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--merge", type=Path, nargs=2)
    options = parser.parse_args()
    if options.merge:
        merge(options.fixtures, *options.merge)
    else:
        options.out.write_text(json.dumps(collect(options.fixtures)))


if __name__ == "__main__":
    main()
