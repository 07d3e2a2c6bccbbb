"""The tokenizer that lies beside a model's weights, held against GPT-2's, which is the one that text here goes through.

Which id a word has is part of the model: with another tokenizer the same ids are another sentence. So a folder whose files
say anything else than GPT-2's is refused; what they add behind it only gives rows names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import tokenizer
from .files import CheckpointError, brief, content, read_json

LISTS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
"""Files of the same two things under their two names."""
OTHERS = {
    "vocab.txt": "WordPiece",
    "tokenizer.model": "SentencePiece",
    "spiece.model": "SentencePiece",
    "sentencepiece.bpe.model": "SentencePiece",
}
OURS = ("GPT2Tokenizer", "GPT2TokenizerFast", "PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend")
ROOM = 1024  # rows that a table may have been padded by, where no file says what they are
NAME = 40  # characters of a row's name


def extra(folder: Path, rows: int) -> Mapping[int, str]:
    """The names of a table's rows beyond GPT-2's tokens, as far as the folder has any. rows: of the table.

    Raises CheckpointError where the tokenizer in the folder, or the size of the table, says that the first rows are not
    GPT-2's tokens.
    """
    if rows < tokenizer.SIZE:
        raise CheckpointError(
            f"{folder}: expected GPT-2's {tokenizer.SIZE:,} tokens, found vocab_size {rows:,}: this model has a vocabulary of its "
            "own, and text here becomes GPT-2's tokens; choose a model with GPT-2's tokenizer"
        )
    named: dict[int, str] = {}
    known = False
    if (folder / "tokenizer.json").exists():
        known = True
        named |= _whole(folder / "tokenizer.json")
    for words, merges in LISTS:
        if (folder / words).exists():
            known = True
            named |= _words(folder / words, read_json(folder / words), {})
        if (folder / merges).exists():
            lines = _text(folder / merges).splitlines()
            _merges(folder / merges, [line for line in lines if line and not line.startswith("#version")])
    named |= _added(folder, known)
    if not known and rows > tokenizer.SIZE + ROOM:
        raise CheckpointError(
            f"{folder}: expected GPT-2's {tokenizer.SIZE:,} tokens and at most {ROOM:,} rows of padding, found vocab_size {rows:,} "
            "and no tokenizer that says what they are; put the model's tokenizer.json into the folder"
        )
    return {row: name[:NAME] for row, name in named.items() if tokenizer.SIZE <= row < rows}


def _text(path: Path) -> str:
    try:
        return content(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: expected a readable text file, got: {error}") from None


def _refused(path: Path, what: str) -> CheckpointError:
    return CheckpointError(
        f"{path}: expected GPT-2's tokenizer, found another: {what}. Text here becomes GPT-2's tokens, which would be other words to "
        "this model; choose one with GPT-2's tokenizer, or take this file away if it is not the model's"
    )


def _words(path: Path, listed: Any, besides: Mapping[int, str]) -> dict[int, str]:
    """The names of ids beyond GPT-2's in a list of token -> id. besides: id -> name from another list of the same file."""
    if not isinstance(listed, dict):
        raise _refused(path, f"its vocabulary is {brief(listed)}")
    theirs = {number: token for token, number in listed.items() if type(number) is int}
    ours = tokenizer.written()
    wrong = [(number, token) for token, number in ours.items() if theirs.get(number, besides.get(number)) != token]
    if wrong:
        number, token = wrong[0]
        there = f"its id {number:,} is {brief(theirs.get(number))}, GPT-2's is {token!r}"
        raise _refused(path, f"{there}; {len(wrong):,} of {len(ours):,} ids differ")
    return {number: token for number, token in theirs.items() if number >= tokenizer.SIZE}


def _merges(path: Path, merges: list[str]) -> None:
    ours = tokenizer.written_merges()
    if merges != ours:
        at = next((n for n, (one, two) in enumerate(zip(merges, ours)) if one != two), min(len(merges), len(ours)))
        which = f"merge {at + 1:,} is {brief(merges[at])}" if at < len(merges) else "no more follow"
        raise _refused(path, f"it has {len(merges):,} merges and GPT-2 {len(ours):,}; the first {at:,} are GPT-2's, {which}")


def _whole(path: Path) -> dict[int, str]:
    """tokenizer.json: vocabulary, merges, and what is done to a text before and after them."""
    found = read_json(path)
    model, before = found.get("model"), found.get("pre_tokenizer")
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        raise _refused(path, f"its kind is {brief(model.get('type') if isinstance(model, dict) else model)}, GPT-2's is BPE")
    added = _entries(path, found.get("added_tokens"))
    named = _words(path, model.get("vocab"), added) | _held(path, added)
    merges = model.get("merges")
    if not isinstance(merges, list):
        raise _refused(path, f"its merges are {brief(merges)}")
    _merges(path, [" ".join(map(str, one)) if isinstance(one, list) else str(one) for one in merges])
    if found.get("normalizer"):
        raise _refused(path, f"it changes a text before cutting it: normalizer {brief(found['normalizer'])}")
    if not isinstance(before, dict) or before.get("type") != "ByteLevel" or not before.get("use_regex", True):
        raise _refused(path, f"it cuts a text in another way: pre_tokenizer {brief(before)}")
    if before.get("add_prefix_space"):
        raise _refused(path, "it puts a space before every text (add_prefix_space)")
    if _puts_around(found.get("post_processor")):
        raise _refused(path, f"it puts tokens around every text: post_processor {brief(found['post_processor'])}")
    return named


def _puts_around(after: Any) -> bool:
    """Whether a post-processor of tokenizer.json adds tokens to a single text."""
    kind = after.get("type") if isinstance(after, dict) else after
    if kind == "TemplateProcessing":
        return any("Sequence" not in part for part in after.get("single") or ())
    return kind not in (None, "ByteLevel")


def _entries(path: Path, listed: Any) -> dict[int, str]:
    """id -> token of a list of added tokens."""
    if listed is None:
        return {}
    try:
        return {int(one["id"]): str(one["content"]) for one in listed}
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(f"{path}: expected added_tokens, each with id and content, found {brief(listed)}") from None


def _held(path: Path, added: Mapping[int, str]) -> Mapping[int, str]:
    """The same added tokens, none of which is another than GPT-2's of its id."""
    for number, token in added.items():
        if 0 <= number < tokenizer.SIZE and token.encode("utf-8", "replace") != tokenizer.token_bytes(number):
            raise _refused(path, f"its id {number:,} is {brief(token)}, GPT-2's is {tokenizer.printable(number)!r}")
    return added


def _added(folder: Path, known: bool) -> Mapping[int, str]:
    """What added_tokens.json and tokenizer_config.json say. known: the words themselves were found to be GPT-2's."""
    found: dict[int, str] = {}
    path = folder / "added_tokens.json"
    if path.exists():
        found |= _held(path, {number: token for token, number in read_json(path).items() if type(number) is int})
    path = folder / "tokenizer_config.json"
    if path.exists():
        settings = read_json(path)
        listed = settings.get("added_tokens_decoder")
        if isinstance(listed, dict):
            entries = [{"id": number, **entry} for number, entry in listed.items() if isinstance(entry, dict)]
            found |= _held(path, _entries(path, entries))
        for name, does in (("add_prefix_space", "a space"), ("add_bos_token", "a token")):
            if settings.get(name):
                raise _refused(path, f"it puts {does} before every text ({name})")
        kind = settings.get("tokenizer_class")
        if not known and kind not in (None, *OURS):
            raise _refused(path, f"tokenizer_class is {brief(kind)}")
    for name, kind in OTHERS.items():
        if not known and (folder / name).exists():
            raise _refused(folder / name, f"this is a {kind} vocabulary")
    return found
