"""What the thesis says in words of the similarity of the maps of banana and orange."""

import pytest

from xai_core.class_sensitivity import PUBLISHED
from xai_core.explainers.choices import parse_column
from xai_core.explainers.presets import PRESETS

# S section 7.3, in its own words; of guided Grad-CAM and RAP it states no similarity.
WORDS = {
    "close to 0.5": {"saliency", "input_x_gradient"},
    "very close to 1": {"deconvnet", "guided_backprop"},
    "the lowest": {"gradcam"},
    "other than 1": {"deeplift", "deepshap", "smoothgrad-deeplift"},
    "different": {
        *("integrated_gradients", "smoothgrad-integrated_gradients", "expected_gradients"),
    },
    "equal to 1": {"lrp_alpha1_beta0", "lrp_alpha2_beta1"},
    "falls": {f"lrp_alpha{beta + 1}_beta{beta}" for beta in (2, 3, 4, 5, 8)},
}


@pytest.mark.parametrize("word", WORDS)
def test_readings_are_the_words_of_the_thesis(word):
    assert {name for name, said in PUBLISHED.items() if said.startswith(word)} == WORDS[word]


def test_readings_are_of_methods_that_the_thesis_compares():
    groups = [PRESETS[f"group-{number}"].choices for number in (1, 2, 3, 4)]
    compared = {choice.id for group in groups for choice in group}
    assert set(PUBLISHED) == compared - {"guided_gradcam", "rap"}
    assert all(parse_column(name).id == name for name in PUBLISHED)
