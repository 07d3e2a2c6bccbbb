"""Lessons: a Markdown file each, with steps that are addresses of the walk and its labs, words for the class and notes for the teacher.

Nothing in a lesson is markup but what `lesson.parse` reads; its words are shown as they are.
"""

from .lesson import Lesson, Problem, Step
from .shelf import Shelf, find

__all__ = ["Lesson", "Problem", "Shelf", "Step", "find"]
