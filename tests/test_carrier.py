"""What an address carries: never more than a server takes, the same choices again, and no more work than is stated."""

import zlib
from base64 import urlsafe_b64encode
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptviz.ui import carrier

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=3000),
    st.builds(
        lambda word, count: word * count, st.sampled_from(["word ", "漢", "🦜", "\n", "%", "é\r\n"]), st.integers(0, 5000)
    ),
)


def packed(content: bytes) -> str:
    return urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


def hard(count: int, seed: int = 7) -> str:
    """Chinese characters in an order that compresses badly."""
    return "".join(chr(0x4E00 + (n * n * seed + n * 7919) % 20_000) for n in range(count))


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(st.sampled_from(["text", "second", "words", "stage", "cell"]), TEXTS))
def test_an_address_is_short_and_says_the_same_again(params):
    written, left = carrier.write(params)
    assert carrier.size(written) <= carrier.LONGEST
    assert len(f"GET /Embeddings?{urlencode(written)} HTTP/1.1\r\n") <= 8192
    kept = {carrier.mark(params[name]): params[name] for name in left}
    assert carrier.read(written, kept) == (params, {}, ())
    if carrier.size(params) <= carrier.LONGEST:
        assert written == params, "a short address stays as it was"
    read, absent, missing = carrier.read(written, {})
    assert read == {name: value for name, value in params.items() if name not in left}
    assert set(absent) == set(left) and set(missing) == set(kept)


def test_everything_in_an_address_counts_together():
    one = "é" * 650  # 3,900 bytes in an address
    assert carrier.write({"text": one}) == ({"text": one}, ())
    assert set(carrier.write({"text": one, "second": one + "!"})[0]) == {"text", "second"}
    assert set(carrier.write({"text": one, "second": one + "!", "cell": "tok_emb@0,1,2" * 20})[0]) == {
        "text",
        "second.z",
        "cell",
    }
    text, second = hard(3000), hard(2000)
    written, left = carrier.write({"text": text, "second": second, "block": "3"})
    assert left == ("text",) and set(written) == {"text.kept", "second.z", "block"}


def test_many_characters_of_a_kind_fit_and_others_are_left_out():
    assert set(carrier.write({"text": "漢字" * 8000})[0]) == {"text.z"}
    written, left = carrier.write({"text": hard(16_000), "stage": "gelu"})
    assert left == ("text",) and written["stage"] == "gelu" and written["text.kept"].startswith("16000-")
    _, absent, _ = carrier.read(written, {})
    assert "16,000 characters" in absent["text"] and "Put the text in again" in absent["text"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("", "is damaged"),
        ("!!!", "is damaged"),
        ("é", "is damaged"),
        ("A" * 41, "is damaged"),
        (packed(b"Every effort")[:-6], "is damaged"),
        (packed(b"\xff\xfe"), "is damaged"),
        (packed(b"x" * (carrier.UNPACKED + 1)), "holds more than the 262,144 bytes"),
        (packed(b"\0" * (64 << 20)), "holds more than the 262,144 bytes"),
        ("漢" * 9000, "is damaged"),
    ],
    ids=["nothing", "no base64", "no ASCII", "no length", "cut off", "no UTF-8", "a byte too much", "a bomb", "long"],
)
def test_what_cannot_be_unpacked_is_said(raw, said):
    read, absent, missing = carrier.read({"text.z": raw, "block": "2"}, {})
    assert read == {"block": "2"} and said in absent["text"] and not missing and len(absent["text"]) < 200


def test_all_packed_texts_of_an_address_share_one_bound():
    full = packed(b"x" * (carrier.UNPACKED // 2))
    read, absent, _ = carrier.read({f"{name}.z": full for name in "abcd"}, {})
    assert list(read) == ["a", "b"] and list(absent) == ["c", "d"]


def test_a_plain_text_goes_before_a_packed_one():
    assert carrier.read({"text.z": packed(b"other"), "text": "this"}, {}) == ({"text": "this"}, {}, ())
    assert carrier.read({"text.kept": "nonsense" * 50, "text": "this"}, {}) == ({"text": "this"}, {}, ())
    assert "the default is shown" in carrier.read({"text.kept": "nonsense" * 50}, {})[1]["text"]
