"""The words of the walk, each in a sentence or two, and the letters of its formulas."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word of the trade. forms: how it is written in running text, where that is not the word alone. stage: the key of the step
    that makes it, "" for none."""

    word: str
    said: str
    forms: tuple[str, ...] = ()
    stage: str = ""

    @property
    def written(self) -> tuple[str, ...]:
        return (self.word, *self.forms)


TERMS = (
    Term(
        "token",
        "A piece of text with a row of its own in the model's tables: a frequent word with its space, a part of a rare one, or a byte.",
        ("tokens",),
        "text",
    ),
    Term(
        "byte-pair encoding",
        "How text is cut into tokens: neighbouring pieces are joined in the order in which the pairs were learned. tiktoken, OpenAI's "
        "library, does it both ways: encode makes ids of a text, decode makes the text of ids again.",
        (),
        "text",
    ),
    Term("id", "The number of a token: its row in the vocabulary. A name, not an amount.", ("ids",), "token-ids"),
    Term("vocabulary", "The fixed list of all tokens: 50,257 in GPT-2.", (), "token-ids"),
    Term(
        "batch",
        "Several sentences sent through together, as rows of one table: batch_size sentences of seq_len tokens each. They never read one "
        "another. Two sentences of four tokens give logits of shape 2 × 4 × 50,257.",
        ("batches",),
        "token-ids",
    ),
    Term(
        "embedding",
        "The row of learned numbers that stands for a token, or for a place. Looked up by its number, the same wherever it is needed.",
        ("embeddings",),
        "token-embedding",
    ),
    Term(
        "context length",
        "The most tokens the model can read at once, since its position table has no more rows: 256 in mini, 1,024 in GPT-2. Textbooks cut "
        "training texts into windows of 4 to keep them readable; that is the same thing, smaller.",
        (),
        "append",
    ),
    Term(
        "residual stream",
        "The row of numbers that a token carries through all blocks. Every layer reads a copy and adds its result; nothing is replaced.",
        ("stream",),
        "input-embedding",
    ),
    Term(
        "dropout",
        "In training, each number is set to 0 with probability p, and the others grow by 1/(1 − p). No part can rely on another being "
        "there, so the model finds it harder to learn a text by heart and does better on new ones. In use nothing is dropped.",
        (),
        "embedding-dropout",
    ),
    Term("EVAL", "The model in use: dropout hands everything on unchanged.", ()),
    Term("TRAIN", "The model as in training with dropout: masks are drawn anew in every pass.", ()),
    Term(
        "LayerNorm",
        "Takes a token's row, subtracts its mean, divides by its spread, and applies a learned scale and shift to each number. It keeps sizes "
        "in order from block to block, so that training stays stable.",
        ("LayerNorms",),
        "norm1",
    ),
    Term(
        "attention",
        "The step in which tokens read from one another: each takes a mix of what it and earlier tokens hand over.",
        (),
        "attention-weights",
    ),
    Term("query", "What a token looks for, as a list of numbers, one list per head.", ("queries",), "queries-keys-values"),
    Term("key", "What a token offers to be found by. A query meets every key it may see.", ("keys",), "queries-keys-values"),
    Term("value", "What a token hands over to those who read it.", ("values",), "queries-keys-values"),
    Term(
        "head",
        "One attention among several side by side in a block, with queries, keys and values of its own. Each reads the whole row.",
        ("heads",),
        "queries-keys-values",
    ),
    Term(
        "score",
        "How well a query fits a key: products of their numbers, added up. Only differences within a row count.",
        ("scores",),
        "attention-scores",
    ),
    Term("causal mask", "Hides later tokens: their scores become minus infinity before softmax.", ("mask",), "causal-mask"),
    Term(
        "softmax",
        "Turns a row of any numbers into shares of 1: e to the power of each, divided by their sum.",
        (),
        "attention-weights",
    ),
    Term(
        "attention weight",
        "The share of a row that one token takes from another, in one head. A route, not a reason.",
        ("attention weights", "weights"),
        "attention-weights",
    ),
    Term(
        "context vector",
        "What a token has read in one head: values, each times its weight, added up.",
        ("context vectors",),
        "context-vectors",
    ),
    Term(
        "shortcut",
        "The way around a layer: its input is added to its output, number by number. It also lets gradients through.",
        ("shortcuts",),
        "attention-shortcut",
    ),
    Term(
        "feed-forward layer",
        "Two tables with a bend between them, applied to each token alone: four times wider, GELU, and back.",
        (),
        "expand",
    ),
    Term("unit", "One number of the feed-forward layer's wide middle.", ("units",), "expand"),
    Term("GELU", "A bend: large positive numbers pass, very negative ones become almost nothing.", (), "gelu"),
    Term("ReLU", "A sharper bend than GELU: everything below 0 becomes 0.", (), "gelu"),
    Term(
        "block",
        "Attention and feed-forward layer with their LayerNorms and shortcuts. All blocks are alike in shape and differ in their learned numbers; "
        "in code they stand in a row, as in nn.Sequential. Their number has nothing to do with that of the heads.",
        ("blocks",),
        "block-output",
    ),
    Term(
        "logit",
        "The raw number a token of the vocabulary gets after a row, of any sign and size. Each row of the text has one for each of the 50,257.",
        ("logits",),
        "output-head",
    ),
    Term(
        "output head",
        "The table with which a row is compared to get logits; in GPT-2 it is the token table again.",
        (),
        "output-head",
    ),
    Term("argmax", "The place of the largest number: here, the most probable token.", (), "softmax"),
    Term(
        "temperature",
        "A number by which logits are divided before softmax: below 1 the favourite gains, above 1 all become more alike.",
        (),
    ),
    Term(
        "loss",
        "How surprised the model is by the token that really came: minus the logarithm of its probability, in nats.",
        ("losses",),
    ),
    Term(
        "gradient",
        "For each number, how the loss would change if it grew a little. Training moves numbers against it.",
        ("gradients",),
    ),
    Term("parameter", "A number that training sets; a weight or a bias.", ("parameters",)),
    Term(
        "cosine",
        "How nearly two lists of numbers point the same way: 1 the same, 0 at right angles, −1 opposite.",
        ("cosines",),
    ),
)
BY_WORD = {term.word: term for term in TERMS}

SYMBOLS = (
    (
        "x",
        "a token's row of the residual stream; x′ after attention, x″ after the feed-forward layer; x̃ with dropout",
        "from step 3 on",
    ),
    ("y", "what a step makes of x: its LayerNorm, or itself with dropout; on a map, the second direction", "4, 5.1, 5.5, 6, 7"),
    ("W, b", "a table of learned numbers and its bias; the letters below say which", "everywhere"),
    ("r", "what dropout draws: 0 or 1", "4, 5.2e, 5.3, 5.7"),
    ("p", "the rate of dropout; in Sampling, the share that top-p keeps", "4, 5.2e, 5.3, 5.7; Sampling"),
    ("μ, σ", "mean and spread of a row; σ² is its variance", "5.1, 5.5, 6"),
    ("γ, β", "LayerNorm's learned scale and shift", "5.1, 5.5, 6"),
    ("ε", "a very small number that keeps LayerNorm from dividing by 0", "5.1, 5.5, 6"),
    ("Q, K, V", "queries, keys and values of all tokens; in Size, V is how many tokens the vocabulary has", "5.2a; Size"),
    ("q, k, v", "query, key and value of one token", "5.2"),
    ("s", "a score, query times key; s′ divided by √d", "5.2b"),
    ("m", "a score after the mask", "5.2c"),
    ("a", "an attention weight: row i takes a of token j; ã after dropout", "5.2d, 5.2e"),
    ("z", "a context vector; the head in brackets above it", "5.2f, 5.2g"),
    ("o", "attention's output", "5.2g"),
    ("h, g", "a hidden unit before GELU and after it; above another letter, h is a head", "5.6; 5.2g"),
    ("P", "a probability, of a token w of the vocabulary", "Softmax, Append; Sampling, Training"),
    ("T", "temperature", "Sampling"),
    ("d", "how many numbers a row has; with head below it, those of one head", "everywhere"),
    ("n", "how many there are of something that is counted", "Dropout, Gradients, Sampling"),
    ("f", "any layer; in Four times, how many times wider its middle is", "Gradients"),
    ("u", "a unit; in Dropout, a number drawn between 0 and 1; on a map, a direction", "5.6c; Dropout; Embeddings"),
    ("t", "a token's place, from 0", "everywhere"),
    ("i, j", "the row that reads and the row that is read; elsewhere any two rows, or features", "5.2"),
    ("c", "a channel: one number of a head's list", "5.2b"),
    ("w", "a token of the vocabulary", "7, Softmax, Append"),
)
"""Letter, what it stands for, where."""

_FORMS = {form: term for term in TERMS for form in term.written}
_WANTED = re.compile(rf"(?<![\w-])({'|'.join(sorted(map(re.escape, _FORMS), key=len, reverse=True))})(?![\w-])")
_ANY_CASE = {form.lower(): term for form, term in _FORMS.items() if not form.isupper()}
_LOOSE = re.compile(_WANTED.pattern, re.IGNORECASE)


def mentions(text: str) -> list[tuple[str, Term | None]]:
    """A text in pieces: those that are the first mention of a term come with it."""
    found: list[tuple[str, Term | None]] = []
    told: set[str] = set()
    at = 0
    for match in _LOOSE.finditer(text):
        term = _FORMS.get(match[0]) or _ANY_CASE.get(match[0].lower())
        if term is None or term.word in told:
            continue
        told.add(term.word)
        found += [(text[at : match.start()], None), (match[0], term)]
        at = match.end()
    return [(piece, term) for piece, term in [*found, (text[at:], None)] if piece]
