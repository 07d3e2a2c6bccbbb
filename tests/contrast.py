"""How far colours stand apart, as WCAG 2.2 counts it. A colour is "#RRGGBB"."""

TEXT, MARK = 4.5, 3.0
"""What text (1.4.3), and what lines, dots and surfaces that carry meaning (1.4.11), must have against what lies behind them."""


def channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def luminance(colour: str) -> float:
    linear = [one / 3294.6 if one <= 10 else ((one / 255 + 0.055) / 1.055) ** 2.4 for one in channels(colour)]
    return sum(share * one for share, one in zip((0.2126, 0.7152, 0.0722), linear))


def over(colour: str, back: str, share: float) -> str:
    """A colour of which only a share covers what lies behind it."""
    mixed = (round(share * one + (1 - share) * other) for one, other in zip(channels(colour), channels(back)))
    return "#" + "".join(f"{one:02X}" for one in mixed)


def ratio(colour: str, back: str) -> float:
    """From 1, no contrast, to 21, black on white."""
    low, high = sorted((luminance(colour), luminance(back)))
    return (high + 0.05) / (low + 0.05)
