"""Intervals of shares."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from tests.reference import study as reference
from xai_core.errors import StudyError
from xai_core.study.analysis.intervals import of_count, of_variance

few = settings(max_examples=60, deadline=None)


@few
@given(st.integers(1, 400).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_counts(pair):
    count, total = pair
    expected = reference.wilson(count, total)
    assert of_count(count, total) == pytest.approx(expected, abs=1e-9)
    assert of_count(count, total, "normal") == pytest.approx(reference.normal(count, total))


@few
@given(st.integers(2, 300), st.data())
def test_independent_cases_with_a_known_variance_have_wilsons_interval(total, data):
    count = data.draw(st.integers(1, total - 1))
    share = count / total
    found = of_variance(share, share * (1 - share) / total, math.inf, total)
    assert found == pytest.approx(proportion_confint(count, total, method="wilson"), abs=1e-9)


def test_all_alike_falls_back_to_the_fewest_cases():
    for share in (0.0, 1.0):
        found = of_variance(share, 0.0, 1.0, 20)
        assert found == pytest.approx(reference.wilson(20 * share, 20), abs=1e-9)
    assert of_variance(0.5, math.nan, math.nan, 20) == pytest.approx(reference.wilson(10, 20))


def test_nothing_has_no_interval():
    assert all(map(math.isnan, of_count(0, 0)))
    assert all(map(math.isnan, of_variance(math.nan, 0.0, 1.0, 0)))


def test_another_interval_is_refused():
    with pytest.raises(StudyError, match="“bootstrap” of a count"):
        of_count(1, 2, "bootstrap")
