"""Damaged files give an annotation or one sentence, and nothing else."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xai_core.annotations import coco_json, mask_png, tiny_boxes, voc_xml
from xai_core.errors import DataError

XML = b"""<?xml version="1.0"?><annotation><size><width>20</width><height>10</height></size>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>
</object></annotation>"""
RLE = {"size": [4, 6], "counts": "523O:"}
JSON = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 6, "height": 4}],
        "annotations": [
            {"image_id": 1, "category_id": 2, "bbox": [0, 0, 2.5, 2], "segmentation": []},
            {"image_id": 1, "category_id": 2, "segmentation": [[0, 0, 2, 2, 0, 2]]},
            {"image_id": 1, "category_id": 2, "segmentation": RLE},
        ],
        "categories": [{"id": 2, "name": "dog"}],
    }
).encode()
TABLE = b"a.JPEG\tn1\t0\t1\t22\t33\nb.JPEG\tn2\t4\t5\t66\t7\n"


def png():
    image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6))
    image.putpalette([*range(256)] * 3)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def whole(read):
    """A reader of many that reads all."""
    return lambda data, name: [one() for one in read(data, name).values()]


def refusal(read, data):
    """Why a file is refused; "" if it is not."""
    try:
        read(data, "a")
    except DataError as error:
        return str(error)
    return ""


READERS = [
    (voc_xml, XML),
    (whole(coco_json), JSON),
    (whole(tiny_boxes), TABLE),
    (mask_png, png()),
]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(("read", "content"), READERS, ids=["XML", "COCO", "table", "PNG"])
@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5),
    end=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damaged_bytes(read, content, edits, end):
    data = bytearray(content)
    for place, value in edits:
        data[int(place * len(data))] = value
    sentence = refusal(read, bytes(data[: int(end * len(data))]))
    assert not sentence or (sentence.startswith("'a'") and sentence.endswith("."))


JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=8,
)
KEYS = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("image_id", "category_id", "bbox", "segmentation", "iscrowd"),
    "categories": ("id", "name"),
}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_json_of_the_right_form_with_anything_in_one_place(data):
    content = json.loads(JSON)
    kind = data.draw(st.sampled_from([*KEYS]))
    entry = data.draw(st.sampled_from(range(len(content[kind]))))
    content[kind][entry][data.draw(st.sampled_from(KEYS[kind]))] = data.draw(JSONS)
    sentence = refusal(whole(coco_json), json.dumps(content).encode())
    assert not sentence or (sentence.startswith("'a'") and sentence.endswith("."))
