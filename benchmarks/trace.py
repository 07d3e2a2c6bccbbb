"""What it costs to keep every intermediate of GPT-2 small: `python benchmarks/trace.py`.

Random weights at GPT-2 small's shape, shared by both implementations, one torch thread. Time is the process's own CPU time:
with one thread it is the wall clock of an idle machine, and does not count what other programs take. Every round times every
variant once, in rotating order, so that whatever slows the machine hits all of them alike; a ratio is taken within a round and
the table shows the median over rounds. Nothing here is asserted by the tests.
"""

import argparse
import gc
import statistics
import sys
import time
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gptviz import trace, weights
from gptviz.config import PRESETS
from gptviz.model import GPT

ROUNDS = {4: 40, 16: 40, 64: 20, 256: 8, 1024: 5}
PLAIN, FULL, BLOCK, HF_PLAIN, HF_FULL = "plain", "full capture", "one block", "transformers", "transformers, all outputs"
RATIOS = ((FULL, PLAIN), (BLOCK, PLAIN), (PLAIN, HF_PLAIN), (HF_FULL, HF_PLAIN), (FULL, HF_FULL))


def peer(model: GPT) -> GPT2LMHeadModel:
    """transformers' GPT-2 in eager attention, on the very same weights."""
    config = model.config
    with torch.device("meta"):
        theirs = GPT2LMHeadModel(
            GPT2Config(
                n_embd=config.n_embd,
                n_layer=config.n_layer,
                n_head=config.n_head,
                n_positions=config.context_length,
                attn_implementation="eager",
            )
        )
    state = {"transformer." + weights.hf_name(name): parameter.detach() for name, parameter in model.named_parameters()}
    theirs.load_state_dict(state, strict=False, assign=True)
    theirs.tie_weights()
    return theirs.eval()


def kept_bytes(output) -> int:
    """Bytes of the distinct storages behind transformers' logits, hidden states and attentions."""
    tensors = (output.logits, *output.hidden_states, *output.attentions)
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@torch.inference_mode()
def measure(model: GPT, theirs: GPT2LMHeadModel, tokens: int, rounds: int) -> dict:
    """Seconds of every variant in every round, and the bytes the capturing ones hold."""
    ids = torch.randint(model.config.vocab_size, (1, tokens), generator=torch.Generator().manual_seed(tokens))
    middle = model.config.n_layer // 2
    variants = {
        PLAIN: lambda: model(ids),
        FULL: lambda: trace.run(model, ids, budget=8 << 30),
        BLOCK: lambda: trace.run(model, ids, points=[f"blocks.{middle}.*"]),
        HF_PLAIN: lambda: theirs(ids, use_cache=False),
        HF_FULL: lambda: theirs(ids, use_cache=False, output_attentions=True, output_hidden_states=True),
    }
    held = {FULL: variants[FULL]().nbytes, BLOCK: variants[BLOCK]().nbytes, HF_FULL: kept_bytes(variants[HF_FULL]())}
    names = list(variants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()  # a collection in the middle of a pass would be charged to whoever runs then
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.process_time()
            result = variants[name]()
            elapsed = time.process_time() - start
            del result
            if turn:  # the first round warms up
                seconds[name].append(elapsed)
    return {"seconds": seconds, "held": held}


def row(*cells, widths) -> str:
    return "  ".join(str(cell).rjust(width) for cell, width in zip(cells, widths))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="*", default=list(ROUNDS), help="lengths to measure")
    parser.add_argument("--rounds", type=int, help="rounds for every length (default: fewer the longer the text)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    model = GPT(PRESETS["gpt2"]).init_weights(seed=123).requires_grad_(False).eval()
    theirs = peer(model)
    found = {tokens: measure(model, theirs, tokens, options.rounds or ROUNDS.get(tokens, 8)) for tokens in options.tokens}

    print(f"\ntorch {torch.__version__}, 1 thread; GPT-2 small's shape, batch 1. Median CPU milliseconds of one pass:")
    names = (PLAIN, FULL, BLOCK, HF_PLAIN, HF_FULL)
    widths = [6, *(max(10, len(name)) for name in names)]
    print(row("tokens", *names, widths=widths))
    for tokens, one in found.items():
        print(row(tokens, *(f"{1000 * statistics.median(one['seconds'][name]):.1f}" for name in names), widths=widths))

    print("\nRatios within a round, median [lower quartile, upper quartile]:")
    titles = [f"{over} / {under}" for over, under in RATIOS]
    widths = [6, *(max(20, len(title)) for title in titles), 6]
    print(row("tokens", *titles, "rounds", widths=widths))
    for tokens, one in found.items():
        cells = []
        for over, under in RATIOS:
            ratios = [a / b for a, b in zip(one["seconds"][over], one["seconds"][under])]
            low, middle, high = statistics.quantiles(ratios, n=4)
            cells.append(f"{middle:.3f} [{low:.3f}, {high:.3f}]")
        print(row(tokens, *cells, len(one["seconds"][PLAIN]), widths=widths))

    print("\nMiB held by what a pass returns:")
    names = (FULL, BLOCK, HF_FULL)
    widths = [6, *(max(10, len(name)) for name in names)]
    print(row("tokens", *names, widths=widths))
    for tokens, one in found.items():
        print(row(tokens, *(f"{one['held'][name] / 2**20:.1f}" for name in names), widths=widths))


if __name__ == "__main__":
    main()
