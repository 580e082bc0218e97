"""What a sanity check asks for: everything that is missing, and nothing that is there."""

from dataclasses import replace

import numpy as np
import pytest

from xai_core.cache import Result, content_key
from xai_core.errors import MethodError
from xai_core.explainers.choices import Choice
from xai_core.randomization import steps
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.stored_maps import FLOORS, SCORES, map_key
from xai_core.randomization.sweep import TRAINED, Smoothing, State
from xai_core.tasks import Inquiry, Subject
from xai_core.tasks.sanity import run_randomised, run_scored_again

MODEL = {"source": "vgg-tiny"}
LAYERS = [Layer(name, (f"{name}.weight",)) for name in ("fc2", "fc1", "conv")]
FIRST, SECOND = (
    Subject(name, np.full((3, 8, 8), value, np.float32), target)
    for name, value, target in (("first", 0.1, 0), ("second", 0.2, 1))
)
CHEAP = [Choice("saliency"), Choice("gradcam")]
COSTLY = Choice("integrated_gradients")
SEEDS = (0, 1)


def inquiry(**more):
    given = {
        "model": MODEL,
        "fingerprint": "trained",
        "size": (8, 8),
        "layers": LAYERS,
        "subjects": [FIRST, SECOND],
        "choices": CHEAP,
        "test": steps.Test(seeds=SEEDS),
        "measures": ["ssim"],
        **more,
    }
    return Inquiry(**given)


def nothing(key):
    return False


def keys_of(tasks):
    return [key for task in tasks for column in task.arguments["keys"].values() for key in column]


# Keys


BASE = {
    "fingerprint": "trained",
    "network": State(("fc2",), 0),
    "image": "first",
    "target": 0,
    "method": "saliency",
    "settings": {"a": 1},
    "smoothing": None,
}


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "another"},
        {"network": TRAINED},
        {"network": State(("fc2", "fc1"), 0)},
        {"network": State(("fc2",), 1)},
        {"network": State(("fc2",), 0, "permute")},
        {"network": "fingerprint of another model"},
        {"image": "second"},
        {"target": 1},
        {"method": "gradcam"},
        {"settings": {"a": 2}},
        {"settings": {"a": 1, "b": 1}},
        {"smoothing": Smoothing()},
        {"explained": "predicted"},
    ],
    ids=str,
)
def test_whatever_changes_a_map_changes_its_key(change):
    assert map_key(**BASE) == map_key(**{**BASE, "network": State(("fc2",), 0, "default")})
    assert map_key(**BASE) != map_key(**{**BASE, **change})


def test_the_trained_networks_maps_are_the_same_whatever_destroyed_ones_explain():
    trained = {**BASE, "network": TRAINED}
    assert map_key(**trained, explained="predicted") == map_key(**trained)
    fixed, predicted, published = (
        inquiry(choices=[Choice("saliency"), Choice("rap")], target=target)
        for target in ("fixed", "predicted", "published")
    )
    assert fixed.trained == predicted.trained == published.trained
    for step in fixed.steps[1:]:
        for pair, key in fixed.keys[step].items():
            assert key != predicted.keys[step][pair]
            asked_alike = predicted if pair[0] == "rap" else fixed
            assert published.keys[step][pair] == asked_alike.keys[step][pair]
    for asked, kinds in ((published, {"saliency": "fixed", "rap": "predicted"}), (fixed, {})):
        for task in asked.tasks(nothing):
            found = {name: one["target"] for name, one in task.arguments["requests"].items()}
            assert found == {name: kinds.get(name, "fixed") for name in found}


def test_every_network_has_the_same_reference_pictures_by_its_key_too():
    def asked(**settings):
        return inquiry(choices=[Choice("pattern_attribution", settings)])

    usual, samples = asked(), asked(baselines="samples")
    assert usual.keys == samples.keys == asked(baselines="auto").keys
    assert usual.trained != asked(baselines="training").trained
    assert usual.settings(usual.choices[0])["baselines"] == "samples"
    for task in usual.tasks(nothing):
        (request,) = task.arguments["requests"].values()
        assert request["settings"]["baselines"] == "samples"


def test_both_numbers_of_the_smoothing_are_in_the_key():
    given = (Smoothing(10, 0.1), Smoothing(5, 0.1), Smoothing(10, 0.2))
    assert len({map_key(**{**BASE, "smoothing": one}) for one in given}) == 3


def test_a_map_has_one_key_in_every_test_that_asks_for_it():
    def keys(**test):
        return {step.state: found for step, found in inquiry(test=steps.Test(**test)).keys.items()}

    cascade, alone = keys(seeds=SEEDS), keys(mode="independent", seeds=SEEDS)
    inwards, renewed = keys(start="input", seeds=SEEDS), keys(init="he_normal", seeds=SEEDS)
    for seed in SEEDS:
        last, everything = State(("fc2",), seed), State(("fc2", "fc1", "conv"), seed)
        assert cascade[last] == alone[last] == inwards[last]
        assert cascade[everything] == inwards[everything]
    # Nothing else is shared but the trained network's.
    assert set(cascade) & set(renewed) == {TRAINED}
    both = set(cascade[TRAINED].values()) & set(renewed[TRAINED].values())
    assert both == set(cascade[TRAINED].values())


def test_every_map_of_an_inquiry_has_its_own_key():
    asked = inquiry(choices=[*CHEAP, COSTLY], test=steps.Test(start="input", seeds=SEEDS))
    found = [key for keys in asked.keys.values() for key in keys.values()]
    # 1 trained, 2 x 3 randomised and 2 for the verdict; 3 methods, 2 pictures.
    assert len(found) == 9 * 3 * 2 == len(set(found))


def test_defaults_given_or_not_are_one_key_and_pictures_count_by_content():
    def key(**more):
        return inquiry(subjects=[FIRST], **more).trained.values()

    plain = key(choices=[Choice("deeplift")])
    assert list(plain) == list(key(choices=[Choice("deeplift", {"baseline": "black"})]))
    assert list(plain) != list(key(choices=[Choice("deeplift", {"baseline": "mean"})]))
    cup = key(choices=[Choice("deeplift", {"baseline": "cup"})], pictures={"cup": SECOND})
    mug = key(choices=[Choice("deeplift", {"baseline": "mug"})], pictures={"mug": SECOND})
    other = key(choices=[Choice("deeplift", {"baseline": "mug"})], pictures={"mug": FIRST})
    assert list(cup) == list(mug) != list(other)


# Steps


def test_the_verdicts_networks_are_added_where_the_test_has_none():
    def depths(**test):
        return [step.depth for step in inquiry(test=steps.Test(**test)).steps]

    assert depths(seeds=SEEDS) == [0, 1, 2, 3, 1, 2, 3]
    assert depths(mode="independent", start="input", seeds=SEEDS) == [0, 1, 2, 3, 1, 2, 3]
    assert depths(start="input", seeds=SEEDS) == [0, 1, 2, 3, 1, 2, 3, -1, -1]
    assert depths(mode="labels") == [0, 1]
    added = inquiry(test=steps.Test(start="input", init="permute", seeds=SEEDS)).steps[-2:]
    assert [step.state for step in added] == [State(("fc2",), seed, "permute") for seed in SEEDS]
    assert [step.layer for step in added] == ["fc2", "fc2"]
    single = inquiry(test=steps.Test(start="input", seeds=(0,)), layers=LAYERS[:1])
    assert [step.depth for step in single.steps] == [0, 1], "it is the last layer alone already"


def test_what_there_is_not_is_refused():
    with pytest.raises(MethodError, match="no mode 'both'"):
        inquiry(test=steps.Test("both")).tasks(nothing)
    with pytest.raises(MethodError, match="no setting 'colour'"):
        inquiry(choices=[Choice("saliency", {"colour": 1})]).tasks(nothing)


# Tasks


def test_cheap_methods_go_together_first_and_costly_ones_alone():
    asked = inquiry(choices=[COSTLY, *CHEAP, Choice("deepshap")], test=steps.Test(seeds=(0,)))
    tasks = asked.tasks(nothing)
    columns = [list(task.arguments["requests"]) for task in tasks]
    assert columns == [["saliency", "gradcam"]] * 4 + [["integrated_gradients"], ["deepshap"]] * 4
    networks = [task.arguments["network"]["layers"] for task in tasks]
    cascade = [(), ("fc2",), ("fc2", "fc1"), ("fc2", "fc1", "conv")]
    assert networks == cascade + [layers for layers in cascade for _ in range(2)]
    assert {task.run for task in tasks} == {run_randomised}
    assert [task.title for task in tasks[:2]] == ["Trained network", "fc2, seed 0"]


def test_noisy_copies_make_a_method_costly():
    def columns(copies):
        asked = inquiry(smoothing=Smoothing(copies), test=steps.Test(seeds=(0,)))
        return [list(task.arguments["requests"]) for task in asked.tasks(nothing)]

    assert columns(2)[0] == ["saliency", "gradcam"]
    assert columns(50)[:2] == [["saliency"], ["gradcam"]]


def test_a_task_says_all_that_the_worker_must_know():
    asked = inquiry(smoothing=Smoothing(3, 0.2), measures=["hog"], choices=[Choice("gradcam")])
    task = asked.tasks(nothing)[2]
    settings = task.arguments["requests"]["gradcam"]["settings"]
    assert settings["relu"] is True
    assert {**task.arguments, "images": None, "requests": None} == {
        "model": MODEL,
        "images": None,
        "targets": [0, 1],
        "requests": None,
        "network": {"layers": ("fc2", "fc1"), "seed": 0, "init": "default"},
        "measures": ["hog"],
        "keys": {"gradcam": list(asked.keys[asked.steps[2]].values())},
        "smoothing": {"copies": 3, "sigma": 0.2},
        "other": None,
    }
    assert task.arguments["images"][1] is SECOND.pixels
    assert task.cost > 0


def test_every_missing_map_is_asked_for_once_and_no_other():
    asked = inquiry(choices=[*CHEAP, COSTLY], test=steps.Test(start="input", seeds=SEEDS))
    every = {key for keys in asked.keys.values() for key in keys.values()}
    wanted = keys_of(asked.tasks(nothing))
    assert len(wanted) == len(every)
    assert set(wanted) == every
    there = set(sorted(every)[::3])
    assert sorted(keys_of(asked.tasks(there.__contains__))) == sorted(every - there)
    assert asked.tasks(every.__contains__) == []


def test_another_picture_method_or_seed_asks_for_what_is_new_alone():
    before = inquiry(subjects=[FIRST])
    there = set(keys_of(before.tasks(nothing)))
    for change, share in (
        ({"subjects": [FIRST, SECOND]}, [["second"]]),
        ({"subjects": [FIRST], "choices": [*CHEAP, Choice("edges")]}, [["first"]]),
    ):
        tasks = inquiry(**change).tasks(there.__contains__)
        assert not there & set(keys_of(tasks))
        assert len(tasks) == len(before.steps)
        names = {FIRST.pixels.tobytes(): "first", SECOND.pixels.tobytes(): "second"}
        for task in tasks:
            assert [[names[image.tobytes()] for image in task.arguments["images"]]] == share
    longer = replace(before, test=steps.Test(seeds=(0, 1, 2)))
    tasks = longer.tasks(there.__contains__)
    assert {task.arguments["network"]["seed"] for task in tasks} == {2}
    assert len(tasks) == 3


def test_methods_that_miss_different_pictures_are_asked_apart():
    asked = inquiry(test=steps.Test(seeds=(0,)), choices=[*CHEAP, Choice("edges")])
    there = {asked.trained["saliency", 0]}
    trained = asked.tasks(there.__contains__)[:2]
    assert [list(task.arguments["requests"]) for task in trained] == [
        ["saliency"],
        ["gradcam", "edges"],
    ]
    assert [task.arguments["targets"] for task in trained] == [[1], [0, 1]]


def test_the_same_inquiry_is_the_same_tasks():
    given = {"choices": [*CHEAP, COSTLY], "test": steps.Test(start="input", seeds=SEEDS)}
    one, other = inquiry(**given).tasks(nothing), inquiry(**given).tasks(nothing)
    assert [task.key for task in one] == [task.key for task in other]
    assert len({task.key for task in one}) == len(one)
    content = [content_key({**task.arguments}) for task in one]
    assert content == [content_key({**task.arguments}) for task in other]


def test_permuted_labels_compare_with_the_other_model():
    other = {"source": "shuffled"}
    given = {"test": steps.Test("labels"), "other": other, "other_fingerprint": "shuffled"}
    asked = inquiry(**given)
    trained, shuffled = asked.tasks(nothing)
    assert trained.arguments["other"] is None
    assert shuffled.arguments["other"] == other
    assert shuffled.title == "permuted labels, seed 0"
    assert set(asked.trained.values()) == set(inquiry().trained.values())
    again = inquiry(**{**given, "other_fingerprint": "another"})
    assert not set(keys_of([shuffled])) & set(keys_of(again.tasks(nothing)))


# Scoring again


def kept(*measures, empty=False, floors=False):
    facts = {SCORES: {name: {"all": 0.5} for name in measures}, "problem": "It fails." * empty}
    facts |= {FLOORS: {"noise": {}}} if floors else {}
    return Result({} if empty else {"map": np.ones((1, 2, 2), np.float32)}, facts)


def scoring(asked, results):
    """The tasks for what is there, which is looked up among the results."""
    lacking = asked.lacking({key: one.facts for key, one in results.items()})
    return [task for maps in lacking if (task := asked.scoring(maps, results)) is not None]


def test_what_lacks_a_measure_is_scored_by_that_measure():
    asked = inquiry(
        test=steps.Test(seeds=(0,)),
        measures=["ssim", "hog", "spearman"],
        choices=[Choice("saliency"), Choice("edges")],
        subjects=[FIRST],
    )
    results = {key: kept("ssim", "hog") for keys in asked.keys.values() for key in keys.values()}
    results |= {key: kept("ssim", "hog", "spearman") for key in asked.keys[asked.steps[2]].values()}
    lacking = asked.keys[asked.steps[3]]["edges", 0]
    results[lacking] = kept("ssim")
    tasks = scoring(asked, results)
    assert [task.arguments["measures"] for task in tasks] == [
        ["spearman"],
        ["spearman"],
        ["hog", "spearman"],
    ]
    assert [set(task.arguments["maps"]) for task in tasks] == [
        set(asked.keys[step].values()) for step in (asked.steps[i] for i in (0, 1, 3))
    ]
    task = tasks[2]
    before, after = task.arguments["maps"][lacking]
    np.testing.assert_array_equal(before, after)
    assert task.arguments["facts"][lacking] == results[lacking].facts
    assert task.arguments["size"] == (8, 8)
    assert sorted(task.arguments["signed"].values()) == [False, True], "edges are not signed"
    assert task.run is run_scored_again
    assert len({task.key for task in tasks}) == 3


def test_what_is_missing_failed_or_complete_is_not_scored_again():
    asked = inquiry(test=steps.Test(seeds=(0,)), measures=["ssim", "hog"], subjects=[FIRST])
    every = [key for keys in asked.keys.values() for key in keys.values()]
    assert scoring(asked, {}) == []
    assert scoring(asked, dict.fromkeys(every, kept("ssim", "hog"))) == []
    failed = dict.fromkeys(every, kept("ssim", empty=True))
    assert scoring(asked, failed) == []
    # Without the trained network's map there is nothing to compare with.
    trained = asked.trained["saliency", 0]
    results = {**dict.fromkeys(every, kept("ssim")), trained: kept("ssim", empty=True)}
    compared = {key for task in scoring(asked, results) for key in task.arguments["maps"]}
    gradcam = {keys["gradcam", 0] for keys in asked.keys.values()}
    assert compared == gradcam
    # What was there a moment ago, and is lost, is left out.
    assert asked.scoring(asked.lacking({key: kept().facts for key in every})[0], {}) is None
