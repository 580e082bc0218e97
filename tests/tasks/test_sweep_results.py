"""What is known of a sanity check: batches, scores, verdicts and names."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tasks.test_inquiry import COSTLY, FIRST, SECOND, inquiry
from xai_core.cache import Cache, Result
from xai_core.explainers.choices import Choice
from xai_core.randomization import steps
from xai_core.randomization.stored_maps import BATCH, COLLAPSE, FLOORS, SCORES
from xai_core.randomization.verdicts import Thresholds, verdicts
from xai_core.tasks import SweepResults

SALIENCY = [Choice("saliency")]


def facts(value, batch=(), problem="", **more):
    scores = {"ssim": {"all": value, "absolute": 0.5}}
    return {"problem": problem, SCORES: scores, BATCH: list(batch), "seconds": 0.1, **more}


def every(asked):
    return [key for keys in asked.keys.values() for key in keys.values()]


@pytest.mark.parametrize("lost", [0, 1])
def test_what_was_computed_together_is_there_together(tmp_path, lost):
    asked = inquiry(choices=[*SALIENCY, COSTLY], test=steps.Test(seeds=(0,)))
    cache = Cache(tmp_path)
    for keys in asked.keys.values():
        for (column, _), key in keys.items():
            batch = [keys[column, number] for number in (0, 1)]
            cache.put(key, Result(facts=facts(0.5, batch)))
    gone = [asked.trained["saliency", number] for number in (0, 1)]
    cache._path(gone[lost]).unlink()
    cache = Cache(tmp_path)
    sweep = SweepResults(asked)
    sweep.read(cache)
    assert set(every(asked)) - sweep.facts.keys() == set(gone)
    assert not [one for one in sweep.facts.values() if BATCH in one]
    # Who asks for one picture alone does not miss the other's.
    alone = SweepResults(replace(asked, subjects=[(SECOND, FIRST)[lost]]))
    alone.read(cache)
    assert alone.facts.keys() == set(every(alone.inquiry))


def test_the_table_is_that_of_sanity_check_and_undefined_is_nan():
    asked = inquiry(choices=SALIENCY, test=steps.Test(start="input", seeds=(0, 1)))
    sweep = SweepResults(asked)
    sweep.add({key: facts(None) for key in every(asked)})
    sweep.add({asked.trained["saliency", 0]: facts(None, problem="It fails.")})
    table = sweep.table(["a", "b"], shows=["all"])
    # The trained network for each seed, three layers each, and the verdict's own of each seed.
    assert table.depth.tolist() == [0, 0] * 2 + [1, 1, 2, 2, 3, 3] * 2 + [-1, -1] * 2
    assert table.seed.tolist() == [0, 0, 1, 1] + [0] * 6 + [1] * 6 + [0, 0, 1, 1]
    assert table.image.tolist() == ["a", "b"] * 10
    assert table.problem.tolist() == ["It fails.", ""] * 10
    assert table.value.isna().all()
    del sweep.facts[asked.trained["saliency", 1]]
    assert len(sweep.table(["a", "b"], shows=["all"])) == 18, "what is not there has no row"


def test_the_verdict_goes_by_the_last_layer_alone():
    asked = inquiry(choices=SALIENCY, test=steps.Test(start="input", seeds=(0, 1)))
    floors = [{"noise": {}, "shuffled": {"all": pair}} for pair in ([0.2, 0.1], [0.4, 0.3])]
    sweep = SweepResults(asked)
    sweep.add({key: facts(0.0) for key in every(asked)})
    for number, found in enumerate(floors):
        sweep.add({asked.trained["saliency", number]: facts(1.0, **{FLOORS: found})})
    values = iter([0.9, 0.7, 1.0, None])
    for step in asked.alone:
        for key in asked.keys[step].values():
            sweep.add({key: facts(next(values))})
    (row,) = sweep.verdicts(Thresholds()).to_dict("records")
    # Means 0.8 and 1.0 of the seeds, 0.1 from their mean: sqrt(2 * 0.01 / 1).
    assert row["similarity"] == pytest.approx(2.6 / 3)
    assert row["spread"] == pytest.approx(np.sqrt(0.02))
    assert (row["scores"], row["undefined"], row["verdict"]) == (3, 1, "weak")
    assert (row["absolute"], row["absolute spread"], row["absolute verdict"]) == (0.5, 0, "passes")
    assert (row["shuffled"], row["shuffled spread"]) == pytest.approx((0.3, 0.2))
    table = sweep.table(["a", "b"])
    (same,) = verdicts(table[table.depth == -1]).to_dict("records")
    assert same == {name: row[name] for name in same}


def test_the_verdict_counts_the_pictures_whose_maps_show_nothing():
    asked = inquiry(choices=SALIENCY, test=steps.Test(start="input", seeds=(0, 1)))
    sweep = SweepResults(asked)
    sweep.add({key: facts(0.0, **{COLLAPSE: ""}) for key in every(asked)})
    # Of the second picture the maps of both seeds, and the trained network's own.
    for step in asked.alone:
        sweep.add({asked.keys[step]["saliency", 1]: facts(0.0, **{COLLAPSE: "empty"})})
    sweep.add({asked.trained["saliency", 1]: facts(1.0, **{COLLAPSE: "border"})})
    (row,) = sweep.verdicts(Thresholds()).to_dict("records")
    names = ("pictures", "empty", "border", "trained empty", "trained border")
    assert [row[name] for name in names] == [2, 1, 0, 0, 1]
    table = sweep.table(["a", "b"], shows=["all"])
    assert set(table[(table.depth == -1) & (table.image == "b")]["map"]) == {"empty"}
    assert set(table[(table.depth == 0) & (table.image == "b")]["map"]) == {"border"}
    assert set(table[table.image == "a"]["map"]) == {""}
    # A picture that the method cannot explain is not among them.
    sweep.add({asked.trained["saliency", 1]: facts(None, problem="It fails.")})
    (row,) = sweep.verdicts(Thresholds()).to_dict("records")
    assert [row[name] for name in names] == [1, 0, 0, 0, 0]


def test_maps_are_named_by_their_networks():
    asked = inquiry(choices=SALIENCY, subjects=[FIRST], test=steps.Test(start="input", seeds=(0,)))
    names = [name for name, _ in SweepResults(asked).named(["a/photo.png"])]
    assert names == [
        "trained/photo__saliency",
        "cascading/seed0/01_conv/photo__saliency",
        "cascading/seed0/02_fc1/photo__saliency",
        "cascading/seed0/03_fc2/photo__saliency",
        "last-layer/seed0/01_fc2/photo__saliency",
    ]


def test_a_picture_that_is_there_twice_may_have_two_classes():
    twice = inquiry(subjects=[FIRST, replace(FIRST, target=1), FIRST], choices=SALIENCY)
    first, second, again = twice.trained.values()
    assert first == again != second
