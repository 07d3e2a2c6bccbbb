"""Lessons: what their files say, what is wrong with a file, where their steps lead, and how long they take."""

import functools

import pytest

from gptviz import catalogue
from gptviz.choice import Choice
from gptviz.keep import command
from gptviz.keep import lesson as kept
from gptviz.keep.store import unpack
from gptviz.labs.lab import Setting
from gptviz.lessons import Lesson, Step, lesson, minutes, places, shelf
from gptviz.story import CARDS
from gptviz.ui import address, state
from hostile import TEXT

GOOD = """# A title
minutes: 10

On it.

## First
?stage=softmax&text=She+opened+the

Words **of** its
own.

And more.

> Say: this
> plain

##
http://class.example/gpt/Dropout?view=sums&p=0.3&present=1&lesson=other&step=3
"""
SHIPPED = {"class", "context", "demo", "dropout", "self-study"}


@functools.cache
def load(key: str):
    return catalogue.load(key)


@functools.cache
def shipped() -> shelf.Shelf:
    return shelf.shelf(load)


def parsed(text: str) -> Lesson:
    return lesson.parse(text, "mine", "mine.md", load)


def test_a_file_is_read():
    found = parsed(GOOD)
    assert (found.title, found.minutes, found.about, found.alone, found.problems) == ("A title", 10, "On it.", False, ())
    first, second = found.steps
    assert first == Step(
        "First",
        "Softmax and argmax",
        "",
        {"stage": "softmax", "text": "She opened the"},
        ("Words **of** its own.", "And more."),
        ("Say: this", "plain"),
    )
    assert (second.title, second.page, second.params) == ("Rows that leave 1", "Dropout", {"view": "sums", "p": "0.3"})
    copied = places.read("/Replay?view=next&lesson=demo&step=4&merge=300")
    assert copied == ("Replay", {"view": "next", "step": "300"})
    assert parsed("\ufeff" + GOOD.replace("\n", "\r\n")).steps[1] == second and parsed("for: alone\n" + GOOD).alone


@pytest.mark.parametrize(
    ("written", "line", "reason"),
    [
        ("?stage=sofmax", 5, "did you mean softmax?"),
        ("?stage=softmax&blok=2", 5, "no choice called 'blok'; did you mean block?"),
        ("?stage=attention-weights&block=7", 5, "block = 7, and mini has 6"),
        ("?stage=softmax&token=9", 5, "the last one is 3"),
        ("?stage=softmax&item=1", 5, "there is one"),
        ("?stage=softmax&text=", 5, "text cannot be used: Type at least one word"),
        ("?stage=softmax&model=none", 5, "model = 'none' is not known"),
        ("?stage=softmax&edit=head:x", 5, "names of changes"),
        ("/Droput?view=sums", 5, "no page called 'Droput'; did you mean Dropout?"),
        ("/Dropout?view=sum", 5, "no experiment called 'sum'; did you mean sums?"),
        ("/Dropout?view=sums&q=1", 5, "no control called 'q'"),
        ("/Dropout?view=sums&p=2", 5, "p = '2' is not a number from 0.0 to 0.9"),
        ("/Dropout?view=sums&block=7", 5, "block = '7' is not one of the 6 choices"),
        ("/Size?view=memory&model=mini&text=", 5, "text cannot be used"),
        ("softmax", 5, "an address was expected, such as ?stage=softmax"),
        ("?" + "&".join(f"a{n}=1" for n in range(99)), 5, "more than 60 parameters"),
        ("", 4, "has no address"),
    ],
)
def test_a_step_that_leads_nowhere_says_line_and_reason_and_the_rest_works(written, line, reason):
    found = parsed(f"# T\nminutes: 5\n\n## Bad\n{written}\n\n## Good\n?stage=gelu\n")
    assert [step.title for step in found.steps] == ["Good"]
    [problem] = found.problems
    assert problem.line == line and reason in problem.reason and str(problem).startswith(f"mine.md, line {line}: ")


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("", ("line 1: the lesson has no title", "line 1: it does not say how long", "mine.md: no step")),
        ("# T\nminutes: soon\n## A\n?stage=gelu", ("line 2: minutes is 'soon'",)),
        ("# T\nminutes: 5\nfor: cats\n## A\n?stage=gelu", ("line 3: for is 'cats'; alone or class",)),
        ("# T\nminutes: 5\n" + "## A\n?stage=gelu\n" * 201, ("line 403: there are more than 200 steps",)),
    ],
)
def test_a_file_that_lacks_something_says_what(text, reasons):
    said = [str(problem) for problem in parsed(text).problems]
    assert len(said) == len(reasons) and all(reason in one for reason, one in zip(reasons, said)), said


def test_folders_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "mine.md").write_text(GOOD, encoding="utf-8")
    (tmp_path / "demo.md").write_text(GOOD.replace("A title", "My demo"), encoding="utf-8")
    (tmp_path / "latin.md").write_bytes(b"# T\n\xe9\n")
    (tmp_path / "large.md").write_bytes(b"#" * 300_000)
    (tmp_path / "folder.md").mkdir()
    monkeypatch.setenv(shelf.FOLDERS, f"{tmp_path}{shelf.os.pathsep}{tmp_path / 'none'}")
    there = shelf.shelf(load)
    assert there.lessons.keys() == SHIPPED | {"mine"} and there.lessons["demo"].title == "My demo"
    said = {problem.file: str(problem) for problem in there.problems}
    assert said.keys() == {"latin.md", "large.md", "folder.md", "none"}
    assert "latin.md, line 2: it is no UTF-8" in said["latin.md"] and "300,000 bytes" in said["large.md"]
    (tmp_path / "mine.md").write_text(GOOD.replace("A title", "Another title"), encoding="utf-8")
    assert shelf.shelf(load).lessons["mine"].title == "Another title"
    with pytest.raises(KeyError, match="no lesson called 'mien'; did you mean mine"):
        shelf.find("mien", load)


def test_every_step_of_the_lessons_that_ship_leads_somewhere():
    assert shipped().problems == () and shipped().lessons.keys() == SHIPPED
    whole = {step.params.get("stage", Choice.stage) for step in shipped().lessons["self-study"].steps if not step.page}
    assert whole == {*places.BY_KEY, *places.AROUND}, "self-study is the whole walk"


def test_a_renamed_stage_is_found(monkeypatch):
    monkeypatch.setattr(shelf, "_read", {})
    renamed = {key.replace("softmax", "soft"): stage for key, stage in places.BY_KEY.items()}
    monkeypatch.setattr(places.choice, "BY_KEY", renamed)
    wrong = shelf.shelf(load).problems
    assert {problem.file for problem in wrong} == {f"{name}.md" for name in SHIPPED}
    assert all("'softmax' is not known" in problem.reason for problem in wrong)


def test_what_they_say_of_a_sentence_is_said_of_an_example_that_holds():
    """The examples' claims are asked of the model elsewhere; a step that looks at a head looks where an example does."""
    by_text = {card.text: card for card in CARDS}
    for one in shipped().lessons.values():
        for step in one.steps:
            text = step.params.get("text", Choice.text)
            assert text in by_text or step.page == "Context" and text == "The dog bit the man", (one.name, step.title)
            if "head" in step.params:
                card = by_text[text]
                assert (step.params["block"], step.params["head"]) == (str(card.block), str(card.head)), (one.name, step.title)


def test_minutes_are_counted_from_the_text():
    step = Step("T", "N", "", {"stage": "softmax"}, ("word " * 50,), ("Say: " + "word " * 49, "Ask: " + "word " * 49))
    assert minutes.seconds(step, alone=False) == pytest.approx(60 * 150 / minutes.SAID + minutes.PICTURE + minutes.QUESTION)
    read = 50 + len(places.BY_KEY["softmax"].prose.split())
    assert minutes.seconds(step, alone=True) == pytest.approx(60 * read / minutes.READ + minutes.PICTURE + minutes.GUESS)
    bare = Step("T", "N", "", {"stage": "softmax"})
    assert minutes.seconds(bare, alone=False) > minutes.PICTURE + minutes.QUESTION, "the stage's own notes are said"


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_lesson_takes_as_long_as_it_says(name):
    one = shipped().lessons[name]
    assert minutes.measured(one) == pytest.approx(one.minutes, rel=0.08)


# kept ---------------------------------------------------------------------------------------------------------------------------


def held(page: str):
    return unpack(page.partition('<script id="store" type="text/plain">')[2].partition("</script>")[0])


def test_a_kept_lesson_holds_its_steps_and_no_notes():
    text = f"# <b>T</b>\nminutes: 5\n## <i>One</i>\n?stage=attention-weights&block=6&head=3\n{TEXT}\n> SECRET note\n"
    one = parsed(
        text + "## Lab\n/Dropout\n## Pair\n?stage=softmax&beside=mini-untrained\n## Last\n?stage=softmax&text=She+opened+the\n"
    )
    page = kept.page(one)
    content, arrays = held(page)
    assert [step["title"] for step in content["stages"]] == ["<i>One</i>", "Last"]
    first, last = content["stages"]
    assert first["sentence"] == "Every effort moves you · block 6 · head 3" and last["sentence"] == "She opened the"
    assert first["told"] == [" ".join(TEXT.split())] and len(content["passes"]) == 2
    seen = kept.stop(one.steps[0], load("mini")).seen
    weights = content["pictures"][content["views"][first["view"]]["picture"]]
    shown = [arrays[n] for n in weights["arrays"] if arrays[n].dtype.kind == "f"]
    assert any((values == seen.array("blocks.5.att.weights").reshape(-1)).all() for values in shown if values.size == 16)
    assert "SECRET" not in page + str(content) and "<b>T</b>" not in page
    assert "Left out are 2 of 4 steps" in page and "2 Lab, 3 Pair" in page
    paper, _ = held(kept.page(one, paper=True))
    assert paper["paper"] and [step["told"] for step in paper["stages"]] == [first["told"], []]
    assert not any(one["accounts"] for one in paper["passes"]) and "SECRET" not in str(paper)


def test_the_command_keeps_a_lesson(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.md").write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv(shelf.FOLDERS, str(tmp_path))
    parser = command.argparse.ArgumentParser()
    command.add(parser.add_subparsers(dest="command"))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = command.run(parser.parse_args(["keep", *arguments]))
        return status, *capsys.readouterr()

    file = str(tmp_path / "out.html")
    status, said, _ = run("--lesson", "mine", "--paper", file)
    assert status == 0 and "Left out are 1 of 2 steps" in said and 'id="sheets"' in (tmp_path / "out.html").read_text("utf-8")
    for arguments, reason in (
        (("--lesson", "mien", file), "no lesson called 'mien'; did you mean mine?"),
        (("A sentence", "--lesson", "mine", file), "got 'A sentence' too"),
        (("--lesson", "mine", "--head", "3", file), "--head says what a lesson's steps say themselves"),
        ((file,), "a sentence and a file were expected"),
        (("A sentence", "--paper", file), ""),
    ):
        status, _, said = run(*arguments)
        assert status == bool(reason) and reason in said


def test_no_control_of_a_lab_has_a_name_that_all_pages_share():
    names = {one.name for lab in places.LABS.values() for one in lab.controls}
    for lab in places.LABS.values():
        for one in lab.experiments:
            asked = Setting(model=load("mini"), ids=(6109, 3626, 6100, 345), values={}, text=Choice.text)
            names |= {control.name for control in one.controls_for(asked)}
    assert "at" in names and not names & {*state.SHARED, address.OWN_STEP}
