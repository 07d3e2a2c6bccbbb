"""The few lines of Python that make a picture's numbers again, from nothing."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .. import tokenizer
from ..labs.lab import Experiment
from ..seen import Seen
from ..stages import Stage

OWN = ("trace", "length", "text")  # fields of Seen that are written in a way of their own


def of_stage(stage: Stage, seen: Seen, model: str, *, compared: bool = False) -> str:
    """Lines that end in `picture`, the stage's picture as it is seen here. model: its key in the catalogue. compared: the stage's
    picture of what an edit did, in the place of its usual one."""
    trace = seen.trace
    plain_options = [f"dropout={trace.dropout!r}, seed={trace.seed!r}"] if trace.dropout else []
    options = [*plain_options, *([f"edits={list(trace.edits)!r}"] if trace.edits else [])]
    rows = trace.ids.tolist()
    typed = list(tokenizer.encode(seen.text, special=seen.special)) if seen.text else []
    special = ", special=True" if seen.special else ""
    plain = rows == [typed]
    ids = [f"ids = tokenizer.encode(text{special})"] if plain else [f"ids = {rows!r}  # as they went in"]
    places = [
        f"{one.name}={getattr(seen, one.name)!r}"
        for one in fields(Seen)
        if one.name not in OWN and getattr(seen, one.name) != one.default
    ]
    length = [] if plain or seen.size == trace.ids.shape[1] else [f"length={seen.size}"]
    run = f"trace.run({', '.join(('model', 'ids', *options))})"
    return "\n".join(
        [
            *["from dataclasses import replace"] * compared,
            f"from gptviz import catalogue, {'tokenizer, ' if plain else ''}trace",
            "from gptviz.seen import Seen",
            "from gptviz.stages import BY_KEY",
            "",
            f"text = {seen.text!r}",
            *ids,
            f"model = catalogue.load({model!r})",
            f"seen = Seen({', '.join((run, *places, *length, 'text=text'))})",
            *(
                [
                    f"without = replace(seen, trace=trace.run({', '.join(('model', 'ids', *plain_options))}))",
                    f"picture = BY_KEY[{stage.key!r}].edited(without, seen)",
                ]
                if compared
                else [f"picture = BY_KEY[{stage.key!r}].picture(seen)"]
            ),
            "",
        ]
    )


def of_experiment(
    experiment: Experiment, values: Mapping[str, Any], text: str, ids: tuple[int, ...], model: str, changes: str = ""
) -> str:
    """Lines that end in `pictures`, the experiment's pictures at these values of its controls. changes: the edits in force, by name."""
    plain = tuple(tokenizer.encode(text)) == tuple(ids)
    return "\n".join(
        [
            f"from gptviz import catalogue{', edits' if changes else ''}{', tokenizer' if plain else ''}",
            f"from gptviz.labs.{experiment.pictures.__module__.split('.')[2]} import lab",
            "from gptviz.labs.lab import Setting",
            "",
            f"text = {text!r}",
            "ids = tuple(tokenizer.encode(text))" if plain else f"ids = {tuple(ids)!r}  # as they went in",
            f"values = {dict(values)!r}",
            f"setting = Setting(catalogue.load({model!r}), ids, values, text=text, model_key={model!r})",
            *([f"setting = setting.under(edits.parse({changes!r}))"] if changes else []),
            f"pictures = lab.LAB.find({experiment.key!r}).pictures(setting)",
            "",
        ]
    )
