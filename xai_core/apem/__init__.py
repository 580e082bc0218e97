"""Reliability: the steps along a heatmap, and along its opposite, that change the answer."""

from xai_core.apem.filtering import Filtered, filter_relevance
from xai_core.apem.metric import Apem, ApemNormalized, apem, apem_normalized, shuffled

__all__ = [
    "Apem",
    "ApemNormalized",
    "Filtered",
    "apem",
    "apem_normalized",
    "filter_relevance",
    "shuffled",
]
