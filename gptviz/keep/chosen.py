"""What is kept: one sentence in one model, and the place it is looked at."""

from collections.abc import Callable
from dataclasses import dataclass

from .. import edits, sampling, tokenizer, trace
from ..model import GPT
from ..seen import Seen
from ..trace import Trace


@dataclass(frozen=True)
class Chosen:
    """The choices behind a picture. model: a key of the catalogue. second: the other sentence of a batch of two; item: which of
    the two is viewed, from 0. block and head count from 1; token from 0, -1 is the last one. more: tokens the model appends.
    edits: by name, separated by commas."""

    text: str
    model: str = "mini"
    second: str = ""
    item: int = 0
    block: int = 1
    head: int = 1
    token: int = -1
    dropout: float = 0.0
    seed: int = 0
    more: int = 0
    special: bool = False
    edits: str = ""

    def seen(self, model: GPT, run: Callable[..., Trace] = trace.run) -> Seen:
        """The pass of these choices through a model, looked at in their place. Raises ValueError where the model or the text has no
        such place."""
        size = model.config.context_length
        texts = [tokenizer.as_read(text) for text in (self.text, self.second) if text]
        if not self.text.strip():
            raise ValueError("type at least one word: with no text nothing goes through the model")
        whole = [self._ids(model, text) for text in texts]
        rows = [ids[-size:] for ids in whole]
        for name, value, most in (("block", self.block, model.config.n_layer), ("head", self.head, model.config.n_head)):
            if not 1 <= value <= most:
                raise ValueError(f"{name} must be from 1 to {most}, which {self.model} has, got {value}")
        if not 0 <= self.item < len(rows):
            raise ValueError(
                f"there {'are two sentences' if self.second else 'is one sentence'}, number {self.item + 1} was asked for"
            )
        length = len(rows[self.item])
        if not -1 <= self.token < length:
            raise ValueError(f"token must be from 0 to {length - 1}, or -1 for the last one, got {self.token}")
        most = max(map(len, rows))
        padded = [row + [tokenizer.END_OF_TEXT_ID] * (most - len(row)) for row in rows]
        changes = edits.parse(self.edits)
        return Seen(
            run(model, padded, dropout=self.dropout, seed=self.seed, edits=changes),
            item=self.item,
            block=self.block - 1,
            head=self.head - 1,
            token=self.token,
            length=length,
            text=texts[self.item],
            cropped=tuple(whole[self.item][: len(whole[self.item]) - length]),
            appended=min(self.more, length),
            special=self.special,
        )

    def _ids(self, model: GPT, text: str) -> list[int]:
        ids = list(tokenizer.encode(text, special=self.special))
        if self.more:
            ids += sampling.generate(model, ids, self.more, dropout=self.dropout, seed=self.seed, edits=edits.parse(self.edits))
        return ids
