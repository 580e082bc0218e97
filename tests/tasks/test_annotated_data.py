"""Annotated pictures of a data set, as a worker reads them."""

import os

import numpy as np
import pytest

from tests.command_line import picture
from tests.localization.test_gathering import xml
from xai_core import tasks
from xai_core.annotations import Box, Region
from xai_core.composites import drawn_quadrants, two_by_two
from xai_core.errors import DataError
from xai_core.images import image_hash, model_input, read_picture
from xai_core.localization import seen_objects

SIZE = (96, 64)  # of which the columns 16 to 79 are seen
OBJECTS = {
    "a": [("cat", (20, 4, 40, 24)), ("cat", (60, 30, 90, 50))],
    "b": [("dog", (0, 0, 10, 10))],
    "c": [("owl", (30, 8, 70, 60)), ("eel", (1, 1, 2, 2))],
    "d": [("dog", (30, 8, 70, 60))],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations").mkdir()
    for seed, (name, objects) in enumerate(OBJECTS.items()):
        picture(seed, SIZE).save(tmp_path / "images" / f"{name}.png")
        (tmp_path / "annotations" / f"{name}.xml").write_text(xml(*objects, size=SIZE))
    return tmp_path


def ask(model, folder, most=9, **further):
    task = tasks.annotated_pictures(model, "f", str(folder), most, **further)
    return task.run(**task.arguments)


def test_what_can_be_used_and_what_cannot(model, folder):
    found = ask(model, folder)
    assert found.facts["names"] == ["images/a.png", "images/c.png", "images/d.png"]
    assert found.facts["targets"] == [0, 2, 1]
    assert [(row["name"], row["count"]) for row in found.facts["left_out"]] == [("eel", 1), ("", 1)]
    assert found.facts["left_out"][1]["reason"] == "The crop cuts off its objects."
    for (subject, objects), name in zip(tasks.annotated_subjects(found), "acd", strict=True):
        image = read_picture(folder / "images" / f"{name}.png")
        assert subject.hash == image_hash(image)
        assert np.array_equal(subject.pixels, model_input(image, (64, 64), 1.0))
        own = [one for one in OBJECTS[name] if one[0] != "eel"]
        regions = [Region(label, Box(*corners)) for label, corners in own]
        expected = seen_objects(regions, SIZE, (64, 64), 1.0)
        assert np.array_equal(objects.mask, expected.mask)
        assert np.array_equal(objects.boxes, expected.boxes)
        assert objects.cut == expected.cut


def test_composites_are_what_the_lots_say(model, folder):
    pictures = {name: read_picture(folder / "images" / f"{name}.png") for name in OBJECTS}
    hashes = {name: image_hash(image) for name, image in pictures.items()}
    names = {hashes[name]: f"images/{name}.png" for name in OBJECTS}
    targets = {hashes[name]: number for number, name in enumerate(OBJECTS)}
    task = tasks.composites(model, "f", str(folder), names, targets, 3)
    found = tasks.composite_subjects(task.run(**task.arguments), targets)
    by_hash = {hashes[name]: image for name, image in pictures.items()}
    for digest, drawn in drawn_quadrants(targets, 3).items():
        subject, objects = found[digest]
        expected = two_by_two([by_hash[one] for one in drawn.names(digest)], (64, 64), 1.0)
        assert np.array_equal(subject.pixels, expected)
        assert subject.target == targets[digest]
        assert objects.quadrant == drawn.quadrant
    same = tasks.composites(model, "f", str(folder), names, dict.fromkeys(targets, 0), 3)
    with pytest.raises(DataError, match="three pictures of other classes"):
        same.run(**same.arguments)


def test_no_more_than_are_asked_for(model, folder):
    found = ask(model, folder, most=1)
    assert found.facts["names"] == ["images/a.png"]
    assert found.facts["left_out"][-1]["count"] == 3


def test_names_that_are_told_to_mean_a_class(model, folder):
    found = ask(model, folder, meant={"eel": 0, "dog": 2})
    assert found.facts["targets"] == [0, 2, 2]
    assert all(row["name"] == "" for row in found.facts["left_out"])


def test_the_predicted_class(model, folder):
    clf = tasks.models.classifier(model)
    said = {
        name: int(
            clf.logits(clf.preprocess([read_picture(folder / f"images/{name}.png")])).argmax()
        )
        for name in OBJECTS
    }
    labels = ["cat", "dog", "owl"]
    expected = [
        f"images/{name}.png"
        for name, objects in OBJECTS.items()
        if name != "b" and labels[said[name]] in [label for label, _ in objects]
    ]
    assert len(expected) in (1, 2), "some are found, and some are not"
    assert ask(model, folder, explain="predicted").facts["names"] == expected


def test_nothing_is_left(model, folder):
    for name in ("a", "c", "d"):
        (folder / "annotations" / f"{name}.xml").write_text(xml(("eel", (1, 1, 2, 2)), size=SIZE))
    found = ask(model, folder)
    assert tasks.annotated_subjects(found) == []
    assert [row["count"] for row in found.facts["left_out"] if row["name"] == "eel"] == [3]


def test_a_changed_annotation_has_another_key(model, folder):
    def key():
        return tasks.annotated_pictures(model, "f", str(folder), 9).key

    first = key()
    assert key() == first
    os.utime(folder / "annotations" / "a.xml", ns=(1, 1))
    assert key() != first
