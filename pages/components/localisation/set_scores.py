"""What scores the maps of a data set, and the scores that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pages.components.classified import Classified
from pages.components.localisation.set_pictures import Marked
from pages.components.work import Work
from xai_core import tasks
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task
from xai_core.localization.columns import BASELINE_COLUMNS
from xai_core.localization.objects import Objects
from xai_core.localization.pooling import Pooled
from xai_core.localization.scoring import QUADRANTS, object_measures
from xai_core.localization.tables import as_runs, as_table, rows_of, run_rows
from xai_core.measures import MEASURES as REGISTERED
from xai_core.tasks import Subject

MEASURES = list(object_measures())
Pairs = Mapping[str, tuple[Subject, Objects]]


@dataclass(frozen=True)
class Found:
    """The scores that are there.

    Attributes:
        table: of ``tables.as_table``.
        runs: of ``tables.as_runs``.
        pooled: what all pictures make together.
    """

    table: pd.DataFrame
    runs: pd.DataFrame
    pooled: Pooled


@dataclass(frozen=True)
class Asked:
    """What is scored.

    Attributes:
        marked: the pictures.
        pairs: what is explained and where it should lie by the picture's hash: the pictures
            themselves, and their composites, by whether they are composites.
        scoring: what scores each map, by whether it is a composite's, the picture and the column.
        others: hashes of the four pictures of each composite, in the order of
            ``composites.QUADRANTS``, by that of the picture that is explained.
    """

    marked: Marked
    pairs: Mapping[bool, Pairs]
    scoring: Mapping[tuple[bool, str, str], Task]
    others: Mapping[str, Sequence[str]]

    @property
    def measures(self) -> dict[str, str]:
        """What people read of each measure."""
        asked = {QUADRANTS: REGISTERED[QUADRANTS].title} if True in self.pairs else {}
        return object_measures() | asked

    def found(self, work: Work, titles: Sequence[str]) -> Found:
        """What is there.

        Args:
            work: what computes them.
            titles: what people read of each class.
        """
        told = {one["hash"]: one for one in self.marked.facts(titles)}
        rows, runs, pooled = [], [], Pooled()
        for (composite, digest, column), task in self.scoring.items():
            result = work.results.get(task.key)
            if result is None:
                continue
            one = told[digest]
            head = {
                "image": one["name"],
                "image_hash": digest,
                "method": column,
                **{name: one[name] for name in ("class", "size", "cut")},
            }
            scores = tasks.localization_scores(result)
            rows += rows_of(head, scores, measures(composite))
            runs += run_rows(head, scores)
            pooled.add(column, scores.levels)
        return Found(as_table(rows), as_runs(runs), pooled)


def measures(composite: bool) -> list[str]:
    """What is measured of a composite, or of a picture."""
    return [QUADRANTS] if composite else MEASURES


def asked(
    classified: Classified,
    marked: Marked,
    choices: Sequence[Choice],
    pairs: Mapping[bool, Pairs],
    others: Mapping[str, Sequence[str]],
) -> Asked:
    """What scores every map of these.

    Args:
        classified: the model.
        marked: the pictures.
        choices: the methods.
        pairs: as in ``Asked``.
        others: likewise.
    """
    scoring: dict[tuple[bool, str, str], Task] = {}
    for composite, own in pairs.items():
        by_subject = {subject.hash: digest for digest, (subject, _) in own.items()}
        given = *classified.loaded, list(own.values())
        wanted = measures(composite)
        made = tasks.localize_all(*given, choices, wanted, marked.seed, classified.by_source)
        made |= tasks.localize_baselines(*given, BASELINE_COLUMNS, wanted, marked.seed)
        scoring |= {
            (composite, by_subject[key], column): task for (key, column), task in made.items()
        }
    return Asked(marked, pairs, scoring, others)
