"""What frames the walk: examples that show what they say, the overview's numbers, and links that lead both ways."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gptviz import catalogue, choice, sampling, tokenizer, trace
from gptviz.labs import index
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES
from gptviz.story import CARDS, cards, ending, terms, trip
from gptviz.ui import glossary, state
from gptviz.ui.state import Choice
from sample_models import tiny
from test_page import APP, fine, html, opened


@pytest.fixture(scope="module")
def mini():
    return catalogue.load("mini")


def run(model, text):
    return trace.run(model, tokenizer.encode(text))


def test_there_are_enough_examples_each_its_own():
    assert len(CARDS) >= 12 and CARDS[0].text == Choice.text
    for field in ("key", "verb", "text", "line"):
        assert len({getattr(card, field) for card in CARDS}) == len(CARDS), field
    assert all(card.stage in BY_KEY and card.claims for card in CARDS)
    assert not any(re.search(r"\d", card.line) for card in CARDS), "numbers are computed, not written"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.key)
def test_an_example_shows_what_it_says(card, mini):
    assert card.holds(run(mini, card.text))


def test_what_does_not_hold_is_not_said(mini):
    said = [card for card in CARDS if card.stage in ("attention-weights", "softmax")]
    untrained = catalogue.load("mini-untrained")
    assert not any(card.holds(run(untrained, card.text)) for card in said)
    assert not any(card.holds(run(tiny(), card.text)) for card in said), "a model without that block or head"
    there = {"text": cards.BY_KEY["letter"].text, "stage": "attention-weights", "block": 6, "head": 3}
    line = "Watch one head find the letter."
    assert line in html(opened(**there))
    for other in ({"head": 2}, {"token": 2}, {"model": "mini-untrained"}, {"dropout": 0.9}, {"stage": "causal-mask"}):
        assert line not in html(opened(**there | other)), other


def test_the_pair_is_measured(mini):
    one, other = (run(mini, text) for text in trip.HERO)
    found = trip.pair(one, other)
    assert found.read == ("·letter", "·door") and [out[0].word for out in found.out] == ["·letter", "·door"]
    weights = one.array(f"blocks.{found.block - 1}.att.weights")[0, found.head - 1, -1]
    assert (
        found.shares[0]
        == weights[found.place]
        == max(one.array(f"blocks.{block}.att.weights")[0, :, -1, found.place].max() for block in range(6))
    ), "no head looks back more"
    shares = sampling.softmax(one.array("logits")[0, -1])
    assert (
        found.out[0][0].share == pytest.approx(float(shares.max()))
        and "95.6 %" not in trip.pair(other, one).said.split("and")[0]
    )
    untrained = catalogue.load("mini-untrained")
    assert trip.pair(*(run(untrained, text) for text in trip.HERO)).said.startswith("Both go on")


def test_the_overview_shows_the_trip_of_the_sentence_on_screen(mini):
    app = fine(opened(stage="overview", text="She opened the"))
    best = trip.comes_out(Seen(run(mini, "She opened the")))
    assert "<b>One word comes out</b>" in html(app) and f"<span>{best[0].word}</span>" in html(app)
    assert "3 tokens become 3 rows of 256 numbers" in html(app) and "768 in GPT-2 small" in html(app)
    app = fine(app.button(key="card-overview-letter").click().run())
    assert dict(app.query_params) == {
        "stage": "attention-weights",
        "text": "The letter was sealed. She opened the",
        "block": "6",
        "head": "3",
    }


def test_a_first_visit_is_one_press_from_the_walk():
    app = fine(AppTest.from_file(APP, default_timeout=60).run())
    assert app.session_state["choice"] == Choice(stage=state.OVERVIEW) and dict(app.query_params) == {}
    assert app.button(key="back").disabled and app.button(key="next").label.startswith("Start the walk")
    app = fine(app.button(key="next").click().run())
    assert dict(app.query_params) == {"stage": "text"} and app.session_state["choice"].text == Choice.text
    assert dict(fine(app.button(key="back").click().run()).query_params) == {}


@pytest.mark.parametrize("text", ["a", "word " * 400, "<b>bold</b> & $x$ **stars**"], ids=["one token", "cropped", "markup"])
@pytest.mark.parametrize("stage", choice.AROUND)
def test_the_pages_around_take_any_text(stage, text):
    for more in ({}, {"model": "mini-untrained", "present": 1}, {"second": "Every day", "item": 1}):
        app = fine(opened(stage=stage, text=text, **more))
        assert "<b>bold" not in html(app) and not app.error


def test_links_lead_both_ways():
    named = {name for stage in STAGES for name in stage.deeper}
    for name in named:
        lab, experiment = index.find(name)
        back = index.stages_of(lab, experiment)
        assert back and all(name in stage.deeper for stage in back)
    assert sum(not stage.deeper for stage in STAGES) <= 1 and {name.partition("/")[0] for name in named} == set(index.LABS)
    with pytest.raises(KeyError):
        index.find("Attention/nowhere")
    for key, _ in ending.LABS:
        index.find(key)
    links = [one.proto.label for one in opened(stage="causal-mask").get("page_link")]
    assert any(link.replace(":small[]", "").startswith("Experiment: Four masks") for link in links), links


def test_guesses_are_the_highest(mini):
    made = run(mini, "I beg your")
    found = trip.guesses(made.array("logits")[0, -1], made)
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)
    assert np.isclose(found[0].share, sampling.softmax(made.array("logits")[0, -1]).max())


def test_terms_open_at_their_first_mention_only():
    pieces = terms.mentions("Keys meet a query. The key is offered, queries look; tokenizer and KEYS are no terms.")
    assert [(piece, term.word) for piece, term in pieces if term] == [("Keys", "key"), ("query", "query")]
    assert "".join(piece for piece, _ in pieces).startswith("Keys meet a query. The key") and len(pieces) == 4
    html_text = glossary.paragraphs("A <b>token</b>.\n\nIts ids & more.")
    assert (
        html_text.count("<details") == 2
        and "&lt;b&gt;" in html_text
        and html_text.count("<div>") == html_text.count("</div>") == 2
    )


def test_every_term_has_its_place_and_what_the_notes_say_is_there():
    assert len({form for term in terms.TERMS for form in term.written}) == sum(len(term.written) for term in terms.TERMS)
    assert all(term.stage in ("", *BY_KEY) and term.said.endswith(".") for term in terms.TERMS)
    said = " ".join(term.said for term in terms.TERMS)
    for words in (
        "tiktoken",
        "decode",
        "nn.Sequential",
        "batch_size",
        "seq_len",
        "2 × 4 × 50,257",
        "windows of 4",
        "by heart",
        "stable",
    ):
        assert words in said, words
    told = {term.word for stage in STAGES for _, term in terms.mentions(stage.prose) if term}
    assert {"query", "key", "value", "logit", "residual stream", "softmax", "token", "id", "batch"} <= told
    app = fine(AppTest.from_file(APP, default_timeout=60).switch_page("pages/Glossary.py").run())
    assert all(f"<dt>{term.word}" in html(app) for term in terms.TERMS) and "table class='symbols'" in html(app)


def test_a_stage_and_an_experiment_open_their_terms():
    assert "<summary>key</summary>" in html(opened(stage="queries-keys-values")).lower()
    app = fine(AppTest.from_file(APP, default_timeout=60).switch_page("pages/Attention.py").run())
    assert "<details class='term'>" in html(app)


# letters --------------------------------------------------------------------------------------------------------------

GREEK = {"mu": "μ", "sigma": "σ", "gamma": "γ", "beta": "β", "varepsilon": "ε", "epsilon": "ε"}


def letters(formula: str) -> set[str]:
    """The letters of a formula that stand for something: no words, no names of functions, no signs."""
    bare = re.sub(r"\\(text|mathrm|mathbf|mathcal|mathbb|operatorname)\{[^{}]*\}", " ", formula)
    named = {GREEK[name] for name in re.findall(r"\\([a-zA-Z]+)", bare) if name in GREEK}
    return named | set(re.findall(r"(?<![a-zA-Z])[a-zA-Z](?![a-zA-Z])", re.sub(r"\\[a-zA-Z]+", " ", bare))) - {
        "e",
        "U",
        "N",
        "E",
    }


def test_every_letter_of_a_formula_is_in_the_table_of_symbols():
    known = {letter.strip() for line, _, _ in terms.SYMBOLS for letter in line.split(",")}
    formulas = {stage.key: stage.formula for stage in STAGES}
    formulas |= {f"{lab.key}/{one.key}": one.formula for lab in index.LABS.values() for one in lab.experiments}
    used = {key: letters(formula) for key, formula in formulas.items() if formula}
    maps = {
        "Embeddings/neighbours",
        "Embeddings/cosine",
        "Embeddings/positions",
        "Replay/pair",
    }  # two vectors, a and b, compared
    for key, found in used.items():
        splits = {letter for letter in found if letter not in known and not (key in maps | {"text"} and letter in "ab")}
        assert not splits, f"{key}: {splits} in {formulas[key]}"
    assert known - set().union(*used.values()) <= {"g", "o", "f"}, known - set().union(*used.values())


def test_a_letter_means_one_thing_wherever_it_can_be_told():
    """Attention's letters are the same in the walk, the experiments and the recomputation."""
    attention = [one.formula for lab in index.LABS.values() for one in lab.experiments]
    attention += [stage.formula for stage in STAGES]
    for formula in attention:
        assert not re.search(r"w_\{?(qk|ij|t,s)|s_\{?qk|\\partial L|\[-L|\bH\b|\bL\b", formula), formula
