"""One picture, one model: one prediction and one map on every page, by command, in Python."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from pages.components.classified import _input, seen
from pages.components.picture_choice import Picture
from xai_core import tasks
from xai_core.__main__ import main
from xai_core.explainers import explain
from xai_core.explainers.choices import Choice
from xai_core.first_model import FIRST
from xai_core.images import sample_image
from xai_core.models import load_classifier
from xai_core.study.design import Condition, Design, StudyPicture
from xai_core.study.field_of_view import original_png

NAME = "coffee"
METHOD = "saliency"


def test_one_picture_has_one_prediction_and_one_map(tmp_path: Path) -> None:
    """The model crops: what it gets depends on the order of cropping and resizing."""
    image, clf = sample_image(NAME), load_classifier(FIRST)
    assert clf.crop < 1
    x = clf.preprocess([image])
    shares = clf.probabilities(clf.logits(x))[0].numpy()
    best = int(shares.argmax())
    relevance = explain(clf, x, best, METHOD)[0].numpy()

    words = ["explain", f"sample:{NAME}", "--model", FIRST, "--methods", METHOD]
    assert main([*words, "--out", str(tmp_path)]) == 0
    (told,) = csv.DictReader((tmp_path / "heatmaps.csv").read_text(encoding="utf-8").splitlines())
    assert (int(told["target"]), float(told["probability"])) == (best, float(shares[best]))
    with np.load(tmp_path / "relevance.npz") as stored:
        np.testing.assert_array_equal(stored[f"sample_{NAME}__{METHOD}"], relevance)

    model = {"source": FIRST}
    described = tasks.describe(model)
    facts = described.run(**described.arguments).facts
    picture = Picture.of(NAME, f"sample:{NAME}", lambda: image)
    pixels = _input(picture.hash, picture, *seen(facts))
    asked = tasks.predict(model, facts["fingerprint"], [picture.hash], [pixels])
    np.testing.assert_array_equal(asked.run(**asked.arguments).arrays["probabilities"][0], shares)
    subject = tasks.Subject(picture.hash, pixels, best)
    shown = tasks.explain(model, facts["fingerprint"], subject, Choice(METHOD))
    np.testing.assert_array_equal(shown.run(**shown.arguments).arrays["relevance"], relevance)

    plan = Design(
        pictures=(StudyPicture("p", NAME, NAME, ""),),
        conditions=(Condition("c", "C", model, METHOD),),
    )
    studied = tasks.study_pictures(plan, {"c": facts}, lambda asset: original_png(image))["p", "c"]
    np.testing.assert_array_equal(studied.arguments["pixels"], pixels)
    found = studied.run(**studied.arguments).facts
    assert found["probability"] == float(shares[best])
