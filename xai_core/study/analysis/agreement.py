"""How far participants agree beyond chance: Fleiss' kappa and Krippendorff's alpha.

Both compare the share of pairs of participants who gave the same answer to a picture with what
pairs of answers drawn from all pictures would give. 1 is full agreement, 0 what chance gives.

Intervals draw pictures anew. Drawing participants anew as well would put copies of one
participant beside each other, who agree by construction, so that agreement would be too high.
"""

from __future__ import annotations

from types import MappingProxyType

import krippendorff
import numpy as np
import pandas as pd

from xai_core.study.analysis.resampling import REPLICATES
from xai_core.study.analysis.votes import Floats

MEASURES = MappingProxyType({"kappa": "Fleiss' kappa", "alpha": "Krippendorff's alpha"})
SOURCES = MappingProxyType(
    {
        "kappa": "Fleiss 1971, “Measuring nominal scale agreement among many raters”, "
        "Psychological Bulletin 76; for unequal numbers of answers after Gwet 2014, “Handbook of "
        "Inter-Rater Reliability”",
        "alpha": "Krippendorff 2011, “Computing Krippendorff's alpha-reliability”",
    }
)
ENDS = (0.025, 0.975)


def agreement_table(counts: Floats, seed: int = 0, replicates: int = REPLICATES) -> pd.DataFrame:
    """Both measures of agreement.

    Args:
        counts: answers [images, choices]; their number may differ between pictures.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Returns:
        A row for each of ``MEASURES``: measure, value, low, high (95 % interval), images (with
        two answers or more), note (why there is no value or interval; else empty).
    """
    known = counts[counts.sum(1) >= 2].astype(np.float64)
    reason = undefined(counts)
    rows = []
    for measure in MEASURES:
        value, low, high, note = np.nan, np.nan, np.nan, reason
        if not reason:
            value = fleiss_kappa(known) if measure == "kappa" else krippendorff_alpha(known)
            low, high, note = _ends(known, measure, seed, replicates)
        rows.append((measure, value, low, high, len(known), note))
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "images", "note"])


def undefined(counts: Floats) -> str:
    """Why agreement cannot be computed; empty if it can."""
    known = counts[counts.sum(1) >= 2]
    if not len(known):
        return "No picture has answers of two participants."
    if (known.sum(0) > 0).sum() < 2:
        return "Every answer is the same one, so that chance alone gives full agreement."
    return ""


def fleiss_kappa(counts: Floats) -> float:
    """Fleiss' kappa, (P - Pe) / (1 - Pe); NaN where it is undefined.

    P is the mean over pictures of the share of pairs who agree, Pe the sum of squares of each
    choice's mean share. Pictures with fewer than two answers do not enter.

    Args:
        counts: answers [images, choices].
    """
    if undefined(counts):
        return float("nan")
    known = counts[counts.sum(1) >= 2].astype(np.float64)
    return float(_kappas(known, np.ones((1, len(known))))[0])


def krippendorff_alpha(counts: Floats) -> float:
    """Krippendorff's alpha of nominal answers; NaN where it is undefined.

    Args:
        counts: answers [images, choices].
    """
    if undefined(counts):
        return float("nan")
    whole = counts.astype(int)
    return float(krippendorff.alpha(value_counts=whole, level_of_measurement="nominal"))


def _ends(known: Floats, measure: str, seed: int, replicates: int) -> tuple[float, float, str]:
    """Percentiles over pictures drawn anew, and why there are none."""
    images = len(known)
    if images < 2:
        return np.nan, np.nan, "One picture alone gives no interval."
    rng = np.random.default_rng(seed)
    often = rng.multinomial(images, np.full(images, 1 / images), replicates).astype(np.float64)
    values = (_kappas if measure == "kappa" else _alphas)(known, often)
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, ENDS) if len(values) else (np.nan, np.nan)
    return float(low), float(high), ""


def _kappas(known: Floats, often: Floats) -> Floats:
    """Kappa when each picture is there so often [replicates, images]."""
    total = known.sum(1, keepdims=True)
    same = (known * (known - 1)).sum(1) / (total * (total - 1))[:, 0]
    number = often.sum(1)
    observed = often @ same / number
    expected = ((often @ (known / total) / number[:, None]) ** 2).sum(1)
    return _beyond(1 - observed, 1 - expected)


def _alphas(known: Floats, often: Floats) -> Floats:
    """Alpha when each picture is there so often [replicates, images]."""
    total = known.sum(1)
    same = (known * (known - 1)).sum(1) / (total - 1)
    each = often @ known
    number = each.sum(1)
    observed = 1 - often @ same / number
    expected = 1 - (each * (each - 1)).sum(1) / (number * (number - 1))
    return _beyond(observed, expected)


def _beyond(observed: Floats, expected: Floats) -> Floats:
    """1 - observed / expected disagreement; NaN where chance gives none."""
    values = np.full(len(observed), np.nan)
    there = expected > 1e-12
    values[there] = 1 - observed[there] / expected[there]
    return values
