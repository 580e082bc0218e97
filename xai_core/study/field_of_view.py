"""Pictures of a study: the part that is shown, its size, and files that tell nothing else.

Every condition must show the same part of the world at the same size, and its heatmap must lie
where the picture is. Models differ in that: one crops the centre of what it is given, another
does not, and each has its own input size. So the part is cut out once, a central square that
every model sees by its own preprocessing (``field_of_view``); each model gets exactly this
square at its input size, without a further crop, and the heatmap is drawn over the same square
at the size that participants see (``scaled``). Where all models crop alike, each sees what it
sees everywhere else; where they do not, one that crops less sees a closer view than usual.
"""

from __future__ import annotations

import io

from PIL import Image

LARGEST_SHORT_SIDE = 1024


def original_png(image: Image.Image) -> bytes:
    """A picture as a study keeps it: PNG, with a shorter side of 1024 pixels at most.

    That is more than any model gets and than participants see.
    """
    short = min(image.size)
    if short > LARGEST_SHORT_SIDE:
        share = LARGEST_SHORT_SIDE / short
        size = (round(image.width * share), round(image.height * share))
        image = image.resize(size, Image.Resampling.LANCZOS)
    return plain_png(image)


def field_of_view(image: Image.Image, share: float) -> Image.Image:
    """The central square of a picture.

    Args:
        image: the whole picture.
        share: of its shorter side, in (0, 1].
    """
    return image.crop(square_box(image.size, share))


def square_box(size: tuple[int, int], share: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of that square in a picture of a size (width, height)."""
    side = max(1, round(min(size) * share))
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return left, top, left + side, top + side


def scaled(square: Image.Image, side: int) -> Image.Image:
    """A square at the size that participants see."""
    return square.resize((side, side), Image.Resampling.BICUBIC)


def plain_png(image: Image.Image) -> bytes:
    """A picture as PNG that holds its pixels and nothing else: no text, time or profile."""
    stream = io.BytesIO()
    bare = Image.frombytes("RGB", image.size, image.convert("RGB").tobytes())
    bare.save(stream, "PNG", optimize=True)
    return stream.getvalue()
