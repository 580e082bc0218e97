"""Which class destroyed networks explain, method by method."""

import pytest

from xai_core.errors import MethodError
from xai_core.explainers.choices import Choice
from xai_core.explainers.presets import PRESETS
from xai_core.randomization.targets import TARGETS, WHY, own_class, target_of


def test_as_published_group_4_explains_what_is_predicted_and_the_other_groups_do_not():
    for number, kind in ((1, "fixed"), (2, "fixed"), (3, "fixed"), (4, "predicted")):
        choices = PRESETS[f"group-{number}"].choices
        assert {target_of(choice, "published") for choice in choices} == {kind}


@pytest.mark.parametrize("target", ["fixed", "predicted"])
def test_the_other_choices_hold_for_every_method(target):
    for name in ("saliency", "rap", "lrp_alpha_beta", "lrp_epsilon", "edges"):
        assert target_of(Choice(name), target) == target


def test_other_relevance_propagation_keeps_the_class_as_published():
    # Not by that code: LRP-ε, Deep Taylor, and averages of whatever method.
    averaged = Choice("smoothgrad", {"base": "lrp_alpha2_beta1"})
    for choice in (Choice("lrp_epsilon"), Choice("deep_taylor"), averaged):
        assert target_of(choice, "published") == "fixed"
    assert target_of(Choice("lrp_alpha_beta"), "published") == "predicted"


def test_an_unknown_choice_is_named():
    with pytest.raises(MethodError, match="published, fixed, predicted, not 'mine'"):
        target_of(Choice("saliency"), "mine")


def test_the_columns_that_explain_their_own_class_are_named():
    choices = [Choice("saliency"), Choice("rap")]
    assert own_class(choices, "published").endswith(": RAP.")
    assert "Saliency, RAP" in own_class(choices, "predicted")
    assert own_class(choices, "fixed") == ""
    assert all(TARGETS.values())
    assert "arXiv:1904.00605" in WHY
