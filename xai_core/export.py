"""Explanations as data: raw relevance, a tidy table, and what repeats them.

Pages and command line write through the same functions, so equal explanations give equal
bytes. Drawings are made in ``xai_core.figures``.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from xai_core.display import Display
from xai_core.explainers.choices import Choice, options
from xai_core.files import EARLIEST
from xai_core.provenance import ModelFacts, Run


@dataclass(frozen=True)
class Explanation:
    """One heatmap's data: a method's relevance for one class of one picture.

    Attributes:
        image_name: the picture's file name.
        image: gives the crop that the model sees, at any resolution.
        image_hash: ``xai_core.images.image_hash`` of the picture.
        method: method id.
        settings: every setting of the method, as plain data.
        target: index of the explained class.
        class_name: what people read of it (``classes.class_titles``).
        probability: probability of that class, 0 to 1.
        relevance: raw relevance [C, h, w].
        seconds: computing time of the relevance.
        pixels: what the model sees, [3, H, W] in [0, 1].
    """

    image_name: str
    image: Callable[[], Image.Image]
    image_hash: str
    method: str
    settings: Mapping[str, Any]
    target: int
    class_name: str
    probability: float
    relevance: NDArray[Any]
    seconds: float
    pixels: NDArray[Any]

    @property
    def column(self) -> str:
        """The id of its column: the method's, and of the one that it averages."""
        return Choice(self.method, self.settings).id


def file_names(explanations: Iterable[Explanation]) -> list[str]:
    """One name per explanation, ``picture__column``: unique, and safe on every file system."""
    items = [((item.image_name, item.image_hash), item.column) for item in explanations]
    pictures = list(dict.fromkeys(picture for picture, _ in items))
    stems = dict(zip(pictures, picture_stems(name for name, _ in pictures), strict=True))
    return _distinct(f"{stems[picture]}__{safe_name(column)}" for picture, column in items)


def picture_stems(names: Iterable[str]) -> list[str]:
    """Pictures' names without folder and ending: each another one, safe on every file system."""
    return _distinct(map(_stem, names))


def safe_name(name: str) -> str:
    """The name with "_" for every sign that a file system may refuse."""
    return re.sub(r"[^\w.-]", "_", name)


def write_npz(
    target: str | Path | IO[bytes], arrays: Iterable[tuple[str, NDArray[Any]]], packed: bool = False
) -> None:
    """Write named arrays as NPZ, one after the other, so that few are in memory.

    Args:
        target: a path, or a stream that is open for writing.
        arrays: every array with its name, which may have folders.
        packed: whether the file is compressed.
    """
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w") as archive:
        for name, values in arrays:
            entry = zipfile.ZipInfo(f"{name}.npy", EARLIEST)
            entry.compress_type = method
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)


def relevance_npz(explanations: Sequence[Explanation]) -> bytes:
    """Raw relevance, one array [C, h, w] under each name of ``file_names``.

    What the model sees, [3, H, W] in [0, 1], is there once per picture as ``picture__pixels``.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, item in zip(file_names(explanations), explanations, strict=True):
        arrays[name] = item.relevance
        arrays[f"{name.partition('__')[0]}__pixels"] = item.pixels
    stream = io.BytesIO()
    write_npz(stream, arrays.items(), packed=True)
    return stream.getvalue()


def table(explanations: Sequence[Explanation]) -> pd.DataFrame:
    """One row per explanation: who, what, how sure, how long, and the raw relevance in short."""
    return pd.DataFrame([_row(item) for item in explanations])


def explain_run(model: ModelFacts, explanations: Sequence[Explanation], display: Display) -> Run:
    """What repeats explanations: every picture with every method.

    Args:
        model: the model.
        explanations: what there is.
        display: how they are drawn.
    """
    pictures = {(item.image_name, item.image_hash): item.target for item in explanations}
    choices = {item.column: Choice(item.method, item.settings) for item in explanations}
    facts = {
        "model": model.described(),
        "images": [{"name": name, "hash": digest} for name, digest in pictures],
        "results": [
            {
                "file": file,
                "image": item.image_name,
                "method": item.method,
                "settings": dict(item.settings),
                "target": item.target,
                "class": item.class_name,
            }
            for file, item in zip(file_names(explanations), explanations, strict=True)
        ],
        "display": asdict(display),
    }
    drawing = [
        ("--stage", display.stage),
        ("--show", display.show),
        ("--colormap", display.colormap),
        ("--opacity", str(display.opacity)),
        ("--enlarge", display.mode),
        *([] if display.clip is None else [("--clip", str(display.clip))]),
    ]
    classes = model.classes("--target", list(pictures.values()))
    words = [*model.words(), *options(choices.values()), *classes, *drawing]
    return Run(("explain",), facts, words, [name for name, _ in pictures])


def _row(item: Explanation) -> dict[str, Any]:
    relevance = np.asarray(item.relevance, dtype=np.float64)
    channels, height, width = relevance.shape
    return {
        "image": item.image_name,
        "image_hash": item.image_hash,
        "method": item.method,
        "settings": json.dumps(dict(item.settings)),
        "target": item.target,
        "class": item.class_name,
        "probability": item.probability,
        "seconds": item.seconds,
        "channels": channels,
        "height": height,
        "width": width,
        "empty": bool((relevance == 0).all()),
        "min": relevance.min(),
        "max": relevance.max(),
        "sum": relevance.sum(),
    }


def _stem(name: str) -> str:
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name.replace("\\", "/").rsplit("/", 1)[-1])
    return re.sub(r"_{2,}", "_", safe_name(stem)).strip("._") or "picture"


def _distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number behind those that were there before."""
    found: dict[str, None] = {}
    for name in names:
        candidate, number = name, 1
        while candidate in found:
            number += 1
            candidate = f"{name}-{number}"
        found[candidate] = None
    return list(found)
