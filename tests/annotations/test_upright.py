"""Annotations of pictures that are turned upright or made smaller when they are read."""

import io

import numpy as np
import pytest
from PIL import Image

from xai_core import decoding
from xai_core.annotations import Annotation, Box, Mask, Outlines, Region, of_picture
from xai_core.decoding import Stored, stored
from xai_core.errors import DataError
from xai_core.images import read_image

SIZE = (6, 4)  # as the pictures here lie in their files
BRIGHT = (1, 0, 3, 1)  # x0, y0, x1, y1 of what is white on them


def picture(orientation, format="TIFF"):
    values = np.zeros((*SIZE[::-1], 3), np.uint8)
    values[BRIGHT[1] : BRIGHT[3], BRIGHT[0] : BRIGHT[2]] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format, exif=exif)
    return stream.getvalue()


def shapes():
    x0, y0, x1, y1 = BRIGHT
    pixels = np.zeros(SIZE[::-1], bool)
    pixels[y0:y1, x0:x1] = True
    return [Box(*BRIGHT), Outlines((((x0, y0), (x1, y0), (x1, y1), (x0, y1)),)), Mask(pixels)]


def painted(shape, size):
    """The pixels of a shape with whole edges."""
    if isinstance(shape, Mask):
        return shape.pixels
    points = (
        shape.parts[0]
        if isinstance(shape, Outlines)
        else [(shape.x0, shape.y0), (shape.x1, shape.y1)]
    )
    (xs, ys), found = zip(*points, strict=True), np.zeros(size[::-1], bool)
    found[int(min(ys)) : int(max(ys)), int(min(xs)) : int(max(xs))] = True
    return found


@pytest.mark.parametrize("format", ["TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_how_a_picture_lies_in_its_file(format, orientation):
    assert stored(picture(orientation, format), "a") == Stored(SIZE, orientation)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("kind", range(3))
def test_an_annotation_of_the_picture_as_it_lies_is_turned_with_it(orientation, kind):
    data = picture(orientation)
    read = read_image(data, "a")
    annotation = Annotation(SIZE, (Region("dog", shapes()[kind], ("crowd",)),))
    found = of_picture(annotation, stored(data, "a"), read.size, "a")
    assert found.size == read.size == (4, 6)
    assert (found.regions[0].name, found.regions[0].notes) == ("dog", ("crowd",))
    bright = np.asarray(read)[..., 0] > 0
    assert np.array_equal(painted(found.regions[0].shape, read.size), bright)


@pytest.mark.parametrize("told", [(4, 6), (6, 4)])
def test_the_size_says_which_picture_is_meant(told):
    found = of_picture(
        Annotation(told, (Region("dog", Box(0, 0, 1, 2)),)), Stored(SIZE, 6), (4, 6), "a"
    )
    # Turned clockwise, what was left below the upper edge lies right of the left edge.
    expected = Box(0, 0, 1, 2) if told == (4, 6) else Box(2, 0, 4, 1)
    assert found.regions[0].shape == expected


@pytest.mark.parametrize(
    ("told", "size", "orientation"),
    [(None, SIZE, 6), (SIZE, SIZE, 3), (SIZE, SIZE, 2), ((5, 5), (5, 5), 8), (None, SIZE, 4)],
)
def test_what_cannot_be_known_is_refused(told, size, orientation):
    with pytest.raises(DataError) as caught:
        of_picture(Annotation(told, ()), Stored(size, orientation), size, "b.jpg")
    assert str(caught.value) == (
        "The annotation of 'b.jpg' may be of the picture before or after it was turned upright; "
        "save the picture upright."
    )


def test_another_size_is_refused():
    for told, orientation in (((4, 6), 1), ((6, 5), 1), ((6, 5), 6)):
        with pytest.raises(DataError, match=rf"is of {told[0]} × {told[1]} pixels, but the pic"):
            of_picture(Annotation(told, ()), Stored(SIZE, orientation), SIZE, "b.jpg")


def test_without_a_size_the_picture_s_own_cuts():
    annotation = Annotation(None, (Region("dog", Box(-1, 1, 9, 3)),))
    found = of_picture(annotation, Stored(SIZE, 1), SIZE, "a")
    assert found == Annotation(SIZE, (Region("dog", Box(0, 1, 6, 3)),), clipped=1)
    with pytest.raises(DataError, match="marks something outside of its picture of 6 × 4"):
        of_picture(Annotation(None, (Region("dog", Box(6, 1, 9, 3)),)), Stored(SIZE, 1), SIZE, "a")


def test_a_large_picture_that_is_read_at_half_its_size_keeps_its_annotation(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 1000)
    stream = io.BytesIO()
    Image.new("RGB", (64, 48)).save(stream, "JPEG")
    read = read_image(stream.getvalue(), "a")
    assert read.size == (32, 24)
    pixels = np.zeros((48, 64), bool)
    pixels[:24] = True
    regions = (Region("dog", Box(8, 4, 64, 48)), Region(None, Mask(pixels)))
    found = of_picture(
        Annotation((64, 48), regions), stored(stream.getvalue(), "a"), read.size, "a"
    )
    assert found.regions[0].shape == Box(4, 2, 32, 24)
    assert np.array_equal(found.regions[1].shape.pixels, pixels), "it covers the whole picture"
