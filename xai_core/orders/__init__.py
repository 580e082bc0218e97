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
    warm_up,
)
from xai_core.orders.sanity import Inquiry, describe_layers
from xai_core.orders.study import (
    share_seen,
    study_draw,
    study_pictures,
    study_rendered,
    study_results,
    true_index,
    unknown_classes,
)

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
    "share_seen",
    "similarity",
    "study_draw",
    "study_pictures",
    "study_rendered",
    "study_results",
    "support",
    "trace",
    "true_index",
    "unknown_classes",
    "warm_up",
]
