"""Pictures of a data set on the server's disk."""

import numpy as np
import pytest

from xai_core.errors import DataError, ModelError
from xai_core.images import image_hash, sample_image
from xai_core.models import load_classifier
from xai_core.tasks.data import labelled, run_labelled

MODEL = {"source": "vgg-tiny"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures in folders of classes, of which the model gets one right, and a text."""
    clf, root = load_classifier("vgg-tiny"), tmp_path_factory.mktemp("data") / "pets"
    for sample, guess in (("cat", True), ("astronaut", False), ("coffee", False)):
        image = sample_image(sample)
        best = int(clf.logits(clf.preprocess([image])).argmax())
        name = clf.class_names[best if guess else (best + 1) % 100]
        (root / name).mkdir(parents=True, exist_ok=True)
        image.save(root / name / f"{sample}.png")
    (root / "school bus").mkdir(exist_ok=True)
    (root / "school bus" / "no.png").write_text("no picture")
    return root


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
    assert np.abs(found.arrays["pixels"][cat] / 255 - seen).max() < 1e-6
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
