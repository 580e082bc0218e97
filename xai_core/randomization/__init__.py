"""Randomisation: networks that lose what they learnt, and whose heatmaps notice."""

from xai_core.randomization.check import sanity_check
from xai_core.randomization.layer_groups import Layer, randomizable_layers
from xai_core.randomization.networks import randomized

__all__ = ["Layer", "randomizable_layers", "randomized", "sanity_check"]
