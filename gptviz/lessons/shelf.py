"""Where lessons lie: those that ship, and those in the folders that GPTVIZ_LESSONS names, several separated like a PATH."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .. import catalogue, hooks
from ..choice import NAME
from . import lesson, places
from .lesson import Lesson, Problem

FOLDERS = "GPTVIZ_LESSONS"
SHIPPED = Path(__file__).parent
MOST = 100  # files of a folder


@dataclass(frozen=True)
class Shelf:
    """Every lesson that can be given, by name, and what is wrong with the files of all."""

    lessons: Mapping[str, Lesson]
    problems: tuple[Problem, ...]


_read: dict[tuple, Lesson | Problem] = {}  # a file as it was when it was read -> what was in it


def folders() -> list[Path]:
    """A lesson of one's own stands before one that ships under the same name."""
    own = [Path(one).expanduser() for one in os.environ.get(FOLDERS, "").split(os.pathsep) if one]
    return [*own, SHIPPED]


def shelf(load: places.Load = catalogue.load) -> Shelf:
    """All lessons as their files are now. load: see `places.wrong`."""
    checked, load = load is not places.unloaded, cache(load)
    lessons: dict[str, Lesson] = {}
    problems: list[Problem] = []
    for folder in folders():
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".md")
        except OSError as error:
            problems.append(Problem(folder.name, 0, f"this folder of {FOLDERS} cannot be read ({error.strerror})"))
            continue
        if len(files) > MOST:
            problems.append(Problem(folder.name, 0, f"the folder has {len(files)} lessons; the first {MOST} are offered"))
        for path in files[:MOST]:
            found = _file(path, load, checked)
            if isinstance(found, Problem):
                problems.append(found)
                continue
            problems += found.problems
            if found.steps:
                lessons.setdefault(found.name, found)
    return Shelf(lessons, tuple(problems))


def _file(path: Path, load: places.Load, checked: bool) -> Lesson | Problem:
    """A file's lesson, read again when the file has changed. checked: with models."""
    try:
        stat = path.stat()
        key = (path, stat.st_mtime_ns, stat.st_size, checked)
        if key not in _read:
            for old in [one for one in list(_read) if one[0] == path and one[1:3] != key[1:3]]:
                _read.pop(old, None)
            _read[key] = _opened(path, stat.st_size, load)
        return _read[key]
    except OSError as error:
        return Problem(path.name, 0, f"it cannot be read ({error.strerror})")


def _opened(path: Path, size: int, load: places.Load) -> Lesson | Problem:
    if size > lesson.LARGEST:
        return Problem(path.name, 0, f"it has {size:,} bytes, and a lesson has at most {lesson.LARGEST:,}")
    if len(path.stem) > NAME or not path.stem.isprintable() or not path.stem.strip():
        return Problem(path.name, 0, f"a lesson's name has 1 to {NAME} characters that can be seen")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem(path.name, line, "it is no UTF-8 text from here on: save it as UTF-8")
    return lesson.parse(text, path.stem, path.name, load)


def find(name: str, load: places.Load = catalogue.load) -> Lesson:
    """The lesson of a name. Raises KeyError, with the names there are, where there is none."""
    there = shelf(load)
    if name not in there.lessons:
        said = "".join(f"\n{one}" for one in there.problems)
        raise KeyError(hooks.unknown("lesson", name, there.lessons) + said)
    return there.lessons[name]
