"""Pictures of a data set by lot, as a worker draws them."""

from __future__ import annotations

import pytest

from tests.tasks.conftest import write_classes
from xai_core.errors import DataError
from xai_core.images import sample_image
from xai_core.tasks.study_lot import run_study_draw, study_draw

MODEL = {"source": "vgg-tiny"}
SIDES = range(200, 296, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve pictures in folders of classes, of which the model gets six right, and a text."""
    coffee = sample_image("coffee")
    crops = {number: coffee.crop((0, 0, side, side)) for number, side in enumerate(SIDES)}
    pictures = {str(number): (image, number % 2) for number, image in crops.items()}
    root = write_classes(tmp_path_factory.mktemp("data") / "pets", pictures)
    (root / "unicorn").mkdir()
    sample_image("cat").save(root / "unicorn" / "horn.png")
    return root


def test_so_many_right_and_wrong_as_asked(folder):
    found = run_study_draw(MODEL, str(folder), 4, 2, 7)
    names, classes = found.facts["names"], found.facts["classes"]
    assert len(names) == len(set(names)) == 6
    right = 0
    for name, true in zip(names, classes, strict=True):
        assert name.split("/")[0] == true
        right += int(name.split("/")[1].removesuffix(".png")) % 2
    assert right == 4


def test_the_seed_decides_and_nothing_else(folder):
    first = run_study_draw(MODEL, str(folder), 2, 2, 1).facts
    assert run_study_draw(MODEL, str(folder), 2, 2, 1).facts == first
    others = [run_study_draw(MODEL, str(folder), 2, 2, seed).facts["names"] for seed in range(2, 6)]
    assert any(names != first["names"] for names in others)


def test_what_cannot_be_read_or_is_not_known_is_left_out(folder):
    found = run_study_draw(MODEL, str(folder), 100, 100, 0).facts
    assert len(found["names"]) == 12
    assert any("no.png" in sentence for sentence in found["unread"])
    assert not any("unicorn" in name for name in found["names"])


def test_a_data_set_without_known_classes_is_refused(tmp_path):
    (tmp_path / "unicorn").mkdir()
    sample_image("cat").save(tmp_path / "unicorn" / "horn.png")
    with pytest.raises(DataError, match="names of the model's classes"):
        run_study_draw(MODEL, str(tmp_path), 1, 1, 0)


def test_another_seed_is_another_order(folder):
    keys = {study_draw(MODEL, "f", str(folder), 1, 1, seed).key for seed in (0, 1)}
    assert len(keys) == 2
    assert study_draw(MODEL, "f", str(folder), 1, 1, 0).key in keys
