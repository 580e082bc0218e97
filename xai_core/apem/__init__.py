"""Reliability: the steps along a heatmap, and along its opposite, that change the answer."""

from xai_core.apem.metric import Apem, apem

__all__ = ["Apem", "apem"]
