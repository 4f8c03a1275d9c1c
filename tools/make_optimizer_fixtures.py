"""Writes the weights that reference optimizers reach from fixed weights and gradients.

    python tools/make_optimizer_fixtures.py --out library/src/test/resources/fixtures/optimizers

Pinned: torch 2.13.0 (CPU). Nothing is downloaded. Running it again writes the same values.

`start.NAME` and `direction.NAME` are the weights before the first step and the direction of the gradients: the gradient
of step t is `factors[t] * direction + start / 4`. `RULE.NAME` are the weights after the last step; RULE is

- `adamw`, `adafactor`, `muon`: torch.optim.AdamW, torch.optim.Adafactor, torch.optim.Muon
- `adamw_int8`: AdamW with block-wise 8-bit moments, written here from the published description (Dettmers et al. 2022,
  "8-bit Optimizers via Block-wise Quantization"); `map.signed` and `map.unsigned` are its codes' values
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

# The first has 4,096 elements or more and a last block that is not full; the others keep float32 moments.
SHAPES = {"ragged": (43, 101), "small": (10, 20), "vector": (80,)}
FACTORS = (1.0, -0.4, 0.7, 2.0, -1.5, 0.1, 0.05, -0.02)
LR, BETAS, EPS, DECAY = 1e-2, (0.9, 0.95), 1e-8, 0.5
BLOCK, MIN_ELEMENTS = 256, 4096


def dynamic_map(signed):
    """Seven decades up to 1; each has twice the values of the one below, at the centres of equal intervals."""
    values = [0.0, 1.0]
    for decade in range(7):
        intervals = 2 ** (decade if signed else decade + 1)
        edges = torch.linspace(0.1, 1, intervals + 1, dtype=torch.float64)
        centres = ((edges[:-1] + edges[1:]) / 2 * 10.0 ** (decade - 6)).tolist()
        values += centres + ([-centre for centre in centres] if signed else [])
    assert len(values) == 256
    return torch.tensor(sorted(values), dtype=torch.float32)


class BlockwiseMoment:
    """Codes and scales of a flattened tensor. The nearest value is found by comparing with all of them."""

    def __init__(self, elements, signed):
        self.map = dynamic_map(signed)
        self.elements = elements
        self.write(torch.zeros(elements))

    def read(self):
        return (self.map[self.codes] * self.absmax[:, None]).reshape(-1)[: self.elements]

    def write(self, values):
        rows = torch.nn.functional.pad(values, (0, -len(values) % BLOCK)).reshape(-1, BLOCK)
        self.absmax = rows.abs().amax(1)
        scaled = rows / self.absmax.clamp(min=1e-30)[:, None]
        self.codes = (scaled[..., None] - self.map).abs().argmin(-1)


class AdamW8bit:
    """One parameter's AdamW: moments are decoded, updated as in torch.optim.AdamW and encoded again."""

    def __init__(self, weights, decay):
        self.weights, self.decay, self.steps = weights, decay, 0
        self.first = BlockwiseMoment(weights.numel(), signed=True)
        self.second = BlockwiseMoment(weights.numel(), signed=False)

    def step(self, gradient):
        self.steps += 1
        g = gradient.reshape(-1)
        m = BETAS[0] * self.first.read() + (1 - BETAS[0]) * g
        v = BETAS[1] * self.second.read() + (1 - BETAS[1]) * g * g
        m_hat, v_hat = m / (1 - BETAS[0] ** self.steps), v / (1 - BETAS[1] ** self.steps)
        self.weights.mul_(1 - LR * self.decay)
        self.weights.sub_((LR * m_hat / (v_hat.sqrt() + EPS)).view_as(self.weights))
        self.first.write(m)
        self.second.write(v)


def decay_of(weights):
    return DECAY if weights.dim() >= 2 else 0.0


def groups(weights):
    return [{"params": [w], "weight_decay": decay_of(w)} for w in weights.values()]


def reference(rule, weights):
    """The optimizers whose steps together update all weights."""
    if rule == "adamw":
        return [torch.optim.AdamW(groups(weights), lr=LR, betas=BETAS, eps=EPS)]
    if rule == "adafactor":
        return [torch.optim.Adafactor(groups(weights), lr=LR)]
    matrices = {name: w for name, w in weights.items() if w.dim() == 2}
    others = {name: w for name, w in weights.items() if w.dim() != 2}
    muon = torch.optim.Muon(matrices.values(), lr=LR, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(groups(others), lr=LR, betas=BETAS, eps=EPS)]


def gradient(name, t, start, direction):
    return FACTORS[t] * direction[name] + start[name] / 4


def train(rule, start, direction):
    weights = {name: torch.nn.Parameter(value.clone()) for name, value in start.items()}
    optimizers = reference(rule, weights)
    for t in range(len(FACTORS)):
        for name, w in weights.items():
            w.grad = gradient(name, t, start, direction)
        for optimizer in optimizers:
            optimizer.step()
    return {f"{rule}.{name}": w.detach().clone() for name, w in weights.items()}


def train_int8(start, direction):
    weights = {}
    for name, value in start.items():
        if value.numel() >= MIN_ELEMENTS:
            weights[name] = value.clone()
            optimizer = AdamW8bit(weights[name], decay_of(value))
            for t in range(len(FACTORS)):
                optimizer.step(gradient(name, t, start, direction))
    return {f"adamw_int8.{name}": w for name, w in weights.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    assert torch.__version__.startswith("2.13.0"), torch.__version__
    torch.manual_seed(0)
    torch.set_num_threads(1)
    start = {name: torch.randn(shape) for name, shape in SHAPES.items()}
    # Magnitudes over five decades, as gradients have; a linear 8-bit code would lose the small ones.
    direction = {name: torch.randn(shape) * 10 ** (5 * torch.rand(shape) - 4) for name, shape in SHAPES.items()}
    tensors = {"factors": torch.tensor(FACTORS)}
    tensors |= {f"map.{'signed' if signed else 'unsigned'}": dynamic_map(signed) for signed in (True, False)}
    tensors |= {f"start.{name}": value for name, value in start.items()}
    tensors |= {f"direction.{name}": value for name, value in direction.items()}
    for rule in ("adamw", "adafactor", "muon"):
        tensors |= train(rule, start, direction)
    tensors |= train_int8(start, direction)
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "steps.safetensors", metadata={"format": "pt", "torch": torch.__version__})


if __name__ == "__main__":
    main()
