"""What readers share: one forward pass for many, nobody else's numbers, memory kept within bounds."""

import threading

import pytest
import torch

from gptviz import tokenizer, trace
from gptviz.ui import cache, sentences
from gptviz.ui.state import Choice

IDS = (tuple(tokenizer.encode("Every effort moves you")),)


@pytest.fixture(autouse=True)
def empty_cache():
    cache._kept.clear()
    yield
    cache._kept.clear()


def test_many_readers_of_one_sentence_cost_one_pass(monkeypatch):
    cache.model("mini")
    runs = []
    real = trace.run

    def counted(*args, **kwargs):
        runs.append(threading.get_ident())
        return real(*args, **kwargs)

    monkeypatch.setattr(cache.trace, "run", counted)
    seen, barrier = [], threading.Barrier(8)

    def reader():
        barrier.wait()
        seen.append(cache.traced("mini", IDS, 0.0, 0, 0))

    threads = [threading.Thread(target=reader) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(runs) == 1
    assert len({id(one) for one in seen}) == 1


def test_changing_block_head_or_stage_runs_nothing(monkeypatch):
    first = cache.traced("mini", IDS, 0.0, 0, 0)
    monkeypatch.setattr(cache.trace, "run", lambda *a, **k: pytest.fail("the model ran again"))
    assert all(cache.traced("mini", IDS, 0.0, 0, block) is first for block in range(6))


def test_a_failed_pass_is_not_kept_and_does_not_block_others(monkeypatch):
    def broken(*args, **kwargs):
        raise MemoryError("too big")

    with monkeypatch.context() as patched:
        patched.setattr(cache.trace, "run", broken)
        with pytest.raises(MemoryError):
            cache.traced("mini", IDS, 0.0, 0, 0)
    assert cache.traced("mini", IDS, 0.0, 0, 0)["logits"].shape[1] == 4


def test_rate_and_seed_are_part_of_what_is_kept():
    plain = cache.traced("mini", IDS, 0.0, 0, 0)
    dropped = cache.traced("mini", IDS, 0.5, 1, 0)
    assert dropped.dropout == 0.5 and not torch.equal(plain["logits"], dropped["logits"])


def test_kept_traces_stay_within_their_bytes(monkeypatch):
    cache._kept.clear()
    others = cache._kept.alive()  # what other tests hold counts too
    monkeypatch.setattr(cache._kept, "budget", others + (16 << 20))
    for word in range(40):
        cache.traced("mini", ((word, 1, 2, 3, 4, 5),), 0.0, 0, 0)
    assert 8 << 20 < cache._kept.alive() - others <= 16 << 20


def test_long_texts_keep_the_stream_and_the_viewed_block_only(monkeypatch):
    monkeypatch.setattr(cache, "WHOLE_BYTES", 1 << 20)
    seen = cache.traced("mini", IDS, 0.0, 0, 3)
    assert "blocks.3.att.weights" in seen.tensors and "blocks.2.att.weights" not in seen.tensors
    assert all(f"blocks.{block}.shortcut2" in seen.tensors for block in range(6))
    assert "logits" in seen.tensors


def test_appended_tokens_are_the_argmax_of_what_is_shown():
    choice = Choice(more=3)
    batch = sentences.read(choice, 256)
    ids = batch.sentences[0].ids
    assert len(ids) == 7 and batch.sentences[0].appended == 3
    logits = trace.run(cache.model("mini"), list(ids))["logits"][0]
    assert [int(logits[row].argmax()) for row in (3, 4, 5)] == list(ids[4:])


def test_too_long_a_text_is_cropped_to_the_last_tokens():
    choice = Choice(text="word " * 300)
    one = sentences.read(choice, 256).sentences[0]
    assert len(one.ids) == 256 and len(one.cropped) == one.typed - 256
    assert one.cropped + one.ids == tuple(tokenizer.encode(choice.text))
    assert "cropped" in sentences.messages(choice, one, 256)[0] and str(one.typed) in sentences.messages(choice, one, 256)[0]


def test_a_batch_is_padded_on_the_right_and_changes_nothing_for_either():
    choice = Choice(second="Every day")
    batch = sentences.read(choice, 256)
    assert [len(row) for row in batch.rows] == [4, 4]
    assert batch.rows[1][2:] == (tokenizer.END_OF_TEXT_ID,) * 2
    both = cache.traced("mini", batch.rows, 0.0, 0, 0)["logits"]
    alone = trace.run(cache.model("mini"), list(batch.sentences[1].ids))["logits"]
    assert torch.allclose(both[1, :2], alone[0], atol=1e-4)


@pytest.mark.parametrize(
    ("text", "word"),
    [("a\x07b", "<07>"), ("<|endoftext|>", "ordinary text")],
)
def test_odd_text_is_explained(text, word):
    choice = Choice(text=text)
    (message,) = sentences.messages(choice, sentences.read(choice, 256).sentences[0], 256)
    assert word in message


def test_html_and_emoji_need_no_message():
    choice = Choice(text="<b>bold</b> 🦜")
    assert sentences.messages(choice, sentences.read(choice, 256).sentences[0], 256) == []


def test_a_pass_edited_by_name_is_kept_and_one_that_must_be_fresh_is_not():
    model, ids = cache.model("mini"), IDS[0]
    one = cache.run("mini", model, ids, points=["logits"], edits=["position", "head:1.2"])
    assert cache.run("mini", model, ids, points=("logits",), edits=("head:1.2,position",)) is one and one.edits == (
        "head:1.2",
        "position",
    )
    assert cache.run("mini", model, ids, points=["logits"], edits=["position"]) is not one
    assert cache.run("mini", model, ids, points=["logits"]).edits == ()
    again = cache.run("mini", model, ids, points=["logits"], edits=["position", "head:1.2"], fresh=True)
    assert again is not one and torch.equal(again["logits"], one["logits"])
    by_hand = [("pos_emb", torch.zeros_like)]
    assert cache.run("mini", model, ids, edits=by_hand) is not cache.run("mini", model, ids, edits=by_hand)
