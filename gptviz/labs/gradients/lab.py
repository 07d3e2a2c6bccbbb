"""Shortcuts, normalisation and what reaches the first layer."""

from ..lab import Lab
from . import feed_forward, layer_norm, saliency, shortcuts, toy_network, wiring

LAB = Lab(
    key="Gradients",
    title="Gradients",
    about="Shortcuts, normalisation and what reaches the first layer",
    experiments=(
        shortcuts.EXPERIMENT,
        toy_network.EXPERIMENT,
        saliency.EXPERIMENT,
        wiring.EXPERIMENT,
        layer_norm.VARIANCE,
        layer_norm.EPSILON,
        layer_norm.SCALE,
        feed_forward.CURVE,
        feed_forward.FACTOR,
    ),
)
