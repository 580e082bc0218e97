"""Plans: balanced over participants whatever their number, random within."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.study.small import design
from xai_core.study.trial_plan import Use, arrangement, plan


def crowd(chosen, participants, key="key"):
    """Plans of participants who come one after the other."""
    slots, counts, plans = {}, Counter(), []
    for seed in range(participants):
        uses = {image: Use(counts[image], slots[image]) for image in slots}
        trials = plan(chosen, seed, uses, key)
        plans.append(trials)
        for trial in trials:
            if trial.kind != "instructed":
                counts[trial.image] += 1
                slots[trial.image] = trial.slot + 1
    return plans


def shown(plans, kind="trial"):
    """Arrangements by picture in the order of the participants."""
    found = {}
    for trials in plans:
        for trial in trials:
            if trial.kind == kind:
                found.setdefault(trial.image, []).append(trial.arrangement)
    return found


@given(st.integers(2, 6), st.integers(1, 40), st.integers(1, 4), st.integers(0, 4))
def test_pictures_and_places_are_balanced_after_any_number_of_participants(
    conditions, participants, trials, spare
):
    plans = crowd(design(trials, conditions, pictures=trials + spare), participants)
    by_picture = shown(plans)
    counts = [len(by_picture.get(f"p{n}", ())) for n in range(1, trials + spare + 1)]
    assert max(counts) - min(counts) <= 1
    for arrangements in by_picture.values():
        places = Counter((model, at) for each in arrangements for at, model in enumerate(each))
        every = [places[f"c{n}", at] for n in range(1, conditions + 1) for at in range(conditions)]
        assert max(every) - min(every) <= 1


@pytest.mark.parametrize("conditions", [2, 3, 4, 5])
def test_over_two_blocks_each_stands_before_each_other_equally_often(conditions):
    chosen = design(1, conditions)
    rows = [arrangement(chosen, "p1", slot) for slot in range(2 * conditions)]
    for one, other in combinations(rows[0], 2):
        assert sum(row.index(one) < row.index(other) for row in rows) == conditions


def test_lists_differ_between_pictures_blocks_and_versions():
    chosen = design(1, 4)
    rows = {
        (image, key, pair): arrangement(chosen, image, 8 * pair, key)
        for image in ("p1", "p2")
        for key in ("a", "b")
        for pair in range(6)
    }
    assert len(set(rows.values())) > 10


@given(st.integers(1, 12), st.integers(0, 5), st.integers(0, 5), st.integers(0, 10**9))
def test_checks_are_spread_and_never_first(trials, catches, instructed, seed):
    instructed = min(instructed, trials)
    chosen = design(trials, catches=catches, instructed_trials=instructed)
    made = [each.kind for each in plan(chosen, seed)]
    assert made[0] == "practice"
    real = made[1:]
    assert real[0] == "trial"
    assert Counter(real) == Counter({"trial": trials, "catch": catches, "instructed": instructed})
    checks = catches + instructed
    for index in range(checks):
        # One check in each of as many equal stretches.
        first = -(-index * len(real) // checks)
        end = -(-(index + 1) * len(real) // checks)
        assert sum(kind != "trial" for kind in real[first:end]) == 1


def test_checks_expect_what_they_should():
    chosen = design(4, 3, catches=2, instructed_trials=2)
    asked = Counter()
    for trials in crowd(chosen, 60):
        for trial in trials:
            if trial.kind == "catch":
                assert len(set(trial.arrangement)) == 1
                assert len(trial.arrangement) == 3
                assert set(trial.expected) == {"same", "cannot_distinguish"}
            elif trial.kind == "instructed":
                assert set(trial.arrangement) == {"c1", "c2", "c3"}
                asked.update(trial.expected)
            else:
                assert trial.expected == ()
    assert set(asked) == {"c1", "c2", "c3", "same", "cannot_distinguish"}


def test_catch_trials_repeat_every_condition_equally_often():
    plans = crowd(design(4, 3, catches=1), 30)
    repeated = Counter(each[0] for each in shown(plans, "catch")["p6"])
    assert repeated == {"c1": 10, "c2": 10, "c3": 10}


def test_instructed_trials_take_pictures_that_are_seen_nowhere_else_first():
    chosen = design(3, catches=2, pictures=4, instructed_trials=2)
    one_catch = design(3, catches=2, pictures=4, instructed_trials=2, catch_trials=1)
    for seed in range(20):
        for each in (chosen, one_catch):
            trials = plan(each, seed)
            images = Counter(trial.image for trial in trials)
            checks = [trial.image for trial in trials if trial.kind == "instructed"]
            assert len(set(checks)) == 2
            # One or two pictures are left over; any other has to be shown a second time.
            assert sum(images[image] > 1 for image in checks) == (1 if each is chosen else 0)


def test_without_chance_the_designs_order_is_kept():
    chosen = design(
        4, 3, practice=2, random_order=False, random_positions=False, instructed_trials=1
    )
    for seed in range(5):
        trials = plan(chosen, seed)
        images = [trial.image for trial in trials if trial.kind in ("trial", "practice")]
        assert images == ["p5", "p6", "p1", "p2", "p3", "p4"]
        assert [trial.kind for trial in trials] == [
            *("practice", "practice", "trial", "catch", "trial", "trial", "instructed", "trial")
        ]
        assert all(
            trial.arrangement == ("c1", "c2", "c3") for trial in trials if trial.kind != "catch"
        )


def test_order_is_random_and_follows_from_the_seed():
    chosen = design(6)
    orders = [tuple(trial.image for trial in plan(chosen, seed)) for seed in range(20)]
    assert len(set(orders)) > 15
    assert orders == [tuple(trial.image for trial in plan(chosen, seed)) for seed in range(20)]
    firsts = Counter(order[1] for order in orders)
    assert len(firsts) > 3
