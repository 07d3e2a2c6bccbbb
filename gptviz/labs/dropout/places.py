"""Where one pass applies dropout: the four places, the controls that choose one, and the map of all of them."""

from dataclasses import dataclass

import numpy as np

from ... import weights
from ...config import PRESETS, GPTConfig
from ...figures import dropout as charts
from ...figures.table import Table
from ...hooks import noise
from ...points import dropout_site
from ...seen import Seen
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment


@dataclass(frozen=True)
class Place:
    """One of the four places of the model. short: its name in a list. before, after: hook point templates. part: its colour."""

    label: str
    short: str
    before: str
    after: str
    part: str

    def points(self, block: int) -> tuple[str, str]:
        """The hook points before and after in a block (0-based)."""
        return self.before.format(block=block), self.after.format(block=block)


PLACES = {
    "embedding": Place("Input embedding", "Embedding", "input_emb", "drop_emb", "token"),
    "weights": Place(
        "Attention weights", "Attention weights", "blocks.{block}.att.weights", "blocks.{block}.att.dropped", "attention"
    ),
    "attention": Place("Attention output", "Attention output", "blocks.{block}.att_out", "blocks.{block}.drop1", "residual"),
    "feed-forward": Place(
        "Feed-forward output", "Feed-forward", "blocks.{block}.ff_out", "blocks.{block}.drop2", "feed-forward"
    ),
}

RATES = (0.0, 0.9, 0.01)
SEEDS = (0, 99, 1)
TRAINED_RATE = 0.1  # GPT-2's own


def fixed(value: float, digits: int = 3) -> str:
    """A number with so many decimals and a real minus sign, never minus nothing."""
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")


def divided(value: float, by: float) -> str:
    """A division that comes out on a calculator: what is divided has as many decimals, three at least, as that takes."""
    result = fixed(value / by)
    digits = next((digits for digits in range(3, 12) if fixed(round(value, digits) / by) == result), 12)
    return f"{fixed(value, digits)} ÷ {by:g} = {result}"


def place(keys: tuple[str, ...] = tuple(PLACES)) -> Control:
    return Control("place", "Place", "choice", options=keys, show=lambda key: PLACES[key].short)


def block(setting: Setting) -> Control:
    count = setting.config.n_layer
    return Control(
        "block",
        "Block",
        "choice",
        options=tuple(range(1, count + 1)),
        show=lambda n: f"{n} of {count}",
        when=lambda values: values.get("place") != "embedding",  # which lies before the blocks
    )


def head(setting: Setting) -> Control:
    count = setting.config.n_head
    return Control(
        "head",
        "Head",
        "choice",
        options=tuple(range(1, count + 1)),
        show=lambda n: f"{n} of {count}",
        help="Of attention weights.",
        when=lambda values: values.get("place", "weights") == "weights",
    )


def rate(default: float) -> Control:
    return Control("p", "Dropout rate p", "slider", default, RATES)


def seed(name: str = "seed", label: str = "Seed", default: int = 0) -> Control:
    return Control(name, label, "slider", default, SEEDS, help="The same seed gives the same masks, on every machine.")


MODE = Control("mode", "Model is in", "choice", options=("train", "eval"), show=str.upper)


def in_force(setting: Setting) -> float:
    """The rate the pass runs at: p in TRAIN, 0 in EVAL."""
    return setting["p"] if setting["mode"] == "train" else 0.0


def badge(setting: Setting) -> tuple[str, ...]:
    """The state the numbers come from."""
    if not in_force(setting):
        return ("EVAL: dropout off",) if setting["mode"] == "eval" else ("DROPOUT 0: nothing falls",)
    return (weights.mode(setting.model, setting["p"], f"seed {setting['seed']}"),)


def passed(setting: Setting) -> tuple[Seen, str, str]:
    """The pass at the chosen rate and seed, seen at the chosen place, and the points before and after it."""
    before, after = PLACES[setting["place"]].points(setting["block"] - 1)
    trace = setting.trace(dropout=in_force(setting), seed=setting["seed"], points=(before, after))
    return Seen(trace, block=setting["block"] - 1, head=setting["head"] - 1), before, after


@dataclass(frozen=True)
class Site:
    """One application of dropout. number: counts from 1, in the order of the pass. block: 0-based, None for the embedding.

    count: numbers it can drop (routes the causal mask leaves, for attention weights); zeros: how many fall.
    """

    number: int
    place: str
    block: int | None
    point: str
    shape: tuple[int, ...]
    count: int
    zeros: int


def sites(config: GPTConfig, tokens: int, p: float, seed: int) -> list[Site]:
    """Every application of one pass over `tokens` tokens, with the zeros of its real mask."""
    stream, square = (1, tokens, config.n_embd), (1, config.n_head, tokens, tokens)
    places = [("embedding", None)] + [
        (key, n) for n in range(config.n_layer) for key in ("weights", "attention", "feed-forward")
    ]
    found = []
    for key, n in places:
        point = PLACES[key].points(n or 0)[1]
        shape = square if key == "weights" else stream
        fell = noise(shape, seed, dropout_site(point)).numpy() < np.float32(p)
        readable = np.tri(tokens, dtype=bool) if key == "weights" else np.ones(stream[1:], dtype=bool)
        count = int(readable.sum()) * (config.n_head if key == "weights" else 1)
        found.append(Site(dropout_site(point) + 1, key, n, point, shape, count, int((fell & readable).sum())))
    return found


def shown_config(setting: Setting) -> GPTConfig:
    return setting.config if setting["size"] == "this" else PRESETS[setting["size"]]


def shown_sites(setting: Setting) -> list[Site]:
    return sites(shown_config(setting), len(setting.ids), setting["p"], setting["seed"])


def pictures(setting: Setting) -> list:
    found, config = shown_sites(setting), shown_config(setting)
    lanes = {key: one.label for key, one in PLACES.items()}
    rows = {key: [site for site in found if site.place == key] for key in PLACES}
    chart = charts.places(
        [
            (
                site.number,
                list(PLACES).index(site.place),
                0 if site.block is None else site.block + 1,
                site.point,
                site.zeros,
                site.count,
            )
            for site in found
        ],
        list(lanes.values()),
        [one.part for one in PLACES.values()],
        config.n_layer,
        title=f"{len(found)} = 1 + 3 × {config.n_layer} places in one pass, numbered in order, with the share of zeros",
    )
    table = Table(
        {
            "place": list(lanes.values()),
            "times": [len(some) for some in rows.values()],
            "shape": [str(some[0].shape) for some in rows.values()],
            "can fall": [f"{sum(site.count for site in some):,}" for some in rows.values()],
            "zeros": [f"{sum(site.zeros for site in some):,}" for some in rows.values()],
            "expected": [_expected(sum(site.count for site in some), setting["p"]) for some in rows.values()],
        }
    )
    return [chart, table]


def _expected(count: int, p: float) -> str:
    return f"{count * p:,.1f} ± {np.sqrt(count * p * (1 - p)):,.1f}"


def caption(setting: Setting) -> str:
    found, config = shown_sites(setting), shown_config(setting)
    zeros, count = sum(site.zeros for site in found), sum(site.count for site in found)
    other = "" if len(found) == 37 else " GPT-2 small has 12 blocks and so 37."
    tokens = len(setting.ids)
    return (
        f"1 + 3 × {config.n_layer} = {len(found)} masks for {tokens} token{'s' * (tokens != 1)}, drawn anew in every training "
        f"pass: {zeros:,} of {count:,} numbers fall at p = {setting['p']:g}, {_expected(count, setting['p'])} expected.{other}"
    )


def controls(setting: Setting) -> tuple[Control, ...]:
    sizes = ("this",) + tuple(key for key in ("gpt2",) if PRESETS[key].n_layer != setting.config.n_layer)
    names = {"this": "this model", "gpt2": "GPT-2 small"}
    return (Control("size", "Shape of", "choice", options=sizes, show=names.get), rate(TRAINED_RATE), seed())


EVERYWHERE = experiment(
    r"""# Where it acts

Dropout sits at four kinds of place: on the input embedding, once; and in every block on the attention weights, on the output
of attention and on the output of the feed-forward layer, before each of the two is added to the stream. Each application
draws a mask of its own. Nothing is dropped in the shortcuts themselves, in the LayerNorms or in the output head.

$$1 + 3 \times \text{blocks}$$
""",
    key="places",
    notes=Notes(
        say="Count the places aloud: one at the input, three in every block. Each time with a mask of its own.",
        ask="Where in a block would you not want numbers to fall, and why?",
        trap="One module used twice still draws two masks: modules are not applications.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=lambda setting: (
        (f"MASKS OF p {setting['p']:g}, SEED {setting['seed']}",)
        + (("SHAPE OF GPT-2 SMALL",) if setting["size"] != "this" else ())
    ),
    question=Question(
        ask="GPT-2 small has 12 blocks. How many times does one training pass apply dropout?",
        choices=("12", "25", "37"),
        answer=2,
        why="Once after the embedding, three times in every block: 1 + 3 × 12. Code that uses one dropout module for both "
        "shortcuts of a block has 25 modules and still 37 applications.",
    ),
)
