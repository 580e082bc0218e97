"""What all readers of files for many pictures have in common."""

from __future__ import annotations

from collections.abc import Callable

from xai_core.annotations.regions import Annotation
from xai_core.errors import DataError

Read = Callable[[], Annotation]


def lines(data: bytes, shown: str, most: int) -> list[str]:
    """Lines of a text that hold anything.

    Args:
        data: the file.
        shown: what the sentence calls it.
        most: bytes.

    Raises:
        DataError: too large, or not UTF-8.
    """
    if len(data) > most:
        raise DataError(
            f"{shown} has {len(data) / 1e6:.1f} MB; at most {most / 1e6:.0f} MB are allowed."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{shown} must be UTF-8 text.") from error
    return [line for line in text.splitlines() if line.strip()]
