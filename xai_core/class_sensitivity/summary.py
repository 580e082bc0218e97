"""Many pictures' scores as a table, and what they are on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from xai_core.class_sensitivity.scores import ClassScores
from xai_core.heatmaps import SHOWS
from xai_core.resampling import bootstrap_interval

COLUMNS = {
    **dict.fromkeys(("image", "image_hash", "method"), "str"),
    **dict.fromkeys(("class_a", "class_b"), "int64"),
    **dict.fromkeys(("measure", "show"), "str"),
    **dict.fromkeys(("value", "noise", "noise_sd", "inside_a", "inside_b"), "float64"),
}


def rows_of(
    found: ClassScores,
    classes: Sequence[int],
    measures: Sequence[str],
    parts: Sequence[Sequence[int]] = (),
) -> list[dict[str, Any]]:
    """One row for each pair of classes, measure and show.

    Args:
        found: of one method and picture.
        classes: indices of the k classes.
        measures: as ``compare_classes`` was given them.
        parts: which parts of the picture belong to each of the k classes; no class has any if
            not given.

    Returns:
        The columns class_a to inside_b of ``COLUMNS``. "inside_a" is the share of the positive
        relevance of class_a's map that lies in the parts of class_a, NaN if it has none.
    """
    own = [float("nan")] * len(classes)
    for k, places in enumerate(parts):
        if places:
            own[k] = found.inside[k, list(places)].sum()
    return [
        {
            "class_a": classes[a],
            "class_b": classes[b],
            "measure": measure,
            "show": show,
            "value": found.scores[m, s, a, b],
            "noise": found.floors[m, s, 0],
            "noise_sd": found.floors[m, s, 1],
            "inside_a": own[a],
            "inside_b": own[b],
        }
        for a in range(len(classes))
        for b in range(a + 1, len(classes))
        for m, measure in enumerate(measures)
        for s, show in enumerate(SHOWS)
    ]


def as_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows with image, image_hash and method before those of ``rows_of``."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def averages(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """What each method reaches on average over pictures, the most sensitive first.

    A picture with several pairs of classes counts once, with their mean.

    Args:
        table: of ``as_table``.
        seed: of the bootstrap over pictures.

    Returns:
        Columns measure, show, method, pictures (with a score), undefined (pictures without one),
        mean, low and high (95 %, percentile bootstrap over pictures; NaN for one picture), noise,
        and inside (the mean share of positive relevance in a class's own parts, over the classes
        that have some; NaN if none has).
    """
    found = []
    for (measure, show, method), own in table.groupby(["measure", "show", "method"], sort=False):
        inside = own[["inside_a", "inside_b"]].mean(axis=1)
        each = own.assign(inside=inside).groupby("image_hash", sort=False)[["value", "inside"]]
        means = each.mean()
        known = means.value.dropna().to_numpy(float)
        low, high = bootstrap_interval(known, seed)
        found.append(
            {
                "measure": measure,
                "show": show,
                "method": method,
                "pictures": len(known),
                "undefined": len(means) - len(known),
                "mean": known.mean() if len(known) else float("nan"),
                "low": low,
                "high": high,
                "noise": own.noise.mean(),
                "inside": means.inside.mean(),
            }
        )
    columns = ["measure", "show", "method", "pictures", "undefined", "mean", "low", "high"]
    whole = pd.DataFrame(found, columns=[*columns, "noise", "inside"])
    return whole.sort_values(["measure", "show", "mean"], kind="stable", ignore_index=True)
