"""The whole trip in one picture: words go in, one word comes out, and what each third of the model does in between."""

from dataclasses import dataclass

import numpy as np

from .. import sampling, tokenizer
from ..config import PRESETS, GPTConfig
from ..seen import Seen
from ..trace import Trace
from ..words import percent

SHOWN = 12  # tokens of a sentence in the picture
GUESSES = 4  # words that come out
HERO = ("The letter was sealed. She opened the", "The door was locked. She opened the")


@dataclass(frozen=True)
class Third:
    """A part of the trip. first: the key of the stage it begins with. part: whose colour it takes."""

    title: str
    said: str
    first: str
    part: str


@dataclass(frozen=True)
class Guess:
    """A word that may come next. word: printable."""

    word: str
    share: float


def guesses(logits: np.ndarray, made: Trace, count: int = GUESSES) -> tuple[Guess, ...]:
    """The most probable next tokens after a row of logits."""
    shares = sampling.softmax(logits)
    best = np.argsort(-shares, kind="stable")[:count]
    return tuple(Guess(made.word(int(word)), float(shares[word])) for word in best)


def goes_in(seen: Seen) -> tuple[str, ...]:
    """The last tokens of the sentence, printable."""
    return tuple(seen.trace.tokens[seen.item][: seen.size][-SHOWN:])


def comes_out(seen: Seen) -> tuple[Guess, ...]:
    return guesses(seen.array("logits")[-1], seen.trace)


def thirds(config: GPTConfig, tokens: int) -> tuple[Third, Third, Third]:
    """What each third does, with this model's numbers."""
    rows = f"{tokens} token{'s' * (tokens > 1)}"
    blocks = f"{config.n_layer} blocks" if config.n_layer > 1 else "one block"
    return (
        Third(
            "Words become numbers",
            f"{rows} become {tokens} row{'s' * (tokens > 1)} of {config.n_embd:,} numbers: what each token is, plus where it stands.",
            "text",
            "token",
        ),
        Third(
            "Rows read each other",
            f"In {blocks}, one after the other, every row fetches from earlier rows what helps it (attention), then works on its own "
            "(feed-forward). Each adds to the row and replaces nothing.",
            "norm1",
            "attention",
        ),
        Third(
            "The last row becomes a guess",
            f"It is compared with all {config.vocab_size:,} tokens; softmax turns that into shares of 1. The best token is written behind "
            "the text, and everything starts again.",
            "final-norm",
            "output",
        ),
    )


def sizes(config: GPTConfig) -> str:
    """This model's numbers beside those of the lecture's."""
    large = PRESETS["gpt2"]
    if (config.n_embd, config.n_head, config.n_layer) == (large.n_embd, large.n_head, large.n_layer):
        return f"Width {large.n_embd}, {large.n_head} heads, {large.n_layer} blocks: GPT-2 small's own shape."
    return (
        f"Every step is GPT-2's; only the sizes differ: width {config.n_embd:,} here, {large.n_embd} in GPT-2 small; heads "
        f"{config.n_head} and {large.n_head}; blocks {config.n_layer} and {large.n_layer}; places for tokens "
        f"{config.context_length:,} and {large.context_length:,}."
    )


# the hero pair --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two sentences that end alike. out: what comes next, for each. place: the first token in which they differ. block, head: counted
    from 1, of the head whose last row puts most on that token in both; shares: how much; read: the two tokens."""

    out: tuple[tuple[Guess, ...], tuple[Guess, ...]]
    place: int
    block: int
    head: int
    shares: tuple[float, float]
    read: tuple[str, str]

    @property
    def said(self) -> str:
        """What the pair shows, with its numbers."""
        first, second = (out[0] for out in self.out)
        if first.word == second.word:
            answer = f'Both go on with "{first.word}", {percent(first.share)} and {percent(second.share)}.'
        else:
            answer = f'The last three words are the same, the answers are not: "{first.word}" and "{second.word}".'
        return (
            f"{answer} Of all heads, head {self.head} of block {self.block} looks back most: the last row gives "
            f'{percent(self.shares[0])} of its attention to "{self.read[0]}", and {percent(self.shares[1])} to "{self.read[1]}".'
        )


def pair(one: Trace, other: Trace) -> Pair:
    """What two traces show; each is of one sentence, and the sentences are equally long."""
    ids = one.ids[0].tolist(), other.ids[0].tolist()
    place = next(n for n, (a, b) in enumerate(zip(*ids)) if a != b)
    on_it = [
        np.stack([made.array(f"blocks.{block}.att.weights")[0, :, -1, place] for block in range(made.config.n_layer)])
        for made in (one, other)
    ]
    block, head = divmod(int((on_it[0] + on_it[1]).argmax()), one.config.n_head)
    return Pair(
        out=tuple(guesses(made.array("logits")[0, -1], made, 3) for made in (one, other)),
        place=place,
        block=block + 1,
        head=head + 1,
        shares=tuple(float(found[block, head]) for found in on_it),
        read=tuple(tokenizer.printable(row[place]) for row in ids),
    )
