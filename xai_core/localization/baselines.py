"""Maps that know nothing of the network; a method must localise better than they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from skimage.filters import sobel

from xai_core.errors import MethodError
from xai_core.explainers.controls import LUMINANCE
from xai_core.explainers.settings import SEED
from xai_core.heatmaps import Floats, as_floats
from xai_core.localization.chance import own_generator
from xai_core.localization.inputs import Given

SIGMA = 0.25  # of the sides
ROUNDING = 1e-6  # pixels have no slopes finer than this: they come from float32


@dataclass(frozen=True)
class Baseline:
    """A map that needs no network.

    Attributes:
        function: pixels of one picture, [H, W, 3] in [0, 1], and a seed, to its map [H, W].
        title: what people read.
        shows: one plain sentence.
    """

    function: Callable[[Floats, int], Floats]
    title: str
    shows: str


def baseline_maps(name: str, pixels: Given, seed: int = 0) -> Floats:
    """A baseline's map of every picture.

    Args:
        name: key of ``BASELINES``.
        pixels: pictures in [0, 1], as ``Classifier.pixels`` gives them, [N, 3, H, W].
        seed: of chance.

    Returns:
        float64 [N, H, W], not negative.

    Raises:
        MethodError: no such baseline, no such pictures, or a seed below 0.
    """
    if name not in BASELINES:
        raise MethodError(f"There is no baseline '{name}'; there are: {', '.join(BASELINES)}.")
    start = int(SEED.checked("A baseline", seed))
    values = as_floats(pixels)
    if values.ndim != 4 or values.shape[1] != 3:
        raise MethodError(f"The pictures must be [N, 3, height, width], not {list(values.shape)}.")
    if not np.isfinite(values).all():
        raise MethodError("The pictures have values that are not finite numbers.")
    maps = [BASELINES[name].function(picture, start) for picture in np.moveaxis(values, 1, -1)]
    return np.array(maps).reshape(len(values), *values.shape[2:])


def _centre(pixels: Floats, seed: int) -> Floats:
    rows, columns = (
        np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / SIGMA) ** 2)
        for side in pixels.shape[:2]
    )
    return np.outer(rows, columns)


def _chance(pixels: Floats, seed: int) -> Floats:
    # As bytes have it: finer digits depend on what computed the pixels.
    content = np.round(pixels * 255).astype(np.int64)
    return own_generator(seed, content).random(pixels.shape[:2])


def _edges(pixels: Floats, seed: int) -> Floats:
    # Added up in this order: a product of matrices depends on how the picture lies in memory.
    red, green, blue = (
        weight * np.ascontiguousarray(pixels[..., channel])
        for channel, weight in enumerate(LUMINANCE)
    )
    found: Floats = sobel(red + green + blue)  # type: ignore[no-untyped-call]
    return np.where(found > ROUNDING, found, 0.0)


def _whole(pixels: Floats, seed: int) -> Floats:
    return np.ones(pixels.shape[:2])


BASELINES = {
    "centre": Baseline(
        _centre,
        "Centre",
        "A Gaussian in the middle of the picture, with a quarter of each side as its deviation.",
    ),
    "chance": Baseline(_chance, "Chance", "Uniform random values."),
    "edges": Baseline(_edges, "Edges", "The edges of the picture (Sobel)."),
    "whole": Baseline(
        _whole,
        "Whole picture",
        "The same value everywhere, so that the box is that of the whole picture.",
    ),
}
