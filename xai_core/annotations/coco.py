"""COCO's JSON of instances: one file for many pictures.

Boxes are x, y, width and height from the picture's corner, with parts of pixels. Outlines and masks
are taken where a picture's object has them, else its box.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from xai_core.annotations.reading import Read
from xai_core.annotations.regions import (
    Annotation,
    Box,
    Mask,
    Outlines,
    Region,
    Size,
    checked_box,
    checked_masks,
    checked_outlines,
    checked_size,
    clipped,
    number,
)
from xai_core.annotations.rle import mask_of_runs, runs_of_mask
from xai_core.errors import DataError
from xai_core.images import shown_name

MOST_BYTES = 100_000_000

Record = Mapping[str, Any]


def coco_json(data: bytes, name: str) -> dict[str, Read]:
    """How the annotation of each picture is read, by the picture's file name as the file has it.

    A picture that is wrong in the file, or there twice, costs itself only: reading its annotation
    raises a DataError.

    Args:
        data: the file.
        name: what errors call it.

    Raises:
        DataError: too large, no JSON, or none of this form.
    """
    shown = f"'{shown_name(name)}'"
    content = _content(data, shown)
    pictures, objects, categories = (
        _records(content, key, shown) for key in ("images", "annotations", "categories")
    )
    names = {_key(category.get("id")): category.get("name") for category in categories}
    by_picture: dict[Any, list[Record]] = {}
    for entry in objects:
        by_picture.setdefault(_key(entry.get("image_id")), []).append(entry)
    files = Counter(str(picture.get("file_name", "")) for picture in pictures)
    found: dict[str, Read] = {}
    for picture in pictures:
        file = str(picture.get("file_name", ""))
        inside = f"{shown}, picture '{shown_name(file)}',"
        if files[file] > 1:
            found[file] = partial(_twice, inside)
        else:
            entries = by_picture.get(_key(picture.get("id")), [])
            found[file] = partial(_annotation, picture, entries, names, inside)
    return found


def coco_file(file: str, size: Size, regions: Sequence[Region], name: str) -> bytes:
    """What ``coco_json`` reads: objects of one class on one picture.

    Args:
        file: the picture's name.
        size: its (width, height).
        regions: the objects; their own names are not written.
        name: of their class.
    """
    entries = [
        {"id": place, "image_id": 1, "category_id": 1, "iscrowd": 0, **_written(region, size)}
        for place, region in enumerate(regions, 1)
    ]
    width, height = size
    content = {
        "images": [{"id": 1, "file_name": file, "width": width, "height": height}],
        "annotations": entries,
        "categories": [{"id": 1, "name": name}],
    }
    return json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8")


def _written(region: Region, size: Size) -> Record:
    shape = region.shape
    if isinstance(shape, Box):
        return _boxed(shape, [])
    if isinstance(shape, Outlines):
        x, y = zip(*(point for part in shape.parts for point in part), strict=True)
        parts = [[value for point in part for value in point] for part in shape.parts]
        return _boxed(Box(min(x), min(y), max(x), max(y)), parts, shape.area)
    rows, columns = np.nonzero(shape.pixels)
    box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    runs = {"size": [size[1], size[0]], "counts": runs_of_mask(shape)}
    return _boxed(box, runs, float(shape.pixels.sum()))


def _boxed(box: Box, shape: object, area: float | None = None) -> Record:
    corner = [float(box.x0), float(box.y0)]
    sides = [float(box.x1 - box.x0), float(box.y1 - box.y0)]
    filled = box.area if area is None else area
    return {"bbox": [*corner, *sides], "area": float(filled), "segmentation": shape}


def _content(data: bytes, shown: str) -> Record:
    if len(data) > MOST_BYTES:
        raise DataError(
            f"{shown} has {len(data) / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} MB are allowed."
        )
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{shown} is not JSON that can be read.") from error
    if not isinstance(content, dict):
        raise DataError(f"{shown} holds no annotations of COCO's form.")
    return content


def _records(content: Record, key: str, shown: str) -> list[Record]:
    found = content.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DataError(f"{shown} holds no annotations of COCO's form: it lacks '{key}'.")
    return found


def _key(value: object) -> object:
    """An id, which files write as a number or a word."""
    return value if isinstance(value, str | int) else None


def _twice(shown: str) -> Annotation:
    raise DataError(f"{shown} is there twice, so that its annotation cannot be told.")


def _annotation(
    picture: Record, entries: Sequence[Record], names: Mapping[Any, Any], shown: str
) -> Annotation:
    if _key(picture.get("id")) is None:
        raise DataError(f"{shown} has no id, so that its objects cannot be told.")
    size = checked_size(picture.get("width"), picture.get("height"), shown)
    masks = sum(isinstance(entry.get("segmentation"), dict) for entry in entries)
    checked_masks(masks, size, shown)
    regions = tuple(_region(entry, names, size, shown) for entry in entries)
    return clipped(Annotation(size, regions), size, shown)


def _region(entry: Record, names: Mapping[Any, Any], size: Size, shown: str) -> Region:
    name = names.get(_key(entry.get("category_id")))
    if not isinstance(name, str) or not name:
        raise DataError(f"{shown} has an object of a category that has no name.")
    notes = ("crowd",) if entry.get("iscrowd") == 1 else ()
    return Region(name, _shape(entry, size, shown), notes)


def _shape(entry: Record, size: Size, shown: str) -> Box | Outlines | Mask:
    shape = entry.get("segmentation")
    if isinstance(shape, dict):
        if shape.get("size") != [size[1], size[0]]:
            raise DataError(
                f"{shown} has a mask of another size than the {size[0]} × {size[1]} pixels of "
                "the picture."
            )
        return mask_of_runs(shape.get("counts"), size, shown)
    if isinstance(shape, list) and shape:
        if not all(isinstance(part, list) for part in shape):
            raise DataError(f"{shown} has an outline that is no list of numbers.")
        return checked_outlines(shape, shown)
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise DataError(f"{shown} has an object without a box.")
    x, y, width, height = (number(value, shown) for value in box)
    # Sums of decimal fractions: 0.1 + 0.2 should not lie beyond 0.3.
    return checked_box((x, y, round(x + width, 6), round(y + height, 6)), shown)
