"""What it costs to switch off every head of GPT-2 small in turn: `python benchmarks/sweep.py`.

Random weights at GPT-2 small's shape, one torch thread. All 144 heads, each alone: one whole pass after the other, and the heads of a
block as the rows of one batch that begins there. Time is the process's own CPU time, see benchmarks/trace.py. Both give the same
logits, which is looked at first. Nothing here is asserted by the tests.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gptviz import edits, sweep, trace
from gptviz.config import PRESETS
from gptviz.edits import Named
from gptviz.model import GPT

AIM = 0.6  # share of the time of one by one that the batches may take


def heads(model: GPT) -> list[tuple[Named, ...]]:
    """Every head off, block by block."""
    config = model.config
    return [
        edits.parse(",".join(f"head:{block}.{head}" for head in range(1, config.n_head + 1)))
        for block in range(1, config.n_layer + 1)
    ]


def one_by_one(model: GPT, ids: list[int]) -> np.ndarray:
    """The logits after the last token, (head, word), from one pass a head."""
    passes = (trace.run(model, ids, edits=[name], points=["logits"]) for names in heads(model) for name in names)
    return np.stack([one.array("logits")[0, -1].copy() for one in passes])


def batched(model: GPT, ids: list[int]) -> np.ndarray:
    """The same, the heads of a block in one batch, the pass without an edit included."""
    before = sweep.plain(model, ids)
    return np.concatenate([sweep.logits(before, block, names) for block, names in enumerate(heads(model))])


def seconds(made: Callable[[GPT, list[int]], np.ndarray], model: GPT, ids: list[int]) -> float:
    start = time.process_time()
    made(model, ids)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=12, help="tokens of the sentence (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = GPT(PRESETS["gpt2"]).init_weights(seed=123).requires_grad_(False).eval()
    ids = torch.randint(model.config.vocab_size, (options.tokens,), generator=torch.Generator().manual_seed(1)).tolist()
    apart = float(np.abs(one_by_one(model, ids) - batched(model, ids)).max())
    rounds = [(seconds(one_by_one, model, ids), seconds(batched, model, ids)) for _ in range(options.rounds)]
    one, other = (statistics.median(column) for column in zip(*rounds))
    ratios = [after / before for before, after in rounds]
    print(
        f"\ntorch {torch.__version__}, 1 thread; GPT-2 small's shape, 144 heads, {options.tokens} tokens. CPU seconds, median:"
    )
    print(f"one by one {one:.2f}, batched {other:.2f}; at most {sweep.at_once(model, options.tokens):,} edits in one batch")
    print(f"ratio {statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}), aim at most {AIM}")
    print(f"largest difference of a logit: {apart:.1e}")


if __name__ == "__main__":
    main()
