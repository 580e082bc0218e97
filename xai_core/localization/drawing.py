"""Heatmaps with the boxes that they should lie in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from PIL import Image, ImageDraw

from xai_core.composites import Size
from xai_core.display import Display
from xai_core.export import Explanation
from xai_core.figures import Figure, Row, fitted, grid
from xai_core.localization.inputs import Ints

INK, RIM = "#ffd400", "#000000"  # a bright line with a dark rim is seen on any picture


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


def boxed_figure(
    explanations: Sequence[Explanation],
    boxes: Mapping[str, Ints],
    display: Display,
    titles: Mapping[str, str],
    side: int = 224,
) -> Figure:
    """Pictures down, the original and every method across, with the boxes in each.

    Args:
        explanations: any of the pairs of picture and method; a missing one leaves a gap.
        boxes: of the explained objects by the picture's name, in pixels of the model's input.
        display: how relevance is drawn.
        titles: what people read above each column.
        side: height and width of a tile in pixels.
    """
    columns = list(dict.fromkeys(one.column for one in explanations))
    rows = []
    for name in dict.fromkeys(one.image_name for one in explanations):
        shown = [one for one in explanations if one.image_name == name]
        small = fitted(shown[0].image(), side)
        size = (shown[0].pixels.shape[1], shown[0].pixels.shape[2])
        cells = {
            columns.index(one.column): (
                boxed(
                    display.draw(display.values(one.relevance, one.pixels), small),
                    boxes[name],
                    size,
                ),
                f"{one.class_name}, {one.probability:.1%}",
            )
            for one in shown
        }
        rows.append(Row(boxed(small, boxes[name], size), PurePath(name).name, cells))
    return grid(rows, [titles[column] for column in columns], display, side)
