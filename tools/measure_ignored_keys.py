"""Measures which keys of config.json change nothing in each class of the families.

    python tools/measure_ignored_keys.py --fixtures library/src/test/resources/fixtures

Pinned: transformers 5.18.0. A fixture of each class is loaded with one key changed and compared with the fixture itself
on one row of tokens. Writes FIXTURES/family_ignored_keys.json: for each class the keys at the level of the text model,
and for each type of rotation the keys inside the rotation's object, each with the value that was tried and what came of
it:

    ignored   logits and loss are bitwise the same, for inference and for training
    training  they are the same for inference only
    used      logits or loss differ, or the fixture's weights no longer fit
    refused   transformers raises

`IgnoredKeysTest` asks the same of Bowline.
"""

import argparse
import copy
import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "critical")

import torch  # noqa: E402

torch.set_num_threads(1)
import transformers  # noqa: E402

FIXTURES = [
    "families/llama/tied",
    "families/smollm3/tied",
    "families/qwen2/tied",
    "families/qwen3/tied",
    "families/qwen3moe/normalised",
    "families/mistral/windows",
    "families/mistral/ministral3",
    "families/mistral/vl_untied",
    "families/gemma2/tied_old_config",
    "families/gemma3/text_tied",
    "families/gemma3/vision_untied",
    "families/phi3/longrope_partial_tied",
    "gemma4/text_only",
    "gemma4/moe_tied",
]

DROPOUTS = [
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_pdrop",
    "activation_dropout",
    "dropout",
    "resid_pdrop",
    "resid_dropout",
    "residual_dropout",
    "embd_pdrop",
    "emb_pdrop",
    "embed_dropout",
    "embedding_dropout",
    "hidden_dropout",
    "hidden_dropout_prob",
    "mlp_dropout",
    "layerdrop",
]

CAPS = [
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "logits_soft_cap",
    "output_logit_soft_cap",
    "moe_router_logit_softcapping",
    "swiglu_limit",
    "router_jitter_noise",
    "input_jitter_noise",
    "clip_qkv",
    "llama_4_scaling_beta",
    "z_loss_weight",
    "router_z_loss_coef",
]

FLAGS = [
    "use_sliding_window",
    "output_router_logits",
    "alibi",
    "use_alibi",
    "rope_interleave",
    "rope_interleaved",
    "use_mrope",
    "use_bidirectional_attention",
    "attn_temperature_tuning",
    "mup_enabled",
    "apply_residual_connection_post_layernorm",
    "use_parallel_residual",
    "parallel_attn",
    "attention_bias",
    "mlp_bias",
    "use_qk_norm",
]

FACTORS = [
    "partial_rotary_factor",
    "rope_pct",
    "rotary_pct",
    "embedding_multiplier",
    "residual_multiplier",
    "attention_multiplier",
    "logits_scaling",
    "logit_scale",
    "scale_emb",
    "scale_depth",
    "embedding_scale",
    "attention_in_multiplier",
    "attention_out_multiplier",
    "attention_value_scale",
    "key_multiplier",
    "lm_head_multiplier",
    "routed_scaling_factor",
    "full_attn_mod",
    "interpolate_factor",
    "query_pre_attn_scalar",
]


def candidates(text):
    layers = text["num_hidden_layers"]
    found = {key: 0.25 for key in DROPOUTS}
    found |= {key: 0.5 for key in CAPS}
    found |= {key: not text.get(key, False) for key in FLAGS}
    found |= {key: 0.5 for key in FACTORS}
    found |= {
        "sliding_window": 3,
        "attention_chunk_size": 4,
        "max_window_layers": 1,
        "layer_types": ["sliding_attention"] * (layers - 1) + ["full_attention"],
        "no_rope_layers": [0] * layers,
        "no_rope_layer_interval": 1,
        "num_nextn_predict_layers": 1,
        "num_kv_shared_layers": 1,
        "is_causal": False,
        "scoring_func": "sigmoid",
        "rope_theta": 77.0,
        "hidden_act": "relu",
        "hidden_activation": "relu",
        "original_max_position_embeddings": 8,
        "head_dim": 6,
        "pretraining_tp": 2,
        "per_layer_config": {},
    }
    return found


ROPES = {
    "default": {},
    "linear": {"factor": 2.0},
    "dynamic": {"factor": 2.0},
    "llama3": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    },
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 16},
    "longrope": {"factor": 4.0, "original_max_position_embeddings": 16},
}


def rope_candidates(half):
    return {
        "factor": 3.0,
        "attention_factor": 0.5,
        "attn_factor": 0.5,
        "low_freq_factor": 2.0,
        "high_freq_factor": 8.0,
        "original_max_position_embeddings": 8,
        "max_position_embeddings": 8,
        "beta_fast": 4.0,
        "beta_slow": 2.0,
        "mscale": 0.5,
        "mscale_all_dim": 0.25,
        "truncate": False,
        "short_factor": [1.0 + i for i in range(half)],
        "long_factor": [2.0 + i for i in range(half)],
        "short_mscale": 2.0,
        "long_mscale": 2.0,
        "partial_rotary_factor": 0.5,
        "mrope_section": [1, 1, 2],
        "mrope_interleaved": True,
        "alpha": 2.0,
        "finetuned": True,
        "extrapolation_factor": 0.5,
        "scale": 2.0,
        "llama_4_scaling_beta": 0.5,
        "name": "scaled",
    }


class Measured:
    def __init__(self, directory):
        self.directory = directory
        self.config = json.loads((directory / "config.json").read_text())
        self.level = self.config.get("text_config", self.config)
        self.name = self.config["architectures"][0]
        torch.manual_seed(5)
        self.ids = torch.randint(4, self.level["vocab_size"] - 4, (1, 24))

    def outputs(self, text):
        """Logits and loss, for inference and for training; None where transformers refuses."""
        config = copy.deepcopy(self.config)
        if "text_config" in config:
            config["text_config"] = text
        else:
            config = text
        with tempfile.TemporaryDirectory() as copied:
            copied = Path(copied)
            (copied / "config.json").write_text(json.dumps(config))
            shutil.copy(self.directory / "model.safetensors", copied)
            try:
                loaded = getattr(transformers, self.name).from_pretrained(
                    copied,
                    dtype=torch.float32,
                    output_loading_info=True,
                    attn_implementation="eager",
                    experts_implementation="eager",
                )
                model, info = loaded
                fits = not any(info[key] for key in ("missing_keys", "mismatched_keys"))
                found = [fits]
                for training in (False, True):
                    torch.manual_seed(7)
                    outputs = model.train(training)(self.ids, labels=self.ids)
                    found += [outputs.logits.detach(), outputs.loss.detach()]
                return found
            except Exception as problem:  # the outcome is all that is asked for
                return type(problem).__name__

    def outcome(self, before, text):
        after = self.outputs(text)
        if isinstance(after, str) or isinstance(before, str):
            return "refused"
        same = [torch.equal(a, b) for a, b in zip(before[1:], after[1:])]
        if not after[0] or not all(same[:2]):
            return "used"
        return "ignored" if all(same[2:]) else "training"


def measured(fixtures, directory):
    fixture = Measured(fixtures / directory)
    text = fixture.level
    before = fixture.outputs(text)
    assert not isinstance(before, str), (directory, before)
    keys = {}
    for key, value in candidates(text).items():
        if text.get(key) == value:
            continue
        keys[key] = {"value": value, "outcome": fixture.outcome(before, text | {key: value})}
    nested = "full_attention" in (text.get("rope_parameters") or {})
    ropes = {}
    head = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    for kind, required in ROPES.items():
        half = int(head * ((text.get("rope_parameters") or {}).get("partial_rotary_factor") or 1)) // 2
        base = {"rope_type": kind, "rope_theta": 100.0} | required
        if fixture.name.startswith("Ministral3"):
            base["llama_4_scaling_beta"] = 0.1
        if fixture.name.startswith("Phi3"):
            base["partial_rotary_factor"] = text["rope_parameters"]["partial_rotary_factor"]
        if kind == "longrope":
            base |= {"short_factor": [1.0] * half, "long_factor": [1.5] * half}

        def with_rope(rope):
            without = {k: v for k, v in text.items() if k not in ("rope_scaling", "rope_theta")}
            if nested:
                sliding = text["rope_parameters"]["sliding_attention"]
                return without | {"rope_parameters": {"full_attention": rope, "sliding_attention": sliding}}
            return without | {"rope_parameters": rope}

        plain = fixture.outputs(with_rope(base))
        if isinstance(plain, str):
            ropes[kind] = "refused"
            continue
        ropes[kind] = {"base": base, "keys": {}}
        for key, value in rope_candidates(half).items():
            ropes[kind]["keys"][key] = {
                "value": value,
                "outcome": fixture.outcome(plain, with_rope(base | {key: value})),
            }
    return fixture.name, {"fixture": directory, "keys": keys, "rotations": ropes}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixtures", type=Path, required=True)
    fixtures = parser.parse_args().fixtures
    classes = {}
    for directory in FIXTURES:
        name, record = measured(fixtures, directory)
        classes[name] = record
    document = {"transformers": transformers.__version__, "classes": classes}
    (fixtures / "family_ignored_keys.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
