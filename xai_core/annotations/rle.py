"""Masks as COCO's run lengths: how many pixels are not the object, are, are not, and so on.

Pixels are counted down the columns, column by column. As a string, each number is a row of
characters from "0" on: their code less 48 has six bits, of which the lower five are part of the
number, the lowest part first, and the highest says that another character follows. A number may be
negative: the fifth bit of its last character is the sign. From the fourth number on, each is the
difference to the number two before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xai_core.annotations.regions import Mask, Size, number
from xai_core.errors import DataError

_FIRST, _LAST = 48, 48 + 63


def mask_of_runs(counts: object, size: Size, shown: str) -> Mask:
    """The mask that run lengths tell.

    Args:
        counts: a list of numbers, or a string.
        size: (width, height) of the picture.
        shown: what the sentence calls the file.

    Raises:
        DataError: no run lengths, not of so many pixels, or none of the object.
    """
    if isinstance(counts, str):
        runs = _numbers(counts, shown)
    elif isinstance(counts, list):
        runs = [int(number(count, shown)) for count in counts]
    else:
        raise DataError(f"{shown} has a mask without run lengths.")
    width, height = size
    if min(runs, default=0) < 0 or sum(runs) != width * height:
        raise DataError(
            f"{shown} has a mask whose run lengths are not those of {width} × {height} pixels."
        )
    if not any(runs[1::2]):
        raise DataError(f"{shown} has a mask that marks nothing.")
    return Mask(_pixels(runs, size))


def runs_of_mask(mask: Mask) -> list[int]:
    """The run lengths that tell a mask, as a list."""
    values = mask.pixels.T.ravel()
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    runs = np.diff([0, *changes, len(values)]).tolist()
    return [0, *runs] if values[0] else runs


def _pixels(runs: Sequence[int], size: Size) -> NDArray[np.bool_]:
    values = np.arange(len(runs)) % 2 == 1
    columns = np.repeat(values, runs).reshape(size)
    return np.ascontiguousarray(columns.T)


def _numbers(text: str, shown: str) -> list[int]:
    found: list[int] = []
    value = place = 0
    for letter in text:
        if not _FIRST <= ord(letter) <= _LAST or place > 6:
            raise DataError(f"{shown} has a mask whose run lengths are damaged.")
        bits = ord(letter) - _FIRST
        value |= (bits & 31) << 5 * place
        place += 1
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << 5 * place
        found.append(value + (found[-2] if len(found) > 2 else 0))
        value = place = 0
    if place:
        raise DataError(f"{shown} has a mask whose run lengths are damaged.")
    return found
