"""The sanity check as a table: how much of every method's map is left as the model is destroyed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.choices import Choice, completed, signed
from xai_core.explainers.presets import expanded
from xai_core.models.classifier import Classifier
from xai_core.progress import advance, listening
from xai_core.randomization.collapse import collapse
from xai_core.randomization.layer_groups import randomizable_layers
from xai_core.randomization.scores import Scores, check_measures, scores
from xai_core.randomization.steps import LABELS, TRAINED_LABEL, Step, Test
from xai_core.randomization.sweep import TRAINED, Map, Request, Smoothing, Sweep, requests_for
from xai_core.randomization.targets import PUBLISHED, target_of

COLUMNS = (
    *("image", "method", "layer", "depth", "seed"),
    *("measure", "show", "value", "map", "problem"),
)


def sanity_check(
    clf: Classifier,
    x: Tensor,
    targets: int | Sequence[int] | Tensor,
    methods: Sequence[str | Choice] = ("saliency", "gradcam"),
    mode: str = "cascading",
    seeds: Iterable[int] = range(5),
    measures: Sequence[str] = ("ssim",),
    shows: Sequence[str] = ("all",),
    *,
    start: str = "output",
    init: str = "default",
    smoothing: Smoothing | None = None,
    other: Classifier | None = None,
    target: str = PUBLISHED,
) -> pd.DataFrame:
    """Compare every method's maps by the trained network with those by randomised ones.

    Source: Adebayo et al. 2018, arXiv:1810.03292; S chapters 5 and 7. That maps should change
    from the top down is contested: Binder et al. 2023, arXiv:2211.12486.

    Args:
        clf: the trained classifier; it stays as it was.
        x: what ``clf.preprocess`` returns, [N, 3, H, W].
        targets: explained class of each image, or one class for all.
        methods: ids of methods, of columns (METHOD-BASE) or of presets, or choices with settings.
        mode: "cascading", "independent", or "labels" for a comparison with ``other``.
        seeds: of the new weights; each gives a network at every depth.
        measures: of two maps, keys of ``measures.MEASURES``.
        shows: what the compared maps show: "all", "positive" or "absolute".
        start: layers are counted from the "output" or from the "input".
        init: "default", "he_normal" or "permute".
        smoothing: average every map over noisy copies of the picture.
        other: for the mode "labels": a classifier for the same input, trained on permuted labels.
        target: the class that is explained in all networks but the trained one: "fixed", the same
            as there, "predicted", the one that each network predicts for the image, or
            "published", predicted for LRP-αβ and RAP as in the code that S used for them
            (``targets.WHY``), fixed for all others. As published unless asked otherwise, here as
            on the page and in the command: the verdicts are compared with published ones.

    Returns:
        One row for every image, method, depth, seed, measure and show: ``image`` counts from 0,
        ``layer`` is the one that the depth adds, depth 0 is the trained network. ``value`` is
        NaN where the score is undefined or the method failed, which ``problem`` then explains.
        ``map`` says whether this network's map is "empty" or sits at the "border"
        (``collapse.collapse``).

    Raises:
        MethodError: an unknown method, mode, measure or setting, no seed, or maps that cannot
            be compared.
        ModelError: a model without weights, or a class that it does not have.

    Example:
        >>> table = sanity_check(clf, x, targets=3, methods=["guided_backprop", "gradcam"])
    """
    check_measures(measures)
    layers = randomizable_layers(clf)
    once = tuple(dict.fromkeys(int(seed) for seed in seeds))
    steps = Test(mode, start, init, once).steps(layers)
    if (mode == LABELS) != (other is not None):
        raise MethodError("The mode 'labels' compares with another classifier; give it as 'other'.")
    choices = _chosen(methods)
    requests = {c.id: Request(c.method, completed(c), target_of(c, target)) for c in choices}
    sweep = Sweep(clf, x, targets, smoothing)
    kinds = {choice.id: signed(choice) for choice in choices}
    size = (x.shape[2], x.shape[3])
    with listening(lambda share: None):  # of the methods; here whole networks count
        trained = sweep.maps(clf, requests_for(requests, TRAINED))
    rows: list[tuple[object, ...]] = []
    for step in [Step(0, TRAINED_LABEL, s, TRAINED) for s in dict.fromkeys(s.seed for s in steps)]:
        rows += _rows(step, trained, trained, size, kinds, measures, shows)
    for done, step in enumerate(steps, start=1):
        network = sweep.network(step.state) if other is None else other
        with listening(lambda share: None):
            maps = sweep.maps(
                network, requests_for(requests, step.state if other is None else other.fingerprint)
            )
        rows += _rows(step, trained, maps, size, kinds, measures, shows)
        advance(done, len(steps))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _chosen(methods: Sequence[str | Choice]) -> list[Choice]:
    found = {
        choice.id: choice
        for wanted in methods
        for choice in (expanded(wanted) if isinstance(wanted, str) else (wanted,))
    }
    if not found:
        raise MethodError("Choose at least one method.")
    return list(found.values())


def _rows(
    step: Step,
    trained: Mapping[str, Sequence[Map | str]],
    maps: Mapping[str, Sequence[Map | str]],
    size: tuple[int, int],
    signed: Mapping[str, bool],
    measures: Sequence[str],
    shows: Sequence[str],
) -> Iterator[tuple[object, ...]]:
    """In the order of ``COLUMNS``."""
    for column, found in maps.items():
        for image, (before, after) in enumerate(zip(trained[column], found, strict=True)):
            scored, problem = compared(before, after, size, signed[column], measures, shows)
            head = (image, column, step.layer, step.depth, step.seed)
            state = "" if isinstance(after, str) else collapse(after)
            for measure, by_show in scored.items():
                for show, value in by_show.items():
                    yield (*head, measure, show, value, state, problem)


def compared(
    before: Map | str,
    after: Map | str,
    size: tuple[int, int],
    signed: bool,
    measures: Sequence[str],
    shows: Sequence[str],
) -> tuple[Scores, str]:
    """Scores of two maps, and "" ; or undefined ones, and the sentence why one is missing."""
    if not isinstance(before, str) and not isinstance(after, str):
        return scores(before, after, size, signed, measures, shows), ""
    missing = after if isinstance(after, str) else str(before)
    return {name: dict.fromkeys(shows, np.nan) for name in measures}, missing
