"""Published sets of methods with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xai_core.explainers import lrp
from xai_core.explainers.choices import Choice, parse_column
from xai_core.explainers.registry import METHODS

BLURRED = {"baseline": "blurred"}
# Nuzzo gives sigma only; the number of copies and the unit are those of Captum's NoiseTunnel.
NOISE = {"sigma": 0.7, "sigma_units": "input", "samples": 5}
# The code of Nam et al., which Nuzzo used, has the z^B rule at the pixels.
FIRST = {"first": "zb"}
SANITY = "Sanity Checks for Explanations of Deep Neural Networks Predictions (Nuzzo 2020), ch. 7"
EVERYTHING = "everything"


@dataclass(frozen=True)
class Preset:
    """A set of methods with settings.

    Attributes:
        id: as the command line spells it.
        title: what people read.
        source: where the set comes from, and what differs from there.
        choices: the methods, in the order of the source.
    """

    id: str
    title: str
    source: str
    choices: tuple[Choice, ...]


def expanded(word: str) -> tuple[Choice, ...]:
    """What one word stands for: a method, METHOD-BASE, a preset, or "all".

    Raises:
        MethodError: there is no such method or preset.
    """
    if word in ("all", EVERYTHING):
        return everything({})
    return PRESETS[word].choices if word in PRESETS else (parse_column(word),)


def everything(refusals: Mapping[str, str]) -> tuple[Choice, ...]:
    """Every method with its defaults, except those with a sentence in ``refusals``."""
    return tuple(Choice(name) for name in METHODS if not refusals.get(name))


PRESETS: dict[str, Preset] = {
    preset.id: preset
    for preset in (
        Preset(
            "group-1",
            "Gradients and Grad-CAM (group 1)",
            SANITY,
            (
                Choice("saliency"),
                Choice("input_x_gradient"),
                Choice("deconvnet"),
                Choice("guided_backprop"),
                Choice("gradcam"),
                Choice("guided_gradcam"),
            ),
        ),
        Preset(
            "group-2",
            "DeepLIFT (group 2)",
            f"{SANITY}; the reference pictures of DeepSHAP are ours",
            (
                Choice("deeplift", BLURRED),
                Choice("deepshap"),
                Choice("smoothgrad", {"base": "deeplift", **NOISE, **BLURRED}),
            ),
        ),
        Preset(
            "group-3",
            "Path integrals (group 3)",
            SANITY,
            (
                Choice("integrated_gradients", {"steps": 200, **BLURRED}),
                Choice("smoothgrad", {"base": "integrated_gradients", **NOISE, **BLURRED}),
                Choice("expected_gradients", {"baselines": "blurred_and_original"}),
            ),
        ),
        Preset(
            "group-4",
            "LRP αβ and RAP (group 4)",
            SANITY,
            (
                *(Choice(name, FIRST) for name in lrp.PRESETS),
                Choice("rap"),
            ),
        ),
    )
}
