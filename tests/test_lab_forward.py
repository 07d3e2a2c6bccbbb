"""forward() line by line: every line of model.py is there, and the shapes are those that are made."""

import re
from pathlib import Path

from gptviz import model as hooked
from gptviz import tokenizer
from gptviz.labs.lab import Setting
from gptviz.labs.size import forward
from sample_models import tiny

IDS = tuple(tokenizer.encode("Every effort moves you"))


def setting(**values) -> Setting:
    bare = Setting(tiny(), IDS, {}, "Every effort moves you", model_key="tiny")
    starts = {control.name: control.start() for control in forward.FORWARD.controls_for(bare)}
    return Setting(bare.model, IDS, starts | values, bare.text, model_key="tiny")


class TestForward:
    def test_every_line_is_explained_and_shown_with_the_shape_it_makes(self):
        for function in forward.FUNCTIONS:
            for number, line in enumerate(forward.lines(function), 1):
                asked = setting(function=function, line=number)
                table, *grid = forward.FORWARD.pictures(asked)
                said = forward.FORWARD.caption(asked)
                assert line.said in said and table.columns[""].index("▶") == number - 1
                assert Path(hooked.__file__).read_text().splitlines()[line.number - 1].strip() == line.code.strip()
                if line.point:
                    shape = tuple(forward.run(asked)[line.point].shape)
                    assert f"{shape}" in said and table.columns["shape here"][number - 1] == str(shape) and grid
                    assert shape[0] == 2 or line.point == "pos_emb"

    def test_no_hook_point_is_left_out(self):
        shown = {line.point for function in forward.FUNCTIONS for line in forward.lines(function)}
        points = {re.sub(r"blocks\.\d+", "blocks.0", name) for name in tiny().points}
        assert points - shown == set()

    def test_the_notes_shapes(self):
        table, _ = forward.FORWARD.pictures(setting(function="GPT.forward", line=10))
        assert table.columns["GPT-2 small"][-1] == "(2, 4, 50257)" and table.columns["makes"][-1] == "batch × token × word"
