"""How numbers are written in sentences: one way for each kind, everywhere."""


def percent(share: float) -> str:
    """A share in percent with two or three digits that mean something, however small: 12.3 %, 1.0 %, 0.0021 %."""
    return f"{100 * share:.1f} %" if share >= 0.1 else f"{100 * share:#.2g} %"
