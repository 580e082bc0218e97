"""Pictures of a data set on the server's disk."""

import numpy as np
import pytest

from tests.tasks.conftest import write_classes
from xai_core.errors import DataError, ModelError
from xai_core.images import image_hash, sample_image
from xai_core.models import load_classifier
from xai_core.tasks.data import labelled, run_labelled

MODEL = {"source": "vgg-tiny"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures in folders of classes, of which the model gets one right, and a text."""
    samples = {"cat": True, "astronaut": False, "coffee": False}
    pictures = {name: (sample_image(name), right) for name, right in samples.items()}
    return write_classes(tmp_path_factory.mktemp("data") / "pets", pictures)


def test_pictures_of_a_data_set(folder):
    found = run_labelled(MODEL, str(folder), 5, 1)
    names, true = found.facts["names"], found.facts["true"]
    guessed = found.arrays["logits"].argmax(1)
    assert len(names) == len(true) == len(found.arrays["pixels"]) == 2, "one of the wrong ones"
    assert sum(int(a) == b for a, b in zip(guessed, true, strict=True)) == 1
    cat = [name.endswith("cat.png") for name in names].index(True)
    assert found.facts["hashes"][cat] == image_hash(sample_image("cat"))
    clf = load_classifier("vgg-tiny")
    seen = clf.pixels(clf.preprocess([sample_image("cat")]))[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(found.arrays["pixels"][cat], np.rint(255 * seen))
    assert any("no.png" in sentence for sentence in found.facts["unread"])


def test_what_a_data_set_lacks_is_named(folder, tmp_path):
    with pytest.raises(DataError, match="fits what was asked for"):
        run_labelled(MODEL, str(folder), 0, 0)
    (tmp_path / "unicorn").mkdir()
    sample_image("cat").save(tmp_path / "unicorn" / "one.png")
    with pytest.raises(ModelError, match="unicorn"):
        run_labelled(MODEL, str(tmp_path), 1, 1)
    with pytest.raises(DataError, match="no folder"):
        run_labelled(MODEL, str(tmp_path / "gone"), 1, 1)


def test_a_changed_folder_is_another_question(folder):
    before = labelled(MODEL, "f", str(folder), 1, 1).key
    assert labelled(MODEL, "f", str(folder), 1, 1).key == before
    assert labelled(MODEL, "f", str(folder), 2, 1).key != before
    within = next(place for place in folder.iterdir() if place.is_dir())
    (within / "new.png").touch()
    assert labelled(MODEL, "f", str(folder), 1, 1).key != before
    (within / "new.png").unlink()
