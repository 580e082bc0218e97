"""What many pictures tell together, on tables written by hand."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.apem.tiny_tables import FACTS, row, table
from xai_core.apem.one_picture import COLUMNS
from xai_core.apem.summary import MEANS, as_table, correlations, groups, summary


def test_means_leave_out_what_is_censored_or_failed():
    found = summary(
        table(("a", "m", 2), ("b", "m", 7), ("c", "m", None), ("d", "m", "It explains nothing."))
    )
    one = row(found, group="all", method="m")
    assert (one.pictures, one.censored, one.failed) == (2, 1, 1)
    # Of 2 and 7: mean and median 4.5, and 5 / sqrt(2) apart.
    assert [one[name] for name in MEANS] == [10, 14.5, 4.5, 1.125, -4.5]
    assert one["median"] == 4.5
    assert one.median_shuffled == -4.5
    assert one.sd == pytest.approx(5 / math.sqrt(2))


def test_medians_are_of_the_middle_picture():
    rows = table(("a", "m", 2), ("b", "m", 7), ("c", "m", 90))
    rows["apem_shuffled"] = [0, 5, -1]
    one = row(summary(rows), group="all")
    assert (one["median"], one.median_shuffled) == (7, 0)
    assert (one.apem, one.apem_shuffled) == (33, pytest.approx(4 / 3))


def test_one_side_alone_does_not_enter_the_means():
    rows = table(("a", "m", 2), ("b", "m", None))
    rows.loc[1, "eps_minus"] = 1000
    one = row(summary(rows), group="all")
    assert (one.eps_minus, one.pictures, one.censored) == (10, 1, 1)


def test_nothing_but_censored_gives_no_number():
    one = row(summary(table(("a", "m", None), ("b", "m", None))), group="all")
    assert (one.pictures, one.censored, one.failed) == (0, 2, 0)
    assert all(math.isnan(one[name]) for name in (*MEANS, "sd", "median", "median_shuffled"))
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
