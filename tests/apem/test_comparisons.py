"""Methods and stages against each other, on tables written by hand."""

import math

import pandas as pd
import pytest

from tests.apem.tiny_tables import row, table
from xai_core.apem.comparisons import (
    face_to_face,
    irrelevance,
    pairwise,
    rivals,
    stage_pairs,
    unexpected,
)
from xai_core.apem.result_files import tables
from xai_core.apem.summary import as_table
from xai_core.files import csv_bytes
from xai_core.heatmaps import STAGES


def test_pairs_by_hand():
    # m against n: 5 > 1, 2 = 2, 3 < 4, 9 > 1; on e m is censored, on f n failed.
    pairs = [(5, 1), (2, 2), (3, 4), (9, 1), (None, 6), (7, "It failed.")]
    both = dict(zip("abcdef", pairs, strict=True))
    rows = [(i, "mn"[n], value) for i, pair in both.items() for n, value in enumerate(pair)]
    found = pairwise(table(*rows))
    for group in ("right", "all"):
        one = row(found, group=group)
        assert (one.stage, one.method, one.other, one.pictures) == ("map", "m", "n", 4)
        assert (one.better, one.equal, one.worse) == (0.5, 0.25, 0.25)
    wrong = row(found, group="wrong")
    assert wrong.pictures == 0
    assert all(math.isnan(wrong[name]) for name in ("better", "equal", "worse"))


def test_every_pair_of_methods_once_at_every_stage():
    rows = [("a", m, n, s) for n, m in enumerate("zxy") for s in ("map", "channels")]
    found = pairwise(table(*rows))
    found = found[found.group == "all"]
    pairs = [("z", "x"), ("z", "y"), ("x", "y")]
    expected = [(s, *pair) for s in ("map", "channels") for pair in pairs]
    assert list(zip(found.stage, found.method, found.other, strict=True)) == expected
    assert set(found.worse) == {1.0}


def test_one_method_has_no_pairs():
    assert len(pairwise(table(("a", "m", 1), ("b", "m", 2)))) == 0


def test_stages_of_a_method_against_each_other():
    # channels against map: 5 > 1, 2 = 2, 3 < 4; channels against map*image only on a: 5 < 6.
    values = {"a": (5, 1, 6), "b": (2, 2, None), "c": (3, 4, None)}
    rows = [
        (image, "m", value, stage)
        for image, three in values.items()
        for value, stage in zip(three, STAGES, strict=True)
    ]
    found = stage_pairs(table(*rows))
    one = row(found, group="all", stage="channels", other="map")
    assert (one.method, one.pictures) == ("m", 3)
    assert (one.better, one.equal, one.worse) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    two = row(found, group="all", stage="channels", other="map*image")
    assert (two.pictures, two.worse) == (1, 1)
    assert len(found) == 6, "three pairs, of the right ones and of all"
    assert len(stage_pairs(table(("a", "m", 1)))) == 0
    assert list(stage_pairs(table(("a", "m", 1))).columns) == list(found.columns)


def counted(*rows):
    """Rows of (image, method, eps_minus, eps_plus) at one stage."""
    found = table(*((image, method, plus - minus) for image, method, minus, plus in rows))
    found["eps_minus"] = pd.array([one[2] for one in rows], dtype="Int64")
    found["eps_plus"] = pd.array([one[3] for one in rows], dtype="Int64")
    return found


# APEM of m 4, 6, 1, 9 (mean 5), of n 2, 7, 1, 2 (mean 3); on e only m has a number.
DUEL = counted(
    *(("a", "m", 2, 6), ("b", "m", 4, 10), ("c", "m", 5, 6), ("d", "m", 1, 10), ("e", "m", 1, 50)),
    *(("a", "n", 3, 5), ("b", "n", 2, 9), ("c", "n", 6, 7), ("d", "n", 3, 5)),
)


def test_two_methods_face_to_face():
    for both in (("m", "n"), ("n", "m")):
        found = face_to_face(DUEL, *both)
        assert set(found.method) == {"m"}, "the stronger comes first"
        assert set(found.other) == {"n"}
        assert list(found.image) == list("abcd")
        assert list(found.apem) == [4, 6, 1, 9]
        assert list(found.apem_other) == [2, 7, 1, 2]
        assert list(found.eps_minus_other) == [3, 2, 6, 3]
    assert len(face_to_face(DUEL[DUEL.image == "e"], "m", "n")) == 0


def test_where_the_weaker_method_wins():
    found = unexpected(face_to_face(DUEL, "m", "n"))
    assert list(found.image) == ["b"]
    more = counted(("f", "m", 1, 90), ("f", "n", 1, 2), ("c", "m", 5, 5), ("c", "n", 1, 9))
    both = pd.concat([DUEL[DUEL.image != "c"], more])
    # The gaps are 8 on c and 1 on b.
    assert list(unexpected(face_to_face(both, "n", "m")).image) == ["c", "b"]


def test_what_the_opposite_adds_where_the_map_is_ahead():
    found = irrelevance(face_to_face(DUEL, "n", "m"))
    # The smaller eps_minus on a, c and d: eps_plus 6 - 5, 6 - 7 and 10 - 5.
    assert list(found.image) == list("acd")
    assert list(found.difference) == [1, -1, 5]
    assert set(found.pictures) == {4}


def test_every_method_meets_the_next_weaker_one():
    values = {"weak": 1, "strong": 9, "middle": 5, "silent": None}
    rows = [(image, method, value) for image in "ab" for method, value in values.items()]
    found = rivals(table(*rows, ("e", "weak", 1), ("e", "middle", 5)))
    pairs = found[["group", "method", "other"]].drop_duplicates()
    assert list(pairs.itertuples(index=False, name=None)) == [
        ("right", "strong", "middle"),
        ("right", "middle", "weak"),
        ("wrong", "middle", "weak"),
        ("all", "strong", "middle"),
        ("all", "middle", "weak"),
    ]
    assert list(found[found.group == "all"].image) == ["a", "b", "a", "b", "e"]
    assert len(unexpected(found)) == 0
    assert set(irrelevance(found).columns) == {*found.columns, "difference", "pictures"}


def test_gaps_of_different_pairs_are_not_mixed():
    values = {"a": (9, 8, 1), "b": (9, 1, 8), "c": (1, 4, 2), "d": (9, 6, 1)}
    rows = [(i, m, v) for i, three in values.items() for m, v in zip("xyz", three, strict=True)]
    found = unexpected(rivals(table(*rows)))
    found = found[found.group == "all"]
    # y beats x on c by 3, z beats y on b by 7: the pairs stay in their order.
    assert list(zip(found.method, found.other, found.image, strict=True)) == [
        ("x", "y", "c"),
        ("y", "z", "b"),
    ]


@pytest.mark.parametrize("name", tables(as_table([])))
def test_every_table_can_be_empty(name):
    whole = tables(as_table([]))[name]()
    assert len(whole) == 0
    assert len(csv_bytes(whole)) > 0
    assert isinstance(tables(table(("u", "m", None)))[name](), pd.DataFrame)


def test_pictures_of_equal_names_stay_apart():
    rows = table(("a", "m", 5), ("a", "n", 1), ("b", "m", 1), ("b", "n", 5))
    rows["image"] = "photo.png"
    one = row(pairwise(rows), group="all")
    assert (one.pictures, one.better, one.worse) == (2, 0.5, 0.5)
