"""COCO's JSON and its run lengths."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai_core.annotations import Box, Mask, Outlines, Region, coco_file, coco_json
from xai_core.annotations.rle import mask_of_runs
from xai_core.errors import DataError

TRIANGLE = [1, 1, 5, 1, 1, 5]


def content(*objects, width=6, height=4, file="a.jpg"):
    return {
        "images": [{"id": 7, "file_name": file, "width": width, "height": height}],
        "annotations": [{"image_id": 7, "category_id": 3, **entry} for entry in objects],
        "categories": [{"id": 3, "name": "hot dog"}],
    }


def read(found, file="a.jpg"):
    return coco_json(json.dumps(found).encode(), "instances_val.json")[file]()


def test_boxes_are_corner_and_size():
    # From 0.5, 1 on, 2.5 wide and 1.25 high.
    found = read(content({"bbox": [0.5, 1, 2.5, 1.25]}))
    assert found.size == (6, 4)
    assert found.regions == (Region("hot dog", Box(0.5, 1, 3, 2.25)),)


def test_what_is_written_is_read_again():
    pixels = np.zeros((4, 6), bool)
    pixels[0, 0] = pixels[1:3, 2:5] = True
    triangle = ((1.0, 1.0), (5.0, 1.5), (1.0, 3.25))
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    shapes = [Box(0.5, 1, 3, 2.25), Outlines((triangle, square)), Mask(pixels), Mask(~pixels)]
    data = coco_file("a.jpg", (6, 4), [Region(None, shape) for shape in shapes], "hot dog")
    found = coco_json(data, "instances.json")["a.jpg"]()
    assert found.size == (6, 4)
    assert [one.name for one in found.regions] == ["hot dog"] * 4
    *drawn, mask, rest = [one.shape for one in found.regions]
    assert drawn == shapes[:2]
    assert np.array_equal(mask.pixels, pixels)
    assert np.array_equal(rest.pixels, ~pixels)
    entries = json.loads(data)["annotations"]
    # Of the box 2.5 × 1.25; half of 4 × 2.25, and 2 × 2; 1 and 2 × 3 pixels of 24.
    assert [entry["area"] for entry in entries] == [3.125, 4.5 + 4, 7, 17]
    assert entries[2]["bbox"] == [0, 0, 5, 3]
    # Down the columns: the corner; 3 below it, 4, 1 above; 2, 2 not, 2, 2 not, 2, and the rest.
    assert entries[2]["segmentation"]["counts"] == [0, 1, 8, 2, 2, 2, 2, 2, 5]


def test_a_box_up_to_the_edge_is_not_beyond_it():
    # 0.1 + 0.2 is more than 0.3 as binary fractions, and 5.7 + 0.3 may be more than 6.
    assert read(content({"bbox": [5.7, 0.7, 0.3, 3.3]})).clipped == 0
    assert read(content({"bbox": [5.7, 0.7, 0.31, 3.3]})).clipped == 1


def test_outlines_are_taken_before_the_box_and_crowds_are_noted():
    inner = [2, 2, 3, 2, 3, 3]
    found = read(
        content(
            {"bbox": [0, 0, 6, 4], "segmentation": [[*TRIANGLE[:4], 1, 4], inner, [1, 1, 2, 2]]},
            {"bbox": [0, 0, 1, 1], "segmentation": [], "iscrowd": 1},
        )
    )
    parts = (((1, 1), (5, 1), (1, 4)), ((2, 2), (3, 2), (3, 3)))
    assert found.regions[0] == Region("hot dog", Outlines(parts)), "a line encloses nothing"
    assert found.regions[1] == Region("hot dog", Box(0, 0, 1, 1), ("crowd",))


def test_outlines_beyond_the_picture_are_cut():
    # The triangle 1,1 5,1 1,5 loses its tip below y = 4: what is left has 8 - 1/2.
    found = read(content({"segmentation": [TRIANGLE]}))
    assert found.clipped == 1
    assert found.regions[0].shape.area == pytest.approx(7.5)
    with pytest.raises(DataError, match="marks something outside"):
        read(content({"segmentation": [[9, 1, 12, 1, 9, 3]]}))


# 6 x 4 pixels, down the columns: 5 that are not, 2 that are, 3 not, 1 is, 13 not.
RUNS = [5, 2, 3, 1, 13]
MASK = np.zeros((4, 6), bool)
MASK[1:3, 1] = True  # the 6th and 7th pixel: the second column, its second and third row
MASK[2, 2] = True  # the 11th


def test_run_lengths_go_down_the_columns():
    found = read(content({"segmentation": {"size": [4, 6], "counts": RUNS}, "iscrowd": 1}))
    assert found.regions[0].notes == ("crowd",)
    assert np.array_equal(found.regions[0].shape.pixels, MASK)


def test_a_string_of_run_lengths_by_hand():
    # 5, 2 and 3 are the characters 48 + 5, 48 + 2, 48 + 3: "5", "2", "3". The fourth is told as
    # 1 - 2 = -1, of which the five bits are 31: 48 + 31 = "O". 13 - 3 = 10: 48 + 10 = ":".
    found = read(content({"segmentation": {"size": [4, 6], "counts": "523O:"}}))
    assert np.array_equal(found.regions[0].shape.pixels, MASK)


def test_large_numbers_take_several_characters():
    # 3327 = 31 + 7 * 32 + 3 * 1024: 48 + 32 + 31 = "o", 48 + 32 + 7 = "W", 48 + 3 = "3".
    # 17 = 17 + 0 * 32: 48 + 32 + 17 = "a", "0"; the second character keeps its sign positive.
    mask = mask_of_runs("oW3a0", (3344, 1), "'a'").pixels
    assert mask.shape == (1, 3344)
    assert np.flatnonzero(mask).tolist() == list(range(3327, 3344))


def as_text(runs):
    """The string of run lengths, by arithmetic in place of bits."""
    text = ""
    for place, run in enumerate(runs):
        value = run - (runs[place - 2] if place > 2 else 0)
        while not -16 <= value < 16:
            text += chr(48 + 32 + value % 32)
            value //= 32
        text += chr(48 + value % 32)
    return text


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 40_000), min_size=2, max_size=12).filter(lambda runs: any(runs[1::2]))
)
def test_both_forms_of_run_lengths_are_the_same_mask(runs):
    size = (sum(runs), 1)
    marked = np.concatenate([np.full(run, place % 2) for place, run in enumerate(runs)])
    assert np.array_equal(mask_of_runs(runs, size, "'a'").pixels[0], marked == 1)
    assert np.array_equal(mask_of_runs(as_text(runs), size, "'a'").pixels[0], marked == 1)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"bbox": [0, 0, 0, 1]}, "a box that ends before it begins: from 0, 0 to 0, 1"),
        ({"bbox": [0, 0, -2, 1]}, "ends before it begins"),
        ({"bbox": [0, 0, 1]}, "an object without a box"),
        ({}, "an object without a box"),
        ({"bbox": [0, 0, "x", 1]}, "has 'x' where a number should be"),
        ({"bbox": [0, 0, True, 1]}, "has 'True' where a number"),
        ({"bbox": [0, 0, float("nan"), 1]}, "has 'nan' where a number"),
        ({"bbox": [0, 0, 10**400, 1]}, "where a number should be"),
        ({"segmentation": [[1, 1, 2]]}, "whose last point lacks a coordinate"),
        ({"segmentation": [[1, 1, 2, 2]]}, "an outline that encloses nothing"),
        ({"segmentation": [7]}, "an outline that is no list"),
        ({"segmentation": {"size": [6, 4], "counts": RUNS}}, "of another size than the 6 × 4"),
        ({"segmentation": {"size": [4, 6], "counts": [25]}}, "not those of 6 × 4 pixels"),
        ({"segmentation": {"size": [4, 6], "counts": [25, -1]}}, "not those of 6 × 4 pixels"),
        ({"segmentation": {"size": [4, 6], "counts": [24]}}, "a mask that marks nothing"),
        ({"segmentation": {"size": [4, 6], "counts": 24}}, "without run lengths"),
        ({"segmentation": {"size": [4, 6], "counts": "52 "}}, "run lengths are damaged"),
        ({"segmentation": {"size": [4, 6], "counts": "o"}}, "run lengths are damaged"),
        ({"segmentation": {"size": [4, 6], "counts": "o" * 99}}, "run lengths are damaged"),
        ({"bbox": [0, 0, 1, 1], "category_id": 4}, "of a category that has no name"),
        ({"bbox": [0, 0, 1, 1], "category_id": [4]}, "of a category that has no name"),
    ],
)
def test_what_is_wrong_with_an_object_is_told(entry, sentence):
    with pytest.raises(DataError) as caught:
        read(content(entry))
    assert str(caught.value).startswith("'instances_val.json', picture 'a.jpg', ")
    assert sentence in str(caught.value)


def test_a_wrong_picture_costs_itself_only():
    found = content({"bbox": [0, 0, 1, 1]})
    found["images"] += [
        {"id": 8, "file_name": "b.jpg", "width": 0, "height": 4},
        {"id": 9, "file_name": "c.jpg", "width": 6, "height": 4},
        {"id": 10, "file_name": "c.jpg", "width": 6, "height": 4},
        {"id": 11, "file_name": "d.jpg", "width": 6, "height": 4},
    ]
    assert len(read(found).regions) == 1
    assert read(found, "d.jpg").regions == (), "a picture without objects"
    with pytest.raises(DataError, match="size of 0 × 4 pixels"):
        read(found, "b.jpg")
    with pytest.raises(DataError, match="there twice"):
        read(found, "c.jpg")
    del found["images"][-1]["id"]
    with pytest.raises(DataError, match="has no id"):
        read(found, "d.jpg")


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"images": [1]}', b"\xff", b"[" * 100_000, b'{"images": [], "annota'],
)
def test_what_is_no_coco_is_told(data):
    with pytest.raises(DataError, match=r"^'a\.json' (is not JSON|holds no annotations of COCO's)"):
        coco_json(data, "a.json")


def test_many_masks_of_a_large_picture_are_refused():
    entry = {"segmentation": {"size": [5000, 5000], "counts": [0, 25_000_000]}}
    with pytest.raises(DataError, match="11 masks of 5000 × 5000 pixels; at most 250 million"):
        read(content(*[entry] * 11, width=5000, height=5000))
