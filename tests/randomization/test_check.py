"""The sanity check as a table: the numbers of the slow reference, and what must hold of them."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.randomization.small_networks import Length
from tests.reference import nets, sanity
from tests.reference import similarity as reference
from xai_core.errors import MethodError, ModelError
from xai_core.explainers.choices import Choice
from xai_core.models.classifier import Classifier
from xai_core.progress import listening
from xai_core.randomization import randomized, sanity_check
from xai_core.randomization.check import COLUMNS
from xai_core.randomization.sweep import Smoothing
from xai_core.randomization.verdicts import verdicts

X = nets.oracle("x")
TARGETS = [3, 1]


def small(name="VGGSmallBN"):
    return nets.classifier(name, (0.5,) * 3, (0.25,) * 3, title=name)


@pytest.fixture(scope="module")
def clf():
    return small()


def by_key(table, measure="ssim"):
    rows = table[table.measure == measure]
    keys = zip(rows.image, rows.method, rows.depth, rows.seed, rows.show, strict=True)
    found = dict(zip(keys, rows.value, strict=True))
    assert len(found) == len(rows), "one row for each"
    return found


def same(found, expected, tolerance=1e-5):
    """Maps are kept in 32 bits, hence the tolerance."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=tolerance, nan_ok=True), key


@pytest.mark.parametrize(
    ("name", "mode", "start", "init", "seeds", "methods"),
    [
        ("VGGSmallBN", "cascading", "output", "default", [3], "saliency gradcam lrp_alpha2_beta1"),
        ("VGGSmall", "cascading", "input", "he_normal", [3], "guided_backprop gradcam edges"),
        ("ResSmall", "independent", "output", "permute", [3], "guided_gradcam gradcam_pp"),
        ("VGGSmall", "independent", "input", "default", [7, 1], "deconvnet"),
    ],
)
def test_the_table_is_that_of_the_slow_reference(name, mode, start, init, seeds, methods):
    clf, methods = small(name), methods.split()
    given = {"seeds": seeds, "shows": ("all", "positive", "absolute"), "start": start, "init": init}
    table = sanity_check(clf, X, TARGETS, methods, mode, target="fixed", **given)
    expected = sanity.sanity_check(clf, X, TARGETS, methods, mode, **given)
    same(by_key(table), expected)
    assert set(table.problem) == {""}


OF_ALL_KINDS = ["saliency", "lrp_epsilon", "lrp_alpha2_beta1", "rap"]


@pytest.fixture(scope="module")
def by_target():
    """What the slow reference gives for the same class, and for the predicted one."""
    given = (small("VGGSmall"), X, [0, 4], OF_ALL_KINDS, "independent", [2], ("all",))
    fixed, own = (sanity.sanity_check(*given, predicted=some) for some in ([], OF_ALL_KINDS))
    for name in OF_ALL_KINDS:
        assert any(own[key] != fixed[key] for key in own if key[1] == name)
    return fixed, own


@pytest.mark.parametrize(
    ("target", "predicted"),
    [
        ("predicted", OF_ALL_KINDS),
        ("published", ["lrp_alpha2_beta1", "rap"]),
        ("fixed", []),
    ],
)
def test_a_destroyed_network_may_explain_what_it_predicts(target, predicted, by_target):
    clf = small("VGGSmall")
    table = sanity_check(clf, X, [0, 4], OF_ALL_KINDS, "independent", [2], target=target)
    fixed, own = by_target
    same(by_key(table), {key: (own if key[1] in predicted else fixed)[key] for key in own})


def test_the_class_that_is_predicted_is_each_pictures_own_by_hand():
    """The gradient of f(x) = W x for the predicted class is the row of the largest score."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 4)).double()
    clf = Classifier(net, ["a", "b", "c", "d"], (12, 12))
    x = torch.cat([X[:, :, :12, :12], -X[:1, :, :12, :12]])
    table = sanity_check(clf, x, [0, 1, 2], ["saliency"], seeds=[2], target="predicted")
    fresh = randomized(clf, 1, seed=2).module[1]
    predicted = (x.flatten(1) @ fresh.weight.T + fresh.bias).argmax(1).tolist()
    assert len(set(predicted)) > 1
    for image, (target, other) in enumerate(zip([0, 1, 2], predicted, strict=True)):
        one, two = (
            sanity.drawn(weights.view(3, 12, 12).numpy(), "all")
            for weights in (clf.module[1].weight[target], fresh.weight[other])
        )
        found = by_key(table)[image, "saliency", 1, 2, "all"]
        assert found == pytest.approx(sanity.ssim(one, two, "all"), abs=1e-5)
        # The trained network explains what was asked for, whatever it predicts.
        assert by_key(table)[image, "saliency", 0, 2, "all"] == pytest.approx(1)


def test_another_network_is_compared_as_by_the_slow_reference(clf):
    other = small("VGGSmall")
    methods, shows = ["saliency", "gradcam", "lrp_epsilon", "edges"], ("all", "absolute")
    for target, predicted in (("fixed", []), ("predicted", methods)):
        given = {"shows": shows, "other": other, "target": target}
        table = sanity_check(clf, X, [0, 4], methods, "labels", **given)
        expected = sanity.labels_check(clf, other, X, [0, 4], methods, shows, predicted)
        same(by_key(table), expected)
    assert set(zip(table.depth, table.layer, strict=True)) == {
        (0, "trained"),
        (1, "permuted labels"),
    }


def test_of_a_linear_model_the_scores_are_worked_out_by_hand():
    """The gradient of f(x) = W x for class y is W[y], before and after, for every picture."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 2)).double()
    clf = Classifier(net, ["a", "b"], (12, 12))
    x = X[:, :, :12, :12]
    table = sanity_check(clf, x, [1, 0], ["saliency"], seeds=[2], measures=("ssim", "spearman"))
    fresh = randomized(clf, 1, seed=2).module[1].weight
    for image, target in enumerate([1, 0]):
        before, after = (
            weights[target].view(3, 12, 12).sum(0).numpy()
            for weights in (clf.module[1].weight, fresh)
        )
        one, other = (weights / np.abs(weights).max() for weights in (before, after))
        expected = {
            "ssim": reference.ssim((one + 1) / 2, (other + 1) / 2),
            "spearman": reference.spearman(one, other),
        }
        rows = table[(table.image == image) & (table.depth == 1)]
        for measure, value in expected.items():
            (found,) = rows[rows.measure == measure].value
            assert found == pytest.approx(value, abs=1e-5)


def test_rows_are_complete_and_in_order(clf):
    methods, measures, shows = ["gradcam", "saliency"], ("spearman", "ssim"), ("absolute", "all")
    table = sanity_check(clf, X, TARGETS, methods, "cascading", [5, 3], measures, shows)
    assert tuple(table.columns) == COLUMNS
    layers = list(reversed(clf.layers()))
    assert len(table) == 2 * 2 * 2 * (len(layers) + 1) * 2 * 2
    named = table[["depth", "layer"]].drop_duplicates()
    assert list(named.itertuples(index=False, name=None)) == list(enumerate(["trained", *layers]))
    assert table.method.unique().tolist() == methods
    assert table.seed.unique().tolist() == [5, 3]
    assert set(table.measure) == set(measures)
    assert set(table.show) == set(shows)
    assert sorted(table.image.unique()) == [0, 1]


# What must hold of every method


EVERY = ["saliency", "gradcam", "deep_taylor", "edges", "random"]


@pytest.fixture(scope="module")
def wide(clf):
    measures = ("ssim", "spearman", "hog", "complexity")
    return sanity_check(clf, X, TARGETS, EVERY, "independent", [0], measures, ("all", "positive"))


def test_a_map_is_like_itself(clf, wide):
    trained = wide[wide.depth == 0]
    assert set(trained.method) == set(EVERY)
    for measure, expected in (("complexity", 0), ("ssim", 1), ("spearman", 1), ("hog", 1)):
        values = trained[trained.measure == measure].value
        np.testing.assert_allclose(values.dropna(), expected, atol=1e-9)
    # This map has nothing above zero to show: undefined it is, and not 1.
    undefined = trained[trained.value.isna()]
    empty = set(zip(undefined.method, undefined.image, undefined.show, strict=True))
    assert empty == {("deep_taylor", 0, "positive")}
    assert sanity.drawn(sanity.relevance(clf, X[0], TARGETS[0], "deep_taylor"), "all").max() <= 0


def test_edges_never_notice_and_random_maps_always_do(wide):
    edges = wide[(wide.method == "edges") & (wide.measure != "complexity")]
    np.testing.assert_allclose(edges.value, 1)
    rows = wide[(wide.method == "random") & (wide.depth > 0) & (wide.show == "all")]
    spearman = rows[rows.measure == "spearman"]
    # Of 1024 places: chance gives 1/32 = 0.031, and 6 networks are there.
    assert spearman.value.abs().max() < 4 * 0.031
    networks = spearman[spearman.image == 0]
    assert networks.value.nunique() == len(networks) == 6, "another map for every network"
    assert verdicts(wide[wide.depth == 1]).set_index("method").verdict["edges"] == "fails"


def test_a_picture_alone_gives_the_same_scores(clf):
    methods = ["saliency", "gradcam", "lrp_epsilon", "random"]
    both = by_key(sanity_check(clf, X, TARGETS, methods, seeds=[0]))
    alone = by_key(sanity_check(clf, X[1:], TARGETS[1:], methods, seeds=[0]))
    same({(1, *key[1:]): v for key, v in alone.items()}, {k: v for k, v in both.items() if k[0]})


def test_memory_changes_no_score(clf, monkeypatch):
    given = (clf, X, TARGETS, ["saliency", "gradcam", "lrp_epsilon"], "independent", [0])
    expected = by_key(sanity_check(*given))
    monkeypatch.setenv("XAI_MEMORY", "1 kB")
    same(by_key(sanity_check(*given)), expected)


def test_equal_networks_have_equal_rows_in_both_modes(clf):
    cascade, alone = (
        sanity_check(clf, X, TARGETS, ["saliency", "random"], mode, [4])
        for mode in ("cascading", "independent")
    )
    first, second = (table[table.depth == 1].reset_index(drop=True) for table in (cascade, alone))
    pd.testing.assert_frame_equal(first, second)


def test_empty_maps_are_undefined_at_every_depth_and_never_1():
    # Behind a ReLU without any positive input there is no gradient, whatever the last layer is.
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 10 * 10, 2))
    clf = Classifier(net.double(), ["a", "b"], (12, 12))
    with torch.no_grad():
        clf.module[0].weight.zero_()
        clf.module[0].bias.fill_(-1)
    table = sanity_check(clf, X[:, :, :12, :12], 0, ["saliency", "edges"], seeds=[0])
    empty = table[table.method == "saliency"].set_index(["depth", "image"]).value
    assert empty[[0, 1]].isna().all()
    # When the first layer is new, too, there is a map: unlike an empty one.
    assert (empty[2] < 1).all()
    (row,) = verdicts(table[(table.depth == 1) & (table.method == "saliency")]).itertuples()
    assert (row.verdict, row.scores, row.undefined) == ("undefined", 0, 2)


def test_smoothed_maps_are_compared_with_smoothed_maps(clf):
    smoothing = Smoothing(3, 0.2)
    given = {"seeds": [0], "shows": ("all", "absolute")}
    table = sanity_check(clf, X, TARGETS, ["saliency"], smoothing=smoothing, **given)
    network = randomized(clf, 2)
    before, after = (
        sanity.noisy_maps(one, X, TARGETS, "saliency", 3, 0.2) for one in (clf, network)
    )
    for image in (0, 1):
        for show in ("all", "absolute"):
            one, other = (sanity.drawn(maps[image], show) for maps in (before, after))
            expected = pytest.approx(sanity.ssim(one, other, show), abs=1e-5)
            assert by_key(table)[image, "saliency", 2, 0, show] == expected


# What is asked for


def test_columns_presets_and_choices_can_be_asked_for(clf):
    methods = [
        Choice("smoothgrad", {"samples": 2, "base": "deeplift"}),
        Choice("smoothgrad", {"samples": 2}),
        Choice("gradcam", {"layer": "conv2"}),
        "lrp_alpha1_beta0",
    ]
    table = sanity_check(clf, X[:1], 0, methods, "independent", [0])
    assert table.method.unique().tolist() == [
        "smoothgrad-deeplift",
        "smoothgrad",
        "gradcam",
        "lrp_alpha1_beta0",
    ]
    coarse = by_key(sanity_check(clf, X[:1], 0, ["gradcam"], "independent", [0]))
    fine = by_key(table)
    assert coarse[0, "gradcam", 1, 0, "all"] != pytest.approx(fine[0, "gradcam", 1, 0, "all"])


def test_seeds_may_come_twice_and_in_any_order(clf):
    one = sanity_check(clf, X, TARGETS, ["saliency"], seeds=iter([2, 0, 2]))
    assert one.seed.unique().tolist() == [2, 0]
    other = sanity_check(clf, X, TARGETS, ["saliency"], seeds=[0, 2])
    same(by_key(one), by_key(other), 0)


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"methods": []}, MethodError, "at least one method"),
        ({"methods": ["nonsense"]}, MethodError, "nonsense"),
        ({"methods": [Choice("saliency", {"colour": 1})]}, MethodError, "no setting 'colour'"),
        ({"mode": "both"}, MethodError, "no mode 'both'"),
        ({"mode": "labels"}, MethodError, "give it as 'other'"),
        ({"other": small("VGGSmall")}, MethodError, "'labels' compares"),
        ({"seeds": []}, MethodError, "at least one seed"),
        ({"measures": ["ssim", "likeness"]}, MethodError, "no measure 'likeness'"),
        ({"measures": []}, MethodError, "at least one measure"),
        ({"shows": ["negative"]}, MethodError, "cannot show 'negative'"),
        ({"start": "middle"}, MethodError, "not 'middle'"),
        ({"init": "ones"}, MethodError, "no initialisation 'ones'"),
        ({"target": "mine"}, MethodError, "published, fixed, predicted, not 'mine'"),
        ({"targets": 5}, ModelError, "no class 5"),
        ({"x": X[:, :2]}, MethodError, r"\[N, 3, height, width\]"),
    ],
)
def test_what_cannot_be_done_is_refused(clf, given, error, sentence):
    with pytest.raises(error, match=sentence):
        sanity_check(**{"clf": clf, "x": X, "targets": TARGETS, "seeds": [0], **given})


def test_what_a_method_refuses_is_in_the_table(clf):
    methods = [Choice("gradcam", {"layer": "nowhere"}), "saliency"]
    table = sanity_check(clf, X, TARGETS, methods, "independent", [0])
    failed = table[table.method == "gradcam"]
    assert failed.value.isna().all()
    assert failed.problem.str.contains("nowhere").all()
    assert table[table.method == "saliency"].value.notna().all()


def test_a_picture_without_a_map_at_some_depth_is_undefined_there_alone():
    # The length has no slope at 0, where a layer without biases leaves a black picture.
    clf = Classifier(Length().double(), ["a", "b", "c"], (8, 8))
    x = torch.cat([X[:1, :, :8, :8], torch.zeros(1, 3, 8, 8, dtype=torch.float64)])
    # He normal gives biases of 0, and so a depth at which the black picture has no gradient.
    given = {"methods": ["saliency", "edges"], "seeds": [0, 1], "init": "he_normal"}
    table = sanity_check(clf, x, 0, **given).set_index(["method", "depth", "image"]).sort_index()
    assert table.loc[("saliency", 2, 1)].value.isna().all()
    assert table.loc[("saliency", 2, 1)].problem.str.startswith("Saliency gave values").all()
    alone = table.drop(index=("saliency", 2, 1)).drop(index="edges", level=0)
    assert alone.value.notna().all()
    assert (alone.problem == "").all()
    assert (table.loc["edges"].problem == "").all()


# The surroundings


def test_progress_counts_networks_and_nothing_else(clf):
    told = []
    methods = [Choice("smoothgrad", {"samples": 3})]  # which tells its own progress
    with listening(told.append):
        sanity_check(clf, X[:1], 0, methods, seeds=[0, 1])
    assert told == pytest.approx([(step + 1) / 12 for step in range(12)])


@pytest.mark.parametrize("around", [torch.inference_mode, torch.no_grad])
def test_it_works_without_gradients_outside(clf, around):
    given = (["saliency", "gradcam", "lrp_epsilon"], "cascading", [0])
    expected = by_key(sanity_check(clf, X, TARGETS, *given))
    with around():
        same(by_key(sanity_check(clf, X.clone(), TARGETS, *given)), expected, 0)


def test_the_classifier_and_the_global_random_numbers_stay_as_they_were():
    clf = small()
    before, x = clf.fingerprint, X.clone()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    sanity_check(clf, x, TARGETS, ["saliency", "gradcam", "random"], seeds=[0], init="permute")
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(x, X)
    assert not any(module._forward_hooks for module in clf.module.modules())
    assert not any(parameter.requires_grad for parameter in clf.module.parameters())
    del clf.__dict__["fingerprint"]
    assert clf.fingerprint == before
    assert math.isfinite(clf.logits(X).sum())
