"""Models whose token embedding was resized by transformers.

    python tools/make_resize_golden.py --fixtures library/src/test/resources/fixtures

Writes resized_embeddings.safetensors: for each base model and number of rows, ids among the old and the new rows, and
the logits after resize_token_embeddings. transformers draws new rows around the mean of the old rows with a variance of
1e-9 of theirs, or takes the mean itself where the covariance is not positive definite; here the mean is taken always.
"""

import argparse
from pathlib import Path

import torch
from make_tied_adapter_fixtures import GEMMA2, GEMMA4, LLAMA, LLAMA_UNTIED, base_model, vocabulary
from safetensors.torch import save_file
from torch.distributions import constraints

CASES = [(LLAMA, 101), (LLAMA, 64), (LLAMA_UNTIED, 99), (GEMMA2, 103), (GEMMA4, 140)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixtures", type=Path, required=True)
    fixtures = parser.parse_args().fixtures
    torch.set_num_threads(1)
    constraints.positive_definite.check = lambda matrix: torch.tensor([False])
    values = {}
    for base, rows in CASES:
        torch.manual_seed(rows)
        model = base_model(fixtures / base)
        old = vocabulary(model)
        model.resize_token_embeddings(rows)
        ids = torch.randint(1, min(old, rows), (1, 8))
        if rows > old:
            ids[0, 3], ids[0, 6] = rows - 1, old
        key = f"{base}.{rows}"
        with torch.no_grad():
            values[f"{key}.ids"] = ids
            values[f"{key}.logits"] = model(input_ids=ids).logits.contiguous()
        assert model.get_input_embeddings().weight.shape[0] == rows
    save_file(values, fixtures / "resized_embeddings.safetensors")


if __name__ == "__main__":
    main()
