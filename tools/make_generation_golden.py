"""Records what transformers makes of logits for settings of generation_config.json.

    python tools/make_generation_golden.py --out library/src/test/resources/fixtures/generation_golden.json

Pinned: transformers 5.18.0. Each case is a generation config, the prompt, the tokens generated so far, and random logits;
`processed` are the logits after every processor, null for minus infinity, `probabilities` those of the tokens that can
be drawn.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

VOCABULARY = 24
CONFIGS = [
    {"repetition_penalty": 1.7},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3},
    {"bad_words_ids": [[3], [5, 7], [2, 2, 9], [1]]},
    {"min_new_tokens": 3},
    {"min_length": 9},
    {"suppress_tokens": [0, 4, 11]},
    {"begin_suppress_tokens": [6, 7, 8]},
    {"do_sample": True, "top_k": 0, "min_p": 0.05},
    {"do_sample": True, "top_k": 0, "min_p": 0.6, "temperature": 0.7},
    {"do_sample": True, "top_k": 5, "min_p": 0.1},
    {"do_sample": True, "top_k": 9, "top_p": 0.8, "min_p": 0.2, "temperature": 1.6},
    {"do_sample": True, "min_p": 1.0},
    {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.5, "repetition_penalty": 1.05},
    {"do_sample": True, "top_k": 12, "no_repeat_ngram_size": 2, "bad_words_ids": [[3], [5, 7]], "min_new_tokens": 5,
     "repetition_penalty": 1.3, "suppress_tokens": [2], "begin_suppress_tokens": [9]},
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    torch.manual_seed(5)
    choice = random.Random(5)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=VOCABULARY, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    )
    cases = []
    for config in CONFIGS:
        for new in (0, 2, 5):
            prompt = [choice.choice([2, 5, 7, 9, 13]) for _ in range(5)]
            generated = [choice.choice([2, 5, 7, 9, 13]) for _ in range(new)]
            settings = GenerationConfig(eos_token_id=[1, 10], pad_token_id=0, **config)
            model._prepare_special_tokens(settings, True, device="cpu")
            processors = model._get_logits_processor(
                settings,
                input_ids_seq_length=len(prompt),
                encoder_input_ids=torch.tensor([prompt]),
                prefix_allowed_tokens_fn=None,
                logits_processor=[],
                device="cpu",
            )
            scores = torch.randn(1, VOCABULARY) * 4
            logits = scores[0].tolist()
            processed = processors(torch.tensor([prompt + generated]), scores.clone())[0]
            probabilities = torch.softmax(processed.double(), 0)
            cases.append(
                {
                    "config": {"eos_token_id": [1, 10], **config},
                    "prompt": prompt,
                    "generated": generated,
                    "logits": logits,
                    "processed": [None if value == float("-inf") else value for value in processed.tolist()],
                    "probabilities": {str(i): p for i, p in enumerate(probabilities.tolist()) if p > 0},
                }
            )
    out.write_text(json.dumps(cases, indent=None).replace('}, {"config"', '},\n{"config"') + "\n")


if __name__ == "__main__":
    main()
