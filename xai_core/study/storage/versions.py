"""Published versions never change: each process reads one once and keeps it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Connection, select

from xai_core.study.design import Design
from xai_core.study.public_design import PublicDesign, public
from xai_core.study.storage.schema import stimulus, version

_MOST = 64


@dataclass(frozen=True)
class Frozen:
    """A version's design and the names of its pictures by picture and condition."""

    design: Design
    public: PublicDesign
    names: dict[tuple[str, str | None], str]


class Versions:
    """The versions used last, by their id in the database, which is never given twice."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Frozen] = OrderedDict()

    def get(self, connection: Connection, version_id: int) -> Frozen:
        """A version, read from the database the first time."""
        found = self._kept.get(version_id)
        if found is None:
            found = self._kept[version_id] = _read(connection, version_id)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return found


def _read(connection: Connection, version_id: int) -> Frozen:
    stored = connection.scalar(select(version.c.design).where(version.c.id == version_id))
    design = Design.from_json(stored)
    rows = connection.execute(
        select(stimulus.c.image, stimulus.c.model, stimulus.c.name).where(
            stimulus.c.version_id == version_id
        )
    )
    names = {(row.image, row.model): row.name for row in rows}
    return Frozen(design, public(design), names)
