"""Columns, presets, and how links and commands spell them."""

import pytest

from xai_core.errors import MethodError
from xai_core.explainers import METHODS
from xai_core.explainers.choices import (
    Choice,
    assigned,
    assignment,
    assignments,
    base_param,
    column_title,
    completed,
    parse_column,
    signed,
)
from xai_core.explainers.presets import PRESETS, everything, expanded

GROUP_4 = ["1_beta0", "2_beta1", "3_beta2", "4_beta3", "5_beta4", "6_beta5", "9_beta8"]


def test_a_column_is_told_by_the_method_and_what_it_averages():
    of_deeplift = Choice("smoothgrad", {"base": "deeplift", "sigma": 0.7})
    assert of_deeplift.id == "smoothgrad-deeplift"
    assert column_title(of_deeplift.id) == "SmoothGrad of DeepLIFT"
    assert Choice("smoothgrad", {"base": "saliency"}).id == "smoothgrad"
    assert column_title("smoothgrad") == "SmoothGrad"


@pytest.mark.parametrize("method", METHODS)
def test_every_column_is_read_as_it_is_written(method):
    base = base_param(method)
    bases = [{}] if base is None else [{"base": other} for other in base.choices]
    for given in bases:
        read = parse_column(Choice(method, given).id)
        assert completed(read) == completed(Choice(method, given))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_methods_with_settings_that_exist(preset):
    assert expanded(preset) == PRESETS[preset].choices
    for choice in PRESETS[preset].choices:
        assert completed(choice).items() >= dict(choice.settings).items()


def test_the_groups_are_those_of_the_thesis():
    columns = {name: [choice.id for choice in row.choices] for name, row in PRESETS.items()}
    assert columns["group-1"][:3] == ["saliency", "input_x_gradient", "deconvnet"]
    assert columns["group-1"][3:] == ["guided_backprop", "gradcam", "guided_gradcam"]
    assert columns["group-2"] == ["deeplift", "deepshap", "smoothgrad-deeplift"]
    integrated = ["integrated_gradients", "smoothgrad-integrated_gradients"]
    assert columns["group-3"] == [*integrated, "expected_gradients"]
    assert columns["group-4"] == [*(f"lrp_alpha{name}" for name in GROUP_4), "rap"]
    for group in ("group-2", "group-3"):
        alone, averaged = (c for c in PRESETS[group].choices if "baseline" in c.settings)
        assert alone.settings["baseline"] == averaged.settings["baseline"] == "blurred"
        assert averaged.settings["sigma"] == 0.7
    assert PRESETS["group-3"].choices[-1].settings == {"baselines": "blurred_and_original"}
    lrp = [choice for choice in PRESETS["group-4"].choices if choice.method != "rap"]
    assert all(choice.settings == {"first": "zb"} for choice in lrp)


def test_everything_is_what_is_not_refused():
    names = [choice.method for choice in everything({"cam": "No.", "rap": ""})]
    assert names == [name for name in METHODS if name != "cam"]


def test_settings_are_read_as_they_are_written():
    given = {"base": "integrated_gradients", "sigma": 0.7, "steps": 20}
    choice = Choice("smoothgrad", {**given, "baseline": ["black", "blurred"]})
    texts = assignments(choice)
    column = "smoothgrad-integrated_gradients"
    expected = {"sigma=0.7", "steps=20", "baseline=black,blurred"}
    assert set(texts) == {f"{column}.{setting}" for setting in expected}
    read = parse_column(column)
    for text in texts:
        name, setting, word = assignment(text)
        assert name == column
        read = assigned(read, setting, word)
    assert completed(read) == completed(choice)


def test_what_is_averaged_decides_about_signs():
    assert signed(Choice("smoothgrad"))
    assert not signed(Choice("smoothgrad", {"base": "gradcam"}))
    assert not signed(Choice("smoothgrad_sq"))
    # Without its ReLU Grad-CAM keeps what speaks against the class; a square never does.
    assert not signed(Choice("gradcam", {"relu": True}))
    assert signed(Choice("gradcam", {"relu": False}))
    assert signed(Choice("smoothgrad", {"base": "gradcam", "relu": False}))
    assert not signed(Choice("smoothgrad_sq", {"base": "gradcam", "relu": False}))


@pytest.mark.parametrize(
    ("word", "sentence"),
    [("guess", "no method 'guess'"), ("saliency-deeplift", "averages no other method")],
)
def test_what_is_no_column(word, sentence):
    with pytest.raises(MethodError, match=sentence):
        expanded(word)


def test_what_is_no_setting():
    with pytest.raises(MethodError, match=r"METHOD\.NAME=VALUE"):
        assignment("sigma=3")
    with pytest.raises(MethodError, match="no setting 'colour'"):
        completed(assigned(Choice("saliency"), "colour", "red"))
    with pytest.raises(MethodError, match="must be a number"):
        completed(assigned(Choice("smoothgrad"), "sigma", "much"))
