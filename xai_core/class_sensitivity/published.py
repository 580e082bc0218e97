"""How alike Nuzzo calls the maps of banana and orange in one picture (S section 7.3).

The thesis says it in words beside its bar charts (figures 7.43, 7.48, 7.53 and 7.58); nothing is
read off the charts. Of guided Grad-CAM and RAP it says how they look, and nothing of their SSIM.
"""

from __future__ import annotations

SOURCE = "Nuzzo 2020, Sanity Checks for Explanations (thesis), section 7.3"

_HALF = "close to 0.5"
_ONE = "very close to 1"
_OTHER = "other than 1 (not sufficient there)"
_DIFFERENT = "different (not sufficient there)"
_FALLING = "falls as β grows"

# By the id of the column.
PUBLISHED: dict[str, str] = {
    **dict.fromkeys(("saliency", "input_x_gradient"), _HALF),
    **dict.fromkeys(("deconvnet", "guided_backprop"), _ONE),
    "gradcam": "the lowest of its group",
    **dict.fromkeys(("deeplift", "deepshap", "smoothgrad-deeplift"), _OTHER),
    **dict.fromkeys(
        ("integrated_gradients", "smoothgrad-integrated_gradients", "expected_gradients"),
        _DIFFERENT,
    ),
    **dict.fromkeys(("lrp_alpha1_beta0", "lrp_alpha2_beta1"), "equal to 1"),
    **dict.fromkeys((f"lrp_alpha{beta + 1}_beta{beta}" for beta in (2, 3, 4, 5, 8)), _FALLING),
}
