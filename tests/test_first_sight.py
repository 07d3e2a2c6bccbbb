"""What a reader sees first is what the words beside it say: claims of the stages, recomputed from the trace at their defaults
and over many sentences, blocks, heads and tokens."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from gptviz import catalogue, tokenizer, trace, weights
from gptviz.config import PRESETS, Rates
from gptviz.figures.matrix import Grid
from gptviz.model import GPT
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES, first_look
from gptviz.ui import drawers

SENTENCES = (
    "Every effort moves you",
    "Every day holds a",
    "She opened the",
    "The letter was sealed. She opened the",
    "The door was locked. She opened the",
    "He shut the door behind",
    "The old man shook his head. The old woman shook her",
    "I beg your",
    "Mr. Darcy met Mr. Bingley. Mr. Darcy met Mr.",
    "The cat sat by the fire, and the kitten sat by the",
    "I ❤️ my 🦜 and my naïve café",
    "a a a a a a",
    "Unfamiliarwords cost more tokens",
)
DROPOUTS = ("embedding-dropout", "weight-dropout", "attention-dropout", "feed-forward-dropout")


@cache
def mini() -> GPT:
    return catalogue.load("mini")


@cache
def tiny() -> GPT:
    return GPT(PRESETS["tiny"]).init_weights(seed=3).requires_grad_(False).eval()


@cache
def traced(text: str, model=mini, dropout: float = 0.0) -> trace.Trace:
    return trace.run(model(), tokenizer.encode(text), dropout=dropout, seed=1)


# what is said of a model's past ---------------------------------------------------------------------------------------


def a_copy(rates: Rates | None) -> GPT:
    """mini's weights with another history."""
    import copy

    model = copy.copy(mini())
    model.rates = rates
    return model


@pytest.mark.parametrize(
    ("rates", "said", "badge"),
    [
        (Rates(0.1, 0.1, 0.1), "trained with dropout 0.1", "TRAIN: dropout 0.1, seed 7"),
        (Rates(0.2, 0.2, 0.2), "trained with dropout 0.2", "TRAIN: dropout 0.1, seed 7 (trained with 0.2)"),
        (Rates(0.0, 0.1, 0.1), "dropout 0 on the embedding, 0.1", "TRAIN: dropout 0.1, seed 7 (trained with 0, 0.1)"),
        (Rates(0.0, 0.0, 0.0), "trained without dropout", "DROPOUT 0.1, seed 7 (trained without)"),
        (None, "does not say", "DROPOUT 0.1, seed 7 (its training is not known)"),
    ],
)
def test_whether_a_model_was_trained_with_dropout_is_what_its_configuration_says(rates, said, badge):
    model = a_copy(rates)
    assert said in weights.dropout_history(model) and weights.mode(model, 0.1, "seed 7") == badge
    assert weights.mode(model, 0.0, "seed 7") == "EVAL: dropout off"
    for key in DROPOUTS:
        for p in (0.0, 0.1):
            run = replace(traced(SENTENCES[0], dropout=p), model=model)
            assert said in BY_KEY[key].caption(Seen(run, block=2, head=3)), key


def test_random_weights_were_never_trained():
    assert weights.dropout_history(tiny()) == "never trained" and "TRAIN" not in weights.mode(tiny(), 0.1, "seed 0")
    assert all("in training" not in BY_KEY[key].caption(Seen(traced("She opened the", tiny))) for key in DROPOUTS)


def test_a_configuration_gives_the_rates_or_none(tmp_path):
    said = weights.rates(catalogue.BUNDLED / "mini")
    assert said is not None and said == mini().rates
    weights.save(tiny(), tmp_path, dropout=0.1)
    assert weights.load(tmp_path).rates == Rates(0.1, 0.1, 0.1)
    config = (tmp_path / "config.json").read_text()
    for line in ('"attn_pdrop": 0.1,', '"attn_pdrop": "much",', '"attn_pdrop": 1.5,'):
        changed = config.replace('"attn_pdrop": 0.1,', "" if line.endswith("0.1,") else line)
        (tmp_path / "config.json").write_text(changed)
        assert weights.load(tmp_path).rates is None, line


# where a first look falls ---------------------------------------------------------------------------------------------


def first(text: str, model=mini) -> Seen:
    run = traced(text, model)
    block, head = first_look.place(run)
    return Seen(run, block=block, head=head, text=text)


@pytest.mark.parametrize("text", SENTENCES)
def test_the_shortcut_shows_what_came_in_and_what_is_added(text):
    seen = first(text)
    for key in ("attention-shortcut", "feed-forward-shortcut", "block-output"):
        panels = BY_KEY[key].picture(seen).panels
        for panel in panels:
            drawn = np.abs(panel.values).mean(1) / panel.shown_limits[1]
            assert drawn.min() > 0.02, f"{key}: a row of {panel.title} looks empty"
    came = np.linalg.norm(seen.array(f"blocks.{seen.block - 1}.shortcut2")[-1])
    assert came > np.linalg.norm(seen.array(f"blocks.{seen.block}.drop1")[-1])


@pytest.mark.parametrize("text", [text for text in SENTENCES if text != "a a a a a a"])
def test_attention_is_first_seen_where_one_token_reads_another(text):
    seen = first(text)
    at = f"blocks.{seen.block}.att."
    weights, scores = seen.array(at + "weights")[-1], seen.array(at + "scaled")[-1]
    best = int(weights.argmax())
    assert 0 < best < seen.row and scores[best] > 0 and weights[best] > 1.5 / seen.size
    assert f"to {seen.quoted(best)};" in BY_KEY["attention-weights"].caption(seen)


def test_the_letter_is_found_by_the_head_that_reads_it():
    seen = first("The letter was sealed. She opened the")
    assert (seen.block + 1, seen.head + 1) == (6, 3) and '"·letter"' in BY_KEY["attention-weights"].caption(seen)


@pytest.mark.parametrize("text", ["Every", "a a a a a a"])
@pytest.mark.parametrize("model", [mini, tiny])
def test_there_is_always_a_place(text, model):
    seen = first(text, model)
    assert 0 <= seen.block < seen.config.n_layer and 0 <= seen.head < seen.config.n_head
    assert first_look.place(seen.trace, block=1)[0] == 1


@pytest.mark.parametrize("block", range(6))
def test_no_strip_of_a_sum_looks_empty_in_any_block(block):
    seen = Seen(traced(SENTENCES[3]), block=block, head=2)
    for key in ("attention-shortcut", "feed-forward-shortcut", "block-output"):
        picture = BY_KEY[key].picture(seen)
        assert all((np.abs(panel.values).mean(1) / panel.shown_limits[1]).min() > 0.02 for panel in picture.panels), key
        apart = len({panel.shown_limits for panel in picture.panels}) > 1
        assert apart == ("of its own" in picture.note)


# tokens that were never read ------------------------------------------------------------------------------------------


def test_a_token_that_was_never_read_is_not_told_as_meaning():
    read = mini().read
    assert int((~read).sum()) == 10_247
    for text in (SENTENCES[0], SENTENCES[9], SENTENCES[10], SENTENCES[12]):
        for row, token in enumerate(tokenizer.encode(text)):
            seen = Seen(traced(text), token=row)
            said = BY_KEY["token-embedding"].caption(seen)
            assert ("says nothing" in said.split("most alike pair")[-1].split("left out")[-1]) == (not read[token])
            assert ("never read this token" in BY_KEY["token-ids"].caption(seen)) == (not read[token])
            near = BY_KEY["token-ids"].picture(seen).lines[2][1]
            assert all(read[chip.ids[0]] for chip in near) and bool(near) == bool(read[token])
            if pair := re.match(r'"(.+?)" and "(.+?)" are the most alike pair', said):
                words = {tokenizer.printable(one): one for one in tokenizer.encode(text)}
                assert read[words[pair[1]]] and read[words[pair[2]]]


# how it is said -------------------------------------------------------------------------------------------------------

BAD = (
    r"-\d",
    r"[-−]0(?:\.0+)?(?![\d.])",
    r"\d(?:\.\d)?e[-+]\d",
    r"\b1 (?:tokens|rows|routes|characters|bytes|merges|heads)\b",
    r"\bnan\b",
    r"\d%",
)


def views():
    for text in SENTENCES[::2]:
        for dropout in (0.0, 0.1):
            run = traced(text, dropout=dropout)
            for block, head, token in ((0, 0, -1), (3, 5, 0), (5, 2, -1)):
                yield Seen(run, block=block, head=head, token=token, text=text)
    yield from (
        Seen(traced(text, tiny), block=1, head=1, token=token, text=text)
        for text in ("Every", SENTENCES[0])
        for token in (0, -1)
    )


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_numbers_are_written_one_way(stage):
    for seen in views():
        question = stage.asked(seen)
        for said in (stage.caption(seen), question.ask, question.why, *question.choices):
            plain = re.sub(r'"[^"]*"', "", said)
            assert not [found[0] for wrong in BAD if (found := re.search(wrong, plain))], said
            for found in re.findall(r"100(?:\.0)? %", plain):
                assert stage.key in ("attention-weights", "attention-scores") and seen.row == 0, said
        assert len(stage.caption(seen)) < 430


def test_of_a_repeated_token_it_is_said_which_one():
    seen = Seen(traced("The cat sat by the fire, and the kitten sat by the"), block=3, head=1)
    said = BY_KEY["attention-weights"].caption(seen)
    assert said.startswith('"·the" (token 13)') or said.startswith(f'"·the" (token {seen.row})')
    assert seen.quoted(1) == '"·cat"' and seen.quoted(2) == '"·sat" (token 2)'


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_a_calculator_agrees_with_what_dropout_makes(p):
    checked = 0
    for text in SENTENCES[:6]:
        run = traced(text, dropout=p)
        for key in DROPOUTS:
            for block in range(6):
                said = BY_KEY[key].caption(Seen(run, block=block, head=block, token=-1)).replace("−", "-")
                if found := re.search(r"(-?[\d.]+) ÷ ([\d.]+) = (-?[\d.]*\d)", said):
                    digits = len(found[3].partition(".")[2])
                    assert round(float(found[1]) / float(found[2]), digits) == float(found[3]), said
                    checked += 1
    assert checked > 100


# questions ------------------------------------------------------------------------------------------------------------


def test_a_third_of_the_questions_is_about_what_is_on_screen():
    computed = [stage for stage in STAGES if callable(stage.question)]
    assert 3 * len(computed) >= len(STAGES)
    for stage in computed:
        asked = [stage.asked(seen) for seen in (first(text) for text in SENTENCES)]
        asked += [stage.asked(first("Every", model)) for model in (mini, tiny)]
        for question in asked:
            assert 2 <= len(question.choices) <= 4 and len(set(question.choices)) == len(question.choices)
            assert 0 <= question.answer < len(question.choices) and question.ask.endswith("?") and question.why.endswith(".")
        assert len({(question.ask, *question.choices) for question in asked}) > 1, stage.key


def test_no_question_is_asked_twice_and_no_place_is_the_right_one():
    asked = [stage.asked(first(SENTENCES[0])).ordered(stage.key) for stage in STAGES]
    assert len({question.ask for question in asked}) == len(STAGES)
    assert all(one == stage.asked(first(SENTENCES[0])).ordered(stage.key) for one, stage in zip(asked, STAGES))
    places = [question.answer for question in asked]
    assert all(5 <= places.count(place) <= 13 for place in range(3)), places


# from step to step ----------------------------------------------------------------------------------------------------


def test_every_stage_says_in_a_line_what_there_is_and_what_is_missing():
    missing = [stage.missing for stage in STAGES]
    assert len(set(missing) - {"The row it is meant for.", "In training, numbers of it that fall."}) == len(STAGES) - 4
    for stage, after in zip(STAGES, (*STAGES[1:], None)):
        assert stage.so_far.endswith(".") and stage.missing.endswith(".") and len(stage.so_far + stage.missing) < 100
        assert not after or stage.so_far != after.so_far or stage.key == "weight-dropout"  # that step changes nothing in use


# pictures that show it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", SENTENCES[::3])
def test_pictures_show_the_step_itself(text):
    seen = first(text)
    row, width = seen.row, seen.config.n_embd
    for key, sizes in (("expand", (width, 4 * width)), ("contract", (4 * width, width))):
        picture = BY_KEY[key].picture(seen)
        assert picture.to_scale and tuple(panel.values.shape[1] for panel in picture.panels) == sizes
    around, *parts = BY_KEY["queries-keys-values"].picture(seen).panels
    assert around.point.endswith("norm1") and [part.joiner[2:5] for part in parts] == ["W_Q", "W_K", "W_V"]
    logits, raised, shares = BY_KEY["softmax"].overview(seen).panels
    whole = np.exp(seen.array("logits")[row].astype(np.float64) - logits.values.max()).sum()
    np.testing.assert_allclose(raised.values, np.exp(logits.values - logits.values.max()), rtol=1e-5)
    np.testing.assert_allclose(shares.values, raised.values / whole, rtol=1e-5)
    vector, table, products = (panel.values for panel in BY_KEY["output-head"].overview(seen).panels)
    np.testing.assert_allclose(vector * table, products, rtol=1e-6)
    assert abs(products.sum() - seen.array("logits")[row].max()) < 1e-3
    for key in ("norm1", "norm2", "final-norm"):
        two, before, middle, after = BY_KEY[key].overview(seen).panels
        mean, variance = two.values[0]
        np.testing.assert_allclose(
            middle.values, (before.values - mean) / np.sqrt(variance + seen.config.eps), rtol=1e-3, atol=1e-4
        )
        assert after.point == BY_KEY[key].named(seen)[-1]


@pytest.mark.parametrize("text", SENTENCES[::4])
def test_the_dip_of_gelu_and_the_corner_of_relu_can_be_seen(text):
    figure = BY_KEY["gelu"].picture(first(text))
    near = {line.name: line for line in figure.data if line.xaxis == "x3"}
    low, high = figure.layout.yaxis3.range
    height = figure.layout.height * (figure.layout.yaxis3.domain[1] - figure.layout.yaxis3.domain[0]) * 0.76
    assert -near["GELU near 0"].y.min() * height / (high - low) > 8  # pixels under the line
    assert min(near["ReLU near 0"].y) == 0 and len(near["units near 0"].x) > 50
    said = [note.text for note in figure.layout.annotations]
    assert "ReLU: a corner" in said and "lowest: −0.17 at −0.75" in said


def test_nothing_is_said_to_be_clickable_where_nothing_is():
    seen = first(SENTENCES[0])
    for stage in STAGES:
        pictures = [stage.picture(seen), *([stage.overview(seen)] if stage.overview else [])]
        cells = any(isinstance(made, Grid) and any(panel.point for panel in made.panels) for made in pictures)
        assert bool(drawers.clickable(stage, seen)) == cells, stage.key
