"""The place on the screen, groups of participants, times."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tests.study.synthetic import answers, predictions, records
from xai_core.study.analysis.background import by_background, groups
from xai_core.study.analysis.bias import positions
from xai_core.study.analysis.cases import case_table
from xai_core.study.analysis.times import attention, checks, times
from xai_core.study.design import BackgroundQuestion

NUMBER = BackgroundQuestion("age", "How old are you?", "number")
CHOICE = BackgroundQuestion("field", "Your field?", "choice", ("art", "law"))
TEXT = BackgroundQuestion("why", "Why?", "text")


def placed(*places, participants=1):
    """Answers at these places (None for an escape answer), shared out among participants."""
    people = [number % participants + 1 for number in range(len(places))]
    table = pd.DataFrame({"participant": people, "shown_position": places})
    return table.astype({"shown_position": "Int64"})


def test_equal_places_are_no_bias():
    found = positions(placed(*[0, 1, 2] * 10, None), 3)
    assert found.table["count"].tolist() == [10, 10, 10]
    assert found.table.answers.tolist() == [30] * 3
    assert (found.statistic, found.p, found.way) == (0.0, 1.0, "chi-square")


def test_chi_square_by_hand():
    found = positions(placed(*[0] * 30, *[1] * 10), 2)
    assert found.statistic == pytest.approx(10.0)
    assert found.p == pytest.approx(0.0015654, abs=1e-6)
    assert found.table.share.tolist() == [0.75, 0.25]


def test_few_answers_are_simulated():
    found = positions(placed(*[0] * 6, 1), 2)
    assert found.way == "simulated"
    assert found.p == pytest.approx(binomtest(6, 7).pvalue, abs=0.01)


@pytest.mark.parametrize(
    ("table", "places", "drawn", "note"),
    [
        (placed(0, 1), 2, False, "Every trial had the same order"),
        (placed(None), 2, True, "No heatmap has been chosen"),
        (placed(0), 1, True, "There is one place"),
    ],
)
def test_without_a_test_there_is_a_reason(table, places, drawn, note):
    found = positions(table, places, drawn)
    assert np.isnan(found.p)
    assert found.note.startswith(note)


def test_who_always_chooses_one_place():
    found = positions(placed(*[1, 0] * 4, 1, 1, participants=2), 2).participants
    assert found.place.tolist() == [2, 1]
    assert found.share.tolist() == [1.0, 0.8]
    assert found.always.tolist() == [True, False]
    assert not positions(placed(1, 1, 1, 1), 2).participants.always[0], "four answers are few"


def test_groups_by_background():
    rows = [(1, "age", "20"), (2, "age", "30"), (3, "age", "70"), (4, "age", "old"),
            (1, "field", "law"), (2, "field", "law"), (3, "why", "because")]  # fmt: skip
    said = pd.DataFrame(rows, columns=["participant", "question", "value"])
    found = {(one.id, value): who for one, value, who in groups((NUMBER, CHOICE, TEXT), said)}
    assert found == {
        ("age", "up to 30"): {1, 2},
        ("age", "above 30"): {3},
        ("field", "art"): set(),
        ("field", "law"): {1, 2},
    }


def test_a_groups_cases_are_those_of_its_participants_alone():
    table = answers([("c1", "c2"), ("c1", "c1"), ("c2", "c2")])
    said = pd.DataFrame(
        [(1, "field", "art"), (2, "field", "art"), (3, "field", "law")],
        columns=["participant", "question", "value"],
    )
    predicted = predictions({"c1": [True, True], "c2": [False, False]})
    shares, cases = by_background(table, predicted, (CHOICE,), said)
    for value, people in (("art", [1, 2]), ("law", [3])):
        own = table[table.participant.isin(people)]
        expected = case_table(own, predicted)
        part = cases[cases.value == value].reset_index(drop=True)
        assert (part.participants == len(people)).all()
        pd.testing.assert_frame_equal(part[expected.columns], expected)
        votes = shares[shares.value == value].set_index("choice")["count"]
        assert votes["c1"] == (own.choice == "c1").sum()
    nobody = by_background(table, predicted, (CHOICE,), said[:0])
    assert [len(one) for one in nobody] == [0, 0]


def test_times_by_hand():
    table = pd.DataFrame({"position": [1, 1, 1, 2], "duration_ms": [500, 1500, 2500, None]})
    table = table.astype({"duration_ms": "Int64"})
    whole = times(table, []).iloc[0]
    assert (whole.answers, whole["median"], whole.quarter, whole.fast) == (3, 1.5, 1.0, 1)
    assert times(table, ["position"]).position.tolist() == [1], "no time, no row"


def test_care_and_checks():
    made = records(participants=9, images=5, missing=0.0)
    table = attention(made)
    assert table.participant.tolist() == list(range(1, 10))
    own = made.answers[(made.answers.participant == 3) & (made.answers.kind == "trial")]
    row = table[table.participant == 3].iloc[0]
    assert row["median"] == pytest.approx(own.duration_ms.astype(float).median() / 1000)
    assert row.hidden == pytest.approx(own.hidden_ms.sum() / 1000)
    assert row.answers == 5
    found = checks(made).set_index("kind")
    assert found.failed["catch"] == (~made.answers.passed.dropna().astype(bool)).sum()
    assert np.isnan(found.share["instructed"])
