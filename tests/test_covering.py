"""Pictures that come part by part: what is covered is not in them."""

import numpy as np
import pytest

from gptviz import trace
from gptviz.canvas.grid import payload
from gptviz.figures.matrix import Grid
from gptviz.seen import Seen
from gptviz.stages import STAGES
from gptviz.ui import pipeline
from sample_models import tiny
from test_page import fine, html, opened

COVERED = [stage for stage in STAGES if stage.covers]
SEEN = Seen(trace.run(tiny(), [5, 9, 2, 7]), present=True, text="any")


@pytest.mark.parametrize("stage", COVERED, ids=lambda stage: stage.key)
def test_what_is_covered_is_not_in_the_picture(stage):
    whole = stage.picture(SEEN)
    _, count = stage.covers(whole, 0)
    assert count > 1 and stage.covers(whole, count)[0] is whole
    sizes = []
    for shown in range(count):
        made, again = stage.covers(whole, shown)
        assert again == count
        if isinstance(made, Grid):
            values = np.concatenate([panel.values.ravel() for panel in made.panels if not panel.dim])
            sizes.append(int(np.isfinite(values).sum()))
            assert len(payload(made))
        else:
            written = made.to_json()
            sizes.append(len(written))
            texts = [one.text for one in whole.layout.annotations] + list(whole.data[0].text if "largest" in written else ())
            assert sum(str(text) in written for text in texts) < len(texts) or not texts
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]


def test_cells_keep_their_colours_and_their_text():
    grid = next(stage for stage in COVERED if stage.key == "attention-weights").picture(SEEN)
    made, _ = next(stage for stage in COVERED if stage.key == "attention-weights").covers(grid, 1)
    before, after = grid.main, made.main
    assert after.shown_limits == before.shown_limits and after.texts[0] == f"{before.values[0, 0]:.2f}"
    assert after.side[1:] == ("?",) * (len(before.rows) - 1) and np.isnan(after.values[1:]).all()
    assert np.array_equal(after.values[0], before.values[0])


def everything(app) -> str:
    """What the page says and what its charts hold."""
    return html(app) + "".join(chart.proto.spec for chart in app.get("plotly_chart"))


@pytest.mark.parametrize("present", [0, 1])
def test_no_covered_number_stands_beside_the_picture(present):
    """On the projector, and on the page of who follows."""
    stage = next(stage for stage in COVERED if stage.key == "softmax")
    app = fine(opened(stage=stage.key, present=present, cover=1, revealed=1))
    assert "1 of 5 shown" in html(app)
    assert "6.0 %" not in everything(app)
    assert "6.0 %" in everything(fine(opened(stage=stage.key, present=present, cover=1, revealed=5)))
    assert not [tab for tab in app.get("popover") if "Predict" in str(tab)]


def test_the_map_asks_for_the_next_part():
    assert pipeline.translate({"number": 4, "revealed": 2}, 6) == (4, {"revealed": 2})
    assert pipeline.translate({"number": 4, "revealed": -1}, 6) == (4, {})
