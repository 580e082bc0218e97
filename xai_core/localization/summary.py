"""What scores of many pictures tell together: means, differences between methods, object sizes.

A table has a row a score: image (and image_hash, where names may repeat), method, measure, value,
NaN where it is undefined, and size, the share of the crop that the object fills. An undefined
score enters no mean and is counted. Intervals are percentiles of a bootstrap over pictures; of few
pictures they are too narrow, and of one there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from xai_core.apem.summary import PICTURE, number
from xai_core.errors import MethodError
from xai_core.resampling import REPLICATES, Floats, bootstrap_intervals

MEDIUM_FROM, LARGE_FROM = 0.1, 0.3  # shares of the crop


def means(table: pd.DataFrame, seed: int = 0, replicates: int = REPLICATES) -> pd.DataFrame:
    """The mean of every method by every measure.

    Args:
        table: see above.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Returns:
        Columns method, measure, pictures (with a score), undefined, mean, low, high.

    Raises:
        MethodError: a picture has two scores, or as ``bootstrap_interval``.
    """
    _check_once(table)
    rows, defined = [], []
    for (method, measure), own in table.groupby(["method", "measure"], sort=False):
        values = own["value"].dropna().to_numpy(float)
        defined.append(values)
        rows.append(
            {
                "method": method,
                "measure": measure,
                "pictures": len(values),
                "undefined": len(own) - len(values),
                "mean": number(own["value"].mean()),
            }
        )
    _add_intervals(rows, defined, seed, replicates)
    columns = ["method", "measure", "pictures", "undefined", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def means_by_size(table: pd.DataFrame, seed: int = 0, replicates: int = REPLICATES) -> pd.DataFrame:
    """The means of each group of ``size_groups``; its name is the first column, group."""
    found = [means(table.iloc[:0]).assign(group="")]
    for name, part in size_groups(table):
        found.append(means(part, seed, replicates).assign(group=name))
    together = pd.concat(found[1:] or found, ignore_index=True)
    return together[["group", *together.columns.drop("group")]]


def differences(
    table: pd.DataFrame, method: str, other: str, seed: int = 0, replicates: int = REPLICATES
) -> pd.DataFrame:
    """By how much a method's scores exceed another's, on pictures for which both are defined.

    Args:
        table: see above.
        method: a method.
        other: another one.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Returns:
        A row for each measure: measure, method, other, pictures (with both scores), undefined
        (pictures without one of them), difference (their mean), low, high.

    Raises:
        MethodError: as ``means``.
    """
    return differences_of(table, [(method, other)], seed, replicates)


def differences_of(
    table: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """``differences`` of pairs of methods, pair after pair."""
    picture = _check_once(table)
    scores = {
        measure: {
            method: one.set_index(picture)["value"].astype(float)
            for method, one in own.groupby("method", sort=False)
        }
        for measure, own in table.groupby("measure", sort=False)
    }
    none = pd.Series(index=table.iloc[:0].set_index(picture).index, dtype=float)
    rows, compared = [], []
    for method, other in pairs:
        for measure, own in scores.items():
            first, second = (own.get(name, none) for name in (method, other))
            both = pd.concat([first, second], axis=1).to_numpy(float)
            gaps = both[:, 0] - both[:, 1]
            defined = gaps[~np.isnan(gaps)]
            compared.append(defined)
            rows.append(
                {
                    "measure": measure,
                    "method": method,
                    "other": other,
                    "pictures": len(defined),
                    "undefined": len(gaps) - len(defined),
                    "difference": number(pd.Series(defined).mean()),
                }
            )
    _add_intervals(rows, compared, seed, replicates)
    columns = ["measure", "method", "other", "pictures", "undefined", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _add_intervals(
    rows: Sequence[dict[str, Any]], values: Sequence[Floats], seed: int, replicates: int
) -> None:
    """Add low and high to rows, each of whose means is of these values."""
    ends = bootstrap_intervals(values, seed, replicates)
    for row, (low, high) in zip(rows, ends, strict=True):
        row.update(low=low, high=high)


def _check_once(table: pd.DataFrame) -> list[str]:
    """The columns that tell pictures apart, if each has one score by a method and a measure."""
    picture = [name for name in PICTURE if name in table]
    twice = table.duplicated([*picture, "method", "measure"])
    if twice.any():
        row = table[twice].iloc[0]
        raise MethodError(
            f"'{row['image']}' has two scores by {row['measure']} of {row['method']}; pictures of "
            "one name must differ in 'image_hash'."
        )
    return picture


def size_groups(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The pictures apart by their objects: small below 10 %, medium below 30 %, large.

    Groups without pictures are left out, and so are pictures of which the size is not known.
    """
    size = table["size"]
    places = {
        "small": size < MEDIUM_FROM,
        "medium": (size >= MEDIUM_FROM) & (size < LARGE_FROM),
        "large": size >= LARGE_FROM,
    }
    for name, chosen in places.items():
        if chosen.any():
            yield name, table[chosen]
