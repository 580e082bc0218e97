"""Answers to the background questions: checked where they come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xai_core.errors import StudyError
from xai_core.study.design import BackgroundQuestion
from xai_core.study.texts import is_number, storable

LONGEST_ANSWER = 5_000  # characters


def checked_answers(
    questions: Sequence[BackgroundQuestion], answers: Mapping[str, str]
) -> dict[str, str]:
    """The answers that were given, by question.

    Raises:
        StudyError: a required one lacks, one is not offered, or one belongs to no question.
    """
    known = {question.id for question in questions}
    if not set(answers) <= known:
        raise StudyError("An answer belongs to no question of this study. Please reload the page.")
    given = {}
    for question in questions:
        answer = answers.get(question.id, "")
        if not answer.strip():
            if question.required:
                raise StudyError(f"Please answer this question: {question.text}")
            continue
        _check(question, answer)
        given[question.id] = answer
    return given


def screened_out(questions: Sequence[BackgroundQuestion], given: Mapping[str, str]) -> bool:
    """Whether an answer ends the participation."""
    return any(
        _same(question, given[question.id], out)
        for question in questions
        if question.id in given
        for out in question.screens_out
    )


def _same(question: BackgroundQuestion, answer: str, other: str) -> bool:
    """Whether two answers mean the same: 18 and 18.0 do."""
    if question.kind == "number" and is_number(other):
        return float(answer) == float(other)
    return answer == other


def _check(question: BackgroundQuestion, answer: str) -> None:
    if question.offered is not None and answer not in question.offered:
        raise StudyError(f"Please choose one of the answers offered: {question.text}")
    if question.kind == "number" and not is_number(answer):
        raise StudyError(f"Please answer with a number: {question.text}")
    if len(answer) > LONGEST_ANSWER:
        raise StudyError(f"Please answer in at most {LONGEST_ANSWER} characters: {question.text}")
    if not storable(answer):
        raise StudyError(f"This answer holds a character that cannot be stored: {question.text}")
