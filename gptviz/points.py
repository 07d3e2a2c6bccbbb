"""Names of places in a pass: a number's address, what enters a block, which dropout made a point."""

from typing import NamedTuple

LONGEST_NAME = 60
MOST_AXES = 6


class Address(NamedTuple):
    """Where one number lives: tensor[point][index], every index counted from 0. point: a hook point, or a name that
    `recompute` derives from one."""

    point: str
    index: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "Address":
        """ "blocks.0.att.weights@0,1,2,2" -> the address. Raises ValueError when the text is not of that form."""
        point, _, index = text.rpartition("@")
        numbers = index.split(",")
        plain = len(numbers) <= MOST_AXES and all(n.isascii() and n.isdecimal() and len(n) < 8 for n in numbers)
        if not point or len(point) > LONGEST_NAME or not plain:
            raise ValueError("does not name a number of the model, such as tok_emb@0,3,17")
        return cls(point, tuple(map(int, numbers)))

    def write(self) -> str:
        """The text that `parse` reads."""
        return f"{self.point}@{','.join(map(str, self.index))}"

    @property
    def code(self) -> str:
        """As it is written in Python: blocks.0.att.weights[0, 1, 2, 2]."""
        return f"{self.point}[{', '.join(map(str, self.index))}]"


def stream_in(block: int) -> str:
    """The point that holds what enters a block (counted from 0): the dropped input embedding, or the block before. With the
    number of blocks: what leaves the last one."""
    return "drop_emb" if block == 0 else f"blocks.{block - 1}.shortcut2"


def dropout_site(point: str) -> int:
    """The number of the dropout whose result a point holds (see `hooks.noise`)."""
    if point == "drop_emb":
        return 0
    _, block, place = point.split(".", 2)
    return 1 + 3 * int(block) + ("att.dropped", "drop1", "drop2").index(place)
