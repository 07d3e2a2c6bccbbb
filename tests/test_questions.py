"""The questions of stages and experiments: asked once each, before anything answers them, kept for the visit, and worth trying."""

import re
from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gptviz import edits, tokenizer, trace
from gptviz.labs.index import LABS
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES, Question, first_look
from gptviz.ui import predict, state
from sample_models import mini
from test_page import fine, html, opened

SENTENCES = ("Every effort moves you", "The letter was sealed. She opened the", "I beg your", "Every")
EXPERIMENTS = [(f"{lab.key}/{one.key}", one) for lab in LABS.values() for one in lab.experiments if one.question]


@cache
def seen(text: str, **options) -> Seen:
    made = trace.run(mini(), tokenizer.encode(text), **options)
    block, head = first_look.place(made)
    return Seen(made, block=block, head=head, text=text)


def words(text: str) -> list[str]:
    return re.findall(r"[\w./√]*\w", text.lower())


def asked(text: str) -> list[Question]:
    return [stage.asked(seen(text)) for stage in STAGES] + [one.question for _, one in EXPERIMENTS]


def test_no_two_questions_ask_the_same():
    for one, other in combinations(asked(SENTENCES[0]), 2):
        a, b = set(words(one.ask)), set(words(other.ask))
        assert len(a & b) < 0.5 * len(a | b), (one.ask, other.ask)


def test_the_right_choice_is_in_any_place_in_labs_too():
    places = [one.question.ordered(one.key).answer for _, one in EXPERIMENTS]
    assert all(len(places) / 5 < places.count(place) for place in range(3)), places


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_the_words_do_not_say_what_is_asked(stage):
    """No right choice of more than two words stands in the prose, nor a number that is asked for."""
    prose = f" {' '.join(words(stage.prose))} "
    for text in SENTENCES:
        question = stage.asked(seen(text))
        right = words(question.choices[question.answer])
        if len(right) > 2 or re.search(r"\d", question.choices[question.answer]):
            assert f" {' '.join(right)} " not in prose, question


def tried(question: Question) -> Seen:
    """What the walk shows after "Try it"."""
    wanted = dict(question.tries)
    text = wanted.get("text", SENTENCES[1])
    ids = tokenizer.encode(text)
    for _ in range(wanted.get("more", 0)):
        ids.append(int(trace.run(mini(), ids, points=["logits"]).array("logits")[0, -1].argmax()))
    run = trace.run(mini(), ids, dropout=wanted.get("dropout", 0.0), seed=1, edits=edits.parse(wanted.get("edit", "")))
    return Seen(run, block=wanted.get("block", 1) - 1, token=wanted.get("token", -1))


def test_what_can_be_tried_is_what_a_link_can_hold_and_shows_the_answer():
    before = seen(SENTENCES[1])
    trials = {stage.key: stage.asked(before) for stage in STAGES if stage.asked(before).tries}
    assert len(trials) >= 12
    for key, question in trials.items():
        assert (
            question.trial and state.from_url({name: state.written(value) for name, value in question.tries.items()})[1] == []
        )
        now = tried(question)
        stage = BY_KEY[question.tries.get("stage", key)]
        assert stage.picture(now) and stage.caption(now)
        found = now.trace
        if key == "token-ids":
            assert question.choices[question.answer] == str(now.size)
        elif key == "token-embedding":
            vectors = now.array("tok_emb")
            assert found.ids[0, 2] == found.ids[0, 5] and now.row == 5 and (vectors[2] == vectors[5]).all()
        elif key == "positional-embedding":
            assert sorted(found.ids[0].tolist()) == sorted(before.trace.ids[0].tolist()) and now.size == before.size
            assert (now.array("pos_emb") == before.array("pos_emb")).all()
        elif key == "causal-mask":
            kept = [int(np.isfinite(one.array("blocks.0.att.masked")).sum()) for one in (before, now)]
            assert question.choices[question.answer] == str(kept[1] - kept[0])
        elif key == "weight-dropout":
            rows = found.array("blocks.0.att.dropped")[0, :, 0, 0]
            assert all(min(abs(row), abs(row - 1 / 0.9)) < 1e-6 for row in rows)
        elif key == "context-vectors":
            assert np.allclose(now.array("blocks.0.att.context")[0], now.array("blocks.0.att.value")[0], atol=1e-6)
        elif key == "attention-shortcut":
            block = question.tries["block"] - 1
            came = found.array(f"blocks.{block - 1}.shortcut2" if block else "drop_emb")
            assert (found.array(f"blocks.{block}.shortcut1") == came).all()
        elif key == "norm2":
            row = question.tries["token"]
            a, b = (one.array(f"blocks.{before.block}.shortcut1")[row] for one in (before, now))
            assert np.allclose(a, b, atol=1e-3)


def test_an_answer_is_kept_for_the_visit_and_marked_on_the_map():
    app = fine(opened(stage="norm1", text=SENTENCES[0]))
    question = BY_KEY["norm1"].asked(seen(SENTENCES[0])).ordered("norm1")
    right = question.choices[question.answer]
    [radio] = [one for one in app.radio if one.label == "Your guess"]
    assert radio.value is None and not any(question.why in one.value for one in app.markdown)
    fine(radio.set_value(right).run())
    assert any(question.why in one.value for one in app.markdown)
    for _ in range(2):
        fine(app.button(key="next").click().run())
    [button] = [one for one in app.button if one.key == "reveal-attention-scores"]
    fine(button.click().run())
    assert app.session_state["answers"]["norm1"] == predict.Answer(question.ask, right, True)
    shown_only = app.session_state["answers"]["attention-scores"]
    assert shown_only.guess is None and not shown_only.right
    for _ in range(2):
        fine(app.button(key="back").click().run())
    [radio] = [one for one in app.radio if one.label == "Your guess"]
    assert radio.value == right and any(question.why in one.value for one in app.markdown)
    fine(radio.set_value(question.choices[question.answer - 1]).run())
    assert not app.session_state["answers"]["norm1"].right
    app.session_state["choice"] = replace(app.session_state["choice"], stage=state.END)
    assert f"2 of {len(STAGES)}, 0 rightly" in html(fine(app.run()))


def test_a_forged_answer_is_no_answer():
    with_state = AppTest.from_function(forged).run()
    assert not with_state.exception and "answers" not in with_state.session_state


def forged():
    from gptviz.ui import predict

    predict.answered("norm1", "What?", ("this", "that"), 0, "neither")


def test_in_present_mode_the_question_comes_before_the_line_that_answers_it():
    app = fine(opened(stage="norm1", text=SENTENCES[0], present=1))
    question = BY_KEY["norm1"].asked(seen(SENTENCES[0]))
    assert f"Predict:</b> {question.ask}" in html(app) and all(choice in html(app) for choice in question.choices)
    assert "Look for" not in html(app)
    fine(app.button(key="reveal-norm1").click().run())
    assert "Look for" in html(app) and "Predict:</b>" not in html(app)
