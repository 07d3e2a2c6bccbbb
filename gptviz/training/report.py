"""A reader's own run, said in words: whose turn it is, how fast it goes, where it is, what it came to."""

from collections.abc import Sequence

from .data import Corpus
from .jobs import LINE, Job, Seen
from .worker import LONGEST_PAUSE


def to_beat(corpus: Corpus) -> str:
    """What a run must fall below to have learned more than which tokens are frequent."""
    return (
        f"Guessed by how often each of its {(corpus.counts > 0).sum():,} different tokens occurs, this text costs "
        f"{corpus.unigram_entropy:.2f} nats a token. A run that falls below that has learned something about order."
    )


def turn(job: Job) -> str:
    """Who comes before, and how long that can take."""
    before = LINE.before(job)
    if not before:
        return "It is your turn: your run begins."
    usual, most = sum(one.usual_left() for one in before), sum(one.longest_left() for one in before)
    you = "you are next" if len(before) == 1 else f"{len(before)} are before you"
    return (
        f"One reader is training; {you}. Your run begins by itself in about {usual:.0f} s; at most {most:.0f} s, with every pause "
        "that may be made."
    )


def pace(job: Job, seen: Seen) -> str:
    """Step, time and speed in one line."""
    spent = seen.seconds[-1] if seen.seconds else 0.0
    speed = f", {seen.tokens / spent:,.0f} tokens a second" if spent else ""
    stands = {"paused": f" · paused, at most {LONGEST_PAUSE:.0f} s in all", "ending": " · ending"}.get(seen.state, "")
    return f"step {seen.step:,} · {spent:.0f} of {job.order.seconds:.0f} s, {job.usual_left():.0f} s left{speed}{stands}"


def standing(seen: Seen, dropout: float) -> str:
    """The state of the numbers on this page."""
    steps = f"step {seen.step:,}{f' · dropout {dropout:g}' if dropout else ''}"
    match seen.state:
        case "waiting" | "starting":
            return "WAITING" if seen.state == "waiting" else "STARTING"
        case "training" | "ending":
            return f"TRAINING · {steps}"
        case "paused":
            return f"PAUSED · {steps}"
        case "failed":
            return f"BROKEN OFF · {steps}"
    return f"TRAINED HERE · {seen.step:,} steps{f' · dropout {dropout:g}' if dropout else ''}"


def told(seen: Seen, means: Sequence[float], span: float) -> str:
    """The "look for" line: where the run is, or what it reached, in numbers. means: the running mean of the loss at every step,
    over `span` seconds."""
    if seen.ready is None or not means:
        return ""
    now = means[-1]
    words = "below" if now < seen.ready.unigram else "still above"
    found = [
        f"After {seen.step:,} steps the batches of the last {span:.1f} s cost {now:.2f} nats a token, {words} the "
        f"{seen.ready.unigram:.2f} of word frequencies."
    ]
    if not seen.on:
        passes = seen.tokens / seen.ready.tokens
        found = [
            f"{seen.step:,} steps in {seen.seconds[-1]:.0f} s read the text {passes:.1f} times: the loss went from {seen.losses[0]:.2f} to {now:.2f}."
        ]
    if seen.held_out:
        best, last = min(seen.held_out, key=lambda one: one.loss), seen.held_out[-1]
        if last.loss > best.loss + 0.1:
            found.append(
                f"The held-out text cost least, {best.loss:.2f}, after {best.step:,} steps, and {last.loss:.2f} {'now' if seen.on else 'in the end'}: "
                "since then the model learns the text by heart."
            )
        else:
            after = "" if last.step == seen.step else f" after {last.step:,} steps"
            found.append(f"The held-out text cost {last.loss:.2f}{after}.")
    if not seen.on and seen.samples:
        last = seen.samples[-1]
        found.append(f"Of the {len(last.ids)} tokens it wrote last, {last.copied} in a row are copied from the text.")
    return " ".join(found)
