"""How numbers and long sums are written in a formula."""

import math
from collections.abc import Callable

import numpy as np

from .. import sampling

TERMS = 3  # terms of a long sum that are written out; the rest is one ellipsis with its count and total


WORDS = 20  # rows of a softmax over the vocabulary that are listed; the rest is one row


def number(x: float, digits: int = 4) -> str:
    r"""A number in LaTeX, rounded to significant digits: 0.1234, 1.2 \times 10^{-7}, -\infty."""
    if math.isnan(x):
        return r"\text{undefined}"
    if math.isinf(x):
        return r"\infty" if x > 0 else r"-\infty"
    if x == 0:
        return "0"
    if float(x).is_integer() and abs(x) < 1e6:
        return str(int(x))
    mantissa, _, exponent = f"{x:.{digits}g}".partition("e")
    if not exponent:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return {"1": power, "-1": f"-{power}"}.get(mantissa, rf"{mantissa} \times {power}")


def signed(x: float) -> str:
    """A number inside a sum or product: in parentheses when negative."""
    return f"({number(x)})" if x < 0 else number(x)


def long_sum(products: np.ndarray, term: Callable[[int], str]) -> str:
    """The terms of a sum in LaTeX: all of them when few, else the largest first, then how many more and their total."""
    if len(products) <= TERMS + 1:
        return " + ".join(term(n) for n in range(len(products)))
    largest = sampling.top(np.abs(products), TERMS)
    rest = products.sum() - products[largest].sum()
    count = f"{len(products) - TERMS:,}".replace(",", "{,}")
    more = rf"\underbrace{{\cdots}}_{{{count} \text{{ more: }} {number(rest)}}}"
    return " + ".join([*(term(n) for n in largest), more])


def long_share(scores: np.ndarray, raised: np.ndarray, at: int) -> str:
    """One softmax in LaTeX. raised: e to every score minus the largest score."""
    above = f"e^{{{number(scores[at])} - {signed(scores.max())}}}"
    below = long_sum(raised, lambda n: number(raised[n]))
    return rf"\frac{{{above}}}{{{below}}} = \frac{{{number(raised[at])}}}{{{number(raised.sum())}}}"


def placed(name: str, *index: int | str) -> str:
    """A traced number (or row) in code."""
    return f'trace["{name}"][{", ".join(map(str, index))}]'
