"""How numbers are written in sentences: one way for each kind, everywhere."""

MINUS = "−"


def percent(share: float) -> str:
    """A share in percent with two or three digits that mean something, however small: 12.3 %, 1.0 %, 0.0021 %. What is less than
    the whole is never 100 %."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if share < 1 and round(share, 3) == 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if share >= 0.1 else f"{100 * share:#.2g} %"


def fixed(value: float, digits: int = 2) -> str:
    """A number with so many digits after the point, with a real minus sign and never minus nothing."""
    said = f"{value:,.{digits}f}"
    return said.removeprefix("-") if not any(char in "123456789" for char in said) else said.replace("-", MINUS)


def added(value: float, digits: int = 2) -> str:
    """The same for what is added to something: with its sign, which nothing has not."""
    said = fixed(value, digits)
    return f"+{said}" if value > 0 and any(char in "123456789" for char in said) else said


def size(value: float) -> str:
    """A length, or another number that is never negative, as short as it can be read: 1,234, 12.3, 1.23, 0.0123, 0."""
    if value == 0:
        return "0"
    if value < 0.1:
        return fixed(value, 4) if value >= 0.001 else "below 0.001"
    return fixed(value, 0 if value >= 100 else 1 if value >= 10 else 2)


def moment(value: float) -> str:
    """A mean or a variance with as many digits as can be read; what is 0 but for rounding is 0, what is nearly so ≈ 0."""
    distance = abs(value)
    if distance < 1e-6:
        return "0"
    if distance < 5e-5:
        return "≈ 0"
    return fixed(value, 0 if distance >= 100 else 3 if distance >= 0.1 else 4)


def count(number: int, noun: str) -> str:
    """So many of something: 1 token, 1,234 tokens."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
