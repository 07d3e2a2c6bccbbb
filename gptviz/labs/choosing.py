"""Choosing the next token: from the logits after the last token to one token written."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from .. import sampling, tokenizer
from ..figures import pools
from ..figures.chips import Chip, Chips
from ..sampling import Pool, Step
from ..stages.base import Question, percent
from .base import Control, Lab, Setting, experiment

DRAWS = 1000
WORDS = 12  # rows of words in a picture
SEGMENTS = 10  # words of a pool that have their own segment
LAST = 7  # draws shown one under another
CHIPS = 22
TEMPERATURES = np.round(np.arange(0.1, 5.01, 0.1), 1)
FOLLOWED = (1, 2, 3, 10, 100, 1_000, 10_000)  # ranks whose share is followed through all temperatures

TOY_WORDS = ("closer", "every", "effort", "forward", "inches", "moves", "pizza", "toward", "you")
TOY_LOGITS = np.array([4.51, 0.89, -1.90, 6.75, 1.63, -1.62, -1.89, 6.28, 1.79])
"""The nine-word vocabulary and logits of Raschka, "Build a Large Language Model (From Scratch)", section 5.3."""


def temperature_control(start: float) -> Control:
    return Control("t", "Temperature T", "slider", start, (0.0, 5.0, 0.1))


def k_control(start: int = 0, most: int = 100) -> Control:
    return Control("k", "Top-k (0 = off)", "slider", start, (0, most, 1), help="Keep only the k most probable tokens.")


def p_control(start: float) -> Control:
    return Control(
        "p",
        "Top-p (1 = off)",
        "slider",
        start,
        (0.05, 1.0, 0.05),
        help="Keep the smallest set of most probable tokens whose mass reaches p, counted over the whole vocabulary.",
    )


SEED = Control("seed", "Seed", "slider", 0, (0, 99, 1), help="The same seed gives the same random numbers.")


def pooled(setting: Setting, logits: np.ndarray) -> Pool:
    """The pool that the controls t, k and p leave of these logits."""
    return sampling.pool(logits, temperature=setting["t"], k=setting["k"] or None, p=setting["p"])


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of every entry, 1 for the largest; equal entries share the better rank."""
    return 1 + values.size - np.searchsorted(np.sort(values), values, side="right")


def printed(words: np.ndarray) -> list[str]:
    return [tokenizer.printable(int(word)) for word in words]


def count_of(number: int, word: str = "token") -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def after(setting: Setting) -> str:
    return f'after "{tokenizer.printable(setting.ids[-1])}"'


# temperature


@dataclass(frozen=True, eq=False)
class Tempered:
    """The same logits at T = 1 and at another T. logits, before, after: (word,). moved: words whose rank is not the same."""

    logits: np.ndarray
    before: np.ndarray
    after: np.ndarray
    moved: int


def tempered(logits: np.ndarray, temperature: float) -> Tempered:
    before, changed = sampling.softmax(logits), sampling.tempered(logits, temperature)
    return Tempered(logits, before, changed, int((ranks(before) != ranks(changed)).sum()))


def curves(logits: np.ndarray, words: Sequence[int]) -> np.ndarray:
    """(words, temperatures): their shares of the whole vocabulary at every one of TEMPERATURES."""
    below = logits.astype(np.float64) - logits.max()
    return np.stack([np.exp(below[words] / t) / np.exp(below / t).sum() for t in TEMPERATURES], axis=1)


def ranked_text(shares: np.ndarray, places: np.ndarray) -> list[str]:
    return [f"#{place:,}  {percent(share) if share else '0'}" for share, place in zip(shares, places)]


def temperature_pictures(setting: Setting) -> list[go.Figure]:
    t = setting["t"]
    found = tempered(setting.last_logits(), t)
    words = sampling.top(found.logits, WORDS)
    followed = sampling.top(found.logits, FOLLOWED[-1])[[rank - 1 for rank in FOLLOWED if rank <= found.logits.size]]
    return [
        pools.compared(
            found.before[words],
            found.after[words],
            printed(words),
            words.tolist(),
            (
                ranked_text(found.before[words], ranks(found.before)[words]),
                ranked_text(found.after[words], ranks(found.after)[words]),
            ),
            headings=("without: T = 1", f"with: T = {t:g}"),
            temperatures=TEMPERATURES,
            curves=setting.once(("curves", setting.model_key, setting.ids), lambda: curves(found.logits, followed)),
            curve_labels=[f"#{rank:,} {word}" for rank, word in zip(FOLLOWED, printed(followed))],
            temperature=t,
            logarithmic=True,
            title=f"The same logits {after(setting)}: rank and share of {found.logits.size:,}",
        )
    ]


def temperature_caption(setting: Setting) -> str:
    t = setting["t"]
    found = tempered(setting.last_logits(), t)
    first = int(found.logits.argmax())
    name, size = tokenizer.printable(first), found.logits.size
    if t == 0:
        return (
            f'T = 0 is no division: the argmax "{name}" takes everything, and the other {size - 1:,} tokens share 0. '
            f"At T = 1 it has {percent(found.before[first])}."
        )
    halves = [sampling.top_p(shares, 0.5).size for shares in (found.before, found.after)]
    return (
        f'"{name}" goes from {percent(found.before[first])} to {percent(found.after[first])}, and half of the mass is held by '
        f"{count_of(halves[1])} instead of {halves[0]:,}. Ranks that changed: {found.moved:,} of {size:,}. "
        "The lines come close and never cross."
    )


TEMPERATURE = experiment(
    r"""# Temperature

    Before softmax every logit is divided by one number, the temperature T. Below 1 the gaps between logits grow and the
    favourite gains; above 1 they shrink and all tokens become more alike. T = 1 changes nothing.

    Dividing by a positive number keeps the order, so every token keeps its rank (#). T = 0 means: take the highest logit
    (argmax).

    $$p_w = \frac{e^{\text{logit}_w / T}}{\sum_{v} e^{\text{logit}_v / T}}$$
    """,
    key="temperature",
    controls=(temperature_control(2.0),),
    pictures=temperature_pictures,
    caption=temperature_caption,
    question=Question(
        ask="At T = 5, which token is the most probable one?",
        choices=("The one that leads at T = 1", "Another one", "No token: all are equal"),
        answer=0,
        why="Its share falls, and so does everybody's lead, but dividing all logits by 5 changes no place in the order.",
    ),
)


# top-k and top-p


def pool_pictures(setting: Setting) -> list[go.Figure]:
    logits = setting.last_logits()
    whole = sampling.tempered(logits, setting["t"])
    order = sampling.top(logits, logits.size)
    pool = pooled(setting, logits)
    words = order[:WORDS]
    inside = np.zeros(len(words))
    shown = min(pool.size, len(words))
    inside[:shown] = pool.probabilities[:shown]
    texts = [
        f"{percent(share) if share else '0'} → {percent(new)}" if new else f"{percent(share) if share else '0'} → out"
        for share, new in zip(whole[words], inside)
    ]
    return [
        pools.kept(
            whole[words],
            inside,
            printed(words),
            words.tolist(),
            texts,
            mass=np.cumsum(whole[order]),
            size=pool.size,
            k=setting["k"] or None,
            p=setting["p"],
            title=f"Pool {after(setting)}: {count_of(pool.size)} of {logits.size:,}, mass kept {percent(pool.kept)}",
        )
    ]


def pool_caption(setting: Setting) -> str:
    logits = setting.last_logits()
    pool = pooled(setting, logits)
    left = logits.size - pool.size
    first = tokenizer.printable(int(pool.words[0]))
    if not left:
        return f"Nothing is cut: all {pool.size:,} tokens are in the pool. Move top-k or top-p and the curve is cut off."
    if pool.size == 1:
        return f'One token is left, "{first}": drawing from this pool is argmax. It held {percent(pool.kept)} of the mass.'
    last = tokenizer.printable(int(pool.words[-1]))
    return (
        f'The pool ends at rank {pool.size:,}, "{last}". It keeps {percent(pool.kept)} of the mass; the {left:,} tokens cut off '
        f'held {percent(max(0.0, 1 - pool.kept))}. "{first}" grows from {percent(pool.before[0])} to '
        f"{percent(pool.probabilities[0])}, because the pool is scaled up to sum to 1."
    )


POOL = experiment(
    r"""# Top-k and top-p

    Most of the vocabulary is nearly impossible here, yet together it holds a share. Two rules cut it off before drawing.
    Top-k keeps the k most probable tokens. Top-p (nucleus) keeps the smallest set of most probable tokens whose mass reaches p,
    counted over the whole vocabulary.

    k is a number of tokens, whatever the model believes; the nucleus is small when the model is sure and large when it is not.
    With both on, the smaller set wins.

    $$\text{pool}_p = \{1, \dots, n\}, \quad n = \min \Bigl\{ m : \sum_{r=1}^{m} p_{(r)} \ge p \Bigr\}$$
    """,
    key="pool",
    controls=(temperature_control(1.0), k_control(), p_control(0.8)),
    pictures=pool_pictures,
    caption=pool_caption,
    question=Question(
        ask="Top-p is 0.9, and the model gives one token 95 %. How many tokens are in the pool?",
        choices=("1", "About 10", "9 of every 10 in the vocabulary"),
        answer=0,
        why="One token already reaches a mass of 0.9, and the nucleus is the smallest set that does.",
    ),
)


# argmax and drawing


@dataclass(frozen=True, eq=False)
class Draws:
    """places: (draws,) where in the pool each draw fell. counts: (pool.size,) how often each word came up."""

    pool: Pool
    places: np.ndarray
    counts: np.ndarray


def draw(pool: Pool, seed: int, count: int = DRAWS) -> Draws:
    places = pool.places(sampling.numbers(seed, count))
    return Draws(pool, places, np.bincount(places, minlength=pool.size))


def draws_pictures(setting: Setting) -> list[go.Figure]:
    found = draw(pooled(setting, setting.last_logits()), setting["seed"])
    shown = min(found.pool.size, WORDS - 1)
    chances = found.pool.probabilities
    chances = np.append(chances[:shown], max(0.0, 1 - chances[:shown].sum()))
    counts = np.append(found.counts[:shown], found.counts[shown:].sum())
    others = f"{found.pool.size - shown:,} others"
    return [
        pools.counted(
            counts,
            DRAWS * chances,
            np.sqrt(DRAWS * chances * (1 - chances)),
            [*printed(found.pool.words[:shown]), others],
            [*found.pool.words[:shown].tolist(), -1],
            [f"{count:,}  (expected {DRAWS * chance:.1f})" for count, chance in zip(counts, chances)],
            title=f"{DRAWS:,} draws {after(setting)}; diamonds: expected, with two standard deviations",
        )
    ]


def draws_caption(setting: Setting) -> str:
    found = draw(pooled(setting, setting.last_logits()), setting["seed"])
    first = tokenizer.printable(int(found.pool.words[0]))
    different = int((found.counts > 0).sum())
    chance = float(found.pool.probabilities[0])
    spread = np.sqrt(DRAWS * chance * (1 - chance))
    if found.pool.size == 1:
        return f'Only "{first}" is in the pool: {DRAWS:,} draws give it {DRAWS:,} times, as argmax does.'
    rarest = int(np.flatnonzero(found.counts)[-1])
    return (
        f'Argmax writes "{first}" {DRAWS:,} times out of {DRAWS:,}. Drawing writes it {count_of(int(found.counts[0]), "time")} '
        f"(expected {DRAWS * chance:.0f}, give or take {spread:.0f}) and {different:,} different tokens in all, down to "
        f'"{tokenizer.printable(int(found.pool.words[rarest]))}" of rank {rarest + 1:,}.'
    )


DRAWING = experiment(
    r"""# Argmax or draw

    Argmax takes the most probable token, every time the same one. Drawing (sampling) takes each token of the pool as often as
    its probability says, so an unlikely token comes up once in a while.

    Here the pool is drawn from 1,000 times with real random numbers. They come from a seed: the same seed gives the same
    draws, another seed other ones. The counts scatter around what the probabilities promise.

    $$\text{expected} = N\,p_w, \qquad \text{sd} = \sqrt{N\,p_w\,(1 - p_w)}$$
    """,
    key="draws",
    controls=(temperature_control(1.0), k_control(), p_control(1.0), SEED),
    pictures=draws_pictures,
    caption=draws_caption,
    question=Question(
        ask="A token has a probability of 10 %. How often does it come up in 1,000 draws?",
        choices=("Exactly 100 times", "About 100 times, 20 more or fewer", "Never, another one is more probable"),
        answer=1,
        why="The standard deviation is 9.5, so 19 of 20 seeds give between 81 and 119.",
    ),
)


# writing


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
        )
    )


def row(step: Step, number: int, vocabulary: int) -> pools.Row:
    """A draw as segments: the most probable words one by one, the others together, and the drawn one in its place."""
    chances, words = step.pool.probabilities, step.pool.words
    shown = min(SEGMENTS, step.pool.size)
    widths, names, chosen = list(chances[:shown]), printed(words[:shown]), step.place
    if step.place < shown < step.pool.size:
        widths.append(float(chances[shown:].sum()))
        names.append(f"{step.pool.size - shown:,} others")
    elif step.place >= shown:
        groups = (chances[shown : step.place], chances[step.place + 1 :])
        widths += [float(groups[0].sum()), float(chances[step.place]), float(groups[1].sum())]
        names += [f"{groups[0].size:,} others", tokenizer.printable(step.token), f"{groups[1].size:,} others"]
        chosen = shown + 1
    return pools.Row(
        np.array(widths),
        tuple(names),
        chosen,
        step.number,
        f"{number} {tokenizer.printable(step.token)}",
        f"#{step.place + 1:,} in {step.pool.size:,}, mass {step.pool.kept:.0%}",
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
            tokenizer.printable(ids[at]),
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
        rows = [row(step, number, setting.config.vocab_size) for number, step in enumerate(done, start=1)][first:]
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
    drawn = tokenizer.printable(last.token)
    said = (
        f'Pass {len(done)} reads {count_of(len(last.ids))}, and the number {last.number:.3f} falls on "{drawn}", rank '
        f"{last.place + 1:,} of {count_of(last.pool.size)} in the pool. The pools so far hold {min(sizes):,} to {max(sizes):,} "
        f"tokens. The argmax was taken in {sum(step.place == 0 for step in done)} of {len(done)}."
    )
    if last.left_out:
        said += f" {count_of(last.left_out)} no longer fit and went unread."
    if last.token == tokenizer.END_OF_TEXT_ID:
        said += f" {tokenizer.END_OF_TEXT} ends the text: nothing more is written."
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
            help="One less undoes the last token. It ends earlier when the model writes <|endoftext|>.",
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
    )


WRITING = experiment(
    r"""# Write a text

    One pass, one pool, one random number, one token; then the longer text goes through again. Each row is one step: the pool's
    tokens lie end to end, as wide as their probabilities, and the random number falls on one of them.

    A token less takes the last one back, and the same seed writes it again. Text that no longer fits the context is cropped
    from the front. The token <|endoftext|> ends it.

    $$\text{text} \leftarrow \text{text} + w, \qquad w \sim p(\,\cdot \mid \text{last tokens that fit})$$
    """,
    key="write",
    controls=writing_controls,
    pictures=writing_pictures,
    caption=writing_caption,
    question=Question(
        ask="You take back two tokens and write two again, with the same seed and settings. What comes?",
        choices=("The same two tokens", "Two other tokens", "The two most probable tokens"),
        answer=0,
        why="The same text gives the same pool, and the seed gives the same random numbers. Only another seed draws anew.",
    ),
)


# nine words


def toy_pool(setting: Setting) -> Pool:
    return sampling.pool(TOY_LOGITS, temperature=setting["t"], k=setting["k"] or None)


def toy_pictures(setting: Setting) -> list[go.Figure]:
    pool = toy_pool(setting)
    order = sampling.top(TOY_LOGITS, TOY_LOGITS.size)
    before = sampling.softmax(TOY_LOGITS)
    inside = np.zeros_like(before)
    inside[pool.words] = pool.probabilities
    cut = f", top {setting['k']}" if 0 < setting["k"] < TOY_LOGITS.size else ""
    names = [TOY_WORDS[word] for word in order]
    return [
        pools.compared(
            before[order],
            inside[order],
            names,
            order.tolist(),
            (
                [percent(share) for share in before[order]],
                [percent(share) if share else "0" for share in inside[order]],
            ),
            headings=("without: T = 1, all", f"with: T = {setting['t']:g}{cut or ', all'}"),
            temperatures=TEMPERATURES,
            curves=curves(TOY_LOGITS, order),
            curve_labels=["" if n in range(3, 8) else name for n, name in enumerate(names)],
            temperature=setting["t"],
            logarithmic=False,
            title="Nine words with made-up logits",
        )
    ]


def toy_caption(setting: Setting) -> str:
    pool = toy_pool(setting)
    chances = pool.probabilities
    shares = dict(zip((TOY_WORDS[word] for word in pool.words), chances))
    bits = float(-(chances * np.log2(chances)).sum())
    pizza = f'"pizza" gets {percent(shares["pizza"])}' if "pizza" in shares else '"pizza" is out'
    return (
        f'"forward" goes from {percent(sampling.softmax(TOY_LOGITS).max())} to {percent(shares["forward"])} and {pizza}. '
        f"The draw is worth {abs(bits):.2f} bits of surprise on average; nine equal words would be {np.log2(9):.2f}."
    )


TOY = experiment(
    r"""# Nine words

    A vocabulary small enough to see whole: nine words after "every effort moves you", with the logits of a textbook example
    (Raschka, section 5.3). No model made these numbers, so everything can be checked by hand.

    At T = 0.1 nearly every draw is "forward". At T = 5 nonsense gets its chance: "pizza" is drawn once in 23.

    $$p_w = \frac{e^{\text{logit}_w / T}}{\sum_{v} e^{\text{logit}_v / T}}$$
    """,
    key="toy",
    controls=(temperature_control(5.0), k_control(most=9)),
    pictures=toy_pictures,
    caption=toy_caption,
    state=lambda setting: ("TOY",),
    uses_model=False,
    question=Question(
        ask='At T = 1 "forward" has 57 %. What is left of it at T = 5?',
        choices=("11 %, a fifth", "24 %, and it still leads", "57 %: the order does not change"),
        answer=1,
        why="The logits are divided by 5, not the probabilities. All nine words come closer, and none overtakes another.",
    ),
)

LAB = Lab(
    key="Sampling",
    title="Choosing the next token",
    about="Logits become one token: temperature, top-k, top-p, argmax, 1,000 draws, and a text written token by token.",
    experiments=(TEMPERATURE, POOL, DRAWING, WRITING, TOY),
)
