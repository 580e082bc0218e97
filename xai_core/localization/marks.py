"""What the measures look at, drawn into a map: objects, peak, threshold region and its box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from xai_core.heatmaps import signed_map, upsample
from xai_core.localization.drawing import INK, RIM, border, enlarged
from xai_core.localization.inputs import Bools
from xai_core.localization.objects import Objects
from xai_core.localization.pointing import margin
from xai_core.localization.regions import (
    SUCCESS,
    box_iou,
    boxes_around,
    largest_components,
    salient_regions,
)
from xai_core.localization.shares import content_heatmap

REGION, PEAK = "#00a0ff", "#ffffff"
KEY = (
    "Yellow: the object. Blue: the largest region of at least a fifth of the maximum, and its box. "
    "White: the maximum, with the margin by which it may miss."
)


def marked(
    image: Image.Image, relevance: NDArray[Any], objects: Objects
) -> tuple[Image.Image, str]:
    """A drawn map with its marks, and in words what they say.

    Args:
        image: the map over what the model sees, at any resolution.
        relevance: raw, [C, h, w].
        objects: where it should lie.
    """
    height, width = objects.mask.shape
    maps = signed_map(upsample(relevance[None].astype(np.float64), (height, width)), "positive")
    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    scale = (drawn.width / width, drawn.height / height)
    _outline(drawn, objects.mask, INK)
    if not maps.any():
        return drawn, "nothing positive"
    region = largest_components(salient_regions(maps))
    _outline(drawn, region[0], REGION)
    x0, y0, x1, y1 = boxes_around(region)[0] * np.array([*scale, *scale])
    pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=REGION, width=2)
    row, column = np.unravel_index(int(maps[0].argmax()), (height, width))
    x, y = (column + 0.5) * scale[0], (row + 0.5) * scale[1]
    far = margin(height, width)
    circle = (x - far * scale[0], y - far * scale[1], x + far * scale[0], y + far * scale[1])
    pen.ellipse(circle, outline=PEAK, width=2)
    for radius, colour in ((5, RIM), (3, PEAK)):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    inside = content_heatmap(maps, objects.mask[None])[0]
    several = maps.repeat(len(objects.boxes), axis=0)
    best = float(np.nanmax(box_iou(several, objects.boxes)))
    fits = "fits" if best >= SUCCESS else "does not fit"
    return drawn, f"{inside:.0%} inside, box IoU {best:.2f} ({fits})"


def _outline(image: Image.Image, mask: Bools, colour: str) -> None:
    """Draw the border of a mask, enlarged to the picture."""
    image.paste(colour, mask=Image.fromarray(border(enlarged(mask, image), 2)))
