"""Freezes a draft into a version: its design, its pictures and the models' predictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from xai_core.errors import StudyError
from xai_core.study.design import Design
from xai_core.study.problems import problems
from xai_core.study.storage.schema import prediction, stimulus, study, version
from xai_core.study.storage.tokens import new_token

PREVIEW = 0  # number of the version that researchers try


@dataclass(frozen=True)
class Rendered:
    """A picture as participants see it: the original (``model`` None) or a condition's heatmap."""

    image: str
    model: str | None
    content: bytes
    mime: str


@dataclass(frozen=True)
class Prediction:
    """What a condition's model says about a picture."""

    image: str
    model: str
    predicted_class: str
    probability: float
    correct: bool


def publish(
    connection: Connection,
    slug: str,
    design: Design,
    rendered: Iterable[Rendered],
    predictions: Iterable[Prediction],
    *,
    preview: bool,
) -> int:
    """Store a version; the one before it closes to newcomers.

    Returns:
        The version's id.

    Raises:
        StudyError: no such study, something in the design must be mended, or a picture lacks.
    """
    if found := problems(design):
        raise StudyError(" ".join(found))
    pictures = _complete(design, rendered)
    study_id = locked_study(connection, slug)
    now = datetime.now(UTC)
    number = PREVIEW if preview else _make_room(connection, study_id, now)
    if preview:
        here = (version.c.study_id == study_id) & (version.c.number == PREVIEW)
        connection.execute(delete(version).where(here))
    row: dict[str, Any] = {"study_id": study_id, "number": number, "design": design.to_json()}
    row |= {"created_at": now, "published_at": now}
    made: int = connection.scalars(insert(version).values(row).returning(version.c.id)).one()
    connection.execute(insert(stimulus), [_stimulus(made, each) for each in pictures])
    foretold = [{"version_id": made, **vars(each)} for each in _known(design, predictions)]
    if foretold:
        connection.execute(insert(prediction), foretold)
    return made


def locked_study(connection: Connection, slug: str) -> int:
    """Id of a study that nobody else changes until the transaction ends.

    Raises:
        StudyError: there is none.
    """
    row = select(study.c.id).where(study.c.slug == slug).with_for_update(key_share=True)
    found = connection.scalar(row)
    if found is None:
        raise StudyError("There is no such study.")
    return int(found)


def _make_room(connection: Connection, study_id: int, now: datetime) -> int:
    """Number of a study's next version; those before it are closed."""
    ours = version.c.study_id == study_id
    still_open = ours & (version.c.number > PREVIEW) & version.c.closed_at.is_(None)
    connection.execute(update(version).where(still_open).values(closed_at=now))
    last = connection.scalar(select(func.max(version.c.number)).where(ours))
    return (last or 0) + 1


def _complete(design: Design, rendered: Iterable[Rendered]) -> Sequence[Rendered]:
    by_key = {(each.image, each.model): each for each in rendered}
    needed = [
        (picture.id, model)
        for picture in design.pictures
        for model in (None, *(condition.id for condition in design.conditions))
    ]
    lacking = [key for key in needed if key not in by_key]
    if lacking:
        image, model = lacking[0]
        what = "its original" if model is None else f"its heatmap of {model}"
        raise StudyError(f"{len(lacking)} pictures were not drawn, first of {image}: {what}.")
    return [by_key[key] for key in needed]


def _known(design: Design, predictions: Iterable[Prediction]) -> list[Prediction]:
    images = {picture.id for picture in design.pictures}
    models = {condition.id for condition in design.conditions}
    given = {(each.image, each.model): each for each in predictions}
    return [each for each in given.values() if each.image in images and each.model in models]


def _stimulus(version_id: int, picture: Rendered) -> dict[str, Any]:
    # The name is random: it stands in the page and must not tell one condition from another.
    return {"version_id": version_id, "name": new_token(), **vars(picture)}
