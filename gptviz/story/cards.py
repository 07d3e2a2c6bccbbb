"""Examples: a sentence, what to do with it, and where to look. Each says something that holds for the model that ships; on
another model, or with dropout, it is said only where it holds there too."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .. import sampling, tokenizer
from ..trace import Trace

Claim = Callable[["Card", Trace], bool]


@dataclass(frozen=True)
class Card:
    """One example. verb: what to do, its title. line: what is seen there, in a sentence without numbers. stage, block, head, token:
    where to look, counted as in an address. claims: what the line says, to be asked of a trace of `text`."""

    key: str
    verb: str
    text: str
    line: str
    stage: str = "softmax"
    block: int = 1
    head: int = 1
    token: int = -1
    claims: tuple[Claim, ...] = field(default=(), repr=False)

    @property
    def place(self) -> str:
        """Where its head is, as "block.head"; "" where it looks at none."""
        return f"{self.block}.{self.head}" if self.stage == "attention-weights" else ""

    def holds(self, made: Trace) -> bool:
        """Whether all it says is true of this trace of its text: a model with fewer blocks or heads cannot show it, nor one whose
        numbers grow too large."""
        config = made.config
        return (
            made.finite("logits")
            and self.block <= config.n_layer
            and self.head <= config.n_head
            and all(claim(self, made) for claim in self.claims)
        )

    def looked_at(self, text: str, stage: str, block: int, head: int) -> bool:
        """Whether a reader is where it leads to."""
        at = not self.place or (block, head) == (self.block, self.head)
        return (text, stage) == (self.text, self.stage) and at


def top(made: Trace) -> tuple[str, float]:
    """The most probable next token and its share."""
    shares = sampling.softmax(made.array("logits")[0, -1])
    word = int(shares.argmax())
    return tokenizer.decode([word]), float(shares[word])


def says(word: str, least: float = 0.0) -> Claim:
    """This token is the most probable one, with at least so large a share."""
    return lambda card, made: top(made)[0] == word and top(made)[1] >= least


def unsure(card: Card, made: Trace) -> bool:
    """No token gets as much as a tenth."""
    return top(made)[1] < 0.1


def rivals(one: str, other: str) -> Claim:
    """These two are ahead of all others; neither has half, and both together have more."""

    def claim(card: Card, made: Trace) -> bool:
        shares = sampling.softmax(made.array("logits")[0, -1])
        first, second = (int(word) for word in (-shares).argsort()[:2])
        return {tokenizer.decode([first]), tokenizer.decode([second])} == {one, other} and shares[first] < 0.5 < shares[
            first
        ] + shares[second]

    return claim


def reads(word: str) -> Claim:
    """The viewed row of the viewed head puts more than half on one earlier token, this one."""

    def claim(card: Card, made: Trace) -> bool:
        row = made.array(f"blocks.{card.block - 1}.att.weights")[0, card.head - 1, card.token]
        key = int(row.argmax())
        earlier = key < card.token % len(row)
        return earlier and bool(row[key] > 0.5) and tokenizer.decode([int(made.ids[0, key])]) == word

    return claim


def split_words(card: Card, made: Trace) -> bool:
    """There are more tokens than words."""
    return made.ids.shape[1] > len(card.text.split())


def broken_characters(card: Card, made: Trace) -> bool:
    """A token is no whole character by itself."""
    return any("\ufffd" in tokenizer.decode([token]) for token in made.ids[0].tolist())


def line_end(card: Card, made: Trace) -> bool:
    """A line end is a token of its own."""
    return tokenizer.encode("\n")[0] in made.ids[0].tolist()


def one_token_a_word(card: Card, made: Trace) -> bool:
    return made.ids.shape[1] == len(card.text.split())


CARDS = (
    Card(
        "notes",
        "Follow the notes",
        "Every effort moves you",
        "Four words, four tokens, and a model that is unsure: no next word gets as much as a tenth.",
        stage="text",
        claims=(one_token_a_word, unsure),
    ),
    Card(
        "second",
        "Read the other sentence of the notes",
        "Every day holds a",
        "As many tokens as the first one, so the two fit into one batch without padding.",
        stage="token-ids",
        claims=(one_token_a_word, unsure),
    ),
    Card(
        "letter",
        "Watch one head find the letter",
        "The letter was sealed. She opened the",
        'The last "the" puts most of its attention on "letter", and " letter" is the most probable next token.',
        stage="attention-weights",
        block=6,
        head=3,
        claims=(reads(" letter"), says(" letter")),
    ),
    Card(
        "door",
        "Swap the letter for a door",
        "The door was locked. She opened the",
        'The same head now reads "door", and the prediction follows.',
        stage="attention-weights",
        block=6,
        head=3,
        claims=(reads(" door"), says(" door", 0.5)),
    ),
    Card(
        "opened",
        "See what three words are enough for",
        "She opened the",
        "What people open in old books is a door: it has more than half of all there is to give.",
        claims=(says(" door", 0.5),),
    ),
    Card(
        "him",
        "Shut somebody out",
        "He shut the door behind",
        '" him" comes first. Write She for He, and it is " her".',
        claims=(says(" him"),),
    ),
    Card(
        "her",
        "Shut somebody else out",
        "She shut the door behind",
        '" her" comes first. With He it was " him": the first word decides the next one.',
        claims=(says(" her"),),
    ),
    Card(
        "woman",
        "Find out whose head it is",
        "The old man shook his head. The old woman shook her",
        'The last "her" reads "woman" in this head, and "head" comes next, as it did in the first sentence.',
        stage="attention-weights",
        block=5,
        head=1,
        claims=(reads(" woman"), says(" head", 0.5)),
    ),
    Card(
        "pardon",
        "Meet its surest guess",
        "I beg your",
        "Three words of a fixed phrase leave hardly anything to guess.",
        claims=(says(" pardon", 0.9),),
    ),
    Card(
        "copy",
        "Watch it look up what came last time",
        "I beg your pardon, said he. I beg your",
        'The second "your" reads the token that followed the first one: what came then may come again.',
        stage="attention-weights",
        block=5,
        head=4,
        claims=(reads(" pardon"), says(" pardon", 0.9)),
    ),
    Card(
        "rivals",
        "Catch two rivals",
        "Mr. Darcy met Mr. Bingley. Mr. Darcy met Mr.",
        "Two names stand in the text, and their first pieces share most of what there is to give.",
        claims=(rivals(" Bing", " Dar"),),
    ),
    Card(
        "kitten",
        "Read back to the kitten",
        "The cat sat by the fire, and the kitten sat by the",
        'The last "the" reads "kitten" here, and what comes next stood in the first half.',
        stage="attention-weights",
        block=5,
        head=5,
        claims=(reads(" kitten"), says(" fire")),
    ),
    Card(
        "asleep",
        "Finish an idiom",
        "At last he fell",
        "One can fall into, down or ill; here one falls asleep.",
        claims=(says(" asleep"),),
    ),
    Card(
        "tea",
        "Fill the cup",
        "She drank a cup of",
        'This head reads "cup", and it is tea. In a glass it would be wine: try it.',
        stage="attention-weights",
        block=4,
        head=6,
        claims=(reads(" cup"), says(" tea")),
    ),
    Card(
        "pocket",
        "Put a hand where it belongs",
        "He put his hand in his",
        'The last "his" reads "hand" here, and what comes next is a pocket.',
        stage="attention-weights",
        block=4,
        head=6,
        claims=(reads(" hand"), says(" pocket")),
    ),
    Card(
        "pieces",
        "Break a word into pieces",
        "Unfamiliarwords cost more tokens",
        "Four words, but more tokens: what the tokenizer rarely met together stays in pieces.",
        stage="text",
        claims=(split_words,),
    ),
    Card(
        "lines",
        "Keep the line ends",
        "Twinkle, twinkle, little star,\nHow I wonder what you",
        "A line end is a token like any other.",
        stage="token-ids",
        claims=(line_end,),
    ),
    Card(
        "bytes",
        "Read a parrot",
        "I ❤️ my 🦜 and my naïve café",
        "What has no token of its own is read byte by byte; one piece alone is no character.",
        stage="text",
        claims=(broken_characters,),
    ),
)
BY_KEY = {card.key: card for card in CARDS}


def here(text: str, stage: str, block: int, head: int) -> Card | None:
    """The example whose place this is."""
    return next((card for card in CARDS if card.looked_at(text, stage, block, head)), None)
