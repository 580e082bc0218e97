"""Models against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from tests.reference import study as reference
from tests.study.synthetic import answers
from xai_core.study.analysis.between_models import (
    NO_SPREAD,
    NOTHING,
    TOO_FEW,
    paired_tests,
    share_differences,
)
from xai_core.study.analysis.votes import collect

few = settings(max_examples=50, deadline=None)


def won(*winners):
    """Which of three models' maps is accurate, from each picture's winner or None."""
    return np.array([[winner == model for model in range(3)] for winner in winners])


@few
@given(st.integers(0, 40), st.integers(0, 40))
def test_the_exact_p_value(first, second):
    found = np.array([[True, False]] * first + [[False, True]] * second + [[False, False]])
    row = paired_tests(found, ["a", "b"]).iloc[0]
    assert (row.only_model, row.only_other) == (first, second)
    if first + second:
        assert row.p == pytest.approx(reference.mcnemar(first, second))
        table = [[1, first], [second, 1]]
        assert row.p == pytest.approx(mcnemar(table, exact=True).pvalue)
        assert row.note == ""
    else:
        assert np.isnan(row.p)
        assert np.isnan(row.p_holm)
        assert row.note == NOTHING


def test_both_accurate_is_no_difference():
    row = paired_tests(np.array([[True, True]] * 5), ["a", "b"]).iloc[0]
    assert (row.only_model, row.only_other) == (0, 0)
    assert row.note == NOTHING


def test_holm_over_all_pairs():
    table = paired_tests(won(*[0] * 12, *[1] * 3, *[None] * 4), ["a", "b", "c"])
    assert list(zip(table.model, table.other, strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert table.p_holm.tolist() == pytest.approx(reference.holm(table.p.tolist()))
    assert (table.p_holm >= table.p).all()
    # With c never in front, a against c is all 12 pictures: 2 / 2^12.
    assert table.p[1] == pytest.approx(2 / 2**12)


def test_pairs_without_a_test_do_not_count_among_holms():
    table = paired_tests(won(*[0] * 8)[:, [0, 1, 2]], ["a", "b", "c"])
    assert table.p.tolist()[:2] == [pytest.approx(2 / 2**8)] * 2
    assert np.isnan(table.p[2])
    assert table.p_holm[0] == pytest.approx(2 * 2 / 2**8)


def test_the_difference_of_shares_by_hand():
    votes = [("c1", "c1", "c2", "same")] * 2 + [("c1", "c2", "c1", "c1")] * 2
    row = share_differences(collect(answers(votes), ["c1", "c2"])).iloc[0]
    assert row.difference == pytest.approx((10 - 4) / 16)
    assert row.low < row.difference < row.high
    assert (row.p < 0.05) == (row.low > 0 or row.high < 0)


def test_the_sign_turns_with_the_models():
    rng = np.random.default_rng(5)
    table = answers(rng.choice(["c1", "c2", "same"], p=[0.6, 0.3, 0.1], size=(9, 8)).tolist())
    one = share_differences(collect(table, ["c1", "c2"])).iloc[0]
    other = share_differences(collect(table, ["c2", "c1"])).iloc[0]
    assert one.difference == pytest.approx(-other.difference)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == pytest.approx(other.p)


@pytest.mark.parametrize(
    ("votes", "note"),
    [([("c1", "c2")], TOO_FEW), ([("c1",), ("c2",)], TOO_FEW), ([("c1", "c1")] * 3, NO_SPREAD),
     ([], TOO_FEW)],
)  # fmt: skip
def test_too_little_for_a_test_is_said(votes, note):
    row = share_differences(collect(answers(votes), ["c1", "c2"])).iloc[0]
    assert row.note == note
    assert np.isnan(row.p)
    assert np.isnan(row.low)


def test_one_model_has_no_pairs():
    assert paired_tests(np.array([[True]]), ["a"]).empty
    assert share_differences(collect(answers([("c1", "c1")] * 2), ["c1"])).empty
