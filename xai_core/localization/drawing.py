"""Heatmaps with the objects that they should lie on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from xai_core.composites import Size
from xai_core.display import Display
from xai_core.export import Explanation
from xai_core.figures import Figure, Row, fitted, grid
from xai_core.localization.inputs import Bools, Ints
from xai_core.localization.objects import Objects
from xai_core.localization.regions import masks_of_boxes

INK, RIM = "#ffd400", "#000000"  # a bright line with a dark rim is seen on any picture


def marked_objects(image: Image.Image, objects: Objects) -> Image.Image:
    """A crop with objects drawn into it: their boxes, or the outline of what is no box.

    Args:
        image: what the model sees, at any resolution.
        objects: where they are.
    """
    boxes = masks_of_boxes(objects.boxes, *objects.mask.shape)
    if np.array_equal(boxes.any(0), objects.mask):
        return boxed(image, objects.boxes, objects.mask.shape)
    return outlined(image, objects.mask)


def outlined(image: Image.Image, mask: Bools) -> Image.Image:
    """A crop with the outline of a mask drawn into it.

    Args:
        image: what the model sees, at any resolution.
        mask: at the resolution of the model's input, bool [H, W].
    """
    drawn = image.convert("RGB")
    large = enlarged(mask, drawn)
    drawn.paste(RIM, mask=Image.fromarray(border(large, 3)))
    drawn.paste(INK, mask=Image.fromarray(border(ndimage.binary_erosion(large), 1)))
    return drawn


def enlarged(mask: Bools, image: Image.Image) -> Bools:
    """A mask [H, W] at the resolution of a picture."""
    return np.asarray(Image.fromarray(mask).resize(image.size, Image.Resampling.NEAREST))


def border(mask: Bools, width: int) -> Bools:
    """The pixels of a mask that are at most so many steps from its outside, bool [H, W].

    What lies beyond the edges is outside.
    """
    found: Bools = mask & ~ndimage.binary_erosion(mask, iterations=width)
    return found


def boxed(image: Image.Image, boxes: Ints, input_size: Size) -> Image.Image:
    """A crop with boxes drawn into it.

    Args:
        image: what the model sees, at any resolution.
        boxes: in pixels of the model's input, int [B, 4].
        input_size: (height, width) of the model's input.
    """
    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    across, down = image.width / input_size[1], image.height / input_size[0]
    for x0, y0, x1, y1 in boxes.tolist():
        corners = (
            *(round(x0 * across), round(y0 * down)),
            *(round(x1 * across) - 1, round(y1 * down) - 1),
        )
        pen.rectangle(corners, outline=RIM, width=3)
        inner = (corners[0] + 1, corners[1] + 1, corners[2] - 1, corners[3] - 1)
        if inner[0] <= inner[2] and inner[1] <= inner[3]:
            pen.rectangle(inner, outline=INK)
    return drawn


def objects_figure(
    explanations: Sequence[Explanation],
    objects: Mapping[str, Objects],
    display: Display,
    titles: Mapping[str, str],
    side: int = 224,
) -> Figure:
    """Pictures down, the original and every method across, with the objects in each.

    Args:
        explanations: any of the pairs of picture and method; a missing one leaves a gap.
        objects: those that were explained, by the picture's name.
        display: how relevance is drawn.
        titles: what people read above each column.
        side: height and width of a tile in pixels.
    """
    columns = list(dict.fromkeys(one.column for one in explanations))
    rows = []
    for name in dict.fromkeys(one.image_name for one in explanations):
        shown = [one for one in explanations if one.image_name == name]
        small = fitted(shown[0].image(), side)
        cells = {
            columns.index(one.column): (
                marked_objects(
                    display.draw(display.values(one.relevance, one.pixels), small), objects[name]
                ),
                f"{one.class_name}, {one.probability:.1%}",
            )
            for one in shown
        }
        rows.append(Row(marked_objects(small, objects[name]), PurePath(name).name, cells))
    return grid(rows, [titles[column] for column in columns], display, side)
