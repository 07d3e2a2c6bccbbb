r"""# Output head

Each row, normalised, is compared with all tokens of the vocabulary: multiply it with every token's vector and add up. One raw
score per token (logit) comes out, any size and sign; only differences within a row count. The column number is the token id.
GPT-2 reuses the token table for this.

Row t scores what follows token t. To write on, only the last row is used. In training all rows are, each against the token that
really came next.

$$\mathrm{logit}_{t,w} = y_t \cdot W_{\text{token}}[w], \qquad y_t = \mathrm{LN}(x_t)$$
"""

import numpy as np
import plotly.graph_objects as go

from .. import sampling
from ..figures import covering, ranking
from ..figures.matrix import Grid, Panel
from ..points import Address
from ..seen import Seen
from ..words import count, fixed
from .stage import Notes, Question, among, stage

RANKS = 20
MOST_ROWS = 8  # rows with words in one picture
PRESENTED_ROWS = 4
HEIGHT, PRODUCT = 285, 190  # of the ranks, and of the product under them


def shown_rows(size: int, token: int, most: int) -> list[int]:
    """The rows in the picture: all, or a window that reaches to the viewed token, and always the last one."""
    if size <= most:
        return list(range(size))
    start = max(0, min(token - most + 2, size - most))
    rows = list(range(start, start + most - 1))
    return rows + [size - 1]


def target_ranks(seen: Seen) -> np.ndarray:
    """(token - 1,): for each row but the last, the rank of the token that really comes next (1 = highest logit)."""
    logits = seen.array("logits")[:-1]
    ids = seen.trace.ids[seen.item].numpy()[1 : len(logits) + 1]
    return 1 + (logits > logits[np.arange(len(logits)), ids, None]).sum(1)


def picture(seen: Seen) -> go.Figure:
    logits = seen.array("logits")
    size = len(logits)
    row = seen.row
    names = seen.labels
    ids = seen.trace.ids[seen.item].tolist()
    rows = shown_rows(size, row, PRESENTED_ROWS if seen.present else MOST_ROWS)
    top = np.stack([sampling.top(logits[r], RANKS) for r in rows])
    nexts = [ids[r + 1] if r < size - 1 else None for r in rows]
    ranks = [sampling.rank(logits[r], after) if after is not None else None for r, after in zip(rows, nexts)]
    figure = ranking.table(
        np.take_along_axis(logits[rows], top, axis=1),
        [[seen.trace.word(int(word)) for word in line] for line in top],
        top,
        labels=[names[r] for r in rows],
        targets=[None if after is None else seen.trace.word(after) for after in nexts],
        ranks=ranks,
        chosen=rows.index(row),
        last=len(rows) - 1,
        floor=float(logits[row].mean()),
        vocabulary=logits.shape[1],
        left_out="" if len(rows) == size else f"rows {rows[0]} to {rows[-2]} and the last of {size}",
        present=seen.present,
        narrow=seen.narrow,
    )
    return figure if seen.present else figure.update_layout(height=HEIGHT)


def overview(seen: Seen) -> Grid:
    """One logit: the row, times the row of the token that has the highest one, number by number."""
    row = seen.row
    vector, logits = seen.array("final_norm")[row], seen.array("logits")[row]
    word = int(logits.argmax())
    weights = seen.trace.model.out_head.weight[word].detach().numpy()
    name = f'"{seen.trace.word(word)}"'
    table = "token table" if seen.config.tied_head else "head's table"

    def strip(title: str, values: np.ndarray, label: str, **fields) -> Panel:
        return Panel(title=title, values=values[None], rows=(label,), row_axis="", printed=False, **fields)

    return Grid(
        panels=(
            strip(
                "the row, after LayerNorm", vector, seen.labels[row], point="final_norm", prefix=(seen.item,), row_index=(row,)
            ),
            strip(
                f"row {word} of the {table}, which has {len(logits):,} rows of {len(weights):,}",
                weights,
                name,
                part="token",
                joiner="×",
            ),
            strip(
                f"products; added up they are the logit of {name}, {fixed(logits[word])}",
                vector * weights,
                "",
                part="output",
                joiner="=",
                point="logit_part",
                prefix=(seen.item, row),
                row_index=(word,),
            ),
        ),
        alt=f"The row of {seen.quoted(row)} times that of {name}, number by number, and their products.",
        height=PRODUCT,
    )


def caption(seen: Seen) -> tuple[str, ...]:
    logits = seen.array("logits")
    row = seen.row
    word = int(logits[row].argmax())
    who = seen.quoted(row)
    first = f'After {who} the highest logit is {fixed(logits[row, word])}, for "{seen.trace.word(word)}"'
    if row < len(logits) - 1:
        after = int(seen.trace.ids[seen.item, row + 1])
        place = sampling.rank(logits[row], after)
        return (
            f"{first}; the token that really follows, {seen.quoted(row + 1)}, has {fixed(logits[row, after])} "
            f"and rank {place:,} of {logits.shape[1]:,}.",
        )
    if len(logits) == 1:
        return f"{first}.", "This one row is also the last: it picks the next token."
    ranks = target_ranks(seen)
    return (
        f"{first}: the last row picks the next token.",
        f"In {(ranks <= RANKS).sum()} of the {count(len(ranks), 'row')} before it, "
        f"the token that really came next is among the {min(RANKS, logits.shape[1])} highest.",
    )


def cell(seen: Seen) -> Address:
    """The largest logit of the viewed token."""
    best = int(seen.array("logits")[seen.row].argmax())
    return Address("logits", (seen.item, seen.row, best))


def question(seen: Seen) -> Question:
    """What a head of its own would cost."""
    config = seen.trace.config
    table = config.vocab_size * config.n_embd
    choices, answer = among(f"{table:,}", f"{config.vocab_size:,}", f"{config.n_embd:,}")
    return Question(
        ask="If the head did not reuse the token table, how many learned numbers would it bring?"
        if config.tied_head
        else "This model's head has a table of its own. How many learned numbers is that?",
        choices=choices,
        answer=answer,
        why=f"One row of {config.n_embd:,} numbers for each of the {config.vocab_size:,} tokens: {table:,}.",
    )


STAGE = stage(
    __doc__,
    key="output-head",
    notes=Notes(
        say="Each row is compared with the row of every token in the list. One number for each of them: the logits.",
        ask="So many rows come in. How many guesses are made, and which of them do we use now?",
        trap="Logits are no chances: they can be negative, and only their differences count.",
    ),
    deeper=("Context/positions", "Replay/loss"),
    number="7",
    short="Logits",
    so_far="One row for each token, ready to be read.",
    missing="A number for each token that might come next.",
    part="output",
    points=("logits",),
    inputs=("final_norm",),
    lines=("self.hook_logits(",),
    picture=picture,
    covers=covering.ranks,
    caption=caption,
    overview=overview,
    cell=cell,
    question=question,
)
