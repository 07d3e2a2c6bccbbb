"""The lines of model.py that do a step, cut out of the file itself."""

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .. import model


@dataclass(frozen=True)
class Excerpt:
    """One whole function of model.py. title: `Attention.forward`. start: number of its first line in the file.

    text: its source, dedented. marked: the line numbers, counted in the file, that hold a wanted fragment.
    """

    title: str
    start: int
    text: str
    marked: tuple[int, ...]


def lines(fragments: Sequence[str]) -> list[Excerpt]:
    """The functions of model.py that contain these fragments of code, in the order the fragments name them first.

    Raises ValueError for a fragment that is in no function.
    """
    text, functions = _source()
    found: dict[tuple[str, int, int], set[int]] = {}
    for fragment in fragments:
        hits = [n for n, line in enumerate(text, start=1) if fragment in line]
        around = [(n, [span for span in functions if span[1] <= n <= span[2]]) for n in hits]
        inside = [(n, max(spans, key=lambda span: span[1])) for n, spans in around if spans]
        if not fragment or not inside:
            raise ValueError(f"no function of model.py has {fragment!r} in it")
        for n, span in inside:
            found.setdefault(span, set()).add(n)
    return [
        Excerpt(title, start, textwrap.dedent("\n".join(text[start - 1 : end])), tuple(sorted(marked)))
        for (title, start, end), marked in found.items()
    ]


@cache
def _source() -> tuple[list[str], list[tuple[str, int, int]]]:
    """The lines of model.py, and its functions: (Class.method or name, first line, last line)."""
    text = Path(model.__file__).read_text(encoding="utf-8")
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
