"""Text -> tokens: equal to tiktoken's own encoding on any text, from the shipped files alone."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path

import pytest
import tiktoken
import tiktoken_ext.openai_public as published
from hypothesis import given, settings
from hypothesis import strategies as st

from gptviz import tokenizer

ROOT = Path(__file__).resolve().parent.parent
URL = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"
IDS = {
    "Every effort moves you": [6109, 3626, 6100, 345],
    "Every day holds a": [6109, 1110, 6622, 257],
    "every effort moves you": [16833, 3626, 6100, 345],
    " Every": [3887],
    " every": [790],
    "effort": [14822, 419],
    "Effort": [36, 487, 419],
    " Effort": [27848, 419],
    "moves": [76, 5241],
    "you": [5832],
    "cat": [9246],
    " cat": [3797],
    "kitten": [74, 2621],
    " kitten": [42143],
    " forward": [2651],
    "Hello, I am": [15496, 11, 314, 716],
    "": [],
}
SAMPLES = [
    *IDS,
    "I'm sure we've they'll HE'S don't '  's",
    "tabs\tand\nlines\r\n\r\n  and   runs    of spaces   ",
    "ends in spaces   \n",
    " \u00a0\u2003\u3000wide spaces\u2028\u2029\u0085",
    "\x00\x01\x1b[31m\x7f\x1c\x1d control",
    "🙂 👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 é ﷽ 𝔸𝕓 \U0010ffff\ufffe",
    "Ελλάδα Россия 日本語 한국어 العربية हिन्दी ไทย",
    "x = [i**2 for i in range(10)]  # 1234567890 ½ Ⅷ ٣",
    "<|endoftext|> and <|endoftext|>",
    "<|fim_prefix|><|endofprompt|>",
    "supercalifragilisticexpialidocious " * 40,
    "a" * 3000,
    "🙂" * 500,
    " " * 5000,
    "!?" * 2000,
    "\n" * 2000,
]
CHARACTERS = st.characters(exclude_categories=("Cs",))
MIXED = st.lists(
    st.one_of(
        st.text(CHARACTERS, max_size=12),
        st.text(" \t\n\r\u00a0", max_size=5),
        st.sampled_from(
            ["'s", "'ll", " the", "The", "<|endoftext|>", "🙂", "👩‍👩‍👧", "é", "123", "...", " effort", "\ud83d\ude42"]
        ),
    ),
    max_size=12,
).map("".join)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """tiktoken's own "gpt2", built by tiktoken, its download cache filled with the shipped files."""
    cache = tmp_path_factory.mktemp("cache")
    for name in tokenizer.SHA256:
        shutil.copy(tokenizer.ASSETS / name, cache / hashlib.sha1((URL + name).encode()).hexdigest())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        patch.setattr(socket, "socket", no_network)
        return tiktoken.Encoding(**published.gpt2())


def no_network(*args, **kwargs):
    raise AssertionError("the network was asked")


# ---- equal to tiktoken


@pytest.mark.parametrize(("text", "ids"), IDS.items())
def test_the_books_ids(text, ids):
    assert tokenizer.encode(text) == ids
    assert tokenizer.decode(ids) == text


def test_the_encoding_is_tiktokens(reference):
    assert tokenizer.PATTERN == published.r50k_pat_str == reference._pat_str
    assert tokenizer.ranks() == reference._mergeable_ranks
    assert tokenizer.encoding().n_vocab == reference.n_vocab == 50257
    assert tokenizer.encoding()._special_tokens == reference._special_tokens == {"<|endoftext|>": 50256}


@pytest.mark.parametrize("text", SAMPLES, ids=range(len(SAMPLES)))
def test_samples(reference, text):
    check(reference, text)


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(text=MIXED)
def test_any_text(reference, text):
    check(reference, text)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(text=st.text(CHARACTERS, max_size=300))
def test_any_characters(reference, text):
    check(reference, text)


def check(reference, text: str) -> None:
    """Everything this module says of a text, against tiktoken."""
    for special in (False, True):
        ids = reference.encode(text, allowed_special="all" if special else set(), disallowed_special=())
        assert tokenizer.encode(text, special=special) == ids
        assert tokenizer.decode(ids) == tokenizer.well_formed(text)
        found = tokenizer.pieces(text, special=special)
        assert "".join(found) == tokenizer.well_formed(text)
        again = [tokenizer.END_OF_TEXT_ID if special and piece == tokenizer.END_OF_TEXT else None for piece in found]
        by_piece = [[end] if end else tokenizer.encode(piece) for piece, end in zip(found, again)]
        assert list(chain.from_iterable(by_piece)) == ids
        together = tokenizer.groups(ids)
        assert "".join(group.text for group in together) == tokenizer.well_formed(text)
        assert [token for group in together for token in group.ids] == ids
    for piece in tokenizer.pieces(text):
        if len(piece.encode()) <= 64:
            check_merges(piece)


def check_merges(piece: str) -> None:
    """Every step joins the leftmost neighbouring pair of the lowest rank there is, and the last step is the encoding."""
    ranks = tokenizer.ranks()
    steps = tokenizer.merges(piece)
    assert steps[0].parts == tuple(bytes([byte]) for byte in piece.encode()) and steps[0].rank is None
    for before, after in pairwise(steps):
        pairs = [ranks.get(a + b, 10**9) for a, b in pairwise(before.parts)]
        at = pairs.index(min(pairs))
        assert after.joined == before.parts[at] + before.parts[at + 1]
        assert after.rank == min(pairs) - 255 and 1 <= after.rank <= 50_000
        assert after.parts == before.parts[:at] + (after.joined,) + before.parts[at + 2 :]
    last = steps[-1]
    assert not any(a + b in ranks for a, b in pairwise(last.parts))
    assert list(last.ids) == tokenizer.encode(piece)


def test_every_code_point_falls_on_the_same_side_of_a_cut():
    """The pieces are cut by `regex`, the tokens by tiktoken: both must know the same letters, numbers and spaces."""
    every = [chr(code) for code in range(0x3000)] + [chr(code) for code in range(0x3000, 0x110000, 61)]
    texts = ["".join(f"a{char}1{char}!{char} {char}" for char in every[at : at + 64]) for at in range(0, len(every), 64)]
    for text in texts:
        assert list(chain.from_iterable(map(tokenizer.encode, tokenizer.pieces(text)))) == tokenizer.encode(text)


# ---- surrogates, special token


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("a\ud83d b", "a\ufffd b"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude42", "🙂"),
        ("\ude42\ud83d", "\ufffd\ufffd"),
        ("\ufeffa", "\ufeffa"),
    ],
)
def test_half_a_surrogate_pair_becomes_the_replacement_character(reference, text, means):
    assert tokenizer.well_formed(text) == means
    assert tokenizer.encode(text) == tokenizer.encode(means) == reference.encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == means
    assert "".join(tokenizer.pieces(text)) == means
    for piece in tokenizer.pieces(text):
        check_merges(piece)
    assert tokenizer.merges(text)[-1].parts


def test_end_of_text_is_ordinary_unless_switched_on():
    assert tokenizer.encode("<|endoftext|>") == [27, 91, 437, 1659, 5239, 91, 29]
    assert tokenizer.encode("<|endoftext|>", special=True) == [50256]
    assert tokenizer.encode("a<|endoftext|>b", special=True) == [64, 50256, 65]
    assert tokenizer.pieces("a<|endoftext|>b", special=True) == ["a", "<|endoftext|>", "b"]
    assert tokenizer.pieces("<|endoftext|>") == ["<|", "endoftext", "|>"]
    assert tokenizer.decode([50256]) == tokenizer.printable(50256) == "<|endoftext|>"
    assert tokenizer.groups([64, 50256])[1] == tokenizer.Group("<|endoftext|>", (50256,))


# ---- what a reader sees


def test_the_merges_of_a_word():
    steps = tokenizer.merges(" effort")
    assert [step.parts for step in steps[:2]] == [
        (b" ", b"e", b"f", b"f", b"o", b"r", b"t"),
        (b" ", b"e", b"f", b"f", b"or", b"t"),
    ]
    assert [step.rank for step in steps] == [None, 18, 49, 164, 232, 659, 3371]
    assert [step.joined for step in steps[1:]] == [b"or", b" e", b"ort", b"ff", b" eff", b" effort"]
    assert steps[-1].ids == (3626,) == (255 + 3371,)
    assert tokenizer.merges("a") == [tokenizer.Merge((b"a",))]


def test_a_character_over_several_tokens_is_one_group():
    ids = tokenizer.encode("a🙂b")
    assert [(group.text, len(group.ids)) for group in tokenizer.groups(ids)] == [("a", 1), ("🙂", len(ids) - 2), ("b", 1)]
    assert len(ids) > 3


def test_groups_of_bytes_that_make_no_character():
    emoji = tokenizer.encode("🙂")
    assert tokenizer.groups(emoji[:1]) == [tokenizer.Group(tokenizer.decode(emoji[:1]), (emoji[0],))]
    stray = tokenizer.groups([*emoji[:1], 64])
    assert [token for group in stray for token in group.ids] == [emoji[0], 64]
    assert tokenizer.groups([]) == []


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (3626, "·effort"),
        (b"\n", "↵"),
        (b"\t\r ", "⇥␍·"),
        (b"\xf0\x9f", "<F0><9F>"),
        (b" \xf0", "·<F0>"),
        (b"a\xe2", "a<E2>"),
        (b"\x00", "<00>"),
        ("é".encode(), "é"),
        ("\u200b".encode(), "<E2><80><8B>"),
        (b"\xa0", "<A0>"),
        ("\u00a0".encode(), "<C2><A0>"),
        ("\u00a0".encode() * 16, "<C2><A0>×16"),
        (" \u00a0".encode() * 8, "·<C2><A0>×8"),
        ("\u202e".encode(), "<E2><80><AE>"),
        ("\u0301".encode(), "<CC><81>"),
        ("e\u0301".encode(), "e\u0301"),
        ("·".encode(), "<C2><B7>"),
        ("↵".encode(), "<E2><86><B5>"),
        (b"\n\xe2", "↵<E2>"),
        (b"", ""),
    ],
)
def test_printable(token, shown):
    assert tokenizer.printable(token) == shown


def test_every_token_of_the_vocabulary_can_be_shown_and_told_from_the_others():
    shown = [tokenizer.printable(token) for token in range(50257)]
    assert all(label and label.isprintable() and " " not in label for label in shown)
    assert len(set(shown)) == 50257
    assert max(len(label) for label in shown if "<" in label) < 25
    assert shown[220] == "·" and shown[3626] == "·effort" and shown[198] == "↵"


def test_the_merges_of_bytes_show_what_they_make():
    assert [[tokenizer.printable(part) for part in step.parts] for step in tokenizer.merges("\u00a0")] == [
        ["<C2>", "<A0>"],
        ["<C2><A0>"],
    ]
    assert [[tokenizer.printable(part) for part in step.parts] for step in tokenizer.merges("é")] == [["<C3>", "<A9>"], ["é"]]


def test_a_text_in_one_line():
    assert tokenizer.in_one_line("Roses are red,\nViolets\tare · ↵") == "Roses are red,↵ Violets⇥are · ↵"
    assert tokenizer.in_one_line("a\x00\u202eb") == "a<00><E2><80><AE>b"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("\ufeffEvery", "Every"),
        ("\ufeff\ufeffEvery", "Every"),
        ("Every\ufeff", "Every\ufeff"),
        ("a\r\nb\rc\n\r\n", "a\nb\nc\n\n"),
        ("a\u2028b\x0bc\n", "a\u2028b\x0bc\n"),
        ("\ufeff", ""),
        ("\ud83d\ude42 \ud83d", "🙂 \ufffd"),
    ],
)
def test_a_text_from_outside(text, taken):
    assert tokenizer.as_read(text) == tokenizer.as_read(taken) == taken


# ---- the shipped files, and nothing else


def test_a_file_that_is_not_openais_is_refused(tmp_path, monkeypatch):
    for name in tokenizer.SHA256:
        for other in tokenizer.SHA256:
            shutil.copy(tokenizer.ASSETS / other, tmp_path / other)
        content = bytearray((tmp_path / name).read_bytes())
        content[-3] ^= 1
        (tmp_path / name).write_bytes(content)
        monkeypatch.setattr(tokenizer, "ASSETS", tmp_path)
        with pytest.raises(ValueError, match=f"{name}: expected the file with sha256 {tokenizer.SHA256[name]}, found"):
            tokenizer.ranks.__wrapped__()
        monkeypatch.undo()


def test_never_the_network_nor_any_cache(tmp_path):
    script = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from gptviz import tokenizer
assert tokenizer.encode("Every effort moves you") == [6109, 3626, 6100, 345]
assert tokenizer.merges(" moves")[-1].ids == (6100,)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "TIKTOKEN_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
