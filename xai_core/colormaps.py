"""Colours of heatmaps, and their place over a picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xai_core.errors import MethodError
from xai_core.heatmaps import Floats

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Colormap:
    """A colour map and its facts.

    Attributes:
        id: the public name.
        title: what people read.
        diverging: made for [-1, 1] with a neutral colour at exactly 0; else for [0, 1].
        scale: name of the anchor colours in ``plotly.colors``.
        reverse: whether the anchors are read backwards.
    """

    id: str
    title: str
    diverging: bool
    scale: str
    reverse: bool = False


# All are legible with the common forms of colour blindness. The diverging anchors are
# ColorBrewer's (Brewer et al. 2003); viridis, magma and cividis are perceptually uniform (Smith
# and van der Walt 2015; Nuñez et al. 2018).
COLORMAPS: dict[str, Colormap] = {
    entry.id: entry
    for entry in (
        Colormap("blue-red", "Blue – white – red", True, "diverging.RdBu", True),
        Colormap("purple-orange", "Purple – white – orange", True, "diverging.PuOr", True),
        Colormap("viridis", "Viridis", False, "sequential.Viridis"),
        Colormap("cividis", "Cividis", False, "sequential.Cividis"),
        Colormap("magma", "Magma", False, "sequential.Magma"),
        Colormap("greys", "Greys", False, "sequential.Greys"),
    )
}


def default_colormap(show: str) -> str:
    """The colour map that suits ``signed_map``'s ``show``."""
    return "blue-red" if show == "all" else "viridis"


def colormap(name: str) -> Colormap:
    """The colour map of that id.

    Raises:
        MethodError: there is none; the sentence lists what there is.
    """
    if name not in COLORMAPS:
        raise MethodError(f"There is no colour map '{name}'; there are: {', '.join(COLORMAPS)}.")
    return COLORMAPS[name]


@cache
def anchors(name: str) -> tuple[tuple[int, int, int], ...]:
    """The colours (red, green, blue) at equal distances, from the lowest value to the highest."""
    from plotly import colors

    entry = colormap(name)
    kind, scale = entry.scale.split(".")
    found = getattr(getattr(colors, kind), scale)
    rgb = [colors.hex_to_rgb(c) if c.startswith("#") else colors.unlabel_rgb(c) for c in found]
    colours = tuple((int(c[0]), int(c[1]), int(c[2])) for c in rgb)
    return colours[::-1] if entry.reverse else colours


def colour(values: NDArray[Any], name: str) -> Pixels:
    """Colour a map, linearly between the anchors.

    Args:
        values: [H, W], in [-1, 1] for a diverging colour map, else in [0, 1].
        name: id of the colour map.

    Returns:
        uint8 [H, W, 3].

    Raises:
        MethodError: unknown name, or values outside the colour map's range.
    """
    low = -1.0 if colormap(name).diverging else 0.0
    if not (np.isfinite(values).all() and values.min() >= low and values.max() <= 1):
        raise MethodError(f"The colour map '{name}' shows values from {low:g} to 1 only.")
    colours = np.array(anchors(name), dtype=np.float64)
    positions = np.linspace(low, 1, len(colours))
    channels = [np.interp(values, positions, colours[:, c]) for c in range(3)]
    return _rounded(np.stack(channels, axis=-1))


def overlay(coloured: Pixels, picture: Pixels, opacity: float) -> Pixels:
    """Lay a coloured map over a picture.

    Args:
        coloured: uint8 [H, W, 3].
        picture: uint8 [H, W, 3].
        opacity: share of the map's colour, 0 (the picture alone) to 1 (the map alone).

    Returns:
        uint8 [H, W, 3].

    Raises:
        MethodError: different sizes, or an opacity outside its range.
    """
    if not 0 <= opacity <= 1:
        raise MethodError(f"The opacity must lie from 0 to 1, not {opacity:g}.")
    if coloured.shape != picture.shape:
        raise MethodError(
            f"The map, {list(coloured.shape)}, and the picture, {list(picture.shape)}, "
            "must have one size."
        )
    mixed = opacity * coloured.astype(np.float64) + (1 - opacity) * picture
    return _rounded(mixed)


def _rounded(values: Floats) -> Pixels:
    """Round values from 0 to 255 to whole ones."""
    return np.rint(values).astype(np.uint8)
