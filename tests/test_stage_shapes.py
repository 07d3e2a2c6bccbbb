"""What a stage says of itself holds: the shape on the map is its tensor's, and what it reads is kept of a long text."""

from fnmatch import fnmatchcase

import pytest

from gptviz import trace
from gptviz.stages import STAGES
from gptviz.ui import cache
from gptviz.ui.pipeline import shapes
from sample_models import tiny

IDS = [[6109, 3626, 6100], [345, 11, 12]]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_the_shape_on_the_map_is_the_tensors(stage):
    run = trace.run(tiny(), IDS)
    made = tuple(run.tensors[stage.points[-1].format(block=0)].shape)
    own = {"text": (), "append": (2, 4)}  # no tensor holds what they hand on
    assert stage.handed_on(run.model, 2, 3) == own.get(stage.key, made)
    at = STAGES.index(stage)
    text = next(text for first, last, text in shapes(run.model, 2, 3) if first <= at <= last)
    assert text == ",".join(map(str, own.get(stage.key, made)))


@pytest.mark.parametrize("block", [0, 1])
def test_what_any_stage_reads_is_kept_however_long_the_text(block, monkeypatch):
    monkeypatch.setattr(cache, "WHOLE_BYTES", 0)
    model = tiny()
    kept = trace.select(model, cache.points(model, 1, 3, block))
    for stage in STAGES:
        wanted = [*stage.reads(block, model.config.n_layer), *(point.format(block=block) for point in stage.points)]
        for pattern in wanted:
            found = [name for name in model.points if fnmatchcase(name, pattern)]
            assert found and set(found) <= set(kept), f"{stage.key}: {pattern}"
