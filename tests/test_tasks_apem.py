"""Tasks about reliability, as a worker runs them."""

import numpy as np
import pytest
import torch

from xai_core.apem.one_picture import picture_rows
from xai_core.errors import DataError, ModelError
from xai_core.explainers import explain
from xai_core.images import image_hash, sample_image
from xai_core.models import load_classifier
from xai_core.orders import labelled
from xai_core.progress import listening
from xai_core.tasks import apem_rows, labelled_pictures, predict

MODEL = {"source": "vgg-tiny"}
METRIC = {"stages": ("channels",), "shuffles": 0, "seed": 0, "eps_max": 12}


@pytest.fixture(scope="module")
def picture():
    """The astronaut as the model sees it, float32 [3, H, W]."""
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("astronaut")])
    return clf, x, clf.pixels(x).clamp(0, 1)[0].numpy()


def test_rows_are_those_of_the_package(picture):
    clf, _, pixels = picture
    found = apem_rows(MODEL, pixels, 3, "mine", "saliency", {}, METRIC, 0.5)
    x = clf.normalise(torch.from_numpy(pixels)[None])
    raw = explain(clf, x, 3, method="saliency")
    assert found.facts["rows"] == picture_rows(clf, x, {"mine": raw}, ("channels",), eps_max=12)
    logits = predict(MODEL, [pixels]).arrays["logits"][0]
    assert np.allclose(found.arrays["logits"], logits, atol=1e-5)


def test_a_method_that_fails_gives_rows_with_its_reason(picture):
    _, _, pixels = picture
    found = apem_rows(MODEL, pixels, 3, "g", "gradcam", {"layer": "nowhere"}, METRIC, 0.5)
    (row,) = found.facts["rows"]
    assert (row["method"], row["stage"]) == ("g", "channels")
    assert "nowhere" in row["problem"]


def test_progress_does_not_end_with_the_explanation(picture):
    _, _, pixels = picture
    told = []
    with listening(told.append):
        apem_rows(MODEL, pixels, 3, "s", "smoothgrad", {"samples": 8}, METRIC, 0.25)
    assert told == sorted(told)
    assert 0.25 in told, "the samples are a quarter"
    assert told[-1] == pytest.approx(1)


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
    found = labelled_pictures(MODEL, str(folder), 5, 1)
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
        labelled_pictures(MODEL, str(folder), 0, 0)
    (tmp_path / "unicorn").mkdir()
    sample_image("cat").save(tmp_path / "unicorn" / "one.png")
    with pytest.raises(ModelError, match="unicorn"):
        labelled_pictures(MODEL, str(tmp_path), 1, 1)
    with pytest.raises(DataError, match="no folder"):
        labelled_pictures(MODEL, str(tmp_path / "gone"), 1, 1)


def test_a_changed_folder_is_another_order(folder):
    before = labelled(MODEL, "f", str(folder), 1, 1).key
    assert labelled(MODEL, "f", str(folder), 1, 1).key == before
    assert labelled(MODEL, "f", str(folder), 2, 1).key != before
    (folder / "new").mkdir()
    assert labelled(MODEL, "f", str(folder), 1, 1).key != before
    (folder / "new").rmdir()
