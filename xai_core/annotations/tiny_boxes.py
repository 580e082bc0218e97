"""Tiny-ImageNet's boxes: one text for many pictures, a line each, with tabs between.

``val_annotations.txt`` has file, WordNet id, x0, y0, x1 and y1; ``<id>_boxes.txt`` of a training
class has no id, which the file's name begins with. Pixels are counted from 0, and a box holds its
last ones: 0, 0, 63, 63 is all of a picture of 64 × 64 pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from xai_core.annotations.reading import Read, lines
from xai_core.annotations.regions import Annotation, Region, checked_box, number
from xai_core.errors import DataError
from xai_core.images import shown_name

MOST_BYTES = 20_000_000


def tiny_boxes(data: bytes, name: str) -> dict[str, Read]:
    """How the annotation of each picture is read, by the picture's file name.

    A line that is wrong costs its picture only: reading the annotation raises a DataError.

    Args:
        data: the file.
        name: what errors call it.

    Raises:
        DataError: too large, or not UTF-8.
    """
    shown = f"'{shown_name(name)}'"
    rows = [line.split("\t") for line in lines(data, shown, MOST_BYTES)]
    files = Counter(row[0] for row in rows)
    return {
        row[0]: partial(
            _annotation, row, files[row[0]], f"{shown}, picture '{shown_name(row[0])}',"
        )
        for row in rows
    }


def _annotation(row: Sequence[str], count: int, shown: str) -> Annotation:
    if count > 1:
        raise DataError(f"{shown} is there {count} times, so that its box cannot be told.")
    if len(row) == 6:
        wnid = row[1].strip()
    elif len(row) == 5 and "_" in row[0]:
        wnid = row[0].partition("_")[0]
    else:
        raise DataError(f"{shown} lacks a class or four numbers of a box.")
    x0, y0, x1, y1 = (number(word, shown) for word in row[-4:])
    return Annotation(None, (Region(wnid, checked_box((x0, y0, x1 + 1, y1 + 1), shown)),))
