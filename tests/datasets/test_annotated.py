"""Data sets with boxes or masks, in the layouts that they come in."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from xai_core.annotations import Box, Mask, Region
from xai_core.datasets import annotated, folder_stamp, listed, survey, tiny_imagenet
from xai_core.datasets.layouts import COCO, MASKS, TINY, XML
from xai_core.errors import DataError

SIZE = (8, 6)
CORNERS = {"xmin": 2, "ymin": 1, "xmax": 4, "ymax": 3}
BOX = Box(1, 0, 4, 3)  # the same from 0, the last two just outside


def picture(path, size=SIZE, orientation=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=exif)
    return path


def xml(path, name="tabby", size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    corners = "".join(f"<{key}>{value}</{key}>" for key, value in CORNERS.items())
    path.write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size><object>"
        f"<name>{name}</name><bndbox>{corners}</bndbox></object></annotation>"
    )
    return path


def mask(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(SIZE[::-1], np.uint8)
    values[0:3, 1:4] = 255
    Image.fromarray(values).save(path)
    return path


def coco(root, name, *files):
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    images = [
        {"id": number, "file_name": file, "width": SIZE[0], "height": SIZE[1]}
        for number, file in enumerate(files)
    ]
    objects = [
        {"image_id": number, "category_id": 1, "bbox": [1, 0, 3, 3]} for number in range(len(files))
    ]
    content = {
        "images": images,
        "annotations": objects,
        "categories": [{"id": 1, "name": "tabby"}],
    }
    path = root / "annotations" / f"instances_{name}.json"
    path.write_text(json.dumps(content))
    return path


def tiny(root):
    for name in ("val/images/a.JPEG", "val/images/b.JPEG", "train/n1/images/c.JPEG"):
        picture(root / name, (64, 64))
    (root / "wnids.txt").write_text("n02123045\nn2\n")
    (root / "words.txt").write_text("n02123045\ttabby, tabby cat\nn2\tking penguin\n")
    table = "b.JPEG\tn2\t0\t0\t63\t63\na.JPEG\tn02123045\t1\t0\t3\t2\n"
    (root / "val" / "val_annotations.txt").write_text(table)


XML_LAYOUTS = [
    ("a.jpg", "a.xml"),
    ("images/a.jpg", "annotations/a.xml"),
    ("Images/a.jpg", "Annotations/a.xml"),
    ("images/a.jpg", "annotations/xmls/a.xml"),
    ("JPEGImages/a.jpg", "Annotations/a.xml"),
    ("Data/CLS-LOC/val/a.JPEG", "Annotations/CLS-LOC/val/a.xml"),
    ("val/a.JPEG", "Annotations/val/a.xml"),
]


@pytest.mark.parametrize(("image", "annotation"), XML_LAYOUTS)
def test_xml(tmp_path, image, annotation):
    path, file = picture(tmp_path / image), xml(tmp_path / annotation)
    found = annotated(tmp_path)
    (one,) = found.pictures
    assert (one.path, one.class_name, one.source.kind, one.source.file) == (path, None, XML, file)
    read, its = one.open()
    assert (read.size, its.size) == (SIZE, SIZE)
    assert its.regions == (Region("tabby", BOX),)
    assert (found.without, found.lost) == ([], [])
    assert listed(tmp_path) == [(path, None)], "a data set everywhere else"
    assert annotated(path.parent) == found, "by the folder of its pictures"


@pytest.mark.parametrize(
    ("image", "annotation"),
    [
        ("tabby/a.jpg", "tabby/a.xml"),
        ("images/tabby/a.jpg", "annotations/tabby/a.xml"),
        ("val/tabby/a.JPEG", "Annotations/val/a.xml"),
        ("Data/CLS-LOC/train/tabby/a.JPEG", "Annotations/CLS-LOC/train/tabby/a.xml"),
    ],
)
def test_xml_of_pictures_in_folders_of_classes(tmp_path, image, annotation):
    path, file = picture(tmp_path / image), xml(tmp_path / annotation)
    (one,) = annotated(tmp_path).pictures
    assert (one.path, one.class_name, one.source.file) == (path, "tabby", file)
    assert listed(tmp_path) == [(path, "tabby")]


def test_of_imagenet_s_splits_the_validation_pictures_are_taken_unless_another_is_named(tmp_path):
    for split in ("train/n1", "val"):
        picture(tmp_path / "Data/CLS-LOC" / split / "a.JPEG")
        xml(tmp_path / "Annotations/CLS-LOC" / split / "a.xml")
    (one,) = annotated(tmp_path).pictures
    assert one.path.parent.name == "val"
    (one,) = annotated(tmp_path / "Data/CLS-LOC/train").pictures
    assert (one.path.parent.name, one.source.file.parent.name) == ("n1", "n1")


def test_tiny_imagenet(tmp_path):
    tiny(tmp_path)
    found = annotated(tmp_path)
    assert [(one.path.name, one.class_name) for one in found.pictures] == [
        ("b.JPEG", "king penguin"),
        ("a.JPEG", "tabby"),
    ]
    assert found.pictures[1].source.kind == TINY
    image, its = found.pictures[1].open()
    assert image.size == its.size == (64, 64)
    assert its.regions == (Region("n02123045", BOX),)
    assert tiny_imagenet(tmp_path, "val").labels.tolist() == [1, 0]


@pytest.mark.parametrize("folder", ["val2017", "images/val2017", "images"])
@pytest.mark.parametrize("prefix", ["", "val2017/"])
def test_coco(tmp_path, folder, prefix):
    file = coco(tmp_path, "val2017", f"{prefix}a.jpg")
    path = picture(tmp_path / folder / "a.jpg")
    (one,) = annotated(tmp_path).pictures
    assert (one.path, one.class_name, one.source.file) == (path, None, file)
    assert one.source.kind == COCO
    assert one.open()[1].regions == (Region("tabby", BOX),)
    assert listed(tmp_path) == [(path, None)]


def test_several_splits_of_coco_are_asked_for(tmp_path):
    root = tmp_path / "coco"
    for name in ("train", "val"):
        coco(root, name, f"{name}.jpg")
        picture(root / name / f"{name}.jpg")
    for function in (listed, annotated):
        with pytest.raises(DataError) as caught:
            function(root)
        assert str(caught.value) == (
            "The folder 'coco' holds several splits; name one of them: 'coco/train' or 'coco/val'."
        )
    assert folder_stamp(root)
    for name in ("train", "val"):
        (one,) = annotated(root / name).pictures
        assert one.source.file.name == f"instances_{name}.json"
        assert listed(root / name) == [(one.path, None)]
    (root / "train" / "train.jpg").unlink()
    (root / "train").rmdir()
    assert len(annotated(root).pictures) == 1, "one split alone is read"


def test_masks(tmp_path):
    path = picture(tmp_path / "images" / "tabby" / "a.jpg")
    file = mask(tmp_path / "masks" / "tabby" / "a.png")
    (one,) = annotated(tmp_path).pictures
    assert (one.path, one.class_name, one.source.file) == (path, "tabby", file)
    assert one.source.kind == MASKS
    (region,) = one.open()[1].regions
    assert isinstance(region.shape, Mask)
    assert np.argwhere(region.shape.pixels).tolist() == [
        [y, x] for y in range(3) for x in (1, 2, 3)
    ]
    assert listed(tmp_path) == [(path, "tabby")], "masks are no pictures of a data set"


def test_what_has_no_counterpart_is_told(tmp_path):
    both, alone = (picture(tmp_path / "images" / f"{name}.jpg") for name in "ab")
    xml(tmp_path / "annotations" / "a.xml")
    lost = xml(tmp_path / "annotations" / "c.xml")
    xml(tmp_path / "annotations" / "._a.xml")  # as a Mac leaves it
    found = annotated(tmp_path)
    assert [one.path for one in found.pictures] == [both]
    assert (found.without, found.lost) == ([alone], [str(lost)])


def test_what_has_no_counterpart_in_a_file_for_many_is_told(tmp_path):
    coco(tmp_path, "val", "a.jpg", "c.jpg")
    both, alone = (picture(tmp_path / "val" / f"{name}.jpg") for name in "ab")
    found = annotated(tmp_path)
    assert [one.path for one in found.pictures] == [both]
    assert (found.without, found.lost) == ([alone], ["c.jpg"])


def test_nothing_is_told_apart_by_guessing(tmp_path):
    same = [picture(tmp_path / "images" / name) for name in ("a.jpg", "a.png")]
    one = picture(tmp_path / "images" / "b.jpg")
    xml(tmp_path / "annotations" / "a.xml")
    xml(tmp_path / "annotations" / "b.xml")
    found = annotated(tmp_path)
    assert [its.path for its in found.pictures] == [one]
    assert found.without == same
    assert [os.path.basename(file) for file in found.lost] == ["a.xml"]


def test_names_are_matched_within_their_folders(tmp_path):
    dog, cat = (picture(tmp_path / name / "1.jpg") for name in ("dog", "cat"))
    file = xml(tmp_path / "dog" / "1.xml")
    found = annotated(tmp_path)
    assert [(one.path, one.source.file) for one in found.pictures] == [(dog, file)]
    assert found.without == [cat]


def test_a_data_set_without_annotations_is_refused(tmp_path):
    picture(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"^No picture in .* has an annotation: .*\.$"):
        annotated(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        annotated(tmp_path / "nowhere")


def test_annotations_are_read_one_at_a_time_and_a_wrong_one_costs_its_own_picture(tmp_path):
    for name in "abc":
        picture(tmp_path / f"{name}.jpg")
        xml(tmp_path / f"{name}.xml", name="tabby" if name == "a" else "unicorn")
    (tmp_path / "c.xml").write_text("<annotation>")
    pictures = annotated(tmp_path).pictures
    assert len(pictures) == 3
    found = survey(pictures, ["lynx", "tabby"])
    assert found.classes.known == {"tabby": 1}
    assert {name: unknown.count for name, unknown in found.classes.unknown.items()} == {
        "unicorn": 1
    }
    assert (found.objects, found.clipped) == (2, 0)
    assert found.refused == {tmp_path / "c.jpg": "'c.xml' is not XML that can be read."}


def test_objects_that_reach_beyond_are_counted(tmp_path):
    picture(tmp_path / "a.jpg", (3, 2))
    xml(tmp_path / "a.xml", size=(3, 2))
    pictures = annotated(tmp_path).pictures
    assert survey(pictures, []).clipped == 1
    assert pictures[0].open()[1].regions[0].shape == Box(1, 0, 3, 2)


def test_an_annotation_of_another_size_is_refused_when_it_is_opened(tmp_path):
    picture(tmp_path / "a.jpg", (9, 6))
    xml(tmp_path / "a.xml")
    (one,) = annotated(tmp_path).pictures
    with pytest.raises(DataError, match=r"The annotation of 'a\.jpg' is of 8 × 6 pixels, but the"):
        one.open()


def test_a_picture_on_its_side_has_its_annotation_turned(tmp_path):
    picture(tmp_path / "a.jpg", orientation=6)
    xml(tmp_path / "a.xml")
    (one,) = annotated(tmp_path).pictures
    image, its = one.open()
    # Turned clockwise: x is 6 - y, y is x.
    assert image.size == its.size == (6, 8)
    assert its.regions[0].shape == Box(3, 1, 6, 4)


def test_a_changed_file_for_many_is_read_again(tmp_path):
    file = coco(tmp_path, "val", "a.jpg", "b.jpg")
    for name in "ab":
        picture(tmp_path / "val" / f"{name}.jpg")
    first, second = annotated(tmp_path).pictures
    coco(tmp_path, "val", "a.jpg")
    os.utime(file, ns=(0, 1))
    assert len(first.source.read().regions) == 1
    with pytest.raises(DataError, match=r"'instances_val\.json' has changed; list the pictures"):
        second.source.read()
    file.unlink()
    with pytest.raises(DataError, match=r"'instances_val\.json' cannot be read: No such file"):
        first.source.read()


def test_the_stamp_is_of_the_pictures(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "a.xml")
    before = folder_stamp(tmp_path)
    assert before == [(str(tmp_path / "images"), (tmp_path / "images").stat().st_mtime_ns)]
    os.utime(tmp_path / "images", ns=(0, 1))
    assert folder_stamp(tmp_path) != before
