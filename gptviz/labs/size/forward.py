"""Experiment: forward() line by line, with the shape of what every line makes."""

import re
from dataclasses import dataclass

import numpy as np

from ... import tokenizer
from ...config import PRESETS
from ...figures.forms import Picture
from ...figures.matrix import Grid, Panel
from ...figures.table import Table
from ...stages import source
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment, once
from ..subjects.batch import padded

OTHER = "Every day holds a"
MOST_TOKENS = 12  # of each sentence
FUNCTIONS = ("GPT.forward", "Block.forward", "Attention.forward", "FeedForward.forward")
INSIDE = {"GPT": "", "Block": "blocks.0.", "Attention": "blocks.0.att.", "FeedForward": "blocks.0.ff."}
FIRST = 8  # numbers of a row that are drawn
HEIGHT = 190
SAID = {
    "self.check(ids)": "Ids that cannot go in are refused here. A tokenizer made them, before the model runs.",
    "ids = self.hook_ids(ids)": "ids: batch_size rows of seq_len numbers. Nothing else goes in.",
    "self.tok_emb(ids)": "Every id picks its row of the token table.",
    "self.pos_emb.weight": "The first seq_len rows of the position table: one copy for all sentences.",
    "tok_emb + pos_emb": "Added number by number, the same positions to every sentence.",
    "self.drop_emb(": "Dropout: hands everything on, unless the model is being trained with it.",
    "for block in self.blocks": "The blocks in a row, each with tables of its own. nn.Sequential(*blocks) would do the same in one call.",
    "x = block(x)": "One block: rows read each other, then work alone. It hands on the shape it was given.",
    "self.final_norm(x)": "The last LayerNorm, on every row by itself.",
    "self.out_head(x)": "Every row times every row of the token table: a logit for each token of the vocabulary.",
    "shortcut = x": "What came in is kept, for the sum below.",
    "self.norm1(x)": "LayerNorm, on a copy: the shortcut keeps x as it came.",
    "self.att(x)": "Attention: see its own forward.",
    "self.drop1(x)": "Dropout again.",
    "shortcut + x": "What was kept plus what was made.",
    "self.norm2(x)": "The second LayerNorm.",
    "self.ff(x)": "The feed-forward layer: see its own forward.",
    "self.drop2(x)": "Dropout, for the last time in the block.",
    "return x": "Out of the block, into the next one.",
    "self.qkv(x)": "One product makes queries, keys and values, and is cut in three.",
    "self.split_heads(query)": "Cut into heads: a new axis, and shorter lists.",
    "self.split_heads(key)": "The same for the keys.",
    "self.split_heads(value)": "The same for the values.",
    "query @ key": "Every query with every key: a square for each head of each sentence.",
    "scores / math.sqrt": "Divided by the square root of the head's size.",
    "masked_fill": "Later tokens become minus infinity.",
    "scores.softmax": "Every row becomes shares of 1.",
    "self.dropout(weights)": "Dropout on the shares.",
    "weights @ value": "The mix of values: lists again, one for each token in each head.",
    "context.transpose": "The heads side by side: the width of the model again.",
    "self.out_proj(concat)": "One table mixes the heads.",
    "self.expand(x)": "Four times as wide.",
    "F.gelu(": "Bent, number by number.",
    "self.contract(active)": "Back to the width of the model.",
}


@dataclass(frozen=True)
class Line:
    """A line of a forward(). number: in model.py. point: the hook point it makes, "" for none."""

    number: int
    code: str
    point: str

    @property
    def said(self) -> str:
        return next(said for fragment, said in SAID.items() if fragment in self.code)


def lines(function: str) -> tuple[Line, ...]:
    """The lines of one forward(), without its head."""
    found = source.function(function)
    inside = INSIDE[function.split(".")[0]]
    made = []
    for number, code in enumerate(found.text.splitlines()[1:], found.start + 1):
        hook = re.search(r"self\.hook_(\w+)\(", code)
        point = inside + hook[1] if hook else "blocks.0.shortcut2" if "block(x)" in code else ""
        made.append(Line(number, code.removeprefix("    "), point))
    return tuple(made)


@once
def run(setting: Setting):
    """The sentence, or it and another one, through the model."""
    most = min(MOST_TOKENS, setting.config.context_length)
    rows = [setting.ids[:most], tuple(tokenizer.encode(OTHER))[:most]][: setting["sentences"]]
    return setting.trace(padded(rows) if len(rows) > 1 else rows)


def chosen(setting: Setting) -> tuple[tuple[Line, ...], Line]:
    listed = lines(setting["function"])
    return listed, listed[min(setting["line"], len(listed)) - 1]


def written(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def pictures(setting: Setting) -> list[Picture]:
    made, (listed, now) = run(setting), chosen(setting)
    large = PRESETS["gpt2"].sizes(*made.ids.shape)
    axes = [made.axes(line.point) if line.point else () for line in listed]
    table = Table(
        {
            "": ["▶" if line is now else "" for line in listed],
            "line": [line.number for line in listed],
            "code": [line.code for line in listed],
            "makes": [" × ".join(names) for names in axes],
            "shape here": [written(tuple(made[line.point].shape)) if line.point else "" for line in listed],
            "GPT-2 small": [written(tuple(large[name] for name in names)) if names else "" for names in axes],
        },
        title=f"gptviz/model.py: {setting['function']}",
    )
    return [table, numbers(setting, now)] if now.point else [table]


def numbers(setting: Setting, line: Line) -> Grid:
    """The first numbers of what a line makes, of the first sentence and head."""
    made = run(setting)
    array, axes = made.array(line.point), made.axes(line.point)
    prefix = (0,) * (array.ndim - 2)
    values = array[prefix][:, :FIRST].astype(np.float32)
    of = {"batch": "sentence 1", "head": "head 1"}
    where = ", ".join(of[name] for name in axes[:-2])
    names = tuple(f"{n}" for n in range(len(values)))
    return Grid(
        panels=(
            Panel(
                title=f"{line.point}, {where}: its first numbers" if where else f"{line.point}: its first numbers",
                values=values,
                rows=setting.labels(made.ids[0].tolist()) if axes[-2] in ("token", "query") else names,
                columns=tuple(map(str, range(values.shape[1]))),
                row_axis=axes[-2],
                column_axis=axes[-1],
                point=line.point,
                prefix=prefix,
            ),
        ),
        alt=f"The first numbers of {line.point}.",
        height=HEIGHT + 12 * min(len(values), MOST_TOKENS),
    )


def caption(setting: Setting) -> str:
    made, (_, now) = run(setting), chosen(setting)
    batch, tokens = made.ids.shape
    shape = f" It makes {written(tuple(made[now.point].shape))}." if now.point else ""
    return f"Line {now.number}. {now.said}{shape} batch_size is {batch}, seq_len {tokens}."


def controls(setting: Setting) -> tuple[Control, ...]:
    most = max(len(lines(function)) for function in FUNCTIONS)
    return (
        Control("function", "Whose forward()", "choice", options=FUNCTIONS),
        Control("line", "Line of it", "slider", default=3, options=(1, most, 1)),
        Control("sentences", "Sentences (batch_size)", "choice", default=2, options=(1, 2)),
    )


FORWARD = experiment(
    """# forward(), line by line

    This is all of it: what PyTorch calls when a model is given ids. The tokenizer has run before; in go ids, a table with as many
    rows as there are sentences (batch_size) and as many columns as each has tokens (seq_len); out come logits. Step through it,
    and into a block, its attention and its feed-forward layer.

    The blocks stand in a row: here a loop calls one after the other, and nn.Sequential is PyTorch's word for such a row. The heads
    inside a block stand side by side.
    """,
    key="forward",
    notes=Notes(
        say="This is the whole program. Step, and let the class say the shape before it is shown.",
        ask="Two sentences of four tokens: what shape comes out?",
        trap="Blocks stand in one line of code, but they share no weights.",
    ),
    controls=controls,
    pictures=pictures,
    caption=caption,
    own=run,
    question=Question(
        ask="GPT-2 small gets ids of shape (2, 4). What is the shape of its logits?",
        choices=("(2, 50257)", "(2, 4, 50257)", "(2, 4, 768)"),
        answer=1,
        why="Every one of the 4 tokens of both sentences gets a row of logits: 2 × 4 × 50,257. To write on, the last row of each is used.",
    ),
)
