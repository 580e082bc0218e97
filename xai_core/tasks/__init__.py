"""What a worker can be asked to do: functions with plain arguments that give a ``Result``.

A model travels as the keywords of ``load_classifier``; each worker keeps the latest ones.
"""

from xai_core.tasks.apem import apem_filter, apem_rows, apem_trace
from xai_core.tasks.data import labelled_pictures
from xai_core.tasks.maps import compare_maps, explain_task, support, warm_up
from xai_core.tasks.models import (
    cam_layers,
    classifier,
    describe_model,
    model_pixels,
    predict,
    with_tensors,
)
from xai_core.tasks.sanity import describe_layers, randomised_maps, scored_again
from xai_core.tasks.study import study_draw, study_picture, study_results

__all__ = [
    "apem_filter",
    "apem_rows",
    "apem_trace",
    "cam_layers",
    "classifier",
    "compare_maps",
    "describe_layers",
    "describe_model",
    "explain_task",
    "labelled_pictures",
    "model_pixels",
    "predict",
    "randomised_maps",
    "scored_again",
    "study_draw",
    "study_picture",
    "study_results",
    "support",
    "warm_up",
    "with_tensors",
]
