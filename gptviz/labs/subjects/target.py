"""What a loss is about: the position whose prediction is judged, and the token it should have predicted."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ... import tokenizer
from ...trace import Trace
from ..lab import Control, Setting


@dataclass(frozen=True)
class Target:
    """The loss at one position: minus the logarithm of the probability it gives to `token` (cross-entropy, surprisal).

    origin: where the token is from, in words. shown: the token, printable. Calling it with a trace gives the loss as a tensor.
    """

    position: int
    token: int
    origin: str
    shown: str

    def __call__(self, run: Trace) -> Tensor:
        logits = run.tensors["logits"] if run.edits else run["logits"]  # of an edited pass as they are, finite or not
        return F.cross_entropy(logits[0, self.position : self.position + 1], torch.tensor([self.token]))

    @property
    def name(self) -> str:
        return f"“{self.shown}”"


def controls(setting: Setting) -> tuple[Control, Control]:
    """Which position, and which token."""
    labels, count = setting.labels(), len(setting.ids)
    return (
        Control(
            "at",
            "Prediction made at",
            "choice",
            default=max(0, count - 2),
            options=tuple(range(count)),
            show=lambda row: labels[row],
            help="The loss is about what this token predicts to come next.",
        ),
        Control(
            "target",
            "Token it should predict",
            "text",
            default="",
            help="Empty: the token that really comes next; at the last token, the most probable one. Otherwise the first token of "
            "what you type. A word that starts a new word begins with a space.",
        ),
    )


def chosen(setting: Setting) -> Target:
    """The target the controls ask for."""
    row, typed = setting["at"], tokenizer.encode(setting["target"])
    if typed:
        token, origin = typed[0], "typed"
    elif row + 1 < len(setting.ids):
        token, origin = setting.ids[row + 1], "really next"
    else:
        token, origin = int(setting.trace(points=["logits"])["logits"][0, row].argmax()), "most probable"
    return Target(row, token, origin, setting.word(token))
