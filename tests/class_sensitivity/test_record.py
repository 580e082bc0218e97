"""The run.json of a comparison, and the command that repeats it."""

import json

import pytest

from xai_core.class_sensitivity.pairs import ALONE, CHOSEN, TOP, TRUE
from xai_core.class_sensitivity.record import sensitivity_run
from xai_core.explainers.choices import Choice
from xai_core.provenance import ModelFacts

MODEL = ModelFacts("small", "f" * 64, ["ant", "bee", "cat"])
PHOTOS = [("one.png", "1" * 64), ("two.png", "2" * 64)]


def run(**options):
    return sensitivity_run(MODEL, [Choice("saliency")], PHOTOS, measures=["ssim", "hog"], **options)


START = ["python", "-m", "xai_core", "class-sensitivity", "--model", "small"]
START += ["--methods", "saliency", "--measures", "ssim,hog"]
END = ["--out", "results"]
BOTH = ["--", "one.png", "two.png"]


@pytest.mark.parametrize(
    ("options", "words", "classes"),
    [
        ({"rule": TOP}, ["--pair", "top", *END, *BOTH], "top"),
        (
            {"rule": TRUE, "true": [2, None]},
            ["--pair", "true", "--true", "2-cat", "--true", "unknown", *END, *BOTH],
            "true",
        ),
        (
            {"rule": CHOSEN, "classes": [2, 0]},
            ["--class", "2-cat", "--class", "0-ant", *END, *BOTH],
            ["2-cat", "0-ant"],
        ),
        (
            {"rule": ALONE, "joined": "crosswise"},
            ["--join", "crosswise", *END, *BOTH],
            "alone",
        ),
        (
            {"rule": TRUE, "true": [2, 1], "data": [("--data", "pets"), ("--right", "3")]},
            ["--pair", "true", "--data", "pets", "--right", "3", *END],
            "true",
        ),
        (
            {"rule": TOP, "folder": "pets"},
            ["--pair", "top", *END, "--", "pets/one.png", "pets/two.png"],
            "top",
        ),
    ],
)
def test_the_command(options, words, classes):
    made = run(**options)
    assert made.words() == START + words
    facts = json.loads(made.run_json())
    assert facts["classes"] == classes
    assert facts["joined"] == options.get("joined", "")
    assert facts["measures"] == ["ssim", "hog"]
    assert [(one["name"], one["true"]) for one in facts["images"]] == list(
        zip(("one.png", "two.png"), options.get("true", (None, None)), strict=True)
    )
