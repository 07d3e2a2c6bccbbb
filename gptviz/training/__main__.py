"""Train a GPT-2-shaped model on a text, or print how well one predicts a text.

python -m gptviz.training TEXT OUT --minutes 60
python -m gptviz.training TEXT OUT --resume
python -m gptviz.training tokenize TEXT TOKENS.npy
python -m gptviz.training evaluate FOLDER
python -m gptviz.training pack FOLDER SMALL
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

from .. import snapshots, tokenizer, trace, weights
from ..config import GPTConfig
from ..sampling import softmax
from . import evaluation, packing
from .data import UNIFORM_LOSS, Corpus, Yardstick, encode_text
from .run import Run, Settings

PROMPTS = ("Every effort moves you", "Once upon a time there was", "The little girl opened the door and")

NEXT = ("She opened the", "Every effort moves you")
PAIRS = (("cat", "kitten"), ("cat", "dog"), ("king", "queen"), ("he", "she"), ("cat", "government"))


def main(arguments: list[str]) -> int:
    commands = {"evaluate": evaluate, "pack": pack, "tokenize": tokenize}
    command = commands.get(arguments[0]) if arguments else None
    try:
        return command(arguments[1:]) if command else train(arguments)
    except (OSError, ValueError, MemoryError) as error:
        print(error, file=sys.stderr)
        return 1


def tokenize(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gptviz.training tokenize", description="Text -> token ids in an .npy file."
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("tokens", type=Path)
    given = parser.parse_args(arguments)
    ids = encode_text(given.text)
    np.save(given.tokens, ids)
    print(f"{len(ids):,} tokens written to {given.tokens}")
    return 0


def evaluate(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gptviz.training evaluate", description="Loss of a checkpoint folder on the held-out end of a text."
    )
    parser.add_argument("folder", type=Path, help="a checkpoint folder, as a run leaves it")
    parser.add_argument(
        "--text", type=Path, help="the text it was trained on; not needed where the run left its held-out end there"
    )
    parser.add_argument("--held-out", type=int, default=100_000, help="tokens at its end (at most a twentieth of it)")
    parser.add_argument("--windows", type=int, default=60)
    parser.add_argument("--samples", type=int, default=40, help="tokens of each sample text, 0 for none")
    parser.add_argument("--seed", type=int, default=1337, help="of the samples")
    parser.add_argument("--steps", action="store_true", help="measure every snapshot of its run too")
    given = parser.parse_args(arguments)
    model = weights.load(given.folder)
    corpus = Corpus.read(given.text, given.held_out) if given.text else Yardstick.read(given.folder)
    losses = evaluation.window_losses(model, corpus.held_out, given.windows)
    found = losses.mean()
    error = losses.std(ddof=1) / given.windows**0.5 if given.windows > 1 else float("nan")
    lines = {
        "learned numbers": f"{sum(one.numel() for one in model.parameters()):,}",
        "tokens to learn from": f"{corpus.counts.sum():,}, {(corpus.counts == 0).sum():,} words of the vocabulary never among them",
        "tokens held out": f"{len(corpus.held_out):,}, of them read: {given.windows} windows of {model.config.context_length}",
        "loss on them": f"{found:.3f} nats a token (standard error {error:.3f}), perplexity {np.exp(found):.1f}",
        "uniform guess, ln 50257": f"{UNIFORM_LOSS:.3f}",
        "word frequencies": f"{corpus.unigram_loss():.3f} on the held-out tokens, {corpus.unigram_entropy:.3f} on the text to "
        "learn from (its unigram entropy)",
    }
    for prompt in NEXT:
        shares = softmax(trace.run(model, tokenizer.encode(prompt), points=["logits"]).array("logits")[0, -1])
        best = (f"{tokenizer.printable(int(token))} {shares[token]:.1%}" for token in np.argsort(-shares)[:3])
        lines[f"after {prompt!r}"] = ", ".join(best)
    table = model.tok_emb.weight.detach()
    for pair in PAIRS:
        one, two = (table[tokenizer.encode(f" {word}")[0]] for word in pair)
        lines[f"cosine of {' and '.join(pair)}"] = f"{torch.cosine_similarity(one, two, dim=0):.2f}"
    for name, value in lines.items():
        print(f"{name:<32} {value}")
    history = snapshots.history(given.folder) if given.steps else None
    for step in history.steps if history else ():
        stored = evaluation.loss(step.load(history.config), corpus.held_out, given.windows)
        print(
            f"{f'loss at step {step.number:,}':<32} {stored:.3f} as stored here, {step.cost:+.3f} of it for storing it compactly"
        )
    for prompt in PROMPTS if given.samples else ():
        print(repr(sample(model, prompt, given.samples, given.seed)))
    return 0


def pack(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gptviz.training pack", description="A run's snapshots with fewer bits a number, and what that costs."
    )
    parser.add_argument("folder", type=Path, help="of a run that is over")
    parser.add_argument("out", type=Path, help="folder for the small snapshots")
    parser.add_argument("--windows", type=int, default=packing.WINDOWS)
    parser.add_argument("--bits", type=int, default=4, choices=range(2, 9), help="of each number")
    given = parser.parse_args(arguments)
    held_out = Yardstick.read(given.folder).held_out
    print(f"{'step':>8} {'bytes':>12} {'loss':>8} {'packed':>8} {'cost':>8} {'error':>7}", flush=True)

    def say(one: packing.Packed) -> None:
        cost = one.after - one.before
        print(
            f"{one.step:>8,} {one.size:>12,} {one.before:>8.4f} {one.after:>8.4f} {cost:>+8.4f} {one.error:>7.2%}", flush=True
        )

    made = packing.pack(given.folder, given.out, held_out, given.bits, given.windows, say)
    print(f"{sum(one.size for one in made):,} bytes in all")
    return 0


def sample(model, prompt: str, count: int, seed: int) -> str:
    """The prompt and `count` tokens drawn at temperature 0.8 from the 40 most likely."""
    random, ids = np.random.default_rng(seed), tokenizer.encode(prompt)
    for _ in range(count):
        logits = trace.run(model, ids[-model.config.context_length :], points=["logits"])["logits"][0, -1].numpy()
        best = np.argsort(-logits)[:40]
        ids.append(int(random.choice(best, p=softmax(logits[best] / 0.8))))
    return tokenizer.decode(ids)


def train(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gptviz.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path, help="plain text in UTF-8, <|endoftext|> between documents; or its token ids (.npy)")
    parser.add_argument("out", type=Path, help="folder for the checkpoint, the log and the snapshots")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=0.0, help="by the clock (60 when neither is given)")
    length.add_argument("--steps", type=int, default=0, help="by steps; the same command then gives the same weights")
    parser.add_argument("--resume", action="store_true", help="go on with the run in OUT, settings as it was started with")
    parser.add_argument("--from", dest="start", default="", metavar="FOLDER", help="start from these weights, not random ones")
    shape = parser.add_argument_group("shape (GPT-2's own otherwise; --from brings its own)")
    for name, default in (("layers", 6), ("heads", 8), ("width", 256), ("context", 256)):
        shape.add_argument(f"--{name}", type=int, default=default)
    defaults = Settings(steps=1)
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument("--batch", type=int, default=defaults.batch, help="windows a step")
    recipe.add_argument("--rate", type=float, default=defaults.rate, help="AdamW's, for embeddings, norms and biases")
    recipe.add_argument("--matrix-rate", type=float, default=defaults.matrix_rate, help="Muon's, for the blocks' matrices")
    recipe.add_argument("--warmup", type=int, default=defaults.warmup, help="steps until the full rate")
    recipe.add_argument("--hold", type=float, default=defaults.hold, help="share of the run before the rate falls")
    recipe.add_argument("--negatives", type=int, default=None, help="sampled softmax: words drawn, 0 for all words (GPU: 0)")
    recipe.add_argument("--dropout", type=float, default=0.1, help="rate at all of GPT-2's places, 0 for none (its own: 0.1)")
    recipe.add_argument("--full-end", type=float, default=defaults.full_end, help="share at the end with the full softmax")
    recipe.add_argument("--held-out", type=int, default=defaults.held_out, help="tokens at the text's end never learned from")
    recipe.add_argument("--seed", type=int, default=defaults.seed)
    recipe.add_argument("--log-every", type=int, default=defaults.log_every, help="steps between two lines of the log")
    recipe.add_argument("--no-snapshots", action="store_true", help="write no compact checkpoints along the way")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    machine.add_argument("--precision", choices=("float32", "bfloat16"), default=None, help="of the products (GPU: bfloat16)")
    machine.add_argument("--compile", choices=("yes", "no"), default=None, help="torch.compile (GPU: yes)")
    machine.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    started = time.monotonic()
    if given.resume:
        run = Run.resume(given.text, given.out)
    else:
        gpu = given.device != "cpu"
        settings = Settings(
            minutes=given.minutes or (0.0 if given.steps else 60.0),
            steps=given.steps,
            model=GPTConfig(n_layer=given.layers, n_head=given.heads, n_embd=given.width, context_length=given.context),
            start=given.start,
            batch=given.batch,
            rate=given.rate,
            matrix_rate=given.matrix_rate,
            warmup=given.warmup,
            hold=given.hold,
            negatives=given.negatives if given.negatives is not None else 0 if gpu else defaults.negatives,
            dropout=given.dropout,
            full_end=given.full_end,
            held_out=given.held_out,
            seed=given.seed,
            precision=given.precision or ("bfloat16" if gpu else "float32"),
            device=given.device,
            compiled=given.compile == "yes" if given.compile else gpu,
            log_every=given.log_every,
            snapshots=not given.no_snapshots,
        )
        run = Run(settings, Corpus.read(given.text, given.held_out), given.out)
    print(
        f"{len(run.corpus.train):,} tokens to learn from, {len(run.corpus.held_out):,} held out, "
        f"read in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: setattr(run, "stop", True))
    run.train()
    if run.progress < 1:
        print(f"stopped after step {run.step:,}; the same command with --resume goes on from there")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
