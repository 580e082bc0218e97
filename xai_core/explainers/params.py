"""Settings that several methods share, under one name and with one meaning everywhere."""

from __future__ import annotations

from dataclasses import replace

from xai_core.explainers.registry import BASES, Param

LAYER = Param(
    "layer",
    "layer",
    None,
    "Layer whose output is explained; if not chosen, the activation behind the last convolution.",
)
RELU = Param("relu", "bool", True, "Keep only what speaks for the class.")
UPSAMPLE = Param(
    "upsample",
    "choice",
    "bilinear",
    "How the coarse map is enlarged to the size of the picture.",
    choices=("bilinear", "nearest"),
)
STEPS = Param(
    "steps",
    "int",
    200,
    "Points on the path between baseline and picture.",
    low=1,
    high=1000,
    quick=3,
)
BASE = Param(
    "base",
    "base",
    "saliency",
    "Method that explains the noisy copies; its settings can be given too.",
    choices=BASES,
)
SAMPLES = Param(
    "samples", "int", 100, "Noisy copies that are averaged.", low=1, high=10_000, quick=3
)
DRAWS = Param(
    "samples",
    "int",
    200,
    "Random points, each on the way from one of the baselines to the picture.",
    low=1,
    high=10_000,
    quick=3,
)
SIGMA = Param("sigma", "float", 0.2, "Standard deviation of the noise.", low=0.0, high=10.0)
SIGMA_UNITS = Param(
    "sigma_units",
    "choice",
    "range",
    "Unit of sigma: each picture's range from its lowest to its highest value, its standard "
    "deviation, or the units of the model's input.",
    choices=("range", "std", "input"),
)
SEED = Param(
    "seed", "int", 0, "The same seed gives the same random numbers.", low=0, high=2**31 - 1
)
BASELINE = Param(
    "baseline",
    "baseline",
    "black",
    "Picture without evidence that the picture is compared to; the mean over several.",
    choices=("black", "blurred", "mean", "noise"),
)
BASELINES = Param(
    "baselines",
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
BATCHNORM = Param(
    "batchnorm",
    "choice",
    "fold",
    "Whether a BatchNorm is folded into the layer before it, or passes relevance on as it is.",
    choices=("fold", "identity"),
)
EPSILON = Param(
    "epsilon",
    "float",
    1e-6,
    "Added to what is divided by, so that it is never zero.",
    low=1e-12,
    high=1e6,
)
LRP_EPSILON = replace(
    EPSILON, default=1.0, help="Swallows what hardly contributes; see epsilon units."
)
EPSILON_UNITS = Param(
    "epsilon_units",
    "choice",
    "output",
    "Unit of epsilon: that of the layers' outputs, or the mean size of each layer's outputs for "
    "the picture, so that it swallows as much in every layer and every model.",
    choices=("output", "mean"),
)
ALPHA = Param(
    "alpha", "float", 2.0, "Weight of what raises an output; beta + 1.", low=1.0, high=101.0
)
BETA = Param("beta", "float", 1.0, "Weight of what lowers an output.", low=0.0, high=100.0)
BIAS = Param(
    "bias", "bool", False, "Whether the bias takes its share, which is then missing from the sum."
)
LRP_BIAS = replace(BIAS, default=True)
FIRST = Param(
    "first",
    "choice",
    "same",
    "Rule of the layer that reads the picture: the one of all layers, or z^B, which knows from "
    "where to where the picture's values reach.",
    choices=("same", "zb"),
)
CHUNK = Param(
    "chunk",
    "int",
    0,
    "Pictures that go through the model at once, 0 for as many as memory allows: less needs "
    "less memory, the result stays.",
    low=0,
    high=1024,
)
