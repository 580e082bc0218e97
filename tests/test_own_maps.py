"""Maps computed elsewhere: what is read, what is refused, and where a map lies."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from xai_core.errors import MapError
from xai_core.own_maps import BY_SIZE, PICTURE, SEEN, OwnMaps, View, check_name, fitted, read_maps

ONE = np.arange(6.0).reshape(2, 3)
TWO = np.arange(8.0).reshape(2, 4)


def npy(values, **options):
    stream = io.BytesIO()
    np.save(stream, values, **options)
    return stream.getvalue()


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def png(values, mode=None):
    stream = io.BytesIO()
    Image.fromarray(values, mode).save(stream, "PNG")
    return stream.getvalue()


def read(**files):
    """Maps of these files; "__" in a name stands for its dot."""
    return read_maps("Mine", [(name.replace("__", "."), data) for name, data in files.items()])


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        (TWO, (1, 2, 4)),
        (TWO[None], (1, 2, 4)),
        (TWO[None, None], (1, 2, 4)),
        (TWO[..., None], (1, 2, 4)),
        (np.ones((3, 4, 5)), (3, 4, 5)),
        (np.ones((4, 5, 3)), (3, 4, 5)),
        (np.ones((1, 3, 4, 5), np.int8), (3, 4, 5)),
        (np.ones((4, 5), bool), (1, 4, 5)),
    ],
)
def test_arrays_of_one_or_three_channels_are_maps(values, shape):
    found = read(cat__npy=npy(values)).maps["cat"]
    assert found.shape == shape
    assert found.dtype == np.float32


def test_channels_behind_are_the_same_map_as_channels_before():
    before = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    found = read(a__npy=npy(before), b__npy=npy(before.transpose(1, 2, 0))).maps
    np.testing.assert_array_equal(found["a"], before)
    np.testing.assert_array_equal(found["b"], before)


def test_an_archive_holds_a_map_for_each_picture_or_one_for_its_own():
    found = read(many__npz=npz(cat=ONE, dog=-ONE), cup__npz=npz(arr_0=2 * ONE))
    assert {name: float(values.sum()) for name, values in found.maps.items()} == {
        "cat": 15.0,
        "dog": -15.0,
        "cup": 30.0,
    }
    assert found.signed
    assert not read(cat__npy=npy(ONE)).signed


def test_grey_pictures_are_values_from_zero_to_one():
    # 51 / 255 = 0.2 and 13107 / 65535 = 0.2.
    small = png(np.array([[0, 51], [255, 0]], np.uint8))
    deep = png(np.array([[0, 13107], [65535, 0]], np.uint16))
    grey = png(np.repeat(np.array([[0, 51], [255, 0]], np.uint8)[..., None], 3, 2))
    found = read(a__png=small, b__png=deep, c__png=grey).maps
    for values in found.values():
        np.testing.assert_allclose(values, [[[0, 0.2], [1, 0]]], atol=1e-7)


def zipped(size):
    """An archive that says of its only member that it is so long."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat.npy", b"\0" * 10)
        archive.filelist[0].file_size = size
    return stream.getvalue()


def lying():
    """The header of an array of 10^12 values, and none of them."""
    return npy(ONE).replace(b"(2, 3)", b"(10**6,)").replace(b"(10**6,)", b"(1000000000000,)")


class Evil:
    """Would leave a trace if it were unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("It was unpickled.",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy(np.array([[1.0, np.nan]])), "not finite"),
        (npy(np.array([[1e300, 1.0]])), "not finite"),
        (npy(np.array([[1.0, -np.inf]])), "not finite"),
        (npy(np.array([[Evil()]]), allow_pickle=True), "Python objects, which are never loaded"),
        (npz(cat=np.array([Evil()])), "Python objects"),
        (npy(np.array([["a"]])), "made of numbers"),
        (npy(np.ones((3, 4, 3))), "which axis holds the channels"),
        (npy(np.ones((2, 4, 5))), r"shape \[2, 4, 5\]"),
        (npy(np.ones(7)), r"shape \[7\]"),
        (npy(np.ones((0, 4))), r"shape \[0, 4\]"),
        (npy(ONE)[:-8], "damaged or incomplete"),
        (npy(ONE)[:20], "damaged"),
        (lying(), "million values|damaged"),
        (zipped(600 * 2**20), "512 MB"),
        (zipped(10), "damaged"),
        (b"PK\x03\x04 and nothing", "damaged"),
        (png(np.zeros((4, 4), np.uint8))[:40], "damaged"),
        (png(np.dstack([np.zeros((2, 2), np.uint8), np.ones((2, 2, 2), np.uint8)])), "colours"),
        (png(np.full((2, 2, 4), 128, np.uint8)), "colours"),
        (b"\xff\xd8\xff\xe0 a JPEG", "no NPY, NPZ or PNG"),
        (b"", "no NPY, NPZ or PNG"),
    ],
)
def test_what_is_no_map_costs_its_own_picture_only(content, said):
    found = read_maps("Mine", [("cat.npy", content), ("dog.npy", npy(ONE))])
    assert list(found.maps) == ["dog"]
    with pytest.raises(MapError, match=said):
        found.of("cat.jpg", View((3, 2), (0, 0, 3, 2)), (9, 9))
    assert found.refused == (found.problems["cat"],)
    with pytest.raises(MapError, match=said):
        read_maps("Mine", [("cat.npy", content)])


def test_names_decide_which_map_is_whose():
    view = View((3, 2), (0, 0, 3, 2))
    own = read(
        cat__npy=npy(ONE), bird__npy=npy(ONE), dog__npy=npy(ONE), dog__png=png(np.eye(2) > 0)
    )
    own = own.among(["a/cat.jpg", "sample:bird", "dog.png", "Cup.jpg", "b/cup.jpg", "c/cup.png"])
    for name in ("a/cat.jpg", "sample:bird"):
        np.testing.assert_array_equal(own.of(name, view, (9, 9)), ONE[None])
    for name, said in {
        "dog.png": "two maps of the name 'dog'",
        "Cup.jpg": "hold none of the name 'Cup'",
        "b/cup.jpg": "2 pictures are called 'cup'",
    }.items():
        with pytest.raises(MapError, match=said):
            own.of(name, view, (9, 9))
    (said,) = own.left_over(["cat.jpg"])
    assert said.endswith("match no picture: bird.")
    assert own.left_over(["cat.jpg", "x/bird.png"]) == []


@pytest.mark.parametrize("name", ["", " ", "a,b", "a.b", "a=b", "=1", "x" * 41, "<b>", "a\nb"])
def test_names_that_cannot_be_spelled(name):
    with pytest.raises(MapError, match="name of letters"):
        check_name(name)
    assert check_name(" Grad-CAM of ours_2 ", ["Other"]) == "Grad-CAM of ours_2"
    with pytest.raises(MapError, match="already"):
        check_name("Mine", ["Mine"])


# A picture of 8 by 4 pixels, of which the middle 4 by 4 are seen at 2 by 2.
WIDE = View((8, 4), (2, 0, 6, 4), (2, 2))
COUNTED = np.arange(32, dtype=np.float32).reshape(1, 4, 8)


def test_a_map_of_the_whole_picture_is_cropped_as_the_picture_is():
    np.testing.assert_array_equal(fitted(COUNTED, WIDE, BY_SIZE, (9, 9)), COUNTED[:, :, 2:6])
    half = np.arange(8, dtype=np.float32).reshape(1, 2, 4)  # of its proportions
    np.testing.assert_array_equal(fitted(half, WIDE, BY_SIZE, (9, 9)), half[:, :, 1:3])


def test_a_map_of_what_is_seen_is_taken_as_it_is():
    for side in (2, 4):
        values = np.arange(side**2, dtype=np.float32).reshape(1, side, side)
        np.testing.assert_array_equal(fitted(values, WIDE, BY_SIZE, (9, 9)), values)
        np.testing.assert_array_equal(fitted(values, WIDE, SEEN, (9, 9)), values)


def test_a_finer_map_is_averaged_down_and_a_constant_stays_one():
    found = fitted(np.full((3, 40, 80), 7.0, np.float32), WIDE, BY_SIZE, (2, 2))
    np.testing.assert_allclose(found, np.full((3, 2, 2), 7.0), rtol=1e-6)
    # Two columns become one under a triangle of half-width 2: the centres of three of them lie
    # within that of the first, with weights 3/4, 3/4 and 1/4, which sum to 7/4: 7 * 3/7 = 3.
    steps = np.zeros((1, 4, 4), np.float32)
    steps[..., 0] = 7.0
    found = fitted(steps, View((4, 4), (0, 0, 4, 4), (2, 2)), BY_SIZE, (2, 2))
    np.testing.assert_allclose(found[0, 0], [3.0, 0.0], rtol=1e-5)


@pytest.mark.parametrize("size", [(3, 3), (4, 8), (8, 8), (5, 4), (1, 7)])
def test_other_sizes_are_refused_with_all_sizes(size):
    values = np.zeros((1, size[1], size[0]), np.float32)
    said = (
        rf"'cat' has {size[0]} × {size[1]} pixels.*picture has 8 × 4 pixels, the part of it that "
        "is seen 4 × 4 pixels, the model's input 2 × 2 pixels"
    )
    with pytest.raises(MapError, match=said):
        fitted(values, WIDE, BY_SIZE, (9, 9), "cat")


def test_a_size_that_may_be_both_must_be_said():
    # The picture is as large as the model's input, and the model sees its middle alone.
    view = View((4, 4), (1, 1, 3, 3), (4, 4))
    values = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    with pytest.raises(MapError, match="may cover the whole picture or the part"):
        fitted(values, view, BY_SIZE, (9, 9))
    np.testing.assert_array_equal(fitted(values, view, SEEN, (9, 9)), values)
    np.testing.assert_array_equal(fitted(values, view, PICTURE, (9, 9)), values[:, 1:3, 1:3])
    # Where all is seen both are the same.
    whole = View((4, 4), (0, 0, 4, 4), (4, 4))
    np.testing.assert_array_equal(fitted(values, whole, BY_SIZE, (9, 9)), values)


def test_a_picture_known_as_the_model_sees_it_takes_the_input_s_size_alone():
    view = View(None, (0, 0, 2, 2), (2, 2))
    values = np.ones((1, 2, 2), np.float32)
    np.testing.assert_array_equal(fitted(values, view, BY_SIZE, (2, 2)), values)
    for covers in (BY_SIZE, PICTURE):
        with pytest.raises(MapError, match="fits nothing"):
            fitted(np.ones((1, 4, 8), np.float32), view, covers, (2, 2))


def test_all_maps_together_are_limited(monkeypatch):
    monkeypatch.setattr("xai_core.own_maps.MOST_BYTES", 40)  # of 24 bytes each
    assert list(read(cat__npy=npy(ONE)).maps) == ["cat"]
    with pytest.raises(MapError, match="take more than"):
        read(cat__npy=npy(ONE), dog__npy=npy(ONE))


def test_a_set_without_maps_is_none():
    with pytest.raises(MapError, match="no map among the files"):
        read()
    with pytest.raises(MapError, match="cannot cover 'sky'"):
        read_maps("Mine", [("cat.npy", npy(ONE))], "sky")
    assert OwnMaps("Mine", {}).id == "maps:Mine"
