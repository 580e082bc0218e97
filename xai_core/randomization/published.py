"""What others found when they randomised the last layer: their verdicts, as printed.

Nuzzo explained the same class in every network, except for LRP-αβ and RAP, whose code explains
what each network predicts: the choice "published" of ``targets``.
"""

from __future__ import annotations

ADEBAYO = "Adebayo et al. 2018, arXiv:1810.03292"
SIXT = "Sixt et al. 2020, arXiv:1912.09818"
NUZZO = "Nuzzo 2020, Sanity Checks for Explanations (thesis), chapter 7"

PASSES, FAILS = "passes", "fails"


def _verdicts(passes: str, fails: str) -> dict[str, str]:
    return dict.fromkeys(passes.split(), PASSES) | dict.fromkeys(fails.split(), FAILS)


# By the id of the column. Nuzzo states no verdict in words for guided Grad-CAM: an SSIM close
# to 0.9, below the 1 at which a method fails there.
PUBLISHED: dict[str, dict[str, str]] = {
    ADEBAYO: _verdicts(
        passes="saliency gradcam",
        fails="guided_backprop guided_gradcam",
    ),
    SIXT: _verdicts(
        passes="saliency gradcam integrated_gradients deeplift lrp_alpha5_beta4",
        fails="guided_backprop guided_gradcam deconvnet rectgrad deep_taylor pattern_attribution "
        "excitation_backprop lrp_alpha1_beta0 lrp_alpha2_beta1",
    ),
    NUZZO: _verdicts(
        passes="saliency input_x_gradient deconvnet gradcam guided_gradcam deeplift deepshap "
        "smoothgrad-deeplift integrated_gradients smoothgrad-integrated_gradients "
        "expected_gradients lrp_alpha4_beta3 lrp_alpha5_beta4 lrp_alpha6_beta5 lrp_alpha9_beta8",
        fails="guided_backprop lrp_alpha1_beta0 lrp_alpha2_beta1 lrp_alpha3_beta2 rap",
    ),
}
# Similarities that Nuzzo prints in words, after fc3 is randomised.
PUBLISHED_SSIM: dict[str, str] = {
    "guided_backprop": "1",
    "guided_gradcam": "close to 0.9",
    "integrated_gradients": "about 0.9 (blurred baseline), 0.7 (black)",
    "lrp_alpha1_beta0": "close to 1",
    "lrp_alpha2_beta1": "close to 1",
    "lrp_alpha3_beta2": "close to 1",
    "rap": "close to 1",
}


def verdicts_of(column: str) -> dict[str, str]:
    """Published verdicts on a column, by source."""
    return {source: found[column] for source, found in PUBLISHED.items() if column in found}
