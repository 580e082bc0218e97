"""How far participants got, whose answers count, and what that changes."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.study.synthetic import design, records
from xai_core.errors import StudyError
from xai_core.study.analysis.cases import case_table
from xai_core.study.analysis.counted import WHO, counted, failed, hurried
from xai_core.study.analysis.funnel import endings, funnel
from xai_core.study.analysis.results import Settings, analyse
from xai_core.study.analysis.sensitivity import sensitivity
from xai_core.study.analysis.votes import RULES
from xai_core.study.design import StudyPicture


@pytest.fixture
def made():
    return records(participants=10, images=4, missing=0.3)


def test_the_funnel_by_hand(made):
    people = made.participants.copy()
    people.loc[0, ["instructed_at", "ended_at"]] = pd.NaT
    people["ending"] = ["screened_out", None, "failed", *["completed"] * 7]
    people["answered"] = [0, 2, 4, 4, 4, 4, 4, 4, 3, 3]
    table = funnel(replace(made, participants=people)).set_index("step")["count"]
    assert table.to_dict() == {
        "visits": 15, "consented": 10, "background": 10, "instructions": 9,
        "trial 1": 9, "trial 2": 9, "trial 3": 8, "trial 4": 6, "completed": 7,
    }  # fmt: skip
    found = endings(replace(made, participants=people)).set_index("ending")["count"]
    assert found.to_dict() == {
        "completed": 7, "failed": 1, "screened_out": 1, "ongoing": 1, "declined": 2,
    }  # fmt: skip


def test_practice_and_questions_are_steps_only_where_there_are_any(made):
    practice = StudyPicture("p9", "x", "0" * 64, "fish", "practice")
    pictures = (*made.design.pictures, practice)
    other = replace(made, design=replace(made.design, pictures=pictures, background=()))
    steps = funnel(other).step.tolist()
    assert "practice" in steps
    assert "background" not in steps
    assert "practice" not in funnel(made).step.tolist()


def test_nobody_is_no_share():
    empty = records(participants=1, images=2)
    none = replace(empty, participants=empty.participants[:0], answers=empty.answers[:0])
    table = funnel(none)
    assert table["count"].tolist()[1:] == [0] * (len(table) - 1)
    assert table.share.isna().all()
    assert analyse(none).answers == 0


def test_checks_and_practice_never_count(made):
    assert (counted(made).kind == "trial").all()
    assert "catch" in made.answers.kind.unique()


def test_whose_answers_count(made):
    people = made.participants.copy()
    people["ending"] = ["failed", None, *["completed"] * 8]
    people["checks_failed"] = [0, 0, 2, *[0] * 7]
    slow = made.answers.duration_ms.where(made.answers.participant != 4, 300)
    other = replace(made, participants=people, answers=made.answers.assign(duration_ms=slow))
    assert failed(other) == {1, 3}
    assert hurried(other) == {4}
    everyone = set(range(1, 11))
    expected = {
        "everyone": everyone,
        "completed": everyone - {1, 2},
        "passed": everyone - {1, 3},
        "unhurried": everyone - {4},
        "careful": everyone - {1, 3, 4},
    }
    assert {who: set(counted(other, who).participant) for who in WHO} == expected
    with pytest.raises(StudyError, match="“friends”"):
        counted(other, "friends")


def test_sensitivity_changes_one_decision_at_a_time(made):
    table = sensitivity(made, rule="models", who="passed")
    for varied, variants in (("rule", RULES), ("who", WHO)):
        for variant in variants:
            rule, who = ("models", variant) if varied == "who" else (variant, "passed")
            own = table[(table.varied == varied) & (table.variant == variant)]
            expected = case_table(counted(made, who), made.predictions, rule=rule)
            assert own["count"].tolist() == expected["count"].tolist()


def test_the_whole_analysis_is_that_of_its_parts(made):
    found = analyse(made, Settings(interval="bootstrap", who="careful", replicates=200))
    own = counted(made, "careful")
    assert found.answers == len(own)
    assert found.participants == own.participant.nunique()
    expected = case_table(own, made.predictions, "bootstrap", replicates=200)
    pd.testing.assert_frame_equal(found.tables["cases"], expected)
    assert found.tables["votes"].image.tolist() == [one.id for one in design(4).pictures]
