"""Train it yourself: the words of the page, and what can be chosen before a run."""

from dataclasses import replace

from ...stages.stage import Question
from ...training.texts import TEXTS
from ...training.worker import SIZES
from ..lab import Control, Lab, sheet

OWN = "own"
RATE = 0.1  # of dropout, where it is on: GPT-2's own


def title_of(pick: str) -> str:
    """A text to train on, as it is chosen."""
    return "A text of your own" if pick == OWN else f"{TEXTS[pick].title}, {TEXTS[pick].author.partition(' (')[0]}"


BEFORE = sheet(
    r"""# A model of your own

    Training shows the model a piece of the text, asks at every token for the next one, and moves all its numbers a little so that
    the right one becomes more likely. Nothing else happens, hundreds of times.

    The loss says how surprised it is, in nats a token. A tenth of your text is held out: never learned from, only measured. While
    both lines fall it learns what texts like this have in common. When the held-out line turns up, it is learning this one by heart.

    $$\text{loss} = -\ln p(\text{next token})$$
    """,
    key="train",
    question=Question(
        ask="All numbers of the model are random. What is its loss on the very first batch?",
        choices=("About 1", "About 10.8", "About 50,000"),
        answer=1,
        why="It knows nothing, so all 50,257 tokens are about equally likely: the loss is ln 50257 = 10.82. The chart's top line "
        "is that number, and every run starts there, whatever its text.",
    ),
)
"""What is said before a run."""
DURING = replace(
    BEFORE,
    key="train-longer",
    question=Question(
        ask="You let it train ten times as long on this text. What becomes of the held-out loss?",
        choices=("It falls as far as that of the batches", "It falls, and then rises", "It stays where it began"),
        answer=1,
        why="At first the model learns what any text like this has in common, and that helps on the held-out part too. Then only this "
        "text's own words are left to learn: it grows sure of them, and the held-out part goes on in another way. A longer text puts "
        "that off; this is why large models read so much.",
    ),
)
"""What is said while one goes on, and after it."""
CONTROLS = (
    Control("pick", "Text", "choice", options=(*TEXTS, OWN), show=title_of),
    Control(
        "size",
        "Size of the model",
        "choice",
        "small",
        tuple(SIZES),
        help="; ".join(
            f"{name}: {shape.n_layer} {'block' if shape.n_layer == 1 else 'blocks'}, {shape.n_head} heads, {shape.n_embd} wide"
            for name, shape in SIZES.items()
        )
        + ". All read at most 64 tokens and know GPT-2's 50,257.",
    ),
    Control("seconds", "Seconds of training", "slider", 45, (10, 60, 5)),
    Control(
        "dropout",
        "Dropout",
        "switch",
        False,
        help=f"On: in every step a random part of the numbers is set to 0 at GPT-2's places, p = {RATE:g}. The held-out loss is always "
        "measured without. Train twice, with and without: the earlier held-out line stays for comparison.",
    ),
    Control("run", "A run", "switch", False, drawn=False),
)
LAB = Lab("Train", "Train it yourself", "Train a very small model on a text of yours, in a minute", (), controls=CONTROLS)
