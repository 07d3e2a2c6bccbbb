"""What is often believed, and the place that settles it: each place is there, says it, and shows it when it is opened."""

import re
from functools import cache

import numpy as np
import pytest

from gptviz import sampling, tokenizer, trace
from gptviz.labs import index
from gptviz.seen import Seen
from gptviz.stages import BY_KEY, first_look
from gptviz.story.beliefs import BELIEFS
from test_lab_claims import mini, opened

TEXT = "Every effort moves you"


@cache
def first(text: str = TEXT, model=mini) -> Seen:
    run = trace.run(model(), tokenizer.encode(text))
    block, head = first_look.place(run)
    return Seen(run, block=block, head=head, text=text)


def said(place: str) -> str:
    """What a reader can read at a place when it opens: its words, the line under its picture, and the answer to its question."""
    if place in BY_KEY:
        stage, seen = BY_KEY[place], first()
        question, line = stage.asked(seen), stage.caption(seen)
        return " ".join((stage.prose, line, question.ask, question.why))
    one, setting = index.find(place)[1], opened(place)
    question = one.question
    return " ".join((one.prose, one.caption(setting), *((question.ask, question.why) if question else ())))


def test_there_are_fifty_each_once_and_none_is_empty():
    assert len(BELIEFS) >= 50 and len({one.believed for one in BELIEFS}) == len(BELIEFS)
    assert all(one.so.endswith(".") and one.believed.endswith(".") and index.place(one.place) for one in BELIEFS)
    assert len({one.place for one in BELIEFS}) >= 40  # places all over the walk and the labs


@pytest.mark.parametrize("place", sorted({one.place for one in BELIEFS}))
def test_the_place_says_it(place):
    there = said(place)
    for one in BELIEFS:
        if one.place == place:
            assert one.shown in there, f"{one.believed} {place}: {there}"


def cosines() -> bool:
    said_here = re.search(r"one group have (\d\.\d+) on average, of two groups (\d\.\d+)", said("Embeddings/training"))
    return float(said_here[1]) > 2 * float(said_here[2])


def zeros() -> bool:
    found = re.search(r"([\d.]+) % without a mask, ([\d.]+) % with zeros", said("Attention/masks"))
    return float(found[2]) > 5


def gradients() -> bool:
    words = said("Gradients/toy")
    without, with_ = (float(re.search(pattern, words)[1]) for pattern in (r"a ratio of ([\d.]+\d)", r"the ratio is ([\d.]+\d)"))
    found = re.search(r"gets ([\d.]+) times .*?, ([\d.]+) times in the edited", said("Gradients/way-back"))
    return without < with_ and float(found[2]) < float(found[1]) and "smaller share" in said("Gradients/way-back")


def shortcut() -> bool:
    panels = BY_KEY["attention-shortcut"].picture(first()).panels
    return all((np.abs(panel.values).mean(1) / panel.shown_limits[1]).min() > 0.02 for panel in panels)


def attention() -> bool:
    seen = first()
    weights = seen.array(f"blocks.{seen.block}.att.weights")[seen.row]
    return 0 < int(weights.argmax()) < seen.row


def fan() -> bool:
    """While the model that ships was trained without dropout, its fan lies apart, and the words beside it say so."""
    shares = re.search(r'EVAL gives "[^"]+" ([\d.]+) %.*?, ([\d.]+) % on average', said("Dropout/fan"))
    apart = float(shares[2]) < 0.8 * float(shares[1])
    without = mini().rates is not None and not any(mini().rates)
    return not apart or (without and "trained without dropout never met" in said("Dropout/fan"))


def epsilon() -> bool:
    return 0.99 < float(re.search(r"but, with ε = 10⁻⁵, (0\.\d+)", said("Gradients/epsilon"))[1]) < 1


def swapped() -> bool:
    found = re.search(r"differs by ([\d.e-]+) after block 1 \(rounding\), but by ([\d.]+) after block 2", said("Context/swap"))
    return float(found[1]) < 1e-4 < 0.1 < float(found[2])


def heads() -> bool:
    return "a difference of 0." in said("Size/heads")


def batch() -> bool:
    return "the largest change in any number of sentence 1 is exactly 0" in said("Context/batch")


def leaders() -> bool:
    return "Ranks that changed: 0 of" in said("Sampling/temperature")


def untrained() -> bool:
    shares = sampling.softmax(first(model=random).array("logits")[-1])
    return shares.max() < 20 / len(shares)


@cache
def random():
    from gptviz.config import PRESETS
    from gptviz.model import GPT

    return GPT(PRESETS["tiny"]).init_weights(seed=3).requires_grad_(False).eval()


def sums() -> bool:
    found = re.search(r"sums to ([\d.]+) at least and ([\d.]+) at most", said("Dropout/sums"))
    return float(found[1]) < 1 < float(found[2])


HELD = (cosines, zeros, gradients, shortcut, attention, fan, epsilon, swapped, heads, batch, leaders, untrained, sums)


@pytest.mark.parametrize("holds", HELD, ids=lambda one: one.__name__)
def test_no_default_undermines_it(holds):
    assert holds(), holds.__name__
