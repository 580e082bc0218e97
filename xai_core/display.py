"""How relevance is drawn: the same choices, and the same maps, in pages and in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.colormaps import Pixels, colormap, colour, default_colormap, overlay
from xai_core.errors import MethodError
from xai_core.heatmaps import (
    SHOWS,
    STAGES,
    Floats,
    one_channel,
    relevance_map,
    signed_map,
    upsample,
)

SIGNED = "signed"


@dataclass(frozen=True)
class Display:
    """Choices of drawing.

    Attributes:
        show: as in ``heatmaps.signed_map``; for the stage "signed" alone.
        clip: as in ``heatmaps.signed_map``; None clips nothing.
        colormap: id of the colour map; "" takes the one that suits.
        opacity: of the map over the picture, 0 to 1.
        mode: enlargement from the model's pixels to the picture's, "nearest" or "bilinear".
        stage: "signed", or one of the unsigned stages of ``heatmaps.relevance_map``.

    Raises:
        MethodError: an unknown name, or a sequential colour map for a signed display.
    """

    show: str = "all"
    clip: float | None = None
    colormap: str = ""
    opacity: float = 0.8
    mode: str = "nearest"
    stage: str = SIGNED

    def __post_init__(self) -> None:
        if self.show not in SHOWS:
            raise MethodError(f"A map cannot show '{self.show}'; it can show: {', '.join(SHOWS)}.")
        if self.stage not in (SIGNED, *STAGES):
            stages = ", ".join((SIGNED, *STAGES))
            raise MethodError(f"There is no stage '{self.stage}'; there are: {stages}.")
        if not 0 <= self.opacity <= 1:
            raise MethodError(f"The opacity must lie from 0 to 1, not {self.opacity:g}.")
        if self.clip is not None and not 0 < self.clip <= 100:
            raise MethodError(
                f"The clipping percentile must lie above 0 and up to 100, not {self.clip:g}."
            )
        fitting = default_colormap("all" if self.signed else "positive")
        object.__setattr__(self, "colormap", self.colormap or fitting)
        if not colormap(self.colormap).diverging and self.signed:
            raise MethodError(
                f"The colour map '{self.colormap}' cannot show negative relevance; choose a "
                "diverging one, or show 'positive' or 'absolute'."
            )

    @property
    def signed(self) -> bool:
        """Whether maps lie in [-1, 1] rather than in [0, 1]."""
        return self.stage == SIGNED and self.show == "all"

    def values(self, relevance: NDArray[Any], pixels: NDArray[Any]) -> Floats:
        """The map to draw, at the resolution of the model's input.

        Args:
            relevance: [C, h, w]; a coarser map is enlarged bilinearly first.
            pixels: what the model sees, [3, H, W] in [0, 1].

        Returns:
            [1, H, W], or [3, H, W]: at the stage "map*image", and at "channels" for three of them.
        """
        full = _enlarged(relevance, pixels)
        if self.stage == SIGNED:
            return signed_map(full, self.show, self.clip)
        maps: Floats = relevance_map(full, self.stage, pixels[None].astype(np.float64))[0]
        return maps

    def scale(self, relevance: NDArray[Any], pixels: NDArray[Any]) -> float | None:
        """The raw relevance that 1 stands for in ``values``; None where values are clamped."""
        if self.stage != SIGNED or self.clip is not None:
            return None
        return float(np.abs(one_channel(_enlarged(relevance, pixels), self.show)).max())

    def draw(self, values: Floats, picture: Image.Image) -> Image.Image:
        """The map over the picture, at the picture's resolution.

        Args:
            values: as from ``values``; three planes are drawn as red, green and blue.
            picture: what the model sees, at any resolution.
        """
        large = upsample(values, (picture.height, picture.width), self.mode)
        seen = np.asarray(picture.convert("RGB"))
        return Image.fromarray(overlay(self._coloured(large), seen, self.opacity))

    def _coloured(self, values: Floats) -> Pixels:
        if len(values) == 1:
            return colour(values[0], self.colormap)
        return np.rint(255 * values.transpose(1, 2, 0)).astype(np.uint8)


def _enlarged(relevance: NDArray[Any], pixels: NDArray[Any]) -> Floats:
    """Relevance [C, h, w] -> float64 [1, C, H, W] at the resolution of the model's input."""
    return upsample(relevance[None].astype(np.float64), (pixels.shape[1], pixels.shape[2]))
