"""Times loading a checkpoint, a prompt of 32 ids and single tokens after the prompt in transformers, one line per round.

    python bench/python/transformers_load.py DIR [ROUNDS] [TOKENS]

Pinned: transformers 5.18.0, torch 2.13.0 (CPU). Imports are not counted.
"""

import json
import statistics
import sys
import time

import torch
import transformers

transformers.logging.set_verbosity_error()


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, round(1000 * (time.perf_counter() - start), 1)


directory = sys.argv[1]
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
tokens = int(sys.argv[3]) if len(sys.argv) > 3 else 0
for _ in range(rounds):
    model, load = timed(lambda: transformers.AutoModelForCausalLM.from_pretrained(directory, dtype="auto"))
    with torch.no_grad():
        ids = torch.arange(5, 37)[None]
        out, prefill = timed(lambda: model(ids, use_cache=True, logits_to_keep=1))
        decode = []
        for i in range(tokens):
            ids = torch.tensor([[100 + i]])
            out, milliseconds = timed(lambda: model(ids, past_key_values=out.past_key_values, use_cache=True))
            decode.append(milliseconds)
    print(
        json.dumps(
            {
                "program": f"transformers {transformers.__version__}, torch {torch.__version__}",
                "load_ms": load,
                "prefill_ms": prefill,
                "decode_ms": statistics.median(decode) if decode else 0,
            }
        )
    )
    del model, out
