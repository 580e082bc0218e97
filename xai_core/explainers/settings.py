"""Settings that several methods share, under one name and with one meaning everywhere."""

from __future__ import annotations

from dataclasses import replace

from xai_core.explainers.registry import BASES
from xai_core.params import (
    BaselineParam,
    BaselinesParam,
    BoolParam,
    ChoiceParam,
    FloatParam,
    IntParam,
    LayerParam,
    MethodParam,
)

LAYER = LayerParam(
    "layer",
    None,
    "Layer whose output is explained; if not chosen, the activation behind the last convolution.",
)
RELU = BoolParam("relu", True, "Keep only what speaks for the class.")
UPSAMPLE = ChoiceParam(
    "upsample",
    "bilinear",
    "How the coarse map is enlarged to the size of the picture.",
    choices=("bilinear", "nearest"),
)
STEPS = IntParam(
    "steps", 200, "Points on the path between baseline and picture.", low=1, high=1000, quick=3
)
BASE = MethodParam(
    "base",
    "saliency",
    "Method that explains the noisy copies; its settings can be given too.",
    choices=BASES,
)
SAMPLES = IntParam("samples", 100, "Noisy copies that are averaged.", low=1, high=10_000, quick=3)
DRAWS = replace(
    SAMPLES,
    default=200,
    help="Random points, each on the way from one of the baselines to the picture.",
)
SIGMA = FloatParam("sigma", 0.2, "Standard deviation of the noise.", low=0.0, high=10.0)
SIGMA_UNITS = ChoiceParam(
    "sigma_units",
    "range",
    "Unit of sigma: each picture's range from its lowest to its highest value, its standard "
    "deviation, or the units of the model's input.",
    choices=("range", "std", "input"),
)
SEED = IntParam("seed", 0, "The same seed gives the same random numbers.", low=0, high=2**31 - 1)
BASELINE = BaselineParam(
    "baseline",
    "black",
    "Picture without evidence that the picture is compared to; the mean over several.",
    choices=("black", "blurred", "mean", "noise"),
)
BASELINES = BaselinesParam(
    "baselines",
    "samples",
    "Pictures that the picture is compared to: crops of the sample pictures, or a tensor.",
    choices=("samples",),
)
OWN_BASELINES = replace(
    BASELINES,
    help="Pictures that the picture is compared to: crops of the sample pictures, its own blurred "
    "copy and itself, or a tensor.",
    choices=("samples", "blurred_and_original"),
)
BATCHNORM = ChoiceParam(
    "batchnorm",
    "fold",
    "Whether a BatchNorm is folded into the layer before it, or passes relevance on as it is.",
    choices=("fold", "identity"),
)
EPSILON = FloatParam(
    "epsilon", 1e-6, "Added to what is divided by, so that it is never zero.", low=1e-12, high=1e6
)
LRP_EPSILON = replace(
    EPSILON, default=1.0, help="Swallows what hardly contributes; see epsilon units."
)
EPSILON_UNITS = ChoiceParam(
    "epsilon_units",
    "output",
    "Unit of epsilon: that of the layers' outputs, or the mean size of each layer's outputs for "
    "the picture, so that it swallows as much in every layer and every model.",
    choices=("output", "mean"),
)
ALPHA = FloatParam("alpha", 2.0, "Weight of what raises an output; beta + 1.", low=1.0, high=101.0)
BETA = FloatParam("beta", 1.0, "Weight of what lowers an output.", low=0.0, high=100.0)
BIAS = BoolParam(
    "bias", False, "Whether the bias takes its share, which is then missing from the sum."
)
LRP_BIAS = replace(BIAS, default=True)
FIRST = ChoiceParam(
    "first",
    "same",
    "Rule of the layer that reads the picture: the one of all layers, or z^B, which knows from "
    "where to where the picture's values reach.",
    choices=("same", "zb"),
)
CHUNK = IntParam(
    "chunk",
    0,
    "Pictures that go through the model at once, 0 for as many as memory allows: less needs "
    "less memory, the result stays.",
    low=0,
    high=1024,
)
