"""Pictures that the command line names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xai_core.cli.options import SAMPLE

if TYPE_CHECKING:
    from PIL import Image


def read_file(name: str) -> Image.Image:
    """The picture of a file, or of sample:NAME.

    Raises:
        ImageError: there is none, or it cannot be read.
    """
    from xai_core.images import read_picture, sample_image

    if name.startswith(SAMPLE):
        return sample_image(name.removeprefix(SAMPLE))
    return read_picture(Path(name))
