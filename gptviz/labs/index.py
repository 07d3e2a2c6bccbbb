"""All labs with fixed experiments, and the ways between an experiment and the stages of the walk it goes deeper into."""

from collections.abc import Mapping
from types import MappingProxyType

from ..stages import BY_KEY, STAGES, Stage
from .attention import lab as attention
from .context import lab as context
from .dropout import lab as dropout
from .embeddings import lab as embeddings
from .gradients import lab as gradients
from .lab import Experiment, Lab
from .parts import lab as parts
from .replay import lab as replay
from .sampling import lab as sampling
from .size import lab as size
from .why import lab as why

LABS: Mapping[str, Lab] = MappingProxyType(
    {one.LAB.key: one.LAB for one in (dropout, context, attention, parts, gradients, sampling, embeddings, size, why, replay)}
)

MOVED: Mapping[str, str] = MappingProxyType({"Training": "Replay"})
"""Names that pages had before: those addresses lead on."""


def find(name: str) -> tuple[Lab, Experiment]:
    """A lab and its experiment, from "Lab/experiment". Raises KeyError where there is none."""
    lab, _, key = name.partition("/")
    found = LABS[lab].find(key)
    if found.key != key:
        raise KeyError(name)
    return LABS[lab], found


def place(name: str) -> str:
    """What a place is called: a stage by its key, an experiment by "Lab/experiment". Raises KeyError where there is none."""
    if name in BY_KEY:
        return f"{BY_KEY[name].number} {BY_KEY[name].title}".strip()
    lab, experiment = find(name)
    return f"{lab.title}: {experiment.title}"


def stages_of(lab: Lab, experiment: Experiment) -> tuple[Stage, ...]:
    """The stages that name this experiment as the one that goes on from there."""
    return tuple(stage for stage in STAGES if f"{lab.key}/{experiment.key}" in stage.deeper)
