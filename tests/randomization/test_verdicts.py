"""Steps of a test, verdicts, curves and what others found."""

import math

import numpy as np
import pandas as pd
import pytest

from xai_core.errors import MethodError
from xai_core.explainers import METHODS
from xai_core.explainers.choices import column_title, parse_column
from xai_core.randomization import published, steps
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.published import ADEBAYO, NUZZO, PUBLISHED, PUBLISHED_SSIM, SIXT
from xai_core.randomization.sweep import TRAINED, State
from xai_core.randomization.verdicts import (
    CONTESTED,
    Thresholds,
    curves,
    marked,
    verdicts,
)

NAN = float("nan")


def table(rows, **more):
    """(method, image, seed, value) with all else equal."""
    found = pd.DataFrame(rows, columns=["method", "image", "seed", "value"])
    facts = {"measure": "ssim", "show": "all", "depth": 1, "layer": "fc", "problem": "", **more}
    return found.assign(**facts)


# Verdicts


@pytest.mark.parametrize(
    ("similarity", "verdict"),
    [
        (1.0, "fails"),
        (0.95, "fails"),
        (math.nextafter(0.95, 0), "weak"),
        (0.80, "weak"),
        (math.nextafter(0.80, 0), "passes"),
        (-0.2, "passes"),
        (NAN, "undefined"),
    ],
)
def test_verdicts_at_the_borders(similarity, verdict):
    assert Thresholds().verdict(similarity) == verdict
    assert verdicts(table([("a", 0, 0, similarity)])).verdict.tolist() == [verdict]


def test_thresholds_can_be_changed_and_must_make_sense():
    limits = Thresholds(0.5, 0.5)
    assert [limits.verdict(value) for value in (0.5, 0.49)] == ["fails", "passes"]
    rows = table([("a", 0, 0, 0.6)])
    assert verdicts(rows, Thresholds(0.6, 0.2)).verdict.tolist() == ["fails"]
    for fails, weak in ((0.5, 0.6), (1.1, 0.5), (0.5, -1.1), (NAN, 0.5), (0.5, NAN)):
        with pytest.raises(MethodError, match="thresholds must lie from -1 to 1"):
            Thresholds(fails, weak)


def test_a_verdict_that_passes_is_marked_where_maps_have_collapsed():
    said = "empty on 1 of 2 pictures"
    assert [marked("passes", words) for words in ("", said)] == ["passes", "⚠ passes"]
    for verdict in ("weak", "fails", "undefined"):
        assert marked(verdict, said) == verdict


def test_a_verdict_by_hand():
    rows = table(
        [
            ("b", 0, 0, 0.9),
            ("b", 1, 0, 1.0),
            ("b", 0, 1, 0.7),
            ("b", 1, 1, NAN),
            ("a", 0, 0, NAN),
        ]
    )
    found = verdicts(rows)
    assert found.method.tolist() == ["b", "a"], "in the order of the table"
    first, second = found.itertuples(index=False)
    # (0.9 + 1.0 + 0.7) / 3; seeds 0.95 and 0.7, whose deviation with n - 1 is 0.25 / sqrt(2).
    assert first.similarity == pytest.approx(2.6 / 3)
    assert first.spread == pytest.approx(0.25 / math.sqrt(2))
    assert (first.scores, first.undefined, first.verdict) == (3, 1, "weak")
    assert math.isnan(second.similarity)
    assert (second.scores, second.undefined, second.verdict) == (0, 1, "undefined")


def test_a_verdict_goes_by_the_measure_and_the_show_that_are_asked_for():
    rows = pd.concat(
        [
            table([("a", 0, 0, 0.99)]),
            table([("a", 0, 0, 0.9)], measure="hog"),
            table([("a", 0, 0, 0.1)], show="absolute"),
        ]
    )
    assert verdicts(rows).verdict.tolist() == ["fails"]
    assert verdicts(rows, measure="hog").verdict.tolist() == ["weak"]
    assert verdicts(rows, show="absolute").verdict.tolist() == ["passes"]
    none = verdicts(rows, measure="spearman")
    assert len(none) == 0
    assert "verdict" in none.columns


def test_spread_is_over_seeds_not_over_pictures():
    def spread(rows):
        return verdicts(table(rows)).spread.item()

    assert spread([("a", image, seed, image) for image in (0, 1) for seed in (0, 1, 2)]) == 0
    # Means over pictures 0.5, 0.3 and 0.1: their deviation with n - 1 is 0.2.
    rows = [
        ("a", image, seed, 0.5 - 0.2 * seed + 0.1 * (-1) ** image)
        for image in (0, 1)
        for seed in range(3)
    ]
    assert spread(rows) == pytest.approx(0.2)
    assert math.isnan(spread([("a", 0, 0, 1.0), ("a", 1, 0, 0.0)]))
    assert math.isnan(spread([("a", 0, 0, 1.0), ("a", 0, 1, NAN)]))


def test_curves_by_hand():
    rows = pd.concat(
        [
            table([("a", 0, 0, 1.0), ("a", 0, 1, 1.0)], depth=0, layer="trained"),
            table([("a", 0, 0, 0.6), ("a", 0, 1, 0.2), ("a", 1, 0, NAN)], depth=1, layer="fc2"),
            table([("a", 0, 0, NAN)], depth=2, layer="fc1"),
            table([("a", 0, 0, 0.3)], depth=1, layer="fc2", measure="hog"),
            table([("a", 0, 0, 0.4)], depth=1, layer="fc2", show="absolute"),
        ]
    )
    found = curves(rows)
    assert list(found.columns) == [
        "method",
        "measure",
        "show",
        "depth",
        "layer",
        "mean",
        "spread",
        "scores",
    ]
    ssim = found[(found.measure == "ssim") & (found.show == "all")]
    assert ssim.depth.tolist() == [0, 1, 2]
    assert ssim.layer.tolist() == ["trained", "fc2", "fc1"]
    np.testing.assert_allclose(ssim["mean"], [1.0, 0.4, NAN])
    np.testing.assert_allclose(ssim.spread, [0.0, 0.4 / math.sqrt(2), NAN])
    assert ssim.scores.tolist() == [2, 2, 0]
    assert found[found.measure == "hog"]["mean"].tolist() == [0.3]
    assert found[found.show == "absolute"]["mean"].tolist() == [0.4]


def test_curves_keep_the_order_of_the_table_and_count_pictures_of_one_name_twice():
    rows = table([("b", "cat", 1, 0.2), ("a", "cat", 0, 0.5), ("b", "cat", 1, 0.6)])
    found = curves(rows)
    assert found.method.tolist() == ["b", "a"]
    np.testing.assert_allclose(found["mean"], [0.4, 0.5])
    assert found.scores.tolist() == [2, 1]


def test_curves_of_an_empty_table_are_an_empty_table():
    found = curves(table([]))
    assert len(found) == 0
    assert list(found.columns)[-3:] == ["mean", "spread", "scores"]


def test_the_contest_names_its_source():
    assert "Binder et al. 2023, arXiv:2211.12486" in CONTESTED


# What others found


def test_published_verdicts_name_columns_that_there_are():
    columns = {name for found in PUBLISHED.values() for name in found} | set(PUBLISHED_SSIM)
    for column in columns:
        choice = parse_column(column)
        assert choice.method in METHODS
        assert choice.settings.get("base", "saliency") in METHODS
        assert choice.id == column
        assert column_title(column)
    assert {verdict for found in PUBLISHED.values() for verdict in found.values()} == {
        "passes",
        "fails",
    }


def test_published_verdicts_are_those_that_the_sources_state():
    """S: guided backprop, LRP below α4β3 and RAP fail, α4β3 and above pass."""
    assert published.verdicts_of("guided_backprop") == dict.fromkeys(
        (ADEBAYO, SIXT, NUZZO), "fails"
    )
    assert published.verdicts_of("saliency") == dict.fromkeys((ADEBAYO, SIXT, NUZZO), "passes")
    assert published.verdicts_of("lrp_alpha3_beta2") == {NUZZO: "fails"}
    assert published.verdicts_of("lrp_alpha4_beta3") == {NUZZO: "passes"}
    assert published.verdicts_of("rap") == {NUZZO: "fails"}
    assert published.verdicts_of("guided_gradcam") == {
        ADEBAYO: "fails",
        SIXT: "fails",
        NUZZO: "passes",
    }
    assert published.verdicts_of("random") == {}


# Steps


LAYERS = [Layer(name, (f"{name}.weight",)) for name in ("fc2", "fc1", "conv")]


def test_a_cascade_goes_seed_by_seed_from_the_output():
    found = steps.Test("cascading", seeds=(4, 2)).steps(LAYERS)
    assert [(step.seed, step.depth, step.layer, step.state.layers) for step in found] == [
        (4, 1, "fc2", ("fc2",)),
        (4, 2, "fc1", ("fc2", "fc1")),
        (4, 3, "conv", ("fc2", "fc1", "conv")),
        (2, 1, "fc2", ("fc2",)),
        (2, 2, "fc1", ("fc2", "fc1")),
        (2, 3, "conv", ("fc2", "fc1", "conv")),
    ]
    assert {step.state.seed for step in found[:3]} == {4}
    assert {step.state.init for step in found} == {"default"}


def test_a_cascade_from_the_input_ends_where_one_from_the_output_ends():
    inwards = steps.Test("cascading", "input", "permute", (0,)).steps(LAYERS)
    assert [step.layer for step in inwards] == ["conv", "fc1", "fc2"]
    assert [step.state.layers for step in inwards[:2]] == [("conv",), ("fc1", "conv")]
    outwards = steps.Test("cascading", "output", "permute", (0,)).steps(LAYERS)
    assert inwards[-1].state == outwards[-1].state
    assert inwards[0].state == State(("conv",), 0, "permute")


def test_independent_steps_change_one_layer_each():
    found = steps.Test("independent", seeds=(1,)).steps(LAYERS)
    assert [step.state.layers for step in found] == [("fc2",), ("fc1",), ("conv",)]
    backwards = steps.Test("independent", "input", seeds=(1,)).steps(LAYERS)
    assert [step.state for step in backwards] == [step.state for step in reversed(found)]
    cascade = steps.Test("cascading", seeds=(1,)).steps(LAYERS)
    assert found[0].state == cascade[0].state, "one layer is one layer"


def test_labels_are_one_step():
    (step,) = steps.Test("labels", seeds=()).steps(LAYERS)
    assert (step.depth, step.layer, step.seed, step.state) == (1, "permuted labels", 0, TRAINED)


def test_every_depth_has_a_name():
    def names(test):
        return [step.layer for step in test.steps(LAYERS)]

    assert names(steps.Test(seeds=(0,))) == ["fc2", "fc1", "conv"]
    assert names(steps.Test(start="input", seeds=(0,))) == ["conv", "fc1", "fc2"]
    assert names(steps.Test("labels")) == ["permuted labels"]


def test_the_verdict_goes_by_the_last_layer_alone_wherever_the_test_begins():
    for mode in ("cascading", "independent"):
        for start in ("output", "input"):
            test = steps.Test(mode, start, "he_normal", (3, 5))
            assert test.last_alone(LAYERS) == [
                State(("fc2",), 3, "he_normal"),
                State(("fc2",), 5, "he_normal"),
            ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"mode": "both"}, "no mode 'both'"),
        ({"start": "middle"}, "not 'middle'"),
        ({"init": "ones"}, "no initialisation 'ones'"),
        ({"seeds": ()}, "at least one seed"),
    ],
)
def test_tests_that_there_are_not_are_refused(given, sentence):
    with pytest.raises(MethodError, match=sentence):
        steps.Test(**given).steps(LAYERS)


def test_seeds():
    assert steps.seeds_of(3) == (0, 1, 2)
    with pytest.raises(MethodError, match="seed"):
        steps.seeds_of(0)
