"""Counts the values that PEFT trains on fixtures, for settings of an adapter.

    pip install torch==2.13.0 transformers==5.18.0 peft==0.21.0
    python tools/measure_adapter_sizes.py

Writes library/src/test/resources/fixtures/adapter_sizes.json: the settings and
`get_nb_trainable_parameters()`.
"""

import json
import pathlib

from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

FIXTURES = pathlib.Path(__file__).parent.parent / "library/src/test/resources/fixtures"
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
CASES = [
    ("families/llama/biases", {"target_modules": "all-linear"}),
    ("families/llama/tied", {"target_modules": ["q_proj", "down_proj"], "use_dora": True,
                             "rank_pattern": {"down_proj": 2}}),
    ("families/llama/untied_bf16", {"target_modules": ["lm_head", "layers.1.mlp.up_proj"]}),
    ("families/llama/dynamic", {"target_modules": r".*layers\.0\..*(q|o)_proj"}),
    ("families/llama/dynamic", {"target_modules": "all-linear", "exclude_modules": ["o_proj"]}),
    ("families/phi3/longrope_bf16", {"target_modules": "all-linear", "use_rslora": True}),
    ("families/qwen3moe/normalised", {"target_modules": ["v_proj"], "target_parameters": EXPERTS}),
]


def measure(fixture, settings):
    model = AutoModelForCausalLM.from_pretrained(FIXTURES / fixture)
    adapted = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, **settings))
    trained, total = adapted.get_nb_trainable_parameters()
    return {"fixture": fixture, "peft": {"r": 4, "lora_alpha": 8, **settings}, "trained": trained, "all": total}


if __name__ == "__main__":
    cases = [measure(*case) for case in CASES]
    (FIXTURES / "adapter_sizes.json").write_text(json.dumps({"cases": cases}, indent=2) + "\n")
