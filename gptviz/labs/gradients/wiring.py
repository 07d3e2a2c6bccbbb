"""Where the LayerNorms stand, and what that does to the residual stream."""

import numpy as np
import plotly.graph_objects as go

from ...figures import depth, rewiring
from ...figures.depth import Line, written
from ...points import stream_in
from ...stages.stage import Notes, Question
from ...trace import Trace
from ..lab import Control, Setting, experiment, once

WIRINGS = {
    "pre": "before each sublayer (this model)",
    "post": "after each sum",
    "none": "nowhere",
}
EDITS = {"pre": (), "post": ("post-norm",), "none": ("norm:*.1", "norm:*.2", "norm:final")}
POINTS = ("drop_emb", "blocks.*.norm?", "blocks.*.drop?", "blocks.*.shortcut?", "final_norm")


def passed(setting: Setting, wiring: str) -> Trace:
    """The pass with the LayerNorms in these places, with the model's own weights."""
    return setting.trace(points=POINTS, edits=EDITS[wiring])


def spread(run: Trace, point: str, row: int) -> float:
    """Standard deviation over one token's features, in double precision."""
    return float(numbers(run, point, row).std())


def numbers(run: Trace, point: str, row: int) -> np.ndarray:
    """One token's features, (feature,), in double precision; of an edited pass as they are, finite or not."""
    found = run.tensors[point].numpy() if run.edits else run.array(point)
    return found[0, row].astype(np.float64)


def stream(run: Trace, row: int) -> np.ndarray:
    """(block + 2,) spread of a token's row as it enters block 1, after every block, and after the final LayerNorm."""
    return np.array([spread(run, name, row) for name in (*map(stream_in, range(run.config.n_layer + 1)), "final_norm")])


def inside(run: Trace, block: int, row: int) -> dict[str, float]:
    """Spreads along one block: what enters, after each LayerNorm before a sublayer, what the sublayer made, the sum, what goes on."""
    at = f"blocks.{block}."
    found = {"in": spread(run, stream_in(block), row)}
    for half, entering in ((1, stream_in(block)), (2, f"{at}shortcut1")):
        total = numbers(run, entering, row) + numbers(run, f"{at}drop{half}", row)
        found |= {
            f"norm{half}": spread(run, f"{at}norm{half}", row),
            f"made{half}": spread(run, f"{at}drop{half}", row),
            f"sum{half}": float(total.std()),
            f"out{half}": spread(run, f"{at}shortcut{half}", row),
        }
    return found


@once
def traces_of(setting: Setting) -> dict[str, Trace]:
    return {wiring: passed(setting, wiring) for wiring in WIRINGS}


def pictures(setting: Setting) -> list[go.Figure]:
    runs, chosen, row, block = traces_of(setting), setting["wiring"], setting["row"], setting["block"] - 1
    layers = setting.config.n_layer
    parts = {"pre": "token", "post": "key", "none": "residual"}
    return [
        rewiring.block(
            chosen,
            {name: written(value) for name, value in inside(runs[chosen], block, row).items()},
            title=f"{'EDITED: ' if chosen != 'pre' else ''}block {block + 1}, LayerNorm {WIRINGS[chosen]}; numbers: spread",
            height=205,
        ),
        depth.lines(
            [
                Line(
                    f"{'EDITED: ' if wiring != 'pre' else ''}{WIRINGS[wiring]}",
                    stream(runs[wiring], row),
                    parts[wiring],
                    chosen=wiring == chosen,
                )
                for wiring in sorted(WIRINGS, key=lambda wiring: wiring == chosen)
            ],
            ["input", *(str(n + 1) for n in range(layers)), "final LN"],
            x_title="after block",
            y_title="spread of the row",
            height=245,
        ),
    ]


def caption(setting: Setting) -> str:
    runs, row, chosen = traces_of(setting), setting["row"], setting["wiring"]
    sizes = {wiring: stream(runs[wiring], row) for wiring in WIRINGS}
    name, last = setting.labels()[row], f"after block {setting.config.n_layer}"
    now = sizes[chosen]
    if chosen == "pre":
        said = (
            f"The stream of “{name}” is never normalised: its spread goes from {written(now[0])} to {written(now[-2])} {last}. "
            f"Only copies are, and the final LayerNorm, which leaves {written(now[-1])}."
        )
    elif chosen == "post":
        said = (
            f"Now the stream itself is normalised twice a block: the spread of “{name}” is {written(now[1])} after block 1 and "
            f"{written(now[-2])} {last}, against {written(sizes['pre'][-2])} as the model is wired."
        )
    else:
        said = f"Without any LayerNorm the spread of “{name}” goes from {written(now[0])} to {written(now[-2])} {last}"
        ratio = now[-2] / now[0] if now[0] else np.nan
        said += (
            f", {written(ratio)} times. What a sublayer makes now grows with what it is given."
            if ratio > 2
            else ": these sublayers, given so small numbers, add almost nothing."
            if ratio > 0.5
            else "."
        )
    return said + ("" if chosen == "pre" else " The weights were made for the other wiring, so this is no fair race.")


def controls(setting: Setting) -> tuple[Control, ...]:
    labels, count = setting.labels(), len(setting.ids)
    return (
        Control("wiring", "LayerNorm stands", "choice", options=tuple(WIRINGS), show=lambda key: WIRINGS[key]),
        Control("row", "Token", "choice", default=count - 1, options=tuple(range(count)), show=lambda row: labels[row]),
        *(
            [Control("block", "Block drawn", "slider", default=1, options=(1, setting.config.n_layer, 1))]
            if setting.config.n_layer > 1
            else [Control("block", "Block drawn", "choice", options=(1,))]
        ),
    )


EXPERIMENT = experiment(
    r"""# Wiring

    GPT-2 normalises a copy in front of each sublayer (pre-LayerNorm): the stream runs straight through and only collects sums, so
    its spread may grow. The first transformer of 2017 normalised the sum itself (post-LayerNorm).

    Rewire the model and measure one token's row: the standard deviation of its numbers after each block. Weights, scales and shifts
    stay the model's own; only the place changes. With none, see what the LayerNorms hold in check.

    $$\text{pre: } x + f(\mathrm{LN}(x)) \qquad \text{post: } \mathrm{LN}(x + f(x))$$
    """,
    key="wiring",
    notes=Notes(
        say="Two drawings of a block that look alike: before or after. Follow the plain line through both.",
        ask="Where in the second drawing is the path that nothing touches?",
        trap="GPT-2 normalises before each sublayer; the first Transformer did it after the sum.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    state=lambda setting: () if setting["wiring"] == "pre" else (f"EDITED: LayerNorm {WIRINGS[setting['wiring']]}",),
    question=Question(
        ask="Pre-LayerNorm: which LayerNorm normalises the residual stream itself?",
        choices=("Only the final one", "Both in every block", "None at all"),
        answer=0,
        why="Inside the blocks only the copies that go into attention and the feed-forward layer are normalised; the final LayerNorm "
        "takes the stream itself before the output head.",
    ),
)
