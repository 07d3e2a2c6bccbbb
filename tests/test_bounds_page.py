"""What a page leaves behind: nothing but plain values, however many readers have it open."""

import gc
import types
import weakref

import numpy as np
import pytest
import torch

from gptviz import trace
from gptviz.labs.lab import Setting
from gptviz.model import GPT
from gptviz.ui import cache
from test_lab_choosing import open_lab
from test_page import fine, opened

PAGES = (
    {"stage": "text", "text": "Every effort", "second": "Hi"},
    {"stage": "positional-embedding", "drawer": "numbers"},
    {"stage": "weight-dropout", "dropout": 0.2, "drawer": "recompute"},
    {"stage": "attention-weights", "beside": "mini-untrained", "drawer": "about"},
    {"stage": "attention-weights", "beside": "mini-untrained", "present": 1},
    {"stage": "softmax", "beside": "mini-untrained", "drawer": "recompute", "other": 1},
    {"stage": "append", "more": 2, "present": 1},
    {"stage": "softmax", "edit": "head:6.3", "drawer": "recompute"},
    {"stage": "gelu", "edit": "unit:1.5", "beside": "mini"},
    {"stage": "block-output", "drawer": "code", "cell": "blocks.0.shortcut2@0,1,5"},
)
LABS = (
    ("Dropout", {"view": "drag"}),
    ("Context", {"view": "batch"}),
    ("Attention", {"view": "score"}),
    ("Parts", {"view": "sublayers"}),
    ("Gradients", {"view": "sensitivity"}),
    ("Sampling", {"view": "write"}),
    ("Embeddings", {"view": "neighbours"}),
    ("Size", {"view": "totals"}),
    ("Replay", {"view": "head"}),
    ("Why", {"view": "ledger", "way": "3"}),
)


def left_behind() -> list[object]:
    """Whatever should not outlive a run: traces, models, settings of labs, numbers in a function's memory."""
    cache._kept.clear()
    cache._held.clear()
    gc.collect()
    found = []
    for one in gc.get_objects():
        if isinstance(one, types.CellType):
            try:
                one = one.cell_contents
            except ValueError:  # nothing in it yet
                continue
            if isinstance(one, np.ndarray | torch.Tensor) and one.nbytes > 20_000:
                found.append(one)
        elif isinstance(one, trace.Trace | Setting | GPT):
            found.append(one)
    return found


@pytest.fixture
def left():
    """left_behind() without what was there before: models that other tests share."""
    before = [weakref.ref(one) for one in left_behind()]
    return lambda: [one for one in left_behind() if all(one is not other() for other in before)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page['stage']}-{page.get('drawer', page.get('present', ''))}")
def test_a_page_of_the_walk_holds_no_numbers(page, left):
    app = fine(opened(**page))
    assert cache._kept.alive() > 0
    assert left() == [] and cache._kept.alive() == 0
    if "present" not in page:
        fine(app.button(key="next" if page["stage"] != "append" else "back").click().run())  # and goes on from there


@pytest.mark.parametrize(("name", "params"), LABS, ids=[name for name, _ in LABS])
def test_a_lab_holds_no_numbers(name, params, left):
    app = open_lab(name, **params)
    assert not app.exception
    assert left() == [] and cache._kept.alive() == 0
    app.run()
    assert not app.exception
