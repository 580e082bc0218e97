"""Tiny-ImageNet's boxes, and masks as PNG pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from xai_core.annotations import Annotation, Box, Region, mask_png, tiny_boxes
from xai_core.errors import DataError

TABLE = b"""val_0.JPEG\tn03444034\t0\t32\t44\t62
val_1.JPEG\tn04067472\t0\t0\t63\t63
"""


def test_tiny_imagenet_counts_from_zero_and_holds_the_last_pixels():
    found = tiny_boxes(TABLE, "val_annotations.txt")
    assert list(found) == ["val_0.JPEG", "val_1.JPEG"]
    assert found["val_0.JPEG"]() == Annotation(None, (Region("n03444034", Box(0, 32, 45, 63)),))
    assert found["val_1.JPEG"]().regions[0].shape == Box(0, 0, 64, 64)


def test_training_pictures_are_named_after_their_class():
    found = tiny_boxes(b"n01443537_0.JPEG\t0\t10\t63\t58\r\n", "n01443537_boxes.txt")
    region = Region("n01443537", Box(0, 10, 64, 59))
    assert found["n01443537_0.JPEG"]() == Annotation(None, (region,))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a.JPEG\tn1\t5\t0\t3\t9", "ends before it begins"),
        ("a.JPEG\tn1\t0\t0\tx\t9", "has 'x' where a number"),
        ("a.JPEG\tn1\t0\t0", "lacks a class or four numbers"),
        ("a.JPEG\t0\t0\t9\t9", "lacks a class or four numbers"),
        ("a.JPEG\tn1\t0\t0\t9\t9\na.JPEG\tn1\t0\t0\t9\t9", "there 2 times"),
    ],
)
def test_a_wrong_line_costs_its_picture_only(line, sentence):
    found = tiny_boxes(f"{line}\nb.JPEG\tn2\t0\t0\t9\t9".encode(), "val_annotations.txt")
    assert found["b.JPEG"]().names == ("n2",)
    with pytest.raises(DataError) as caught:
        found["a.JPEG"]()
    assert str(caught.value).startswith("'val_annotations.txt', picture 'a.JPEG', ")
    assert sentence in str(caught.value)


def test_a_table_must_be_text():
    with pytest.raises(DataError, match=r"'boxes\.txt' must be UTF-8"):
        tiny_boxes("café".encode("latin-1"), "boxes.txt")
    with pytest.raises(DataError, match=r"has 20\.0 MB; at most 20 MB"):
        tiny_boxes(bytes(20_000_001), "boxes.txt")


def png(values, palette=False):
    image = Image.fromarray(values)
    if palette:
        image.putpalette([*range(256)] * 3)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


GREY = np.array([[0, 1, 255], [0, 0, 7]], np.uint8)


@pytest.mark.parametrize("kind", ["L", "RGB", "1", "I;16"])
def test_what_is_not_black_is_the_object(kind):
    expected = GREY > 0
    if kind == "RGB":
        data = png(np.stack([GREY * 0, GREY * 0, GREY], axis=2))
    elif kind == "I;16":
        data = png(GREY.astype(np.uint16) << 8)
    else:
        data = png(GREY > 0) if kind == "1" else png(GREY)
    found = mask_png(data, "a.png")
    assert found.size == (3, 2)
    (region,) = found.regions
    assert region.name is None
    assert np.array_equal(region.shape.pixels, expected)


def test_a_palette_has_an_object_for_each_colour_without_void():
    found = mask_png(png(GREY, palette=True), "a.png")
    assert [region.notes for region in found.regions] == [("colour 1",), ("colour 7",)]
    for region, index in zip(found.regions, (1, 7), strict=True):
        assert np.array_equal(region.shape.pixels, np.equal(GREY, index))


def test_an_empty_mask_has_no_regions():
    assert mask_png(png(GREY * 0), "a.png") == Annotation((3, 2), ())
    void = png(np.array([[0, 255]], np.uint8), palette=True)
    assert mask_png(void, "a.png") == Annotation((2, 1), ())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not a PNG file"),
        (b"\xff\xd8\xff\xe0JFIF", "is not a PNG file"),
        (png(GREY)[:40], "is damaged or incomplete"),
        (png(np.full((2, 2, 4), 255, np.uint8)), "is a mask with transparency"),
        (png(np.zeros((1, 101), np.uint8)), "at most 100 times the other"),
        (png(GREY) + bytes(20_000_000), "has 20.0 MB; at most 20 MB"),
    ],
)
def test_what_is_no_mask_is_told(data, sentence):
    with pytest.raises(DataError) as caught:
        mask_png(data, "a.png")
    assert str(caught.value).startswith("'a.png' ")
    assert sentence in str(caught.value)


def test_many_colours_of_a_large_picture_are_refused():
    values = np.arange(1100 * 1100).reshape(1100, 1100) % 255
    with pytest.raises(DataError, match="254 masks of 1100 × 1100 pixels; at most 250 million"):
        mask_png(png(values.astype(np.uint8), palette=True), "a.png")
