"""What many pictures tell together: a line a method, and the loss.

The table has the columns of ``one_picture.COLUMNS``, and image, correct, confidence and loss of
each picture. A censored picture counts as censored and enters no average and no correlation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from scipy.stats import spearmanr

from xai_core.apem.one_picture import COLUMNS

GROUPS = {"right": "rightly classified", "wrong": "wrongly classified", "all": "all pictures"}
MEANS = ("eps_minus", "eps_plus", "apem", "apem_normalized", "apem_shuffled")
FACTS = ("image", "image_hash", "true", "predicted", "correct", "confidence", "loss")
PICTURE = ("image", "image_hash")
LEAST = 3  # pictures that a correlation needs


def as_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of pictures, methods and stages as a table in which what is censored is missing.

    Args:
        rows: image, image_hash, those of ``one_picture.answer_facts`` and of ``picture_rows``.
    """
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*FACTS, *COLUMNS])))
    whole = {name: "Int64" for name in COLUMNS if name.startswith(("eps_", "apem"))}
    kinds = {**whole, "apem_normalized": "Float64", "true": "Int64", "predicted": "Int64"}
    return table.astype({**kinds, "correct": "boolean", "confidence": "Float64", "loss": "Float64"})


def groups(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The pictures apart: classified rightly and wrongly, as far as that is known, and all."""
    known = table.correct.astype("boolean")
    right, wrong = table[known.fillna(False)], table[(~known).fillna(False)]
    for name, part in (("right", right), ("wrong", wrong)):
        if len(part):
            yield name, part
    yield "all", table


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each group, method and stage.

    Returns:
        Columns group, method, stage, pictures (with a number), censored, failed, the mean of
        each of ``MEANS``, the standard deviation and median of the metric, and the median of the
        shuffled maps' (A tables 4.2, 4.4 and 5.2, section 5.2).
    """
    rows = []
    for group, part in groups(table):
        for (method, stage), own in part.groupby(["method", "stage"], sort=False):
            failed = own.problem != ""
            known = own[own.apem.notna()]
            rows.append(
                {
                    "group": group,
                    "method": method,
                    "stage": stage,
                    "pictures": len(known),
                    "censored": int((own.apem.isna() & ~failed).sum()),
                    "failed": int(failed.sum()),
                    **{name: number(known[name].astype("Float64").mean()) for name in MEANS},
                    "sd": number(known.apem.astype("Float64").std()),
                    "median": number(known.apem.astype("Float64").median()),
                    "median_shuffled": number(known.apem_shuffled.astype("Float64").median()),
                }
            )
    return pd.DataFrame(rows)


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation with the loss (A table 5.3): of the metric, and of confidence.

    Returns:
        Columns group, method ("confidence" for the network's own), stage, pictures, rho, p.
        Empty where no picture's true class is known.
    """
    known = table[table.loss.notna()]
    rows = []
    for group, part in groups(known) if len(known) else ():
        for (method, stage), own in part.groupby(["method", "stage"], sort=False):
            rows.append({"group": group, "method": method, "stage": stage, **_rank(own, "apem")})
        once = part.drop_duplicates(list(PICTURE))
        rows.append(
            {"group": group, "method": "confidence", "stage": "", **_rank(once, "confidence")}
        )
    return pd.DataFrame(rows, columns=["group", "method", "stage", "pictures", "rho", "p"])


def _rank(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    both = rows[[column, "loss"]].astype("Float64").dropna()
    distinct = both.nunique().min()
    if len(both) < LEAST or distinct < 2:
        return {"pictures": len(both), "rho": float("nan"), "p": float("nan")}
    found = spearmanr(both[column].to_numpy(float), both.loss.to_numpy(float))
    return {"pictures": len(both), "rho": float(found.statistic), "p": float(found.pvalue)}


def number(value: Any) -> float:
    """A number of a table; NaN where it is missing."""
    return float("nan") if pd.isna(value) else float(value)
