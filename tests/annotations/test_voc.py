"""PASCAL-VOC's XML."""

import pytest

from xai_core.annotations import Annotation, Box, Region, voc_xml
from xai_core.errors import DataError


def xml(objects="", size="<size><width>20</width><height>10</height><depth>3</depth></size>"):
    return f"<annotation><filename>a.jpg</filename>{size}{objects}</annotation>".encode()


def entry(box, name="dog", more=""):
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    inside = "".join(f"<{key}>{value}</{key}>" for key, value in corners)
    return f"<object><name>{name}</name>{more}<bndbox>{inside}</bndbox></object>"


def test_boxes_count_from_one_and_hold_their_last_pixels():
    # The first pixel alone is 1, 1, 1, 1; all of a picture of 20 x 10 is 1, 1, 20, 10.
    found = voc_xml(xml(entry((1, 1, 1, 1)) + entry((1, 1, 20, 10), "cat")), "a.xml")
    assert found.size == (20, 10)
    assert found.regions == (
        Region("dog", Box(0, 0, 1, 1)),
        Region("cat", Box(0, 0, 20, 10)),
    )
    assert found.clipped == 0
    assert found.names == ("dog", "cat")


def test_parts_of_pixels_and_notes():
    notes = "<difficult>1</difficult><truncated>0</truncated><occluded> 1 </occluded>"
    found = voc_xml(xml(entry((1.5, 2, 3.25, 4), "n02084071", notes)), "a.xml")
    expected = Region("n02084071", Box(0.5, 1, 3.25, 4), ("difficult", "occluded"))
    assert found.regions == (expected,)


def test_parts_of_objects_are_no_objects():
    data = xml(entry((1, 1, 5, 5)))
    part = b"<part><name>head</name><bndbox><xmin>2</xmin></bndbox></part></object>"
    assert voc_xml(data.replace(b"</object>", part), "a.xml") == voc_xml(data, "a.xml")


def test_what_reaches_beyond_the_picture_is_cut_and_counted():
    # ILSVRC's boxes may begin at 0.
    found = voc_xml(xml(entry((0, 0, 21, 5)) + entry((2, 2, 3, 3))), "a.xml")
    assert found.regions[0].shape == Box(0, 0, 20, 5)
    assert found.clipped == 1
    with pytest.raises(DataError, match=r"'a\.xml' marks something outside of its picture of 20"):
        voc_xml(xml(entry((21, 1, 25, 5))), "a.xml")


def test_without_a_size_nothing_is_cut():
    found = voc_xml(xml(entry((0, 0, 300, 5)), size=""), "a.xml")
    assert found == Annotation(None, (Region("dog", Box(-1, -1, 300, 5)),))


def test_a_picture_without_objects():
    assert voc_xml(xml(), "a.xml") == Annotation((20, 10), ())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not XML"),
        (b"<annotation>", "is not XML"),
        (b"<svg/>", "no annotation of PASCAL-VOC's form"),
        (xml(entry((5, 1, 4, 3))), "ends before it begins: from 4, 0 to 4, 3"),
        (xml(entry((1, 5, 4, 2))), "ends before it begins: from 0, 4 to 4, 2"),
        (xml(entry(("nan", 1, 4, 2))), "has 'nan' where a number should be"),
        (xml(entry(("inf", 1, 4, 2))), "has 'inf' where a number"),
        (xml(entry(("1e999", 1, 4, 2))), "has '1e999' where a number"),
        (xml(entry(("one", 1, 4, 2))), "has 'one' where a number"),
        (xml(entry(("", 1, 4, 2))), "lacks <xmin> in <bndbox>"),
        (xml(entry((1, 1, 2, 2), name=" ")), "lacks <name> in <object>"),
        (xml("<object><name>dog</name></object>"), "has an object without a box"),
        (xml(size="<size><width>20</width></size>"), "lacks <height> in <size>"),
        (xml(size="<size><width>0</width><height>1</height></size>"), "size of 0 × 1 pixels"),
        (xml(size="<size><width>1.5</width><height>1</height></size>"), "size of 1.5 × 1 pixels"),
    ],
)
def test_what_is_wrong_is_told(data, sentence):
    with pytest.raises(DataError) as caught:
        voc_xml(data, "folder/a.xml")
    assert str(caught.value).startswith("'a.xml' ")
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


BOMB = """<?xml version="1.0" encoding="{}"?>
<!DOCTYPE annotation [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<annotation><object><name>&b;</name></object></annotation>"""
OUTSIDE = """<?xml version="1.0" encoding="{}"?>
<!DOCTYPE annotation SYSTEM "file:///etc/hostname"><annotation/>"""


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_refused_in_every_encoding(text, encoding):
    with pytest.raises(DataError, match=r"^'a\.xml' declares a document type, which is refused\.$"):
        voc_xml(text.format(encoding).encode(encoding), "a.xml")


def test_an_entity_that_nobody_declared_is_no_xml():
    with pytest.raises(DataError, match="is not XML"):
        voc_xml(b"<annotation>&a;</annotation>", "a.xml")


def test_large_files_are_refused():
    with pytest.raises(DataError, match=r"^'a\.xml' has 2\.1 MB; at most 2 MB are allowed\.$"):
        voc_xml(xml().ljust(2_100_000), "a.xml")
