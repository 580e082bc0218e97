"""What ``localize`` is asked for, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from xai_core.cli.asked import Asked
from xai_core.cli.subjects import Photo
from xai_core.datasets import AnnotatedPicture
from xai_core.export import Explanation
from xai_core.localization.columns import BASELINE_COLUMNS
from xai_core.localization.gathering import LeftOut, Rule
from xai_core.localization.objects import Objects
from xai_core.localization.pooling import Pooled
from xai_core.localization.scoring import Scores
from xai_core.localization.tables import as_runs, as_table, rows_of, run_rows


@dataclass(frozen=True)
class Plan:
    """Everything that decides the scores.

    Attributes:
        asked: the model and the methods.
        pictures: with how their annotations are read.
        rule: which class of each is explained.
        measures: of a map and objects.
        seed: of all that is drawn.
        baselines: whether baselines stand among the methods.
        quadrants: whether composites are explained as well.
        left_out: what is left out.
        data: the data set's folder, or None for photos by name.
        most: most pictures of the data set; None for all.
        photos: their names as they were given.
        boxes: files of annotations.
    """

    asked: Asked
    pictures: Sequence[AnnotatedPicture]
    rule: Rule
    measures: Sequence[str]
    seed: int
    baselines: bool
    quadrants: bool
    left_out: LeftOut
    data: Path | None = None
    most: int | None = None
    photos: Sequence[str] = ()
    boxes: Sequence[str] = ()

    @property
    def columns(self) -> list[str]:
        """The baselines."""
        return list(BASELINE_COLUMNS) if self.baselines else []

    def possible(self, lost: int) -> int:
        """So many pictures can be scored where so many cannot."""
        there = len(self.pictures) - lost
        return there if self.most is None else min(self.most, there)


@dataclass(frozen=True)
class Placed:
    """A picture in front of the model.

    Attributes:
        photo: the picture.
        target: index of the class that is explained.
        class_name: what people read of it.
        objects: of that class.
    """

    photo: Photo
    target: int
    class_name: str
    objects: Objects

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What ``run.json`` says of it; made once, for all its scores."""
        return {
            "name": self.photo.name,
            "hash": self.photo.hash,
            "target": self.target,
            "class": self.class_name,
            "size": self.objects.size,
            "cut": self.objects.cut,
            "boxes": self.objects.boxes.tolist(),
        }


@dataclass(frozen=True)
class Scored:
    """A map's scores.

    Attributes:
        picture: what is told of it.
        column: the method or baseline.
        scores: by each of the measures.
        measures: of a map and objects.
    """

    picture: Mapping[str, Any]
    column: str
    scores: Scores
    measures: Sequence[str]

    @property
    def head(self) -> dict[str, Any]:
        """Whose map it is."""
        name, digest = self.picture["name"], self.picture["hash"]
        return {"image": name, "image_hash": digest, "method": self.column}

    def rows(self) -> list[dict[str, Any]]:
        """Those of ``tables.rows_of``."""
        facts = {name: self.picture[name] for name in ("class", "size", "cut")}
        return rows_of({**self.head, **facts}, self.scores, self.measures)


@dataclass
class Localized:
    """What was found.

    Attributes:
        asked: the model and the methods that work on it.
        scored: every map's scores; as rows, thousands of pictures would fill the memory.
        explanations: the maps; none of a data set.
        objects: of each photo by its name; none of a data set.
        pictures: what is told of each.
        pooled: what all maps of a method make together.
        problems: sentences about what failed.
    """

    asked: Asked
    scored: list[Scored] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)
    objects: dict[str, Objects] = field(default_factory=dict)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    pooled: Pooled = field(default_factory=Pooled)
    problems: list[str] = field(default_factory=list)

    def add(
        self, picture: Mapping[str, Any], column: str, scores: Scores, measures: Sequence[str]
    ) -> None:
        """Take over the scores of a map; what is pooled is added up, and not kept."""
        self.pooled.add(column, scores.levels)
        kept = replace(scores, levels=scores.levels[:, :0].copy())
        self.scored.append(Scored(picture, column, kept, measures))

    @property
    def table(self) -> pd.DataFrame:
        """The scores."""
        return as_table([row for one in self.scored for row in one.rows()])

    @property
    def runs(self) -> pd.DataFrame:
        """The runs of the stochastic pointing game."""
        return as_runs([row for one in self.scored for row in run_rows(one.head, one.scores)])
