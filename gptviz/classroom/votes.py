"""A question asked of a room: who may see what, and when.

A vote holds the right answer and everybody's ballot; what a page may draw comes out of `Vote.seen` alone, and before the counts are
revealed that is the question, the choices, the reader's own ballot and how many have voted.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

NOTHING, COUNTS, ANSWER = "nothing", "counts", "answer"
"""How much of a vote is revealed."""
SEEN_OF_NEXT = 12  # tokens a histogram of free words shows


@dataclass
class Vote:
    """One question. number: which one of the room it is. about: what it was asked at, a name of the page's own. choices: what can
    be chosen, by number. answer: the right one, None where nobody knows it. tokens: for "What comes next?" the ids of
    the choices, and any other id can be voted for as well; chances: the model's probability of every id then, own: how
    uncertain it is of its own, in nats. words: what ballots beside the choices say."""

    number: int
    about: str
    ask: str
    choices: tuple[str, ...]
    answer: int | None = None
    why: str = ""
    tokens: tuple[int, ...] = ()
    chances: Sequence[float] = ()
    own: float = 0.0
    revealed: str = NOTHING
    ballots: dict[str, int] = field(default_factory=dict)
    earlier: list[dict[int, int]] = field(default_factory=list)
    words: dict[int, str] = field(default_factory=dict)

    @property
    def free(self) -> bool:
        """Whether words beside the choices can be voted for."""
        return bool(self.tokens)

    def takes(self, ballot: object) -> bool:
        """Whether this can be voted for."""
        if type(ballot) is not int:
            return False
        return 0 <= ballot < (len(self.chances) if self.free else len(self.choices))

    def again(self) -> None:
        """The same question once more, after a discussion: what was voted before is kept as a histogram."""
        if self.ballots:
            self.earlier = [*self.earlier[-1:], dict(Counter(self.ballots.values()))]
        self.ballots, self.revealed = {}, NOTHING

    def seen(self, by: str = "") -> "Seen":
        """What may be drawn for somebody, the desk ("") or a member."""
        open_counts = self.revealed != NOTHING
        mine = self.ballots.get(by) if by else None
        rounds = (*self.earlier, dict(Counter(self.ballots.values()))) if open_counts else ()
        return Seen(
            number=self.number,
            about=self.about,
            ask=self.ask,
            choices=self.choices,
            tokens=self.tokens,
            round=len(self.earlier) + 1,
            voted=len(self.ballots),
            mine=mine,
            revealed=self.revealed,
            rounds=rounds,
            answer=self.answer if self.revealed == ANSWER else None,
            why=self.why if self.revealed == ANSWER else "",
            chances={one: self.chances[one] for counts in rounds for one in counts} if self.free and open_counts else {},
            own=self.own if open_counts else 0.0,
            words={one: said for one, said in self.words.items() if one == mine or any(one in counts for counts in rounds)},
        )


@dataclass(frozen=True)
class Seen:
    """What a page may draw of a vote. rounds: ballot -> how many, for each time it was asked; none before the counts are revealed.
    chances: the model's probability of what was voted for; own: the model's own entropy, in nats. words: free words."""

    number: int
    about: str
    ask: str
    choices: tuple[str, ...]
    tokens: tuple[int, ...]
    round: int
    voted: int
    mine: int | None
    revealed: str
    rounds: tuple[Mapping[int, int], ...]
    answer: int | None
    why: str
    chances: Mapping[int, float]
    own: float
    words: Mapping[int, str]

    @property
    def free(self) -> bool:
        return bool(self.tokens)

    def shares(self, which: int = -1) -> dict[int, float]:
        """What share of those who voted chose what, the most frequent first."""
        counts = self.rounds[which]
        total = sum(counts.values())
        return {one: count / total for one, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))}

    def name(self, ballot: int) -> str:
        """A ballot in words."""
        if not self.free:
            return self.choices[ballot]
        return self.choices[self.tokens.index(ballot)] if ballot in self.tokens else self.words[ballot]


def entropy(shares: Sequence[float]) -> float:
    """How uncertain a distribution is about itself, in nats."""
    return -sum(share * math.log(share) for share in shares if share > 0)


def cross_entropy(shares: Mapping[int, float], chances: Mapping[int, float]) -> float:
    """How surprised somebody with these chances is, on average, by what comes with these shares, in nats; infinite where something
    comes that had no chance."""
    surprise = 0.0
    for one, share in shares.items():
        if share > 0 and chances.get(one, 0.0) <= 0:
            return math.inf
        surprise -= share * math.log(chances[one]) if share > 0 else 0.0
    return surprise
