"""`python -m gptviz keep "sentence" walk.html`: the walk in one file. `python -m gptviz site folder "sentence" ...`: a folder of them."""

import argparse
import sys
from pathlib import Path

from .. import catalogue, lessons, weights
from ..config import GPTConfig
from ..stages import BY_KEY, STAGES
from ..trace import NotFinite
from . import lesson, site, walk
from .chosen import Chosen

COMMANDS = ("keep", "site")
OWN = {
    **{"model": "mini", "stages": STAGES, "block": None, "head": 1, "dropout": 0.0, "seed": 0, "edits": "", "special": False},
    **{"second": "", "item": 1, "token": -1, "more": 0},
}
"""Options that a lesson's steps set themselves, as they are where nobody gives them."""


def add(commands: argparse._SubParsersAction) -> None:
    """The two commands, beside the others."""
    one = commands.add_parser("keep", help="write the walk through one sentence into one HTML file that needs nothing else")
    one.add_argument("text", help="the sentence; none with --lesson, whose steps have their own")
    file = one.add_argument("file", type=Path, help="the file to write, such as walk.html")
    file.required = False  # with a lesson the file is the only word
    one.add_argument("--lesson", help="the steps of a lesson instead of one sentence: its name, such as demo")
    many = commands.add_parser("site", help="write a folder of such files with an index, for any web server")
    many.add_argument("folder", type=Path, help="the folder to write; files of the same names are written anew")
    many.add_argument("texts", nargs="+", metavar="text", help="a sentence; one file each")
    for parser in (one, many):
        parser.add_argument("--model", default="mini", help="a model of `python -m gptviz models` (mini)")
        parser.add_argument(
            "--stages", type=stages, default=STAGES, help=f"some stages, such as {STAGES[2].key},{STAGES[10].key} (all)"
        )
        parser.add_argument("--block", type=numbers, help="some blocks, such as 1 or 1,3 (all); the first one named opens")
        parser.add_argument("--head", type=int, default=1, help="the head it opens at (1)")
        parser.add_argument("--dropout", type=float, default=0.0, help="dropout in force, as in training (0, off)")
        parser.add_argument("--seed", type=int, default=0, help="of dropout (0)")
        parser.add_argument("--edits", default="", help="changes of the pass by name, such as head:5.1,no-mask (none)")
        parser.add_argument("--special", action="store_true", help="read <|endoftext|> as the special token")
    one.add_argument(
        "--paper", action="store_true", help="a handout to print: one column, questions with room, answers at the end"
    )
    one.add_argument("--second", default="", help="the other sentence of a batch of two (none)")
    one.add_argument("--item", type=int, choices=(1, 2), default=1, help="which of the two is shown (1)")
    one.add_argument("--token", type=int, default=-1, help="the viewed token, from 0, whose numbers are recomputed (the last)")
    one.add_argument("--more", type=int, default=0, help="tokens the model appends first (0)")


def stages(text: str) -> tuple:
    """Keys of stages, in the walk's order."""
    asked = [key.strip() for key in text.split(",") if key.strip()]
    if unknown := [key for key in asked if key not in BY_KEY]:
        raise argparse.ArgumentTypeError(f"there is no stage {unknown[0]!r}; there are {', '.join(BY_KEY)}")
    return tuple(stage for stage in STAGES if stage.key in asked)


def numbers(text: str) -> list[int]:
    """Block numbers as they are written, from 1."""
    asked = text.split(",")
    if not all(one.strip().isdecimal() and int(one) > 0 for one in asked):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of blocks, which count from 1: 2 or 1,3")
    return [int(one) for one in asked]


def run(options: argparse.Namespace) -> int:
    """Do what was asked; 0 when the files are written."""
    try:
        return keep(options) if options.command == "keep" else make_site(options)
    except (ValueError, KeyError, MemoryError, NotFinite, OSError, weights.CheckpointError) as error:
        print(error.args[0] if isinstance(error, KeyError) else error, file=sys.stderr)
        return 1


def chosen(options: argparse.Namespace, text: str) -> Chosen:
    own = {name: getattr(options, name) for name in ("second", "token", "more") if hasattr(options, name)}
    return Chosen(
        text,
        model=options.model,
        item=getattr(options, "item", 1) - 1,
        block=options.block[0] if options.block else 1,
        head=options.head,
        dropout=options.dropout,
        seed=options.seed,
        special=options.special,
        edits=options.edits,
        **own,
    )


def blocks(options: argparse.Namespace, config: GPTConfig) -> list[int] | None:
    """Which blocks are kept, from 0; None for all."""
    if options.block and max(options.block) > config.n_layer:
        raise ValueError(f"{options.model} has blocks 1 to {config.n_layer}, block {max(options.block)} was asked for")
    return [block - 1 for block in options.block] if options.block else None


def keep(options: argparse.Namespace) -> int:
    if options.lesson is not None:
        return keep_lesson(options)
    if options.file is None:
        raise ValueError('a sentence and a file were expected: keep "Every effort moves you" walk.html')
    model = catalogue.load(options.model)
    seen = chosen(options, options.text).seen(model)
    told = progress(options.file.name)
    page = walk.page(seen, options.model, options.stages, blocks(options, model.config), told, paper=options.paper)
    options.file.write_text(page, encoding="utf-8")
    print(f"\r\033[K{options.file}: {size(options.file)}" if sys.stdout.isatty() else f"{options.file}: {size(options.file)}")
    return 0


def keep_lesson(options: argparse.Namespace) -> int:
    """The steps of a lesson. Each says itself what sentence, model and place it is about."""
    if options.file is not None:
        raise ValueError(
            f"with --lesson only the file is named; the steps have sentences of their own, got {options.text!r} too"
        )
    own = [one for one in OWN if getattr(options, one) != OWN[one]]
    if own:
        raise ValueError(f"--{own[0]} says what a lesson's steps say themselves: leave it out, or change it in the lesson")
    taught = lessons.find(options.lesson)
    for problem in taught.problems:
        print(problem, file=sys.stderr)
    file = Path(options.text)
    file.write_text(lesson.page(taught, progress(file.name), paper=options.paper), encoding="utf-8")
    print(f"\r\033[K{file}: {size(file)}" if sys.stdout.isatty() else f"{file}: {size(file)}")
    if out := lesson.left_out(taught):
        print(out)
    return 0


def make_site(options: argparse.Namespace) -> int:
    model = catalogue.load(options.model)
    options.folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for name, text in zip(site.names(options.texts), options.texts):
        one = chosen(options, text)
        page = walk.page(one.seen(model), options.model, options.stages, blocks(options, model.config), progress(name))
        file = options.folder / name
        file.write_text(page, encoding="utf-8")
        pages.append(site.Page(name, one, file.stat().st_size))
        print(f"\r\033[K{file}: {size(file)}" if sys.stdout.isatty() else f"{file}: {size(file)}")
    index = options.folder / "index.html"
    index.write_text(site.index(pages), encoding="utf-8")
    print(f"{index}: {size(index)}")
    return 0


def size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.2f} MB"


def progress(name: str) -> walk.Told:
    """Says how far the recomputations are, where somebody watches."""

    def told(done: int, of: int) -> None:
        if done % 2000 == 0 and sys.stdout.isatty():
            print(f"\r\033[K{name}: {done:,} of {of:,} numbers recomputed", end="", flush=True)

    return told
