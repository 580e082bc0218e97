"""What many pictures tell together: a line a method, methods against each other, and the loss.

The table has the columns of ``pictures.COLUMNS``, and image, correct, confidence and loss of each
picture. A censored picture counts as censored and enters no average, comparison or correlation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from itertools import pairwise as neighbours
from typing import Any

import pandas as pd
from scipy.stats import spearmanr

from xai_core.apem.pictures import COLUMNS

GROUPS = {"right": "rightly classified", "wrong": "wrongly classified", "all": "all pictures"}
MEANS = ("eps_minus", "eps_plus", "apem", "apem_normalized", "apem_shuffled")
FACTS = ("image", "image_hash", "true", "predicted", "correct", "confidence", "loss")
PICTURE = ("image", "image_hash")
COUNTS = ("eps_minus", "eps_plus", "apem")
LEAST = 3  # pictures that a correlation needs


def as_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of pictures, methods and stages as a table in which what is censored is missing.

    Args:
        rows: image, image_hash, those of ``pictures.picture_facts`` and of ``picture_rows``.
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
        each of ``MEANS``, and the standard deviation and median of the metric.
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
                    **{name: _number(known[name].astype("Float64").mean()) for name in MEANS},
                    "sd": _number(known.apem.astype("Float64").std()),
                    "median": _number(known.apem.astype("Float64").median()),
                }
            )
    return pd.DataFrame(rows)


def pairwise(table: pd.DataFrame) -> pd.DataFrame:
    """Methods against each other, picture by picture, at each stage (A figure 4.4).

    Returns:
        Columns group, stage, method, other, pictures, and the shares of pictures on which the
        method's metric is better (larger), equal and worse.
    """
    return _compared(table, "stage", "method")


def stage_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Stages against each other, picture by picture, of each method (A figure 4.7).

    Returns:
        Columns group, method, stage, other, and the last four of ``pairwise``.
    """
    return _compared(table, "method", "stage")


def _compared(table: pd.DataFrame, within: str, between: str) -> pd.DataFrame:
    rows = []
    for group, part in groups(table):
        for place, own in part.groupby(within, sort=False):
            wide = own.pivot(index=list(PICTURE), columns=between, values="apem")
            for one, other in combinations(dict.fromkeys(own[between]), 2):
                gaps = (wide[one] - wide[other]).dropna()
                rows.append(
                    {
                        "group": group,
                        within: place,
                        between: one,
                        "other": other,
                        "pictures": len(gaps),
                        "better": _number((gaps > 0).mean()),
                        "equal": _number((gaps == 0).mean()),
                        "worse": _number((gaps < 0).mean()),
                    }
                )
    columns = ["group", within, between, "other", "pictures", "better", "equal", "worse"]
    return pd.DataFrame(rows, columns=columns)


def rivals(table: pd.DataFrame) -> pd.DataFrame:
    """Every method beside the next weaker one, in each group and at each stage.

    Returns:
        Columns group, stage, and those of ``face_to_face``.
    """
    found = [face_to_face(table.iloc[:0], "", "").assign(group="", stage="")]
    for group, part in groups(table):
        for stage, own in part.groupby("stage", sort=False):
            means = own.groupby("method", sort=False).apem.mean().dropna()
            order = means.sort_values(ascending=False, kind="stable").index
            for one, other in neighbours(order):
                found.append(face_to_face(own, one, other).assign(group=group, stage=stage))
    together = pd.concat(found, ignore_index=True)
    return together[["group", "stage", *together.columns.drop(["group", "stage"])]]


def face_to_face(rows: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Two methods, on the pictures on which both have a number.

    The stronger, whose mean metric is larger on these pictures, comes first.

    Args:
        rows: of one stage.
        one: a method.
        other: another one.

    Returns:
        A row for each picture: method, other, image, image_hash, ``COUNTS`` of the method, and
        the same of the other, their names ending in "_other".
    """
    columns = [*PICTURE, *COUNTS]
    sides = {
        name: rows.loc[(rows.method == name) & rows.apem.notna(), columns] for name in (one, other)
    }

    def joined(first: str, second: str) -> pd.DataFrame:
        both = sides[first].merge(sides[second], on=list(PICTURE), suffixes=("", "_other"))
        both.insert(0, "method", first)
        both.insert(1, "other", second)
        return both

    found = joined(one, other)
    weaker = len(found) > 0 and found.apem.mean() < found.apem_other.mean()
    return joined(other, one) if weaker else found


def unexpected(faces: pd.DataFrame) -> pd.DataFrame:
    """Pictures on which the weaker method is better (A table 4.3), the largest gap first.

    Args:
        faces: of ``face_to_face``, or of ``rivals``, whose pairs stay apart.
    """
    found = faces[faces.apem_other > faces.apem]
    place = found.groupby(_pair(found), sort=False).ngroup()
    ordered = found.assign(place=place, gap=found.apem_other - found.apem).sort_values(
        ["place", "gap"], ascending=[True, False], kind="stable"
    )
    return ordered.drop(columns=["place", "gap"]).reset_index(drop=True)


def irrelevance(faces: pd.DataFrame) -> pd.DataFrame:
    """What the opposite of a map adds where the map itself is ahead (A figure 5.1).

    Args:
        faces: of ``face_to_face`` or of ``rivals``.

    Returns:
        The rows in which the stronger method has the smaller ``eps_minus``, and the columns
        difference, by how much its ``eps_plus`` is larger, and pictures, how many both methods
        have a number for.
    """
    pictures = faces.groupby(_pair(faces), sort=False).image.transform("size")
    difference = faces.eps_plus - faces.eps_plus_other
    found = faces.assign(difference=difference, pictures=pictures)
    return found[faces.eps_minus < faces.eps_minus_other].reset_index(drop=True)


def _pair(faces: pd.DataFrame) -> list[str]:
    """The columns that tell pairs apart."""
    return [name for name in ("group", "stage", "method", "other") if name in faces]


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


def _number(value: Any) -> float:
    return float("nan") if pd.isna(value) else float(value)


TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "summary": summary,
    "pairwise": pairwise,
    "stages": stage_pairs,
    "unexpected": lambda table: unexpected(rivals(table)),
    "irrelevance": lambda table: irrelevance(rivals(table)),
    "correlations": correlations,
}
