"""What can be asked for: each computation with the task that asks for it.

``tasks.explain(...)`` makes a ``Task`` under the content key of its result; beside it stands the
function that a worker runs, ``run_explain``, with plain arguments. A model travels as the
keywords of ``load_classifier``; each worker keeps the latest ones.
"""

from xai_core.apem.one_picture import Metric
from xai_core.tasks.annotated_data import (
    annotated_pictures,
    annotated_subjects,
    composite_subjects,
    composites,
)
from xai_core.tasks.apem import filtering, measure_all, trace
from xai_core.tasks.class_sensitivity import class_scores, compare_all, compare_classes
from xai_core.tasks.comparison import similarity
from xai_core.tasks.data import labelled
from xai_core.tasks.explanations import explain, explain_all, support, warm_up
from xai_core.tasks.inquiry import Inquiry
from xai_core.tasks.localization import (
    localization_scores,
    localize_all,
    localize_baselines,
    localize_together,
    score_there,
)
from xai_core.tasks.models import Model, Subject, describe, predict
from xai_core.tasks.pictures import listing, look_at, predictions
from xai_core.tasks.sanity import describe_layers
from xai_core.tasks.study_analysis import study_results
from xai_core.tasks.study_classes import near_misses, share_seen, true_index, unknown_classes
from xai_core.tasks.study_heatmaps import study_pictures, study_rendered
from xai_core.tasks.study_lot import study_draw
from xai_core.tasks.sweep_results import SweepResults

__all__ = [
    "Inquiry",
    "Metric",
    "Model",
    "Subject",
    "SweepResults",
    "annotated_pictures",
    "annotated_subjects",
    "composite_subjects",
    "composites",
    "class_scores",
    "compare_all",
    "compare_classes",
    "describe",
    "describe_layers",
    "explain",
    "explain_all",
    "filtering",
    "labelled",
    "listing",
    "localization_scores",
    "localize_all",
    "localize_baselines",
    "localize_together",
    "look_at",
    "measure_all",
    "near_misses",
    "predict",
    "predictions",
    "score_there",
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
