"""Answers apart by what participants say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from xai_core.study.analysis.cases import case_table, known
from xai_core.study.analysis.resampling import REPLICATES
from xai_core.study.analysis.shares import share_table
from xai_core.study.analysis.votes import collect
from xai_core.study.design import BackgroundQuestion


def groups(
    questions: tuple[BackgroundQuestion, ...], background: pd.DataFrame
) -> Iterator[tuple[BackgroundQuestion, str, set[int]]]:
    """Participants by each answer to each question.

    Numbers are parted at their median; free text is not used, because nobody knows beforehand
    which texts mean the same.

    Args:
        questions: of the design.
        background: participant, question, value.

    Yields:
        Question, answer in words, participants.
    """
    for question in questions:
        own = background[(background.question == question.id) & background.value.notna()]
        own = own[own.value.astype(str).str.strip() != ""]
        if question.kind == "number":
            numbers = pd.to_numeric(own.value, errors="coerce").dropna()
            if len(numbers):
                half = numbers.median()
                yield question, f"up to {half:g}", _people(own, numbers.index[numbers <= half])
                yield question, f"above {half:g}", _people(own, numbers.index[numbers > half])
        for level in question.offered or ():
            yield question, level, _people(own, own.index[own.value == level])


def by_background(
    answers: pd.DataFrame,
    predictions: pd.DataFrame,
    questions: tuple[BackgroundQuestion, ...],
    background: pd.DataFrame,
    models: Sequence[str] = (),
    *,
    rule: str = "majority",
    interval: str = "wilson",
    seed: int = 0,
    replicates: int = REPLICATES,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Vote shares and cases of each group of participants.

    Args:
        answers: those that count.
        predictions: image, model, correct.
        questions: of the design.
        background: participant, question, value.
        models: those compared; of ``predictions`` if not given.
        rule: when votes decide.
        interval: of the cases; those of vote shares are always of the crossed bootstrap.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Returns:
        Vote shares: question, value, participants and the columns of ``share_table``; and cases:
        question, value, participants and the columns of ``case_table``. Groups in which nobody
        has answered have no rows.
    """
    models = list(models) or list(dict.fromkeys(predictions.model))
    shares, cases = [], []
    for question, value, people in groups(questions, background):
        part = answers[answers.participant.isin(people)]
        if part.empty:
            continue
        facts: dict[str, Any] = {
            "question": question.id,
            "value": value,
            "participants": part.participant.nunique(),
        }
        votes = collect(part, models)
        shares.append(share_table(votes, "bootstrap", seed, replicates).assign(**facts))
        if known(predictions, models, votes.images):
            found = case_table(
                part, predictions, interval, rule=rule, seed=seed, replicates=replicates
            )
            cases.append(found.assign(**facts))
    return _joined(shares), _joined(cases)


def _people(own: pd.DataFrame, index: pd.Index) -> set[int]:
    return {int(number) for number in own.participant[index]}


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame({"question": [], "value": [], "participants": []})
    whole = pd.concat(tables, ignore_index=True)
    first = ["question", "value", "participants"]
    return whole[[*first, *whole.columns.drop(first)]]
