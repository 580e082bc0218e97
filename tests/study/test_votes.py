"""Votes, and what they decide."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import study as reference
from tests.study.synthetic import answers
from xai_core.errors import StudyError
from xai_core.study.analysis.votes import RULES, accurate, collect, vote_table

MODELS = ["c1", "c2", "c3"]

few = settings(max_examples=60, deadline=None)


def decided(counts, rule="majority"):
    """Models whose maps are accurate, from votes for c1, c2, cannot_distinguish, same."""
    found = accurate(np.array(counts, dtype=float), rule)
    return [f"c{place}" for place in np.flatnonzero(found) + 1]


@pytest.mark.parametrize(
    ("counts", "rule", "expected"),
    [
        ((3, 2, 1, 0), "majority", ["c1"]),
        ((2, 2, 1, 0), "majority", []),
        ((2, 1, 2, 0), "majority", []),  # a tie with an escape answer
        ((2, 1, 0, 3), "majority", []),
        ((0, 0, 0, 0), "majority", []),
        ((1, 0, 0, 0), "majority", ["c1"]),
        ((2, 1, 0, 3), "models", ["c1"]),
        ((2, 2, 0, 0), "models", []),
        ((0, 0, 2, 1), "models", []),
        ((3, 2, 1, 0), "absolute", []),  # exactly half
        ((4, 2, 1, 0), "absolute", ["c1"]),
        ((2, 2, 1, 0), "shared", ["c1", "c2"]),
        ((2, 1, 2, 0), "shared", ["c1"]),
        ((1, 1, 3, 0), "shared", []),
        ((0, 0, 0, 0), "shared", []),
    ],
)
def test_rules_by_hand(counts, rule, expected):
    assert decided(counts, rule) == expected


choice = st.sampled_from([*MODELS, "cannot_distinguish", "same"])
ballots = st.lists(st.lists(choice | st.none(), min_size=3, max_size=3), min_size=1, max_size=9)


@few
@given(ballots, st.sampled_from(list(RULES)))
def test_rules_are_those_of_the_description(votes, rule):
    table = answers(votes)
    made = collect(table, MODELS)
    rows = list(table.itertuples(index=False, name=None))
    found = accurate(made.counts, rule)
    for image, row in zip(made.images, found, strict=True):
        expected = reference.winners(reference.tally(rows, image), rule)
        assert {model for model, yes in zip(MODELS, row, strict=True) if yes} == expected


def test_the_table_of_votes():
    votes = [("c1", "c1"), ("c1", "c2"), ("c2", "same"), ("c1", None)]
    table = vote_table(collect(answers(votes), ["c1", "c2"]))
    assert table.image.tolist() == ["p1", "p2"]
    assert table.votes_c1.tolist() == [3, 1]
    assert table.votes_c2.tolist() == [1, 1]
    assert table.votes_same.tolist() == [0, 1]
    assert table.answers.tolist() == [4, 3]
    assert table.agreement.tolist() == [3 / 6, 0.0]
    assert table.decided.tolist() == ["c1", "undecided"]


def test_one_answer_has_no_agreement():
    table = vote_table(collect(answers([("c1",)]), ["c1", "c2"]))
    assert np.isnan(table.agreement[0])


def test_several_accurate_maps_are_named_together():
    table = vote_table(collect(answers([("c1",), ("c2",)]), ["c1", "c2"]), "shared")
    assert table.decided.tolist() == ["c1 + c2"]


def test_the_order_of_rows_does_not_matter():
    table = answers([("c1", "c2"), ("c2", "same"), ("c1", "c1")])
    mixed = table.sample(frac=1, random_state=3)
    first, second = collect(table, MODELS), collect(mixed, MODELS)
    assert first.images == second.images
    assert (first.chosen == second.chosen).all()


def test_what_was_not_offered_is_refused():
    with pytest.raises(StudyError, match="“c9”"):
        collect(answers([("c9",)]), MODELS)


def test_two_answers_to_one_picture_are_refused():
    table = pd.concat([answers([("c1",)])] * 2)
    with pytest.raises(StudyError, match="Participant 1 has more than one answer to picture p1"):
        collect(table, MODELS)


def test_an_unknown_rule_is_refused():
    with pytest.raises(StudyError, match="“loudest”"):
        accurate(np.zeros((1, 4)), "loudest")
