"""Originals of the studies' pictures, and maps computed elsewhere, each kept once by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from xai_core.errors import StudyError
from xai_core.study.own_conditions import named_files
from xai_core.study.storage.schema import asset, study, version


def keep(connection: Connection, content: bytes, mime: str) -> str:
    """Keep a picture; its hash."""
    name = hashlib.sha256(content).hexdigest()
    if connection.execute(select(asset.c.hash).where(asset.c.hash == name)).first() is None:
        connection.execute(insert(asset).values(hash=name, mime=mime, content=content))
    return name


def read(connection: Connection, name: str) -> tuple[bytes, str]:
    """Content and type of a picture.

    Raises:
        StudyError: it is not kept.
    """
    wanted = select(asset.c.content, asset.c.mime).where(asset.c.hash == name)
    found = connection.execute(wanted).first()
    if found is None:
        raise StudyError("A picture of the study is missing; add it again.")
    return bytes(found.content), str(found.mime)


def drop_unused(connection: Connection) -> None:
    """Delete the pictures and maps that no draft and no version names."""
    used = set(_named(connection))
    for name in connection.scalars(select(asset.c.hash)).all():
        if name not in used:
            connection.execute(delete(asset).where(asset.c.hash == name))


def _named(connection: Connection) -> Iterator[str]:
    designs: list[Any] = [*connection.scalars(select(study.c.draft))]
    designs += connection.scalars(select(version.c.design))
    for design in designs:
        yield from (picture["asset"] for picture in design.get("pictures", ()))
        for condition in design.get("conditions", ()):
            yield from named_files(condition["settings"]).values()
