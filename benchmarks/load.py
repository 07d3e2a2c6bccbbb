"""What it costs to get GPT-2 small from disk to its first answer: `python benchmarks/load.py`.

A checkpoint of GPT-2 small's shape with random weights, float32, is written to a temporary folder; then, in fresh turns:
  bare    the file mapped into memory, its tensors put into the model without a look, one forward
  gptviz  weights.load, which checks every name, shape and number, one forward
Every page is in the file cache beforehand (a cold disk hits both alike), and both end with the same logits. Time is the process's
own CPU time: with one thread it is the wall clock of an idle machine, and does not count what other programs take. Every round
times both, in changing order; the ratio is taken within a round and the table shows the median over rounds. Nothing here is
asserted by the tests.
"""

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gptviz import weights
from gptviz.config import PRESETS
from gptviz.model import GPT

TOKENS = 16


def bare(folder: Path) -> GPT:
    """The least that gives a model: map the file, hand over the tensors."""
    found = load_file(folder / "model.safetensors")
    with torch.device("meta"):
        model = GPT(PRESETS["gpt2"])
    state = {name: found["transformer." + weights.hf_name(name)] for name, _ in model.named_parameters()}
    model.load_state_dict(state | {"out_head.weight": state["tok_emb.weight"]}, assign=True)
    return model.requires_grad_(False).eval()


@torch.inference_mode()
def timed(load: Callable[[Path], GPT], folder: Path, ids: torch.Tensor) -> tuple[float, float, torch.Tensor]:
    """CPU seconds until the model stands, CPU seconds until its first logits, and the logits."""
    start = time.process_time()
    model = load(folder)
    loaded = time.process_time()
    logits = model(ids)
    return loaded - start, time.process_time() - start, logits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    ids = torch.randint(50257, (1, TOKENS), generator=torch.Generator().manual_seed(0))
    variants = {"bare": bare, "gptviz": weights.load}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        weights.save(GPT(PRESETS["gpt2"]).init_weights(seed=123).requires_grad_(False), folder)
        for turn in range(options.rounds + 1):
            answers = {}
            for name in sorted(variants, reverse=turn % 2 == 1):
                gc.collect()
                *took, answers[name] = timed(variants[name], folder, ids)
                if turn:  # the first round fills the file cache
                    seconds[name].append(tuple(took))
            assert torch.equal(answers["bare"], answers["gptviz"])

    print(f"\ntorch {torch.__version__}, 1 thread; GPT-2 small's shape, float32, {TOKENS} tokens. Median CPU milliseconds:")
    print("          load   load and first forward   (quartiles)")
    for name, taken in seconds.items():
        load, both = (statistics.median(column) for column in zip(*taken))
        low, _, high = statistics.quantiles([both for _, both in taken], n=4)
        print(f"{name:<7}{1000 * load:7.0f}{1000 * both:15.0f}{'':9}({1000 * low:.0f} to {1000 * high:.0f})")
    ratios = [ours[1] / theirs[1] for ours, theirs in zip(seconds["gptviz"], seconds["bare"])]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"gptviz / bare: {middle:.2f} (quartiles {low:.2f} to {high:.2f}), {options.rounds} rounds")


if __name__ == "__main__":
    main()
