"""Orders about the reliability of heatmaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xai_core import tasks
from xai_core.cache import content_key
from xai_core.explainers.choices import Choice
from xai_core.heatmaps import STAGES
from xai_core.jobs import Task
from xai_core.orders.maps import NONE, Model, Subject, explain_all

# In passes, as measured on vgg-tiny: what a search takes for one map, without shuffled ones.
SEARCH = 60.0


@dataclass(frozen=True)
class Metric:
    """How maps are measured.

    Attributes:
        stages: which stages of each map.
        shuffles: shuffled maps for the normalised metric; 0 leaves it out.
        seed: of the shuffles.
        eps_max: the most steps.
    """

    stages: tuple[str, ...] = STAGES
    shuffles: int = 10
    seed: int = 0
    eps_max: int = 2000


def measure_all(
    model: Model,
    fingerprint: str,
    subjects: Sequence[Subject],
    choices: Sequence[Choice],
    metric: Metric,
    pictures: Mapping[str, Subject] = NONE,
) -> dict[tuple[str, str], Task]:
    """Every method's numbers for every picture.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        subjects: the pictures, with the class that is explained.
        choices: the methods.
        metric: how maps are measured.
        pictures: as in ``orders.explain``.

    Returns:
        Tasks by the picture's hash and the column's id.
    """
    explained = explain_all(model, fingerprint, subjects, choices, pictures)
    options = asdict(metric)
    found = {}
    for (digest, column), task in explained.items():
        key = content_key("apem-rows", task.key, column, options)
        cost = task.cost + SEARCH * len(metric.stages) * (1 + metric.shuffles)
        own = {"column": column, "metric": options, "explaining": task.cost / cost}
        found[digest, column] = Task(
            key, tasks.apem_rows, {**task.arguments, **own}, cost, task.title
        )
    return found


def labelled(model: Model, fingerprint: str, folder: str, right: int, wrong: int) -> Task:
    """Pictures of a data set on the server's disk.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        folder: of the data set.
        right: at most so many that the model classifies rightly.
        wrong: at most so many that it classifies wrongly.
    """
    stamp = Path(folder).stat().st_mtime_ns if Path(folder).is_dir() else 0
    key = content_key("labelled", fingerprint, folder, stamp, right, wrong)
    arguments = {"model": dict(model), "folder": folder, "right": right, "wrong": wrong}
    return Task(
        key, tasks.labelled_pictures, arguments, float(right + wrong), "Reading the pictures"
    )


def trace(model: Model, explained: Task, relevance: Any, stage: str, eps_max: int) -> Task:
    """What the network says along one map.

    Args:
        model: keywords of ``load_classifier``.
        explained: the order that gave the map.
        relevance: the raw map, [C, h, w].
        stage: of ``heatmaps.STAGES``.
        eps_max: the most steps.
    """
    key = content_key("apem-trace", "timed", explained.key, stage, eps_max)
    return Task(
        key, tasks.apem_trace, _of(model, explained, relevance, stage, eps_max), SEARCH, "Stepping"
    )


def filtering(
    model: Model, explained: Task, relevance: Any, stage: str, eps_max: int, exact: bool
) -> Task:
    """The filtered map.

    Args:
        model: keywords of ``load_classifier``.
        explained: the order that gave the map.
        relevance: the raw map, [C, h, w].
        stage: of ``heatmaps.STAGES``.
        eps_max: the most steps.
        exact: as in ``filter_relevance``.
    """
    key = content_key("apem-filter", explained.key, stage, eps_max, exact)
    arguments = {**_of(model, explained, relevance, stage, eps_max), "exact": exact}
    return Task(key, tasks.apem_filter, arguments, SEARCH, "Filtering")


def _of(model: Model, explained: Task, relevance: Any, stage: str, eps_max: int) -> dict[str, Any]:
    return {
        "model": dict(model),
        "image": explained.arguments["image"],
        "relevance": relevance,
        "stage": stage,
        "eps_max": eps_max,
    }
