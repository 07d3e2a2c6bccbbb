"""Pictures of numbers on a canvas: what travels to a browser and what draws it there. Nothing here knows which page it is on.

`grid.payload` and `strips.payload` turn a picture into bytes. js/canvas.js draws them: `draw(element, bytes, onEvent)`, as often
as there are other bytes for the element; it returns what takes the picture away. A page takes the modules under js/ as they
are, by their address, or all of them as one from `source()`.
"""

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

JS = Path(__file__).parent / "js"
IMPORT = re.compile(r'^import (\{.+\}) from "\./(\w+)\.js"$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|function) (\w+))", re.MULTILINE)


@cache
def source() -> str:
    """js/canvas.js and all it imports as one module: each in a function of its own, after those it takes something from."""
    ordered = _ordered("canvas", ())
    return "\n".join([*map(_enclosed, ordered), "export const { draw } = $canvas", ""])


def _ordered(name: str, before: tuple[str, ...]) -> tuple[str, ...]:
    """The modules named so far, then the ones this one imports, then this one."""
    for _, other in IMPORT.findall(_text(name)):
        if other not in before:
            before = _ordered(other, before)
    return (*before, name)


def _enclosed(name: str) -> str:
    text = _text(name)
    exported = ", ".join(EXPORT.findall(text))
    inside = EXPORT.sub("", IMPORT.sub(r"const \1 = $\2", text))
    return f"const ${name} = (() => {{\n{inside}return {{ {exported} }}\n}})()"


def _text(name: str) -> str:
    """A module without comment lines and indentation."""
    lines = map(str.strip, (JS / f"{name}.js").read_text(encoding="utf-8").splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


@cache
def version() -> str:
    """A short name of this state of the modules: an address that holds it is never about another one."""
    return sha256("".join(path.read_text(encoding="utf-8") for path in sorted(JS.glob("*.js"))).encode()).hexdigest()[:12]
