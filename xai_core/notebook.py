"""Heatmaps that a notebook shows by itself, and that can be saved.

Jupyter asks the last value of a cell for ``_repr_mimebundle_``; nothing of Jupyter is needed here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xai_core.display import Display
from xai_core.errors import MethodError
from xai_core.explainers.panel import check_input, class_numbers
from xai_core.explainers.registry import METHODS
from xai_core.figures import GAP, Row, colour_bar, fitted, grid, png_bytes, to_png, to_svg
from xai_core.files import write_file
from xai_core.heatmaps import Floats, as_floats
from xai_core.models.classifier import Classifier

SIGNED = Display()
SIDE = 160  # of a picture in a notebook, in pixels
WRITERS = {".png": to_png, ".svg": to_svg}
_TILES = f'style="display:flex;flex-wrap:wrap;align-items:flex-end;gap:{GAP}px;margin:{GAP}px 0"'


def show(
    clf: Classifier,
    x: Tensor,
    maps: Tensor | Mapping[str, Tensor],
    targets: int | Sequence[int] | Tensor | None = None,
    display: Display = SIGNED,
    note: str = "",
) -> Heatmaps:
    """Maps over what the classifier saw, for a notebook or a file.

    Args:
        clf: the classifier that was explained.
        x: what it was given, [N, 3, H, W].
        maps: what ``explain`` returned, [N, C, h, w], or a map of one channel, [N, h, w]; several
            by the method's id or by any title.
        targets: the explained class of each picture, or one for all, to be named above them.
        display: how relevance is drawn.
        note: a sentence below.

    Raises:
        MethodError: ``x`` does not fit the classifier, a map does not fit ``x``, or two maps
            have the same title.
        ModelError: a class that the model does not have.

    Example:
        >>> show(clf, x, explain(clf, x, 3, "gradcam"), 3).save("gradcam.png")
    """
    check_input(clf, x)
    named = maps if isinstance(maps, Mapping) else {"Relevance": maps}
    titled = {_title(name): _relevance(_title(name), one, len(x)) for name, one in named.items()}
    if len(titled) < len(named):
        raise MethodError(f"Two maps have the same title: {', '.join(map(_title, named))}.")
    explained = [] if targets is None else class_numbers(clf, targets, len(x)).tolist()
    return Heatmaps(
        as_floats(clf.pixels(x.cpu().double())).clip(0, 1),
        titled,
        [clf.class_titles[number] for number in explained],
        display,
        note,
    )


@dataclass(frozen=True, repr=False)
class Heatmaps:
    """Pictures with the maps that explain them; the last line of a notebook's cell shows it.

    Attributes:
        pixels: what the model saw, [N, 3, H, W] in [0, 1].
        maps: raw relevance by its title, each [N, C, h, w].
        classes: name of the explained class of each picture, or none.
        display: how relevance is drawn.
        note: a sentence below, or "".
    """

    pixels: Floats
    maps: Mapping[str, Floats]
    classes: Sequence[str] = ()
    display: Display = SIGNED
    note: str = ""

    def save(self, path: str | Path, side: int = 224) -> None:
        """Write it as a file.

        Args:
            path: its name, which ends in .png or .svg.
            side: longer side of a picture in it, in pixels.

        Raises:
            MethodError: it ends in something else.
        """
        write = WRITERS.get(Path(path).suffix.lower())
        if write is None:
            raise MethodError(f"Heatmaps are saved as {' or '.join(WRITERS)}, not as '{path}'.")
        rows = self._rows(side)
        write_file(Path(path), write(grid(rows, list(self.maps), self.display, side)))

    def __repr__(self) -> str:
        pictures = "1 picture" if len(self.pixels) == 1 else f"{len(self.pixels)} pictures"
        by = f" by {', '.join(self.maps)}" if self.maps else ""
        return f"Heatmaps of {pictures}{by}. {self.note}".rstrip()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """The same as text, page and picture, by MIME type; Jupyter takes what it can show."""
        rows = self._rows(SIDE)
        sheet = to_png(grid(rows, list(self.maps), self.display, SIDE))
        return {
            "text/plain": repr(self),
            "text/html": self._html(rows),
            "image/png": base64.b64encode(sheet).decode("ascii"),
        }

    def _rows(self, side: int) -> list[Row]:
        rows = []
        for index, pixels in enumerate(self.pixels):
            picture = fitted(_picture(pixels), side)
            cells = {
                column: (self.display.draw(self.display.values(maps[index], pixels), picture), "")
                for column, maps in enumerate(self.maps.values())
            }
            caption = self.classes[index] if self.classes else ""
            rows.append(Row(picture, caption, cells))
        return rows

    def _html(self, rows: Sequence[Row]) -> str:
        parts = []
        for row in rows:
            tiles = [_tile("Original", row.picture)]
            tiles += [_tile(title, row.cells[i][0]) for i, title in enumerate(self.maps)]
            if row.caption:
                parts.append(f"<div>Class explained: {escape(row.caption)}</div>")
            parts.append(f"<div {_TILES}>{''.join(tiles)}</div>")
        if self.maps:
            parts.append(self._bar())
        if self.note:
            parts.append(f"<div>{escape(self.note)}</div>")
        return f"<div>{''.join(parts)}</div>"

    def _bar(self) -> str:
        """The colour bar with its ends."""
        (bar,), labels = colour_bar(self.display, 0, 0, 2 * SIDE)
        words = "".join(f"<span>{escape(label.text)}</span>" for label in labels)
        line = f'<div style="display:flex;justify-content:space-between">{words}</div>'
        return f'<div style="width:{2 * SIDE}px">{_image("", bar.image)}{line}</div>'


def _tile(title: str, image: Image.Image) -> str:
    return (
        f'<figure style="margin:0;width:{SIDE}px"><figcaption>{escape(title)}</figcaption>'
        f"{_image(title, image)}</figure>"
    )


def _image(title: str, image: Image.Image) -> str:
    data = base64.b64encode(png_bytes(image)).decode("ascii")
    return f'<img alt="{escape(title)}" style="margin:0" src="data:image/png;base64,{data}">'


def _title(name: str) -> str:
    return METHODS[name].title if name in METHODS else name


def _relevance(title: str, values: Tensor | NDArray[np.floating], pictures: int) -> Floats:
    maps = as_floats(values)
    maps = maps[:, None] if maps.ndim == 3 else maps
    if maps.ndim != 4 or len(maps) != pictures or not maps.size:
        raise MethodError(
            f"'{title}' must be one map for each of the {pictures} pictures, [N, C, h, w] or "
            f"[N, h, w], not {list(maps.shape)}."
        )
    if not np.isfinite(maps).all():
        raise MethodError(f"'{title}' holds values that are not finite numbers.")
    return maps


def _picture(pixels: Floats) -> Image.Image:
    """[3, H, W] in [0, 1] as a picture."""
    return Image.fromarray(np.rint(255 * pixels.transpose(1, 2, 0)).astype(np.uint8))
