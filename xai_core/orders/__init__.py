"""Orders for the engine: each of its tasks together with the content key of its result."""

from xai_core.orders.apem import Metric, filtering, labelled, measure_all, trace
from xai_core.orders.maps import (
    CHEAP,
    NONE,
    OVERHEAD,
    Model,
    Subject,
    describe,
    explain,
    explain_all,
    predict,
    similarity,
    support,
)
from xai_core.orders.sanity import Inquiry, describe_layers

__all__ = [
    "CHEAP",
    "NONE",
    "OVERHEAD",
    "Inquiry",
    "Metric",
    "Model",
    "Subject",
    "describe",
    "describe_layers",
    "explain",
    "explain_all",
    "filtering",
    "labelled",
    "measure_all",
    "predict",
    "similarity",
    "support",
    "trace",
]
