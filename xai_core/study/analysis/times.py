"""How long answers took, and who did not take the time to look."""

from __future__ import annotations

import pandas as pd

from xai_core.study.analysis.counted import FAST_S, failed, hurried, real
from xai_core.study.storage.records import Records

QUARTILES = {"quarter": 0.25, "median": 0.5, "three_quarters": 0.75}


def seconds(answers: pd.DataFrame) -> pd.Series:
    """Seconds from the moment a trial was on the screen to its answer; missing if unknown."""
    return answers.duration_ms.astype("Float64") / 1000


def times(answers: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Times of answers, together or apart.

    Args:
        answers: rows of ``Records.answers``.
        by: columns that part them, such as "position"; none for all together.

    Returns:
        The columns of ``by``, answers (with a time), quarter, median, three_quarters (seconds),
        and fast: how many took less than ``FAST_S``.
    """
    own = answers.assign(seconds=seconds(answers))
    own = own[own.seconds.notna()]
    parts = own.groupby(by, sort=True) if by else [((), own)]
    rows = []
    for key, part in parts:
        found = part.seconds.astype(float)
        cells = {name: found.quantile(at) for name, at in QUARTILES.items()}
        keys = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        fast = int((found < FAST_S).sum())
        rows.append({**keys, "answers": len(part), **cells, "fast": fast})
    return pd.DataFrame(rows, columns=[*by, "answers", *QUARTILES, "fast"])


def attention(records: Records) -> pd.DataFrame:
    """How carefully each participant answered.

    Returns:
        A row for each participant who answered a real trial: participant, ending, answers,
        median (seconds), fast, focus_losses (how often another window was in front), hidden
        (seconds in which the page was not to be seen), checks, checks_failed, failed (more
        checks than the design allows), hurried.
    """
    own = real(records.answers)
    people = records.participants[["participant", "ending", "checks", "checks_failed"]]
    found = times(own, ["participant"])[["participant", "median", "fast"]]
    sums = own.groupby("participant").agg(
        answers=("choice", "size"),
        focus_losses=("focus_losses", "sum"),
        hidden=("hidden_ms", "sum"),
    )
    sums["hidden"] = sums.hidden.astype("Float64") / 1000
    table = sums.reset_index().merge(people, how="left").merge(found, how="left")
    table["failed"] = table.participant.isin(failed(records))
    table["hurried"] = table.participant.isin(hurried(records))
    columns = ["participant", "ending", "answers", "median", "fast", "focus_losses", "hidden"]
    return table[[*columns, "checks", "checks_failed", "failed", "hurried"]]


def checks(records: Records) -> pd.DataFrame:
    """How the checks went.

    Returns:
        A row for each kind, "catch" and "instructed": kind, answers, failed, share (failed).
    """
    rows = []
    for kind in ("catch", "instructed"):
        own = records.answers[records.answers.kind == kind]
        passed = own.passed.astype("boolean")
        wrong = int((~passed).fillna(False).sum())
        rows.append((kind, len(own), wrong, wrong / len(own) if len(own) else float("nan")))
    return pd.DataFrame(rows, columns=["kind", "answers", "failed", "share"])
