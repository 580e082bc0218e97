"""Figures of explanations: one heatmap, or pictures by methods, as PNG and as SVG.

A figure is a list of pictures and labels with their places; two short writers turn it into
bytes, so PNG and SVG show the same.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePath

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xai_core.colormaps import colormap, colour
from xai_core.display import Display
from xai_core.export import Explanation

GAP = 8
FONT_SIZE = 13
LINE = 20
BAR_HEIGHT = 12
INK = "#1f2328"
# Signs of method titles that Pillow's own font has no shapes for.
SPELLED = str.maketrans(
    {"×": "x", "⊙": "*", "²": "^2"}
    | {"α": "alpha", "β": "beta", "γ": "gamma", "ε": "epsilon", "σ": "sigma", "τ": "tau"}
)
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Tile:
    """A picture at a place, in pixels from the top left."""

    x: int
    y: int
    image: Image.Image


@dataclass(frozen=True)
class Label:
    """A line of text; longer than ``width`` it is cut and ends in an ellipsis.

    ``x`` is its left edge (``anchor`` "start"), its middle, or its right edge ("end").
    """

    x: int
    y: int
    text: str
    width: int
    anchor: str = "start"


@dataclass(frozen=True)
class Figure:
    """Pictures and labels on a white sheet, sizes in pixels."""

    width: int
    height: int
    tiles: Sequence[Tile]
    labels: Sequence[Label]


@dataclass(frozen=True)
class Row:
    """A picture of a ``grid``, no side longer than its tiles, with what stands beside it.

    Attributes:
        picture: the picture.
        caption: what is read below it.
        cells: by the number of its column a map over the picture, with its caption.
    """

    picture: Image.Image
    caption: str
    cells: Mapping[int, tuple[Image.Image, str]]


def heatmap_image(explanation: Explanation, display: Display) -> Image.Image:
    """The heatmap over the crop, at the crop's resolution."""
    values = display.values(explanation.relevance, explanation.pixels)
    return display.draw(values, explanation.image())


def heatmap_figure(explanation: Explanation, display: Display) -> Figure:
    """The heatmap over the crop, with a colour bar below."""
    drawn = heatmap_image(explanation, display)
    tiles, labels = colour_bar(display, 0, drawn.height + GAP, drawn.width)
    height = drawn.height + GAP + BAR_HEIGHT + LINE
    return Figure(drawn.width, height, [Tile(0, 0, drawn), *tiles], labels)


def grid_figure(
    explanations: Sequence[Explanation],
    display: Display,
    titles: Mapping[str, str],
    side: int = 224,
) -> Figure:
    """Pictures down, the original and every method across, a colour bar at the bottom.

    Args:
        explanations: any of the pairs of picture and method; a missing one leaves a gap.
        display: how relevance is drawn.
        titles: what people read above each column (``Explanation.column``).
        side: height and width of a tile in pixels; a crop that is not square fits inside.
    """
    pictures = list(dict.fromkeys((e.image_name, e.image_hash) for e in explanations))
    columns = list(dict.fromkeys(e.column for e in explanations))
    found = []
    for picture in pictures:
        shown = [e for e in explanations if (e.image_name, e.image_hash) == picture]
        small = fitted(shown[0].image(), side)
        cells = {
            columns.index(item.column): (
                display.draw(display.values(item.relevance, item.pixels), small),
                f"{item.class_name}, {item.probability:.1%}",
            )
            for item in shown
        }
        found.append(Row(small, PurePath(shown[0].image_name).name, cells))
    return grid(found, [titles[column] for column in columns], display, side)


def grid(rows: Sequence[Row], titles: Sequence[str], display: Display, side: int) -> Figure:
    """Pictures down, columns across under their titles, a colour bar at the bottom.

    Args:
        rows: the pictures.
        titles: of the columns.
        display: whose colours the bar shows.
        side: height and width of a tile in pixels.
    """
    step, top = side + GAP, GAP + LINE
    labels = [
        Label(GAP + step * column + side // 2, GAP, text, side, "middle")
        for column, text in enumerate(["Original", *titles])
    ]
    tiles = []
    for number, row in enumerate(rows):
        y = top + number * (step + LINE)
        tiles.append(Tile(GAP, y, row.picture))
        labels.append(Label(GAP, y + side, row.caption, side))
        for column, (image, caption) in row.cells.items():
            x = GAP + step * (1 + column)
            tiles.append(Tile(x, y, image))
            labels.append(Label(x, y + side, caption, side))
    bottom = top + len(rows) * (step + LINE)
    bar_tiles, bar_labels = colour_bar(display, GAP + step, bottom, side) if titles else ([], [])
    width, height = GAP + step * (1 + len(titles)), bottom + BAR_HEIGHT + LINE + GAP
    return Figure(width, height, [*tiles, *bar_tiles], [*labels, *bar_labels])


def to_png(figure: Figure) -> bytes:
    """The figure as PNG."""
    sheet = Image.new("RGB", (figure.width, figure.height), "white")
    for tile in figure.tiles:
        sheet.paste(tile.image, (tile.x, tile.y))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    anchors = {"start": "la", "middle": "ma", "end": "ra"}
    for label in figure.labels:
        text = _cut(label.text.translate(SPELLED), label.width)
        place = (label.x, label.y + 3)
        pen.text(place, text, fill=INK, font=font, anchor=anchors[label.anchor])
    return png_bytes(sheet)


def to_svg(figure: Figure) -> bytes:
    """The figure as SVG, with its pictures embedded as PNG and its texts as text."""
    size = f'width="{figure.width}" height="{figure.height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {figure.width} {figure.height}" '
        f'font-family="sans-serif" font-size="{FONT_SIZE}" fill="{INK}">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for tile in figure.tiles:
        data = base64.b64encode(png_bytes(tile.image)).decode("ascii")
        parts.append(
            f'<image x="{tile.x}" y="{tile.y}" width="{tile.image.width}" '
            f'height="{tile.image.height}" href="data:image/png;base64,{data}"/>'
        )
    for label in figure.labels:
        parts.append(
            f'<text x="{label.x}" y="{label.y + 3 + FONT_SIZE}" text-anchor="{label.anchor}">'
            f"<title>{_xml(label.text)}</title>{_xml(_cut(label.text, label.width))}</text>"
        )
    return "\n".join([*parts, "</svg>", ""]).encode("utf-8")


def png_bytes(image: Image.Image) -> bytes:
    """A picture as PNG, without metadata."""
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def colour_bar(display: Display, x: int, y: int, width: int) -> tuple[list[Tile], list[Label]]:
    """A bar with its ends; heatmaps are scaled one by one, so it carries no unit.

    Args:
        display: whose colours it shows.
        x: its left edge in the figure.
        y: its upper edge; ``BAR_HEIGHT`` below it stand the labels, ``LINE`` high.
        width: its width in pixels.
    """
    low = -1 if display.signed else 0
    # A diverging colour map for an unsigned display is used from its middle on.
    line = np.linspace(low, 1, width)[None].repeat(BAR_HEIGHT, axis=0)
    bar = Image.fromarray(colour(line, colormap(display.colormap).id))
    third = width // 3
    middle = "relevance, each map scaled" if width >= 300 else "relevance"
    labels = [
        Label(x, y + BAR_HEIGHT, f"{low:g}", third),
        Label(x + width // 2, y + BAR_HEIGHT, middle, width - 40, "middle"),
        Label(x + width, y + BAR_HEIGHT, "1", third, "end"),
    ]
    return [Tile(x, y, bar)], labels


def fitted(image: Image.Image, side: int) -> Image.Image:
    """The picture as RGB, enlarged or reduced until its longer side has ``side`` pixels."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _cut(text: str, width: int) -> str:
    """One line of the text that fits a width in pixels."""
    font = ImageFont.load_default(FONT_SIZE)
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _xml(text: str) -> str:
    return escape(NOT_XML.sub("�", text))
