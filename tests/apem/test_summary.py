"""What many pictures tell together, on tables written by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from xai_core.apem.pictures import COLUMNS
from xai_core.apem.summary import (
    MEANS,
    TABLES,
    as_table,
    correlations,
    face_to_face,
    groups,
    irrelevance,
    pairwise,
    rivals,
    stage_pairs,
    summary,
    unexpected,
)
from xai_core.files import csv_bytes
from xai_core.heatmaps import STAGES

NUMBERS = ("eps_minus", "eps_plus", "apem", "apem_normalized", "apem_shuffled")


def table(*rows):
    """Rows of (image, method, apem or None or a problem), with facts about the image.

    Facts are (correct, confidence, loss), by the image's letter in ``FACTS``.
    """
    found = []
    for image, method, value, *more in rows:
        correct, confidence, loss = FACTS[image]
        failed = isinstance(value, str)
        number = None if failed else value
        found.append(
            {
                **dict.fromkeys(COLUMNS),
                "image": image,
                "image_hash": f"hash of {image}",
                "correct": correct,
                "confidence": confidence,
                "loss": loss,
                "method": method,
                "stage": more[0] if more else "map",
                "eps_minus": None if number is None else 10,
                "eps_plus": None if number is None else 10 + number,
                "apem": number,
                "apem_normalized": None if number is None else number / 4,
                "apem_shuffled": None if number is None else -number,
                "problem": value if failed else "",
            }
        )
    kinds = {name: "Float64" if name == "apem_normalized" else "Int64" for name in NUMBERS}
    return pd.DataFrame(found).astype({**kinds, "correct": "boolean", "loss": "Float64"})


# Rightly classified a to d, wrongly e and f, unknown u and v.
FACTS = {
    "a": (True, 0.9, 0.1),
    "b": (True, 0.8, 0.2),
    "c": (True, 0.7, 0.4),
    "d": (True, 0.6, 0.5),
    "e": (False, 0.5, 2.0),
    "f": (False, 0.4, 3.0),
    "u": (None, 0.5, None),
    "v": (None, 0.6, None),
}


def row(found, **where):
    """The one row of a table where columns have these values."""
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_means_leave_out_what_is_censored_or_failed():
    found = summary(
        table(("a", "m", 2), ("b", "m", 7), ("c", "m", None), ("d", "m", "It explains nothing."))
    )
    one = row(found, group="all", method="m")
    assert (one.pictures, one.censored, one.failed) == (2, 1, 1)
    # Of 2 and 7: mean and median 4.5, and 5 / sqrt(2) apart.
    assert [one[name] for name in MEANS] == [10, 14.5, 4.5, 1.125, -4.5]
    assert one["median"] == 4.5
    assert one.sd == pytest.approx(5 / math.sqrt(2))


def test_one_side_alone_does_not_enter_the_means():
    rows = table(("a", "m", 2), ("b", "m", None))
    rows.loc[1, "eps_minus"] = 1000
    one = row(summary(rows), group="all")
    assert (one.eps_minus, one.pictures, one.censored) == (10, 1, 1)


def test_nothing_but_censored_gives_no_number():
    one = row(summary(table(("a", "m", None), ("b", "m", None))), group="all")
    assert (one.pictures, one.censored, one.failed) == (0, 2, 0)
    assert all(math.isnan(one[name]) for name in (*MEANS, "sd", "median"))
    alone = row(summary(table(("a", "m", 3))), group="all")
    assert (alone.apem, alone["median"]) == (3, 3)
    assert math.isnan(alone.sd)


def test_right_wrong_and_all_are_apart():
    rows = table(("a", "m", 8), ("b", "m", 4), ("e", "m", -3), ("u", "m", 11))
    found = summary(rows)
    assert list(found.group) == ["right", "wrong", "all"]
    assert list(found.apem) == [6, -3, 5]
    assert list(found.pictures) == [2, 1, 4]
    names = [(name, list(part.image)) for name, part in groups(rows)]
    assert names == [("right", ["a", "b"]), ("wrong", ["e"]), ("all", ["a", "b", "e", "u"])]


def test_an_unknown_truth_gives_only_all():
    found = summary(table(("u", "m", 1), ("v", "m", 2)))
    assert list(found.group) == ["all"]
    assert list(summary(table(("a", "m", 1))).group) == ["right", "all"]


def test_a_row_for_each_method_and_stage_in_their_order():
    order = [("z", "map"), ("z", "channels"), ("b", "map")]
    found = summary(table(*(("a", method, n, stage) for n, (method, stage) in enumerate(order))))
    found = found[found.group == "all"]
    assert list(zip(found.method, found.stage, strict=True)) == order
    assert list(found.apem) == [0, 1, 2]


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


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_empty(name):
    whole = TABLES[name](as_table([]))
    assert len(whole) == 0
    assert len(csv_bytes(whole)) > 0
    assert isinstance(TABLES[name](table(("u", "m", None))), pd.DataFrame)


def test_pictures_of_equal_names_stay_apart():
    rows = table(("a", "m", 5), ("a", "n", 1), ("b", "m", 1), ("b", "n", 5))
    rows["image"] = "photo.png"
    one = row(pairwise(rows), group="all")
    assert (one.pictures, one.better, one.worse) == (2, 0.5, 0.5)


def test_a_falling_metric_has_the_correlation_minus_one():
    # The loss grows from a to d.
    found = correlations(table(("a", "m", 9), ("b", "m", 5), ("c", "m", 4), ("d", "m", -8)))
    for group in ("right", "all"):
        one = row(found, group=group, method="m")
        assert (one.pictures, one.stage) == (4, "map")
        assert one.rho == pytest.approx(-1)
        network = row(found, group=group, method="confidence")
        assert network.rho == pytest.approx(-1)
        assert (network.pictures, network.stage) == (4, "")


def test_a_correlation_by_hand():
    # Ranks (2, 1, 4, 3, 6, 5) of the metric against 1 to 6 of the loss: the squared differences
    # sum to 6, so rho = 1 - 6 * 6 / (6 * 35) = 29 / 35.
    values = dict(zip("abcdef", (20, 10, 40, 30, 60, 50), strict=True))
    found = correlations(table(*((image, "m", value) for image, value in values.items())))
    one = row(found, group="all", method="m")
    assert one.rho == pytest.approx(29 / 35)
    losses = [FACTS[image][2] for image in values]
    assert one.p == pytest.approx(spearmanr(list(values.values()), losses).pvalue)
    # Student's t of 4 degrees of freedom, t = rho sqrt(4 / (1 - rho^2)):
    # p = 1 - t / sqrt(4 + t^2) * (1 + 2 / (4 + t^2)), twice the tail.
    t = 29 / 35 * math.sqrt(4 / (1 - (29 / 35) ** 2))
    share = t / math.sqrt(4 + t**2) * (1 + 2 / (4 + t**2))
    assert one.p == pytest.approx(1 - share)


def test_censored_and_unknown_pictures_enter_no_correlation():
    rows = table(("a", "m", 9), ("b", "m", None), ("c", "m", 4), ("d", "m", 1), ("u", "m", 100))
    one = row(correlations(rows), group="all", method="m")
    assert one.pictures == 3
    assert one.rho == pytest.approx(-1)
    # The network's confidence does not ask for the metric.
    assert row(correlations(rows), group="all", method="confidence").pictures == 4


def test_the_confidence_counts_a_picture_once():
    rows = table(*((i, m, 1) for i in "abc" for m in ("m", "n")))
    found = correlations(rows)
    assert row(found, group="all", method="confidence").pictures == 3


def test_two_pictures_or_a_constant_give_no_correlation():
    few = row(correlations(table(("a", "m", 9), ("b", "m", 5))), group="all", method="m")
    assert few.pictures == 2
    assert math.isnan(few.rho)
    assert math.isnan(few.p)
    rows = table(*((image, "m", 5) for image in "abcd"))
    with np.errstate(all="raise"):
        constant = row(correlations(rows), group="all", method="m")
    assert constant.pictures == 4
    assert math.isnan(constant.rho)


def test_without_a_true_class_there_are_no_correlations():
    found = correlations(table(("u", "m", 1), ("v", "m", 2)))
    assert list(found.columns) == ["group", "method", "stage", "pictures", "rho", "p"]
    assert len(found) == 0


def test_rows_become_a_table_in_which_the_censored_is_missing():
    known = {"image": "a.png", "image_hash": "1", "true": 2, "predicted": 2, "correct": True}
    facts = {**known, "confidence": 0.5, "loss": math.log(2)}
    unknown = {**facts, "true": None, "correct": None, "loss": None}
    censored = {**dict.fromkeys(COLUMNS), "method": "m", "stage": "map", "problem": ""}
    whole = {**censored, "eps_minus": 2, "eps_plus": 5, "apem": 3, "apem_normalized": 0.25}
    found = as_table([{**facts, **whole}, {**unknown, **censored}])
    assert list(found.apem[:1]) == [3]
    assert found.iloc[1][["eps_minus", "eps_plus", "apem", "apem_normalized"]].isna().all()
    assert found.iloc[1][["true", "correct", "loss"]].isna().all()
    # One of the two pictures has a number; the other is censored, and its group not known.
    one = row(summary(found), group="all")
    assert (one.pictures, one.censored, one.apem) == (1, 1, 3)
    assert row(summary(found), group="right").pictures == 1
    # Missing throughout, the columns keep their kinds.
    empty = as_table([{**unknown, **censored}])
    assert list(empty.dtypes) == list(found.dtypes)
