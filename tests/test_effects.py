"""What an edit did: what it cannot reach is bit-equal, the divergence is torch's, and every stage can be seen with it."""

import math
import warnings

import numpy as np
import pytest
import torch

from gptviz import edits, effects, sampling, tokenizer, trace
from gptviz.config import PRESETS
from gptviz.recompute import recompute
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, STAGES
from gptviz.ui.drawers import default_cell
from gptviz.ui.whatif import main_point
from sample_models import mini, randomised

LETTER = "The letter was sealed. She opened the"
IDS = tokenizer.encode(LETTER)
MODEL = randomised(PRESETS["tiny"], seed=5)
NAMES = (
    "no-mask:2", "zero-mask", "no-scale:2", "head:2.1", "head:2.2:mean", "head:1.2:even", "attention:2", "attention:1:mean",
    "feed-forward:2", "unit:1.5", "unit:2.0:mean", "norm:2.1", "norm:2.2", "norm:final", "post-norm", "shortcut:1.1",
    "shortcut:2.2", "block:2", "position", "position:mean", "position:3",
    "entry:1.output.3.5", "entry:2.key.0.1", "table:3850.3", "weight:1.2.3.2", "weight:2.1.2.1:0.25", "row:1.2:464-3797-3332",
)  # fmt: skip


def test_every_kind_of_edit_is_among_them():
    assert {edits.parse(name)[0].kind for name in NAMES} == set(edits.KINDS)


def test_points_are_listed_in_the_order_of_the_pass():
    assert list(MODEL.points) == list(trace.run(MODEL, IDS).tensors)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("name", NAMES)
def test_what_comes_before_an_edit_is_bit_equal_and_the_edit_itself_is_not(name, dropout):
    plain, edited = (trace.run(MODEL, IDS, edits=some, dropout=dropout, seed=3) for some in ([], [name]))
    points = list(plain.tensors)
    found = dict(zip(points, effects.reached(plain, edited, points, 0, len(IDS))))
    before = [point for point in points if found[point].before]
    assert before == points[: effects.first_edited(edited)] and before[0] == "ids"
    for point in before:
        assert torch.equal(plain.tensors[point], edited.tensors[point]) and found[point].share == 0.0
    assert not found[points[len(before)]].before and found["logits"].share > 0
    assert points[len(before)] in edited.edited


def test_an_unedited_pass_is_before_any_edit():
    plain = trace.run(MODEL, IDS)
    assert effects.first_edited(plain) == len(MODEL.points) and effects.before_edit(plain, "logits")
    with pytest.raises(KeyError, match="logits"):
        effects.before_edit(plain, "logit")


def test_the_change_is_a_relative_length_over_one_sentence():
    ids = [IDS, IDS[::-1]]
    plain, edited = (trace.run(MODEL, ids, edits=some) for some in ([], ["head:2.1"]))
    (found,) = effects.reached(plain, edited, ["final_norm"], 1, 5)
    one, other = (of["final_norm"][1, :5].double() for of in (plain, edited))
    assert found.share == pytest.approx(float((other - one).norm() / one.norm()), rel=1e-12)
    (heads,) = effects.reached(plain, edited, ["blocks.1.att.context"], 0, len(IDS))
    assert 0 < heads.share < 1, "all heads count, not the one that is off alone"


def test_hidden_scores_and_zeros_have_a_change_too():
    hidden = np.array([[1.0, -np.inf], [2.0, 3.0]], dtype=np.float32)
    assert effects.change(hidden, hidden.copy()) == 0
    assert effects.change(hidden, np.array([[1.0, 0.5], [2.0, 3.0]], dtype=np.float32)) == 1.0
    moved = np.array([[1.0, -np.inf], [2.0, 4.0]], dtype=np.float32)
    assert effects.change(hidden, moved) == pytest.approx(1 / math.sqrt(14))
    assert effects.change(np.zeros((2, 2)), np.ones((2, 2))) == 1.0


def test_the_divergence_is_torchs():
    generator = np.random.default_rng(0)
    for scale in (0.1, 1, 30, 400):
        plain, edited = (generator.normal(0, scale, 5000).astype(np.float32) for _ in range(2))
        one, other = (torch.from_numpy(x).double().log_softmax(-1) for x in (plain, edited))
        meant = torch.nn.functional.kl_div(other, one, reduction="sum", log_target=True).item()
        assert effects.divergence(plain, edited) == pytest.approx(meant, rel=1e-9)
        assert effects.divergence(plain, plain) == 0.0


def test_an_effect_is_told_in_probabilities_and_ranks():
    plain, edited = (trace.run(mini(), IDS, edits=some).array("logits")[0, -1] for some in ([], ["attention:6"]))
    found = effects.effect(plain, edited)
    before, after = (torch.from_numpy(one.copy()).double().softmax(-1) for one in (plain, edited))
    assert (found.word, found.best) == (int(before.argmax()), int(after.argmax()))
    assert found.shares == pytest.approx((before[found.word].item(), after[found.word].item()), rel=1e-12)
    assert found.ranks == (1, 1 + int((after > after[found.word]).sum()))


def test_the_head_of_the_last_block_that_holds_the_letter_up_is_the_one_that_reads_it():
    letter = tokenizer.encode(" letter")[0]
    plain = trace.run(mini(), IDS)
    passes = [trace.run(mini(), IDS, edits=[f"head:6.{head}"], points=["logits"]) for head in range(1, 9)]
    left = [float(sampling.softmax(one.array("logits")[0, -1])[letter]) for one in passes]
    assert min(left) < 0.75 * sampling.softmax(plain.array("logits")[0, -1])[letter]
    reads = plain["blocks.5.att.weights"][0, left.index(min(left)), -1]
    assert int(reads.argmax()) == IDS.index(letter) and reads.max() > 0.5


@pytest.mark.parametrize("name", [*NAMES, "head:*.1,no-mask", "attention:*,feed-forward:*,position"])
def test_every_stage_can_be_seen_and_recomputed_under_an_edit(name):
    seen = trace.run(MODEL, IDS, edits=[name])
    view = Seen(seen, block=1, head=0, token=len(NAMES) % len(IDS), text=LETTER)
    for stage in STAGES:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            assert stage.picture(view) and stage.caption(view)
            if stage.overview:
                assert stage.overview(view)
        made = recompute(seen, *default_cell(stage, view))
        assert made.edited or made.difference <= 1e-4 * max(1, abs(made.value)), f"{stage.key}: {made}"


@pytest.mark.parametrize("name", ["no-mask:2", "zero-mask:2"])
def test_where_nothing_is_hidden_no_cell_is_hatched_and_every_key_counts(name):
    seen = Seen(trace.run(MODEL, IDS, edits=[name]), block=1, head=0, token=0, text=LETTER)
    for key in ("causal-mask", "attention-weights", "weight-dropout"):
        panel = BY_KEY[key].picture(seen).main
        assert panel.marks is None or not panel.marks.any()
        assert np.isfinite(panel.values).all()
        assert all(one.marks is None for one in BY_KEY[key].overview(seen).panels)
    assert "Nothing is hidden" in BY_KEY["causal-mask"].caption(seen) and "all 8 tokens" in BY_KEY["causal-mask"].caption(seen)
    assert "first token" not in BY_KEY["attention-weights"].caption(seen)
    mix = BY_KEY["context-vectors"].picture(seen)
    np.testing.assert_allclose(mix.panels[0].values.sum(0), mix.panels[1].values[0], atol=1e-5)
    hidden = Seen(trace.run(MODEL, IDS, edits=["no-mask:1"]), block=1, head=0, token=0, text=LETTER)
    assert BY_KEY["causal-mask"].picture(hidden).main.marks.any(), "another block's mask stands"


def test_before_and_after_hold_the_ten_best_of_each_pass_and_an_arrow_for_each():
    plain, edited = (Seen(trace.run(mini(), IDS, edits=some), text=LETTER) for some in ([], ["head:6.3"]))
    figure = BY_KEY["softmax"].edited(plain, edited)
    bars = {bar.name: bar for bar in figure.data}
    listed = []
    for name, seen in (("before", plain), ("after", edited)):
        shares = sampling.softmax(seen.array("logits")[-1])
        best = sampling.top(seen.array("logits")[-1], 10)
        assert [row[1] for row in bars[name].customdata] == best.tolist()
        np.testing.assert_allclose([row[2] for row in bars[name].customdata], shares[best], rtol=1e-12)
        listed.append(best.tolist())
    arrows = [one for one in figure.layout.annotations if one.showarrow]
    joined = {(round(one.ay), round(one.y)) for one in arrows if one.ax < 0 < one.x}
    assert joined == {(n, listed[1].index(word)) for n, word in enumerate(listed[0]) if word in listed[1]}
    only = set(listed[0]) ^ set(listed[1])
    assert len(arrows) == len(joined) + len(only) and only
    assert BY_KEY["softmax"].edited(replace_present(plain), replace_present(edited)).layout.font.size > 20


def replace_present(seen: Seen) -> Seen:
    return Seen(seen.trace, text=seen.text, present=True)


def test_a_stage_is_measured_by_what_it_makes_and_to_append_by_the_logits():
    seen = Seen(trace.run(MODEL, IDS), block=1)
    assert main_point(BY_KEY["append"], seen) == "logits" == main_point(BY_KEY["softmax"], seen)
    assert main_point(BY_KEY["attention-weights"], seen) == "blocks.1.att.weights"
    assert main_point(BY_KEY["text"], seen) == "ids"


def test_what_is_written_under_an_edit_comes_from_edited_passes():
    ids = list(IDS)
    for token in sampling.generate(mini(), IDS, 4, edits=["head:6.3"]):
        assert token == int(trace.run(mini(), ids, edits=["head:6.3"])["logits"][0, -1].argmax())
        ids.append(token)
    assert ids[len(IDS)] != next(sampling.generate(mini(), IDS, 1))
