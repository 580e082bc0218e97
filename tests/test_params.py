"""Settings, kind by kind: what is accepted, and how words spell it."""

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from xai_core.errors import MethodError
from xai_core.params import (
    BaselineParam,
    BaselinesParam,
    BoolParam,
    ChoiceParam,
    FloatParam,
    IntParam,
    LayerParam,
    MethodParam,
    settings,
)

WORDS = ("black", "blurred")
STEPS = IntParam("steps", 5, "How many.", low=1, high=9, quick=2)
SIGMA = FloatParam("sigma", 1e-6, "How wide.", low=0.0, high=2.5)
RELU = BoolParam("relu", True, "Whether.")
LAYER = LayerParam("layer", None, "Where.")
UNITS = ChoiceParam("units", "black", "Which.", choices=WORDS)
BASE = MethodParam("base", "black", "Of which.", choices=WORDS)
BASELINE = BaselineParam("baseline", "black", "Beside what.", choices=WORDS)
BASELINES = BaselinesParam("baselines", "black", "Beside which.", choices=WORDS)
PICTURE = torch.zeros(1, 3, 2, 2)


@pytest.mark.parametrize(
    ("param", "word", "value"),
    [
        (STEPS, "7", 7),
        (SIGMA, "0.5", 0.5),
        (SIGMA, "1e-06", 1e-6),
        (RELU, "false", False),
        (RELU, "true", True),
        (LAYER, "features.3", "features.3"),
        (UNITS, "blurred", "blurred"),
        (BASE, "blurred", "blurred"),
        (BASELINE, "blurred", "blurred"),
        (BASELINE, "blurred,sample:cat", ["blurred", "sample:cat"]),
        (BASELINES, "sample:cat,sample:dog", ["sample:cat", "sample:dog"]),
        (BASELINE, '"cat, asleep.png"', "cat, asleep.png"),
        (BASELINES, '"cat, asleep.png",dog.png', ["cat, asleep.png", "dog.png"]),
    ],
)
def test_a_word_is_read_as_it_is_written(param, word, value):
    assert param.write(value) == word
    found = param.read(word)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("param", "word"), [(STEPS, "many"), (STEPS, "2.5"), (SIGMA, "wide"), (RELU, "perhaps")]
)
def test_a_word_that_says_nothing_is_left_to_be_refused(param, word):
    assert param.read(word) == word
    with pytest.raises(MethodError, match=f"IG: '{param.name}' must be .*, not '{word}'"):
        param.checked("IG", param.read(word))


@pytest.mark.parametrize(
    ("param", "given", "expected"),
    [
        (STEPS, 3.0, 3),
        (STEPS, np.int64(3), 3),
        (SIGMA, 2, 2.0),
        (SIGMA, 2.5, 2.5),
        (LAYER, None, None),
        (BASELINE, "black", "black"),
        (BASELINE, ["black", "blurred"], ("black", "blurred")),
        (BASELINE, PICTURE, PICTURE),
        (BASELINES, PICTURE, PICTURE),
    ],
)
def test_a_value_comes_in_the_type_that_is_wanted(param, given, expected):
    found = param.checked("IG", given)
    assert found is expected or found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("param", "wrong", "sentence"),
    [
        (STEPS, 2.5, "a whole number"),
        (STEPS, True, "a whole number"),
        (STEPS, math.nan, "a whole number"),
        (STEPS, math.inf, "a whole number"),
        (STEPS, 10**400, "a whole number"),
        (STEPS, 0, "from 1 to 9, not 0"),
        (STEPS, 10, "from 1 to 9, not 10"),
        (SIGMA, "1", "a number"),
        (SIGMA, False, "a number"),
        (SIGMA, math.nan, "a number, not nan"),
        (SIGMA, math.inf, "a number, not inf"),
        (SIGMA, -(10**400), "a number"),
        (SIGMA, -1e-9, "from 0 to 2.5"),
        (RELU, 1, "true or false"),
        (LAYER, 3, "dotted name"),
        (UNITS, "red", "one of black, blurred, not 'red'"),
        (BASE, 3, "one of black, blurred"),
        (BASELINE, [], "at least one"),
        (BASELINE, [["black"]], "at least one"),
        (BASELINE, ["black", "red"], "not 'red'"),
        (BASELINES, ["black", "blurred"], "one of black, blurred"),
    ],
)
def test_what_a_setting_cannot_be(param, wrong, sentence):
    with pytest.raises(MethodError, match=f"^IG: '{param.name}' must .*{sentence}"):
        param.checked("IG", wrong)


def test_default_and_range_in_words():
    found = {param.name: (param.usual, param.values) for param in (STEPS, SIGMA, RELU, LAYER)}
    assert found == {
        "steps": ("5", "1 to 9"),
        "sigma": ("1e-06", "0 to 2.5"),
        "relu": ("on", "on, off"),
        "layer": ("the model's", "a layer with maps"),
    }
    found = {param.name: param.values for param in (UNITS, BASE, BASELINE, BASELINES)}
    assert found == {
        "units": "black, blurred",
        "base": "another method",
        "baseline": "black, blurred, pictures, or several",
        "baselines": "black, blurred, or pictures",
    }


def test_settings_are_the_defaults_overruled_by_what_is_given():
    assert settings("IG", (STEPS, RELU), {"steps": 3.0}) == {"steps": 3, "relu": True}
    with pytest.raises(MethodError, match=r"^IG has no setting 'red'; it has: steps, relu\.$"):
        settings("IG", (STEPS, RELU), {"red": 1})
    with pytest.raises(MethodError, match=r"it has: none\.$"):
        settings("IG", (), {"red": 1})


def test_a_setting_is_plain_data():
    expected = {"name": "steps", "default": 5, "help": "How many.", "quick": 2, "low": 1, "high": 9}
    assert asdict(STEPS) == expected
