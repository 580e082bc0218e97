"""Every result of one version of a study, put together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from xai_core.study.analysis.agreement import agreement_table
from xai_core.study.analysis.background import by_background
from xai_core.study.analysis.between_models import paired_tests, share_differences
from xai_core.study.analysis.bias import Positions, positions
from xai_core.study.analysis.cases import case_table, known, no_cases
from xai_core.study.analysis.counted import counted
from xai_core.study.analysis.funnel import endings, funnel
from xai_core.study.analysis.resampling import REPLICATES
from xai_core.study.analysis.sensitivity import sensitivity
from xai_core.study.analysis.shares import share_table
from xai_core.study.analysis.tabular import plain, restored
from xai_core.study.analysis.times import attention, checks, times
from xai_core.study.analysis.votes import Votes, accurate, collect, vote_table
from xai_core.study.design import ESCAPES
from xai_core.study.storage.records import Records

_NO_TABLES = {"table": None, "participants": None}  # they are among the results' tables too


@dataclass(frozen=True)
class Settings:
    """What a researcher decides about the analysis.

    Attributes:
        rule: when votes decide, one of ``votes.RULES``.
        interval: of the cases, one of ``intervals.INTERVALS``.
        who: whose answers count, one of ``counted.WHO``.
        seed: of everything drawn.
        replicates: of the bootstrap.
    """

    rule: str = "majority"
    interval: str = "wilson"
    who: str = "everyone"
    seed: int = 0
    replicates: int = REPLICATES

    def to_json(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Results:
    """The tables; each is described where it is made.

    Attributes:
        settings: what was decided.
        participants: whose answers count.
        images: pictures that were answered.
        answers: how many count.
        tables: by name: cases, shares, votes, paired, differences, agreement, positions,
            positions_by_participant, background_shares, background_cases, times,
            times_by_position, attention, checks, funnel, endings, sensitivity.
        positions: with the test against equal shares.
    """

    settings: Settings
    participants: int
    images: int
    answers: int
    positions: Positions
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        places = {**vars(self.positions), **_NO_TABLES}
        tables = {name: plain(table) for name, table in self.tables.items()}
        own = {**vars(self), "settings": self.settings.to_json(), "positions": places}
        return {**own, "tables": tables}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Results:
        """Results from plain data."""
        tables = {name: restored(table) for name, table in data["tables"].items()}
        places = {**data["positions"], "table": tables["positions"]}
        places["participants"] = tables["positions_by_participant"]
        own = {"settings": Settings(**data["settings"]), "positions": Positions(**places)}
        return cls(**{**data, **own, "tables": tables})


def analyse(records: Records, settings: Settings | None = None) -> Results:
    """Analyse a version of a study.

    Raises:
        StudyError: for unknown settings.
    """
    chosen = settings or Settings()
    answers = counted(records, chosen.who)
    models = [condition.id for condition in records.design.conditions]
    votes = collect(answers, models)
    places = positions(answers, len(models), records.design.random_positions, chosen.seed)
    tables = {
        "funnel": funnel(records),
        "endings": endings(records),
        "attention": attention(records),
        "checks": checks(records),
        **_votes(votes, records, answers, chosen),
        "positions": places.table,
        "positions_by_participant": places.participants,
        "times": times(answers, []),
        "times_by_position": times(answers, ["position"]),
        "sensitivity": sensitivity(records, chosen.rule, chosen.who),
    }
    return Results(chosen, len(votes.participants), len(votes.images), len(answers), places, tables)


def choice_titles(records: Records) -> dict[str, str]:
    """What people read of each choice."""
    own = {condition.id: condition.title for condition in records.design.conditions}
    return {**own, **ESCAPES}


def _votes(
    votes: Votes, records: Records, answers: pd.DataFrame, chosen: Settings
) -> dict[str, pd.DataFrame]:
    drawn: dict[str, Any] = {"seed": chosen.seed, "replicates": chosen.replicates}
    how: dict[str, Any] = {"rule": chosen.rule, "interval": chosen.interval}
    order = {picture.id: place for place, picture in enumerate(records.design.pictures)}
    counts = vote_table(votes, chosen.rule)
    places = np.argsort([order.get(image, len(order)) for image in counts.image], kind="stable")
    questions = records.design.background
    trials = [picture.id for picture in records.design.of_kind("trial")]
    shares, cases = by_background(
        answers, records.predictions, questions, records.background, votes.models,
        rule=chosen.rule, interval=chosen.interval, **drawn,
    )  # fmt: skip
    return {
        "cases": case_table(answers, records.predictions, **how, **drawn)
        if known(records.predictions, votes.models, trials)
        else no_cases(),
        "shares": share_table(votes, "bootstrap", **drawn),
        "votes": counts.iloc[places].reset_index(drop=True),
        "paired": paired_tests(accurate(votes.counts, chosen.rule), votes.models),
        "differences": share_differences(votes, **drawn),
        "agreement": agreement_table(votes.counts, **drawn),
        "background_shares": shares,
        "background_cases": cases,
    }
