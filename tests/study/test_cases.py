"""The table of cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import study as reference
from tests.study.synthetic import answers, predictions
from xai_core.errors import StudyError
from xai_core.study.analysis.cases import CASES, case_table
from xai_core.study.analysis.votes import RULES

few = settings(max_examples=40, deadline=None)


def counts(table, model):
    return table[table.model == model].set_index("case")["count"].to_dict()


def paper(number, of):
    """A study in which so many of the pictures are case 1 of the first model."""
    votes = [tuple("c1" if place < number else "c2" for place in range(of))] * 3
    correct = {"c1": [True] * of, "c2": [True] * of}
    return answers(votes), predictions(correct)


@pytest.fixture
def every_case():
    """Six pictures: c1 wins right and wrong, c2 wins right and wrong, a tie, an escape answer."""
    votes = [
        ("c1", "c1", "c2", "c2", "c1", "same"),
        ("c1", "c1", "c2", "c2", "c2", "same"),
        ("c2", "same", "c1", None, None, "c1"),
    ]
    correct = {
        "c1": [True, False, True, False, True, True],
        "c2": [False, True, True, False, False, True],
    }
    return answers(votes), predictions(correct)


def test_every_case_by_hand(every_case):
    table = case_table(*every_case)
    assert counts(table, "c1") == {1: 1, 2: 1, 3: 1, 4: 1, "undecided": 2}
    assert counts(table, "c2") == {1: 1, 2: 1, 3: 1, 4: 1, "undecided": 2}
    assert table.case.tolist() == [1, 2, 3, 4, "undecided"] * 2
    assert (table.images == 6).all()
    assert table.share.tolist() == pytest.approx([*[1 / 6] * 4, 2 / 6] * 2)


def test_ties_can_make_both_maps_accurate(every_case):
    table = case_table(*every_case, rule="shared")
    assert counts(table, "c1") == {1: 2, 2: 1, 3: 1, 4: 1, "undecided": 1}
    assert counts(table, "c2") == {1: 1, 2: 2, 3: 1, 4: 1, "undecided": 1}


def test_printed_figures_of_the_paper():
    ninth = case_table(*paper(9, 50), "normal").iloc[0]
    shown = [round(100 * ninth[name]) for name in ("share", "low", "high")]
    assert (ninth.model, ninth.case, ninth["count"], ninth.images) == ("c1", 1, 9, 50)
    assert shown == [18, 7, 29]
    most = case_table(*paper(66, 100), "normal").iloc[0]
    assert [round(100 * most[name]) for name in ("share", "low", "high")] == [66, 57, 75]


def test_wilson_is_the_default():
    table = case_table(*paper(9, 50))
    low, high = reference.wilson(9, 50)
    assert table.low[0] == pytest.approx(low, abs=1e-12)
    assert table.high[0] == pytest.approx(high, abs=1e-12)


choice = st.sampled_from(["c1", "c2", "cannot_distinguish", "same"])
ballots = st.lists(st.lists(choice | st.none(), min_size=4, max_size=4), min_size=1, max_size=7)
right = st.lists(st.booleans(), min_size=4, max_size=4)


@few
@given(ballots, right, right, st.sampled_from(list(RULES)))
def test_cases_are_those_of_the_description(votes, first, second, rule):
    table = answers(votes)
    predicted = predictions({"c1": first, "c2": second})
    correct = {(row.image, row.model): row.correct for row in predicted.itertuples()}
    rows = list(table.itertuples(index=False, name=None))
    expected, images = reference.cases(rows, correct, rule)
    found = case_table(table, predicted, "normal", rule=rule)
    for row in found.itertuples():
        assert row.count == expected[row.model, row.case]
        if images:
            assert row.share == row.count / images
            assert (row.low, row.high) == pytest.approx(reference.normal(row.count, images))


@few
@given(ballots, right, right)
def test_every_picture_is_one_case_of_each_model(votes, first, second):
    table = answers(votes)
    found = case_table(table, predictions({"c1": first, "c2": second}))
    assert (found.groupby("model")["count"].sum() == table.image.nunique()).all()


def test_the_bootstrap_is_about_wilson_when_all_agree_and_wider_when_participants_differ():
    predicted = predictions({"c1": [True] * 40, "c2": [True] * 40})
    agreed = answers([tuple("c1" if p < 24 else "c2" for p in range(40))] * 9)
    plain, drawn = case_table(agreed, predicted), case_table(agreed, predicted, "bootstrap")
    # Only the quantile of 39 degrees of freedom and 39 in place of 40 make a difference.
    assert drawn.low[0] == pytest.approx(plain.low[0], abs=0.01)
    # Now each participant has a favourite, so that who came decides every picture at once.
    split = answers([("c1",) * 40] * 5 + [("c2",) * 40] * 4)
    table = case_table(split, predicted, "bootstrap")
    assert table.share[0] == 1.0
    rng = np.random.default_rng(0)
    noisy = answers(
        [
            tuple(rng.choice(["c1", "c2"], p=[0.8, 0.2] if person % 2 else [0.25, 0.75], size=40))
            for person in range(9)
        ]
    )
    plain, drawn = case_table(noisy, predicted), case_table(noisy, predicted, "bootstrap")
    first = plain.case == 1
    assert ((drawn.high - drawn.low)[first] > 1.2 * (plain.high - plain.low)[first]).all()


def test_the_bootstrap_repeats_with_its_seed():
    rng = np.random.default_rng(1)
    votes = rng.choice(["c1", "c2", "same"], size=(8, 12)).tolist()
    predicted = predictions({"c1": [True] * 12, "c2": [False] * 12})
    one, same, other = (
        case_table(answers(votes), predicted, "bootstrap", seed=seed, replicates=200)
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not one.low.equals(other.low)


def test_no_answers_are_no_shares():
    table = case_table(answers([]), predictions({"c1": [True], "c2": [True]}), "bootstrap")
    assert len(table) == 2 * len(CASES)
    assert (table["count"] == 0).all()
    assert table[["share", "low", "high"]].isna().all().all()


def test_a_picture_without_prediction_is_refused():
    predicted = predictions({"c1": [True], "c2": [True]})
    with pytest.raises(StudyError, match="whether c1 is right about picture p2"):
        case_table(answers([("c1", "c1")]), predicted)
    with pytest.raises(StudyError, match="two predictions"):
        case_table(answers([("c1",)]), pd.concat([predicted, predicted]))


@pytest.mark.parametrize("words", [{"interval": "guess"}, {"rule": "loudest"}])
def test_unknown_words_are_refused(words):
    with pytest.raises(StudyError, match=r"guess|loudest"):
        case_table(*paper(1, 2), **words)
