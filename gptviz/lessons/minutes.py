"""How long a lesson takes, counted from its text: words at the pace they are said or read, time to look at each picture, and time to
answer what is asked."""

from . import places
from .lesson import Lesson, Step

SAID, READ = 100, 180  # words a minute, before a class and alone
PICTURE = 40  # seconds to find one's way in a picture
QUESTION = 45  # seconds for a class to think, show hands and hear the answer
GUESS = 15  # seconds for a reader alone to choose an answer and read why
ASK = "ask:"  # how a line of the notes begins that is put to the class


def seconds(step: Step, alone: bool) -> float:
    """A step: its own words and, before a class, what its notes say, or those of the place where it has none; alone, the words beside
    the picture are read as well."""
    notes = step.notes or places.notes(step.page, step.params)
    said = [*step.words, *([places.prose(step.page, step.params)] if alone else notes)]
    count = sum(len(one.split()) for one in said)
    if alone:
        asked = GUESS * bool(places.answered(step.page, step.params))
    else:
        asked = QUESTION * sum(line.lower().startswith(ASK) for line in notes)
    return 60 * count / (READ if alone else SAID) + PICTURE + asked


def measured(lesson: Lesson) -> float:
    """Minutes of all its steps."""
    return sum(seconds(step, lesson.alone) for step in lesson.steps) / 60
