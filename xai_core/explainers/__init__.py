"""Attribution methods: one table of pure functions with the facts about them."""

# Importing a module enters its methods; the order of the imports is the order of the table.
from xai_core.explainers import (  # noqa: F401, I001
    gradient,
    noise,
    backprop,
    cam,
    guided_cam,
    fullgrad,
    lrp,
    deep_taylor,
    excitation,
    rap,
    pattern,
    deeplift,
    deepshap,
    path,
    controls,
)
from xai_core.explainers.registry import FAMILIES, METHODS, Method, method
from xai_core.explainers.panel import Panel, explain
from xai_core.explainers import foreign
from xai_core.explainers.foreign import offer

__all__ = ["FAMILIES", "METHODS", "Method", "Panel", "explain", "method", "offer"]

foreign.take()  # behind everything that what is imported then may import from here
