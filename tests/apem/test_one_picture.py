"""Several methods on one picture, against the metric called for one map after the other."""

import math

import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from tests.apem.tiny_networks import Constant, classifier, linear_case, map_of, small_case
from xai_core.apem import apem, apem_normalized, metric, one_picture, shuffled
from xai_core.apem.one_picture import COLUMNS, answer_facts, picture_rows
from xai_core.errors import MethodError
from xai_core.heatmaps import STAGES, relevance_map
from xai_core.progress import listening

SHUFFLES, SEED, MOST = 3, 7, 50
COUNTED = ("eps_minus", "eps_plus", "eps_minus_shuffle", "eps_plus_shuffle")


def case(seed=8):
    """A network, one picture whose pixels are known, and raw relevance of three methods."""
    clf, x, r = small_case(seed, 3, scale=0.3, count=3)
    return clf, x[:1], {"a": r[:1] - 0.4, "b": r[1:2, :1], "c": r[2:3] ** 3}


def staged(clf, x, relevance, stage):
    return relevance_map(relevance.double(), stage, clf.pixels(x).double().clamp(0, 1))


def known(value):
    return None if pd.isna(value) else value


@pytest.mark.parametrize("seed", [8, 9])
def test_rows_equal_the_metric_called_one_by_one(seed):
    clf, x, relevances = case(seed)
    rows = picture_rows(clf, x, relevances, shuffles=SHUFFLES, seed=SEED, eps_max=MOST)
    assert [(r["method"], r["stage"]) for r in rows] == [(m, s) for m in "abc" for s in STAGES]
    assert len({row["apem"] for row in rows}) > 1
    for row in rows:
        assert set(row) == set(COLUMNS)
        assert row["problem"] == ""
        r = staged(clf, x, relevances[row["method"]], row["stage"])
        whole = apem_normalized(clf, x, 0, r, shuffles=SHUFFLES, seed=SEED, eps_max=MOST)
        assert [row[name] for name in COUNTED] == [known(part[0]) for part in whole[:4]]
        assert row["apem"] == known(apem(clf, x, 0, r, eps_max=MOST).apem[0])
        assert row["apem_normalized"] == known(whole.apem_normalized[0])
        ends = row["eps_minus_shuffle"], row["eps_plus_shuffle"]
        assert row["apem_shuffled"] == (None if None in ends else ends[1] - ends[0])


def test_one_side_known_alone_gives_no_difference():
    # 4 and 8 steps, as below; the limit lies between.
    clf, x = linear_case()
    r = map_of(1.0, 0.5, 0.0, 0.0)
    (row,) = picture_rows(clf, x, {"a": r}, ["map"], shuffles=1, eps_max=6)
    assert (row["eps_minus"], row["eps_plus"], row["apem"]) == (4, None, None)
    assert row["apem_normalized"] is None


def test_by_hand():
    # Score 10.5, weights (4, 1, 1, 2); of (1, .5, 0, 0) 4 and 8 steps, as in test_metric. All
    # pixels are equal, so that the third stage is the second. (0, 0, .5, 1) on (4, 1, 1, 2):
    # 2.5 / 1.5, 7 steps; opposite (1, 1, .5, 0): 5.5 / 2.5 = 2.2, 5 steps.
    clf, x = linear_case()
    good = map_of(1.0, 0.5, 0.0, 0.0)
    bad = map_of(0.0, 0.0, -0.5, 1.0)
    rows = picture_rows(clf, x, {"good": good, "bad": bad})
    found = [(row["eps_minus"], row["eps_plus"], row["apem"]) for row in rows]
    assert found == [(4, 8, 4)] * 3 + [(7, 5, -2)] * 3


def test_a_coarse_map_is_brought_to_the_input():
    clf, x, _ = case()
    coarse = torch.tensor([[0.2, 1.0], [0.5, 0.0]]).view(1, 1, 2, 2)
    fine = F.interpolate(coarse, size=(6, 6), mode="bilinear", align_corners=False)
    one, two = picture_rows(clf, x, {"coarse": coarse, "fine": fine}, ["map"], eps_max=MOST)
    assert {**one, "method": ""} == {**two, "method": ""}
    # Neighbours repeated would be another map.
    blocks = F.interpolate(coarse, size=(6, 6), mode="nearest")
    measured = one_picture.measured_map(clf, x, coarse, "map")
    assert torch.equal(measured, one_picture.measured_map(clf, x, fine, "map"))
    assert not torch.allclose(measured, one_picture.measured_map(clf, x, blocks, "map"))


@pytest.fixture
def searched(monkeypatch):
    """How many maps are searched together, one time after the other."""
    sizes, counts = [], metric.counts

    def counted(perturbation, maps, eps_max):
        sizes.append(len(maps))
        return counts(perturbation, maps, eps_max)

    monkeypatch.setattr(metric, "counts", counted)
    return sizes


def test_equal_maps_are_searched_once_and_have_equal_rows(searched):
    clf, x, relevances = case()
    # Of one channel, the first two stages are one map; the scale of relevance is lost.
    several = {"one": relevances["b"], "twin": 2 * relevances["b"]}
    rows = picture_rows(clf, x, several, ["channels", "map"], eps_max=MOST)
    assert searched == [1]
    assert len(rows) == 4
    assert len({tuple(row[name] for name in COLUMNS[2:]) for row in rows}) == 1


@pytest.mark.parametrize(
    ("broken", "word"), [(0.0, "zero everywhere"), (float("nan"), "finite"), (1.0, "irrelevant")]
)
def test_a_map_that_cannot_be_measured_leaves_the_others_alone(broken, word):
    clf, x, relevances = case()
    settings = {"stages": ["map"], "shuffles": 1, "eps_max": MOST}
    alone = picture_rows(clf, x, {"a": relevances["a"], "c": relevances["c"]}, **settings)
    bad = torch.full((1, 1, 6, 6), broken)
    several = {"a": relevances["a"], "bad": bad, "c": relevances["c"]}
    rows = picture_rows(clf, x, several, **settings)
    assert [rows[0], rows[2]] == alone
    assert word in rows[1]["problem"]
    assert rows[1]["problem"].endswith(".")
    assert all(rows[1][name] is None for name in COLUMNS[2:-1])


def test_nothing_but_broken_maps_asks_nothing():
    clf, x, _ = case()
    rows = picture_rows(clf, x, {"bad": torch.zeros(1, 1, 6, 6)}, shuffles=2)
    assert [row["stage"] for row in rows] == list(STAGES)
    assert all(row["problem"] for row in rows)
    assert picture_rows(clf, x, {}) == []


def test_without_shuffles_their_fields_are_none():
    clf, x, relevances = case()
    rows = picture_rows(clf, x, relevances, eps_max=MOST)
    with_them = picture_rows(clf, x, relevances, shuffles=1, eps_max=MOST)
    for row, other in zip(rows, with_them, strict=True):
        assert all(row[name] is None for name in COLUMNS if "shuffle" in name)
        assert row["apem_normalized"] is None
        assert row["apem"] == other["apem"]
    assert any(row["apem_shuffled"] is not None for row in with_them)


def test_one_shuffled_map_is_measured_like_any_other():
    clf, x, relevances = case()
    for row in picture_rows(clf, x, relevances, shuffles=1, seed=SEED, eps_max=MOST):
        r = shuffled(staged(clf, x, relevances[row["method"]], row["stage"]), 1, SEED)[:, 0]
        assert row["apem_shuffled"] == known(apem(clf, x, 0, r, eps_max=MOST).apem[0])


@pytest.mark.parametrize("room", [None, 1])
def test_progress_grows_to_the_end(monkeypatch, room):
    if room is not None:
        monkeypatch.setattr(one_picture, "allowed_bytes", lambda *_: room)
    clf, x, relevances = case()
    told = []
    with listening(told.append):
        picture_rows(clf, x, relevances, shuffles=2, eps_max=MOST)
    assert told == sorted(told)
    assert 0 < told[0] < 0.5
    assert told[-1] == pytest.approx(1)


def test_what_changes_nothing_is_none_without_a_problem():
    x = torch.ones(1, 3, 2, 2)
    r = map_of(1.0, 0.5, 0.0, 0.0)
    (row,) = picture_rows(classifier(Constant()), x, {"a": r}, ["map"], shuffles=2, eps_max=9)
    empty = dict.fromkeys(COLUMNS)
    assert row == {**empty, "method": "a", "stage": "map", "problem": ""}


def test_memory_changes_no_row(monkeypatch, searched):
    clf, x, relevances = case()
    settings = {"shuffles": 2, "seed": SEED, "eps_max": MOST}
    roomy = picture_rows(clf, x, relevances, **settings)
    searched.clear()
    monkeypatch.setattr(one_picture, "allowed_bytes", lambda *_: 1)
    assert picture_rows(clf, x, relevances, **settings) == roomy
    assert set(searched) == {1}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"stages": ["map", "none"]}, "no stage 'none'"),
        ({"x": torch.zeros(2, 3, 6, 6)}, "one picture, not of 2"),
        ({"shuffles": -1}, "-1 shuffled"),
        ({"eps_max": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_asked_is_an_error_and_no_row(changes, sentence):
    clf, x, relevances = case()
    with pytest.raises(MethodError, match=sentence):
        picture_rows(**{"clf": clf, "x": x, "relevances": relevances, **changes})


def test_facts_by_hand():
    # Scores (10.5, 0): the first class with 1 / (1 + exp(-10.5)); the second's loss is
    # log(1 + exp(10.5)).
    clf, x = linear_case()
    logits = clf.logits(x)[0].double().numpy()
    right, wrong, unknown = (answer_facts(logits, true, clf.outputs) for true in (0, 1, None))
    for facts in (right, wrong, unknown):
        assert facts["predicted"] == 0
        assert facts["confidence"] == pytest.approx(1 / (1 + math.exp(-10.5)), rel=1e-9)
    assert (right["true"], right["correct"]) == (0, True)
    assert right["loss"] == pytest.approx(math.log1p(math.exp(-10.5)), rel=1e-4)
    assert (wrong["true"], wrong["correct"]) == (1, False)
    assert wrong["loss"] == pytest.approx(math.log1p(math.exp(10.5)), rel=1e-6)
    assert (unknown["true"], unknown["correct"], unknown["loss"]) == (None, None, None)
