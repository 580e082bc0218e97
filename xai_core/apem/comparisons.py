"""Methods, and stages, against each other, picture by picture.

The tables are those of ``summary.as_table``. A picture without both numbers is not compared.
"""

from __future__ import annotations

from itertools import combinations
from itertools import pairwise as neighbours

import pandas as pd

from xai_core.apem.summary import PICTURE, groups, number

COUNTS = ("eps_minus", "eps_plus", "apem")


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
                        "better": number((gaps > 0).mean()),
                        "equal": number((gaps == 0).mean()),
                        "worse": number((gaps < 0).mean()),
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
