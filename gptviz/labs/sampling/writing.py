"""A text written token by token, with the pool of every step."""

import numpy as np
import plotly.graph_objects as go

from ... import sampling, tokenizer
from ...figures import pools
from ...figures.chips import Chip, Chips
from ...sampling import Step
from ...stages.stage import Notes, Question
from ...words import percent
from ..lab import Control, Setting, experiment, once
from .pools import SEED, count_of, k_control, p_control, printed, temperature_control

SEGMENTS = 10  # words of a pool that have their own segment
LAST = 7  # draws shown one under another
CHIPS = 22


@once
def steps(setting: Setting) -> list[Step]:
    """The tokens written with these controls, each with the pool it was drawn from."""
    return list(
        sampling.write(
            setting.last_logits,
            setting.ids,
            setting["steps"],
            limit=setting["limit"],
            temperature=setting["t"],
            k=setting["k"] or None,
            p=setting["p"],
            seed=setting["seed"],
            stop=None if setting["on"] else tokenizer.END_OF_TEXT_ID,
        )
    )


def row(setting: Setting, step: Step, number: int) -> pools.Row:
    """A draw as segments: the most probable words one by one, the others together, and the drawn one in its place."""
    chances, words = step.pool.probabilities, step.pool.words
    shown = min(SEGMENTS, step.pool.size)
    widths, names, chosen = list(chances[:shown]), printed(setting, words[:shown]), step.place
    if step.place < shown < step.pool.size:
        widths.append(float(chances[shown:].sum()))
        names.append(f"{step.pool.size - shown:,} others")
    elif step.place >= shown:
        groups = (chances[shown : step.place], chances[step.place + 1 :])
        widths += [float(groups[0].sum()), float(chances[step.place]), float(groups[1].sum())]
        names += [f"{groups[0].size:,} others", setting.word(step.token), f"{groups[1].size:,} others"]
        chosen = shown + 1
    return pools.Row(
        np.array(widths),
        tuple(names),
        chosen,
        step.number,
        f"{number} {setting.word(step.token)}",
        f"#{step.place + 1:,} in {step.pool.size:,}, mass {percent(step.pool.kept)}",
    )


def writing_pictures(setting: Setting) -> list[Chips | go.Figure]:
    done = steps(setting)
    ids = [*setting.ids, *(step.token for step in done)]
    typed, limit = len(setting.ids), setting["limit"]
    out = max(0, len(ids) - limit)
    notes = {typed + n: percent(float(step.pool.probabilities[step.place])) for n, step in enumerate(done)}
    start = max(0, len(ids) - CHIPS)
    chips = tuple(
        Chip(
            setting.word(ids[at]),
            (),
            colour=at,
            state="cropped" if at < out else "appended" if at >= typed else "",
            note=notes.get(at, ""),
        )
        for at in range(start, len(ids))
    )
    heading = f"{count_of(typed)} typed, {len(done)} written (dashed, with the chance each had)"
    remarks = [f"The last {CHIPS} of {len(ids)} tokens."] if start else []
    remarks += [f"Crossed out: no longer read, {limit} tokens fit."] if out else []
    alt = f"The text so far, {count_of(len(ids))}, {len(done)} of them written by the model."
    pictures: list[Chips | go.Figure] = [Chips(((heading, chips),), note=" ".join(remarks), alt=alt)]
    if done:
        first = max(0, len(done) - LAST)
        rows = [row(setting, step, number) for number, step in enumerate(done, start=1)][first:]
        pictures.append(
            pools.ruler(
                rows,
                title="The pool at each step, and the random number from 0 to 1 that falls on it",
                height=76 + 32 * len(rows),
            )
        )
    return pictures


def writing_caption(setting: Setting) -> str:
    done = steps(setting)
    if not done:
        return "Nothing is written yet. Move the slider up by one: one pass through the model, one draw, one token."
    sizes = [step.pool.size for step in done]
    last = done[-1]
    drawn = setting.word(last.token)
    several = f"{min(sizes):,} to {max(sizes):,} tokens"
    held = f"The pools so far hold {several if min(sizes) < max(sizes) else count_of(sizes[0])}."
    said = (
        f'Pass {len(done)} reads {count_of(len(last.ids))}, and the number {last.number:.3f} falls on "{drawn}", rank '
        f"{last.place + 1:,} of {count_of(last.pool.size)} in the pool. {held} "
        f"The argmax was taken in {sum(step.place == 0 for step in done)} of {len(done)}."
    )
    if last.left_out:
        said += f" {count_of(last.left_out)} no longer fit and went unread."
    ends = sum(step.token == tokenizer.END_OF_TEXT_ID for step in done)
    if ends and setting["on"]:
        times = "once" if ends == 1 else f"{ends} times"
        said += f" It has written {tokenizer.END_OF_TEXT} {times}: what follows is another text."
    elif ends:
        said += f" {tokenizer.END_OF_TEXT} ends the text: nothing more is written, unless you let it write on."
    return said


def writing_controls(setting: Setting) -> tuple[Control, ...]:
    room = setting.config.context_length
    limits = (room, *(size for size in (64, 16, 8, 4, 2) if size < room))
    return (
        Control(
            "steps",
            "Tokens written",
            "slider",
            6,
            (0, 40, 1),
            help="One less undoes the last token.",
        ),
        temperature_control(1.0),
        Control(
            "limit",
            "Tokens read at most",
            "choice",
            room,
            limits,
            show=lambda size: f"{size:,} (the model's)" if size == room else str(size),
            help="Before every pass the text is cropped to its last tokens: to the model's context length, or to fewer here.",
        ),
        k_control(),
        p_control(0.8),
        SEED,
        Control(
            "on", "Write on after the end", "switch", False, help="Off: the text is over when the model writes <|endoftext|>."
        ),
    )


WRITING = experiment(
    r"""# Write a text

    One pass, one pool, one random number, one token; then the longer text goes through again. Each row is one step: the pool's
    tokens lie end to end, as wide as their probabilities, and the random number falls on one of them.

    A token less takes the last one back, and the same seed writes it again. Text that no longer fits the context is cropped
    from the front. The token <|endoftext|> ends it, unless you let the model write on.

    $$\text{text} \leftarrow \text{text} + w, \qquad w \sim P(\,\cdot \mid \text{last tokens that fit})$$
    """,
    key="write",
    notes=Notes(
        say="One pass, one pool, one number, one token. Then all over again with a longer text.",
        ask="Take back two tokens, same seed: what is written?",
        trap="Nothing is planned ahead: the model knows the next token's chances and no more.",
    ),
    controls=writing_controls,
    pictures=writing_pictures,
    caption=writing_caption,
    edited=True,
    question=Question(
        ask="You take back two tokens and write two again, with the same seed and settings. What comes?",
        choices=("The same two tokens", "Two other tokens", "The two most probable tokens"),
        answer=0,
        why="The same text gives the same pool, and the seed gives the same random numbers. Only another seed draws anew.",
    ),
)
