"""A network small enough to see gradients vanish: Raschka's five-layer example, of any depth."""

import math

import numpy as np
import plotly.graph_objects as go
import torch
import torch.nn.functional as F

from ...figures import depth
from ...figures.depth import Line, written
from ...stages.stage import Notes, Question
from ..lab import Control, Setting, experiment

WIDTH = 3
INPUT = (1.0, 0.0, -1.0)


def gradients(layers: int, *, shortcuts: bool, seed: int = 123) -> np.ndarray:
    """(layer,) mean |gradient| of each layer's weights.

    Every layer is GELU(x W + b), 3 wide and the last one 1 wide, with weights and biases drawn as `torch.nn.Linear` draws them; a
    shortcut adds the layer's input where the widths agree. Input 1, 0, -1; loss: the square of the output (target 0).
    """
    generator = torch.Generator().manual_seed(seed)
    bound = 1 / math.sqrt(WIDTH)
    with torch.inference_mode(False), torch.enable_grad():
        x, tables = torch.tensor([INPUT]), []
        for layer in range(layers):
            width = 1 if layer == layers - 1 else WIDTH
            table = torch.empty(width, WIDTH).uniform_(-bound, bound, generator=generator).requires_grad_()
            bias = torch.empty(width).uniform_(-bound, bound, generator=generator)
            tables.append(table)
            made = F.gelu(F.linear(x, table, bias), approximate="tanh")
            x = x + made if shortcuts and made.shape == x.shape else made
        slopes = torch.autograd.grad(F.mse_loss(x, torch.zeros_like(x)), tables)
    return np.array([float(slope.abs().mean()) for slope in slopes])


def pictures(setting: Setting) -> list[go.Figure]:
    layers, seed = setting["layers"], setting["draw"]
    return [
        depth.lines(
            [
                Line("with shortcuts", gradients(layers, shortcuts=True, seed=seed), "token"),
                Line("without", gradients(layers, shortcuts=False, seed=seed), "key"),
            ],
            [str(layer + 1) for layer in range(layers)],
            x_title="layer",
            y_title="mean |gradient| of the layer's weights",
            title=f"TOY network: {layers} layers, 3 numbers wide, untrained (seed {seed})",
            height=400,
        )
    ]


def caption(setting: Setting) -> str:
    layers, seed = setting["layers"], setting["draw"]
    cut, kept = (gradients(layers, shortcuts=on, seed=seed) for on in (False, True))
    return (
        f"Without shortcuts layer 1 gets {written(cut[0])} against {written(cut[-1])} in layer {layers}: a ratio of "
        f"{written(cut[0] / cut[-1])}. With shortcuts the ratio is {written(kept[0] / kept[-1])}. Read the ratio, not the height: "
        "with shortcuts all layers have larger gradients, because the output and so the loss are larger."
    )


EXPERIMENT = experiment(
    r"""# Toy network

    A stack of small layers, each three numbers in and three out, bent by GELU; the last makes one number. The loss is that number
    squared. Weights are random.

    Without shortcuts the gradient is multiplied at each layer on its way back, mostly by less than 1, so the deeper the stack, the
    less reaches layer 1 (vanishing gradients). A shortcut gives it a direct way, so it shrinks far less. Five layers and seed 123
    are Raschka's example, and give his printed numbers.

    $$x_{i+1} = x_i + \mathrm{GELU}(x_i W_i + b_i)$$
    """,
    key="toy",
    notes=Notes(
        say="Ten small factors make almost nothing. Add 1 to each and look again.",
        ask="0.3 multiplied ten times: how many zeros after the point?",
        trap="Shortcuts do not make gradients large; they keep one path on which nothing shrinks.",
    ),
    controls=(
        Control("layers", "Layers", "slider", default=5, options=(2, 10, 1)),
        Control("draw", "Seed of the random weights", "slider", default=123, options=(100, 150, 1)),
    ),
    pictures=pictures,
    caption=caption,
    state=lambda setting: ("TOY: not the model",),
    question=Question(
        ask="Ten layers without shortcuts: the last layer's gradient is 0.007. What is the first one's?",
        choices=("0.0000003", "0.0007", "0.007"),
        answer=0,
        why="Nine layers multiply it on the way. Move the slider to 10 to see it; with shortcuts the ratio stays far nearer to 1.",
    ),
)
