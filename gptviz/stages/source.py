"""The lines of code that do a step, cut out of the files themselves: model.py, and before and after it tokenizer.py and sampling.py."""

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .. import model, sampling, tokenizer

FILES = tuple(Path(module.__file__) for module in (model, tokenizer, sampling))
"""Where a fragment is looked for, in this order."""


@dataclass(frozen=True)
class Excerpt:
    """One whole function. file: its name. title: `Attention.forward`. start: number of its first line in the file.

    text: its source, dedented. marked: the line numbers, counted in the file, that hold a wanted fragment.
    """

    file: str
    title: str
    start: int
    text: str
    marked: tuple[int, ...]

    @property
    def end(self) -> int:
        """Number of its last line."""
        return self.start + self.text.count("\n")


def lines(fragments: Sequence[str]) -> list[Excerpt]:
    """The functions that contain these fragments of code, in the order the fragments name them first.

    Raises ValueError for a fragment that is in no function.
    """
    found: dict[tuple[Path, str, int, int], set[int]] = {}
    for fragment in fragments:
        inside = next(filter(None, (_inside(path, fragment) for path in FILES)), None) if fragment else None
        if not inside:
            raise ValueError(f"no function of {', '.join(path.name for path in FILES)} has {fragment!r} in it")
        for place, n in inside:
            found.setdefault(place, set()).add(n)
    return [_cut(*place, tuple(sorted(marked))) for place, marked in found.items()]


def function(title: str) -> Excerpt:
    """A whole function of model.py by its name, none of its lines marked. Raises KeyError where there is none."""
    _, functions = _source(FILES[0])
    for name, start, end in functions:
        if name == title:
            return _cut(FILES[0], name, start, end, ())
    raise KeyError(title)


def _inside(path: Path, fragment: str) -> list[tuple[tuple[Path, str, int, int], int]]:
    """The lines of a file with a fragment, each with the innermost function it stands in."""
    text, functions = _source(path)
    hits = [n for n, line in enumerate(text, start=1) if fragment in line]
    around = [(n, [span for span in functions if span[1] <= n <= span[2]]) for n in hits]
    return [((path, *max(spans, key=lambda span: span[1])), n) for n, spans in around if spans]


def _cut(path: Path, title: str, start: int, end: int, marked: tuple[int, ...]) -> Excerpt:
    return Excerpt(path.name, title, start, textwrap.dedent("\n".join(_source(path)[0][start - 1 : end])), marked)


@cache
def _source(path: Path) -> tuple[list[str], list[tuple[str, int, int]]]:
    """The lines of a file, and its functions: (Class.method or name, first line, last line)."""
    text = path.read_text(encoding="utf-8")
    spans: list[tuple[str, int, int]] = []

    def collect(node: ast.AST, path: tuple[str, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.ClassDef, ast.FunctionDef)):
                continue
            inner = (*path, child.name)
            if isinstance(child, ast.FunctionDef):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                spans.append((".".join(inner), first, child.end_lineno))
            collect(child, inner)

    collect(ast.parse(text), ())
    return text.splitlines(), spans
