"""From what was typed to the ids that go into the model: encode, append, crop to the context, pad a batch."""

from dataclasses import dataclass, replace

from .. import edits, tokenizer
from . import cache
from .state import Choice

Rows = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Sentence:
    """One sequence. ids: what the model gets. cropped: ids that fell out of the context before them. appended: how many of
    the last ids the model wrote. typed: tokens of the typed text."""

    ids: tuple[int, ...]
    cropped: tuple[int, ...]
    appended: int
    typed: int


@dataclass(frozen=True)
class Batch:
    """The sequences of one pass and the rows that go into the model: the shorter one padded on the right."""

    sentences: tuple[Sentence, ...]
    rows: Rows


def read(choice: Choice, context_length: int, *, alone: bool = False) -> Batch:
    """The batch a choice stands for. alone: the typed sentence only, with nothing appended, as the labs take it."""
    if alone:
        choice = replace(choice, second="", more=0)
    texts = (choice.text, choice.second) if choice.second else (choice.text,)
    sentences = tuple(_sentence(choice, text, context_length) for text in texts)
    longest = max(len(sentence.ids) for sentence in sentences)
    rows = tuple(one.ids + (tokenizer.END_OF_TEXT_ID,) * (longest - len(one.ids)) for one in sentences)
    return Batch(sentences, rows)


def _sentence(choice: Choice, text: str, context_length: int) -> Sentence:
    typed = tuple(tokenizer.encode(text, special=choice.special))
    ids = cache.continued(choice.model, typed, choice.more, choice.dropout, choice.seed, edits.parse(choice.edit))
    window = ids[-context_length:]
    return Sentence(window, ids[: len(ids) - len(window)], min(choice.more, len(window)), len(typed))


def messages(choice: Choice, sentence: Sentence, context_length: int) -> list[str]:
    """What a reader should know about this text: cropping, characters that have no picture."""
    found = []
    if sentence.cropped:
        total = len(sentence.cropped) + len(sentence.ids)
        found.append(
            f"The text has {total:,} tokens and this model's position table has {context_length:,} row{'s' * (context_length > 1)}: the "
            f"first {len(sentence.cropped):,} of them {'are' if len(sentence.cropped) > 1 else 'is'} cropped, the last "
            f"{f'{len(sentence.ids):,} go' if len(sentence.ids) > 1 else 'one goes'} in."
        )
    text = choice.second if choice.item and choice.second else choice.text
    odd = sorted({char for char in text if not char.isprintable() and char not in " \n\t\r"})
    if odd:
        names = ", ".join(f"U+{ord(char):04X} as {tokenizer.printable(char.encode())}" for char in odd[:4])
        more = " ..." if len(odd) > 4 else ""
        found.append(
            f"The text holds characters without a picture. They are shown by the bytes that GPT-2 reads: {names}{more}."
        )
    if tokenizer.END_OF_TEXT in text and not choice.special:
        found.append(
            f"{tokenizer.END_OF_TEXT} was typed as ordinary text and is cut into ordinary tokens. "
            "Switch on the special token under Options to make it one token, 50256."
        )
    return found
