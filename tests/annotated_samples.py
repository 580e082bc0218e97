"""A data set with boxes in the layout of PASCAL-VOC, made of sample pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xai_core.images import sample_image

# Sample, a class that vgg-tiny has, and a box: x0, y0, x1, y1.
SAMPLES = (
    ("cat", "Egyptian cat", (60, 20, 370, 300)),
    ("coffee", "espresso", (176, 18, 422, 311)),
    ("rocket", "beacon", (303, 123, 335, 408)),
    ("motorcycle", "sports car", (91, 78, 683, 451)),
)
XML = """<annotation><size><width>{0}</width><height>{1}</height></size>
<object><name>{2}</name><bndbox><xmin>{3}</xmin><ymin>{4}</ymin><xmax>{5}</xmax><ymax>{6}</ymax>
</bndbox></object></annotation>"""


def annotated_samples(folder: Path, names: Sequence[str] = ()) -> Path:
    """Four pictures, each with an object.

    Args:
        folder: to make.
        names: of the objects; those of ``SAMPLES`` without any.

    Returns:
        The folder.
    """
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    told = names or [name for _, name, _ in SAMPLES]
    for (sample, _, box), name in zip(SAMPLES, told, strict=True):
        image = sample_image(sample)
        image.save(folder / "images" / f"{sample}.png")
        text = XML.format(*image.size, name, *box)
        (folder / "annotations" / f"{sample}.xml").write_text(text)
    return folder
