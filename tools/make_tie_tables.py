"""Writes what each transformers release ties, by building every class with a vocabulary head on the meta device.

    python4 tools/make_tie_tables.py collect --out v4.json        # in an environment with transformers 4.57.6
    python5 tools/make_tie_tables.py collect --out v5.json        # in one with 5.18.0
    python5 tools/make_tie_tables.py merge v4.json v5.json --out transformers-ties.json

Nothing is taken from documentation or from class attributes alone: whether a config ties is seen in the model built
from it, where the head's weight either is the embedding's parameter or is not.
"""

import argparse
import copy
import itertools
import json
import re
import signal
import sys
import warnings

warnings.filterwarnings("ignore")
FLAG = "tie_word_embeddings"
TEXT_LEVELS = ("text_config", "thinker_config", "llm_config", "language_config", "decoder", "decoder_config",
               "generator")  # fmt: skip
SMALL = {
    "num_hidden_layers": 1, "n_layer": 1, "n_layers": 1, "num_layers": 1, "encoder_layers": 1, "decoder_layers": 1,
    "num_decoder_layers": 1, "depth": 1, "num_local_experts": 4, "num_experts": 4, "n_routed_experts": 4,
    "moe_num_experts": 4, "num_experts_per_tok": 1, "moe_k": 1, "n_group": 1, "topk_group": 1, "moe_topk": 1,
    "encoder_num_hidden_layers": 1, "decoder_num_hidden_layers": 1, "num_encoder_layers": 1,
}
SPLIT_ROPE = {"rope_scaling": {"rope_type": "default", "mrope_section": [24, 20, 20]}}
GEMMA4_TEXT = {"model_type": "gemma4_text", "num_hidden_layers": 1, "layer_types": ["full_attention"],
               "num_kv_shared_layers": 0, "hidden_size_per_layer_input": 0,
               "vocab_size_per_layer_input": 0}  # fmt: skip
HEADS = {"head_dim": 64, "num_key_value_heads": 2}
MISSING_FIELDS = {
    "Qwen3VLForConditionalGeneration": {"text_config": SPLIT_ROPE},
    "Qwen3VLMoeForConditionalGeneration": {"text_config": SPLIT_ROPE},
    "Qwen3OmniMoeThinkerForConditionalGeneration": {"text_config": SPLIT_ROPE},
    "Qwen3OmniMoeForConditionalGeneration": {
        "thinker_config.text_config": SPLIT_ROPE,
        "talker_config": {"spatial_merge_size": 2},
        "talker_config.text_config": SPLIT_ROPE | {"shared_expert_intermediate_size": 64}},
    "Qwen3OmniMoeTalkerForConditionalGeneration": {
        "": {"spatial_merge_size": 2}, "text_config": SPLIT_ROPE | {"shared_expert_intermediate_size": 64}},
    "HunYuanDenseV1ForCausalLM": {"": HEADS}, "HunYuanMoEV1ForCausalLM": {"": HEADS | {"moe_topk": 1}},
    "HunYuanVLForConditionalGeneration": {"text_config": HEADS},
    "MinistralForCausalLM": {"": HEADS}, "NemotronForCausalLM": {"": {"head_dim": 128, "num_key_value_heads": 48}},
    "EsmForMaskedLM": {"": {"vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32}},
    "Dots1ForCausalLM": {"": {"num_key_value_heads": 32, "head_dim": 128, "n_shared_experts": 1, "n_group": 1,
                              "n_routed_experts": 4, "topk_group": 1, "num_experts_per_tok": 1}},
    "Idefics3ForConditionalGeneration": {"text_config": {"pad_token_id": 0}, "": {"pad_token_id": 0}},
    "SmolVLMForConditionalGeneration": {"text_config": {"pad_token_id": 0}, "": {"pad_token_id": 0}},
    "AyaVisionForConditionalGeneration": {"vision_config": {"num_attention_heads": 16}},
    "DiffusionGemmaForBlockDiffusion": {"": {"vision_config": {"model_type": "gemma4_vision", "num_hidden_layers": 1}},
        "text_config": {"per_layer_config": {}, "num_experts": 4,
                                                        "top_k_experts": 1, "moe_intermediate_size": 64}},
    "GraniteMoeHybridForCausalLM": {"": {"layer_types": ["attention"]}},
    "Lfm2MoeForCausalLM": {"": {"layer_types": ["full_attention"]}},
    "Granite4VisionForConditionalGeneration": {"text_config": {
        "model_type": "granite", "attention_multiplier": 1.0, "embedding_multiplier": 1.0, "residual_multiplier": 1.0,
        "logits_scaling": 1.0}},
    "ReformerModelWithLMHead": {"": {"is_decoder": True}},
    "ChameleonForConditionalGeneration": {"": {"vocabulary_map": {"<image>": 1}}},
    "Emu3ForConditionalGeneration": {"": {"vocabulary_map": {"<image>": 1}}},
    "MllamaForConditionalGeneration": {"text_config": {"rope_scaling": {"rope_type": "default"}}},
    "MllamaForCausalLM": {"": {"rope_scaling": {"rope_type": "default"}}},
    "ApertusForCausalLM": {"": {"rope_scaling": {"rope_type": "default"}}},
    "DiffusionGemmaModel": {
        "": {"vision_config": {"model_type": "gemma4_vision", "num_hidden_layers": 1}},
        "text_config": {"per_layer_config": {}, "num_experts": 4, "top_k_experts": 1,
                        "moe_intermediate_size": 64}},
    "Gemma4AssistantForCausalLM": {"": {"text_config": GEMMA4_TEXT}},
    "Gemma4UnifiedAssistantForCausalLM": {"": {"text_config": GEMMA4_TEXT}},
}  # fmt: skip
GENERATING = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
NOT_VOCABULARY = re.compile(
    r"bbox|class_embed|mask_embed|layers?\.\d+\.|blocks?\.\d+\.|position|pos_conv|parametrizations"
)
VOCABULARY_KEYS = [
    f"{prefix}{name}.weight"
    for prefix in ("", "model.", "language_model.", "language_model.model.", "model.language_model.", "text_model.",
                   "model.text_model.", "decoder.", "model.decoder.", "transformer.", "backbone.", "thinker.",
                   "thinker.model.", "model.model.", "model.language_model.model.", "encoder.", "llm.", "text_decoder.")
    for name in ("embed_tokens", "lm_head", "shared", "wte", "word_embeddings", "embeddings", "embed_out", "head",
                 "proj_out", "output", "embed", "embeddings.word_embeddings", "lm_head.decoder")
]


def at(document, path):
    for part in filter(None, path.split(".")):
        if not isinstance(document, dict) or part not in document:
            return None
        document = document[part]
    return document


def each_object(document, path=""):
    yield path, document
    for key, value in document.items():
        if isinstance(value, dict):
            yield from each_object(value, f"{path}.{key}" if path else key)


def flagless(config):
    """The config as config.json would have it, without the flag at any level."""
    document = json.loads(json.dumps(config.to_dict(), default=str))
    for _, level in each_object(document):
        level.pop(FLAG, None)
        level.pop("dtype", None)
        level.pop("torch_dtype", None)
    return document


def shrunk(document):
    document = copy.deepcopy(document)
    for _, level in each_object(document):
        for key, small in SMALL.items():
            if isinstance(level.get(key), int) and level[key] > small:
                level[key] = small
        for key in ("layer_types", "layers_block_type", "mlp_layer_types", "block_types"):
            if isinstance(level.get(key), list):
                level[key] = level[key][:1]
    return document


def levels_of(document):
    """The top and, at most two, the text levels below it."""
    levels = [""]
    for path, level in each_object(document):
        if path and all(part in TEXT_LEVELS for part in path.split(".")) and isinstance(level, dict) and level:
            levels.append(path)
    return levels[:3]


def with_flags(document, levels, flags):
    document = copy.deepcopy(document)
    for level, flag in zip(levels, flags):
        if flag is not None:
            at(document, level)[FLAG] = flag
    return document


def completed(name, document):
    """With what the class needs and its config leaves out: fields that every checkpoint of the family states."""
    document = copy.deepcopy(document)
    more = MISSING_FIELDS.get(name, {})
    for path, level in each_object(document):
        level.update(more.get(path, {}))
    for path, level in list(each_object(document)):
        for key in [key for key, value in level.items() if value is None and key != "pad_token_id"]:
            del level[key]
    return document


class Slow(Exception):
    pass


def limited(seconds, action):
    def stop(*_):
        raise Slow(f"over {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return action()
    finally:
        signal.alarm(0)


def build(cls, document):
    import torch

    config = cls.config_class.from_dict(copy.deepcopy(document))
    with torch.device("meta"):
        return limited(40, lambda: cls(config))


def weight_of(model, getter):
    try:
        module = getattr(model, getter)()
    except (NotImplementedError, AttributeError, TypeError):
        return None, None
    if isinstance(module, (list, tuple)) or getattr(module, "weight", None) is None:
        return None, None
    if getattr(module, "modules", None) is None:
        return None, None
    path = next((name for name, found in model.named_modules(remove_duplicate=False) if found is module), None)
    return (None if path is None else f"{path}.weight"), module.weight


def vocabulary_weights(model):
    """Name and parameter of head and input embedding, of the first submodel that has both if the model itself has not."""
    from transformers import PreTrainedModel

    head, embedding = weight_of(model, "get_output_embeddings"), weight_of(model, "get_input_embeddings")
    if head[0] is not None and embedding[0] is not None:
        return head, embedding
    for child_name, child in model.named_children():
        if isinstance(child, PreTrainedModel):
            pair = weight_of(child, "get_output_embeddings"), weight_of(child, "get_input_embeddings")
            if pair[0][0] is not None and pair[1][0] is not None:
                return tuple((f"{child_name}.{name}", weight) for name, weight in pair)
    return head, embedding


def one_parameter_groups(model):
    groups = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        groups.setdefault(id(parameter), []).append(name)
    return [sorted(names) for names in groups.values() if len(names) > 1]


def pairs(model, embedding):
    """Observed sharing as target -> source; the source is the release's own where it declares one."""
    declared = {}
    if hasattr(model, "get_expanded_tied_weights_keys"):
        declared = model.get_expanded_tied_weights_keys(all_submodels=True)
    tied = {}
    for names in one_parameter_groups(model):
        names = [name for name in names if not NOT_VOCABULARY.search(name)]
        sources = [name for name in names if name in declared.values() and name not in declared]
        shared = [name for name in names if re.search(r"(^|\.)shared\.weight$", name)]
        first = (sources or shared or [n for n in names if n == embedding] or names or [None])[0]
        tied.update({name: first for name in names if name != first})
    order = list(declared)
    return dict(sorted(tied.items(), key=lambda pair: (order.index(pair[0]) if pair[0] in order else -1, pair[0])))


def effective_of(cls, document, levels):
    """One letter a combination of flags, in base 3, and the models that showed a tie and no tie."""
    letters, tied_model, untied_model = [], None, None
    for flags in itertools.product((None, False, True), repeat=len(levels)):
        try:
            model = build(cls, with_flags(document, levels, flags))
        except Slow:
            raise
        except Exception:
            letters.append("E")
            continue
        (head, head_weight), (embedding, embedding_weight) = vocabulary_weights(model)
        if head is not None and embedding is not None:
            ties = head_weight is embedding_weight
        else:
            ties = bool(pairs(model, embedding))
        letters.append("T" if ties else "F")
        if ties and tied_model is None:
            tied_model = model
        if not ties and untied_model is None:
            untied_model = model
    return "".join(letters), tied_model, untied_model


def level_that_decides(levels, letters):
    """The level whose value alone explains the answer when every level has one."""
    for position, level in enumerate(levels):
        wanted = all(
            letters[index] == ("T" if digits[position] == 2 else "F")
            for index, digits in enumerate(itertools.product(range(3), repeat=len(levels)))
            if 0 not in digits
        )
        if wanted:
            return level
    return None


def renames_of(cls, model_type, release):
    rules = []
    if release == "v4":
        rules = list((getattr(cls, "_checkpoint_conversion_mapping", None) or {}).items())
    else:
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping
        from transformers.core_model_loading import WeightRenaming

        found = get_checkpoint_conversion_mapping(cls.__name__) or get_checkpoint_conversion_mapping(model_type) or []
        for rule in found:
            if type(rule) is WeightRenaming and len(rule._original_source_patterns) == 1:
                rules.append((rule._original_source_patterns[0], rule._original_target_patterns[0]))
    return [[old, new] for old, new in rules if touches_vocabulary(old, new)]


def touches_vocabulary(old, new):
    for key in VOCABULARY_KEYS:
        try:
            if re.sub(old, new, key) != key:
                return True
        except re.error:
            return False
    return False


def level_of_vocabulary(cls, document, head, embedding):
    """The one level whose vocab_size is the number of rows of head and embedding; None when no level alone is."""
    found = []
    for path, level in each_object(document):
        if type(level.get("vocab_size")) is not int:
            continue
        larger = copy.deepcopy(document)
        rows = level["vocab_size"] + 24
        at(larger, path)["vocab_size"] = rows
        try:
            model = build(cls, larger)
        except Slow:
            raise
        except Exception:  # other fields depend on it
            continue
        (new_head, head_weight), (new_embedding, embedding_weight) = vocabulary_weights(model)
        same = (new_head, new_embedding) == (head, embedding) and None not in (head, embedding)
        if same and head_weight.shape[0] == embedding_weight.shape[0] == rows:
            found.append(path)
    return found[0] if len(found) == 1 else None


def describe(cls, release):
    config = cls.config_class()
    document = flagless(config)
    document.setdefault("model_type", cls.config_class.model_type)
    for smaller in (shrunk(document), document, completed(cls.__name__, shrunk(document))):
        try:
            build(cls, smaller)
            break
        except Exception as e:  # some configs do not allow one layer; the second try is the default size
            failure = e
    else:
        raise failure
    levels = levels_of(smaller)
    letters, tied_model, untied_model = effective_of(cls, smaller, levels)
    model = untied_model or tied_model
    (head, _), (embedding, _) = vocabulary_weights(model)
    entry = {"levels": levels, "effective": letters, "reads": level_that_decides(levels, letters)}
    entry |= {"head": head, "embedding": embedding, "prefix": cls.base_model_prefix}
    entry["tied"] = pairs(tied_model, embedding) if tied_model is not None else {}
    always = pairs(untied_model, embedding) if untied_model is not None else {}
    if always:
        entry["always"] = always
    rules = renames_of(cls, cls.config_class.model_type, release)
    if rules:
        entry["renames"] = rules
    vocabulary = level_of_vocabulary(cls, smaller, head, embedding)
    if vocabulary is not None:
        entry["vocabulary"] = vocabulary
    return entry


def collect(out):
    import hf_release

    hf_release.transformers.logging.set_verbosity_error()
    found, headless, failed = {}, [], {}
    for name, cls in hf_release.model_classes():
        if name.endswith("PreTrainedModel"):
            continue
        declares = bool(getattr(cls, "_tied_weights_keys", None))
        try:
            entry = describe(cls, hf_release.RELEASE)
        except Exception as e:
            if declares or name.endswith(GENERATING):
                first = re.sub(r"https?://\S+", "the hub", str(e)).partition("\n")[0]
                failed[name] = f"{type(e).__name__}: {first}"[:160]
            continue
        if entry["head"] is None and not entry["tied"] and not declares:
            headless.append(name)
            continue
        entry["model_type"] = cls.config_class.model_type
        found[name] = entry
        print(name, entry["effective"], entry["reads"], file=sys.stderr, flush=True)
    result = {"origin": hf_release.ORIGIN, "architectures": found, "headless": headless, "failed": failed}
    with open(out, "w") as f:
        json.dump(result, f, indent=1)


def merge(paths, out):
    releases = {}
    for path in paths:
        with open(path) as f:
            document = json.load(f)
        releases["v4" if "transformers 4." in document["origin"] else "v5"] = document
    renames, architectures = {}, {}
    for release, document in sorted(releases.items()):
        for name, entry in document["architectures"].items():
            model_type = entry.pop("model_type")
            if "renames" in entry:
                rules = entry["renames"]
                key = next((k for k, v in renames.items() if v == rules), f"{name}@{release}")
                renames[key] = rules
                entry["renames"] = key
            architectures.setdefault(name, {"model_type": model_type})[release] = entry
    headless = sorted(set().union(*(d["headless"] for d in releases.values())) - set(architectures))
    origin = {release: document["origin"] for release, document in releases.items()}
    origin["script"] = "tools/make_tie_tables.py"
    unbuilt = {r: d["failed"] for r, d in sorted(releases.items())}

    def line(value):
        return json.dumps(value, separators=(",", ":"))

    def block(values):
        return "{\n" + ",\n".join(f"  {line(key)}: {line(values[key])}" for key in sorted(values)) + "\n }"

    # One entry a line: the reader looks lines up by name and parses only those. Pairs keep the release's order.
    sections = [f'"architectures": {block(architectures)}', f'"headless": {line(headless)}', f'"origin": {line(origin)}']
    sections += [f'"renames": {block(renames)}', f'"unbuilt": {line(unbuilt)}']
    with open(out, "w") as f:
        f.write("{\n " + ",\n ".join(sections) + "\n}\n")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("collect")
    one.add_argument("--out", required=True)
    two = commands.add_parser("merge")
    two.add_argument("inputs", nargs=2)
    two.add_argument("--out", required=True)
    arguments = parser.parse_args()
    if arguments.command == "collect":
        collect(arguments.out)
    else:
        merge(arguments.inputs, arguments.out)


if __name__ == "__main__":
    main()
