"""Agreement beyond chance."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import fleiss_kappa as other_kappa

from tests.reference import study as reference
from xai_core.study.analysis.agreement import (
    _alphas,
    _kappas,
    agreement_table,
    fleiss_kappa,
    krippendorff_alpha,
)

# Ten subjects, fourteen raters, five categories: the worked example that goes with Fleiss 1971.
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
# Krippendorff 2011, section C: four observers, twelve units, missing values.
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
UNITS = [[row[place] for row in OBSERVERS if row[place] != "."] for place in range(12)]
few = settings(max_examples=50, deadline=None)


def counted(lists):
    kinds = sorted({answer for one in lists for answer in one})
    return np.array([[one.count(kind) for kind in kinds] for one in lists], dtype=float)


lists = st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=8)


def test_fleiss_worked_example():
    assert fleiss_kappa(np.array(FLEISS, dtype=float)) == pytest.approx(0.210, abs=5e-4)


def test_krippendorffs_worked_example():
    assert krippendorff_alpha(counted(UNITS)) == pytest.approx(0.743, abs=5e-4)
    assert reference.alpha(UNITS) == pytest.approx(0.743, abs=5e-4)


@few
@given(lists)
def test_both_are_those_of_the_description(answers):
    known = [one for one in answers if len(one) >= 2]
    kappa, alpha = fleiss_kappa(counted(answers)), krippendorff_alpha(counted(answers))
    if len({answer for one in known for answer in one}) < 2:
        assert math.isnan(kappa)
        assert math.isnan(alpha)
    else:
        assert kappa == pytest.approx(reference.kappa(answers), abs=1e-9)
        assert alpha == pytest.approx(reference.alpha(answers), abs=1e-9)


@few
@given(st.integers(0, 10_000))
def test_equal_numbers_of_answers_give_the_usual_kappa(seed):
    counts = np.random.default_rng(seed).multinomial(7, [0.5, 0.3, 0.2], size=9)
    assert fleiss_kappa(counts.astype(float)) == pytest.approx(other_kappa(counts), abs=1e-9)


def test_every_picture_once_is_the_value_itself():
    counts = counted(UNITS)
    known = counts[counts.sum(1) >= 2]
    once = np.ones((1, len(known)))
    assert _kappas(known, once)[0] == pytest.approx(fleiss_kappa(counts))
    assert _alphas(known, once)[0] == pytest.approx(krippendorff_alpha(counts))


def test_a_picture_twice_is_two_pictures():
    counts = np.array(FLEISS, dtype=float)
    often = np.array([[2, 1, 0, 1, 1, 1, 1, 1, 1, 1]], dtype=float)
    again = np.repeat(counts, often[0].astype(int), axis=0)
    assert _kappas(counts, often)[0] == pytest.approx(fleiss_kappa(again))
    assert _alphas(counts, often)[0] == pytest.approx(krippendorff_alpha(again))


def test_the_interval_is_around_the_value():
    table = agreement_table(np.array(FLEISS, dtype=float), replicates=500)
    assert table.measure.tolist() == ["kappa", "alpha"]
    assert (table.low < table.value).all()
    assert (table.value < table.high).all()
    assert (table.images == 10).all()
    assert (table.note == "").all()


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([[1, 0], [0, 1]], "No picture has answers of two participants"),
        ([[3, 0], [4, 0]], "Every answer is the same one"),
        (np.zeros((0, 2)), "No picture has answers of two participants"),
    ],
)
def test_without_a_value_there_is_a_reason(counts, reason):
    table = agreement_table(np.array(counts, dtype=float))
    assert table[["value", "low", "high"]].isna().all(axis=None)
    assert table.note.str.startswith(reason).all()


def test_one_picture_has_a_value_and_no_interval():
    table = agreement_table(np.array([[2, 1]], dtype=float))
    assert table.value.notna().all()
    assert table[["low", "high"]].isna().all(axis=None)
    assert table.note.str.startswith("One picture alone").all()
