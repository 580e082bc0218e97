"""The metric: by hand, and against the loop that tries one number after the other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.apem.tiny_networks import (
    Linear,
    Peak,
    classifier,
    linear_case,
    map_of,
    plain,
    small_case,
    small_net,
)
from tests.reference import apem as literal
from xai_core.apem import apem, apem_normalized, shuffled
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import explain
from xai_core.heatmaps import STAGES, relevance_map
from xai_core.images import sample_image
from xai_core.models import load_classifier


@pytest.mark.parametrize(
    ("std", "expected"),
    # Along the map the score falls by (4 + 0.5) / 1.5 = 3 a step, along its opposite by
    # (0.5 + 1 + 2) / 2.5 = 1.4; it begins at 10.5. In units of std = 0.5 a step counts twice.
    [(None, (4, 8, 4)), ((0.5, 0.5, 0.5), (2, 4, 2))],
)
def test_a_linear_model_by_hand(std, expected):
    clf, x = linear_case(mean=None if std is None else (0.0,) * 3, std=std)
    r = map_of(1.0, 0.5, 0.0, 0.0)
    found = apem(clf, x, 0, r)
    assert (plain(found.eps_minus), plain(found.eps_plus), plain(found.apem)) == tuple(
        [value] for value in expected
    )
    assert found.censored.tolist() == [False]


def test_the_first_change_counts_although_the_class_comes_back():
    r = map_of(1.0, 0.0, 0.0, 0.5)
    found = apem(classifier(Peak()), torch.zeros(1, 3, 2, 2), 0, r)
    assert (plain(found.eps_minus), plain(found.eps_plus)) == ([3], [3])


def test_no_change_is_a_flag_and_never_a_number():
    clf = classifier(Linear())
    x = torch.stack([torch.full((3, 2, 2), 10.5 / 24), torch.full((3, 2, 2), 1000.0)])
    r = map_of(1.0, 0.5, 0.0, 0.0).expand(2, -1, -1, -1)
    found = apem(clf, x, 0, r, eps_max=9)
    assert found.censored.tolist() == [False, True]
    assert found.apem.mean() == 4, "the censored picture does not count"
    assert plain(found.eps_minus) == [4, None]
    # A limit between the two leaves the smaller known.
    found = apem(clf, x[:1], 0, r[:1], eps_max=4)
    assert (plain(found.eps_minus), plain(found.eps_plus), plain(found.apem)) == (
        [4],
        [None],
        [None],
    )


def test_a_picture_on_the_boundary_leaves_at_once():
    # Both scores are 0 and the first class is taken; any step lowers its score.
    r = map_of(1.0, 0.5, 0.0, 0.0)
    found = apem(classifier(Linear()), torch.zeros(1, 3, 2, 2), 0, r)
    assert (plain(found.eps_minus), plain(found.eps_plus), plain(found.apem)) == ([1], [1], [0])


def test_a_map_that_equals_its_opposite_gives_zero():
    torch.manual_seed(1)
    clf, x = classifier(small_net(1), (6, 6), 3), torch.rand(4, 3, 6, 6)
    found = apem(clf, x, 0, torch.full((4, 1, 6, 6), 0.5))
    assert not found.censored.all()
    assert (found.apem[~found.censored] == 0).all()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    channels=st.sampled_from([1, 3]),
    zeros=st.floats(0.0, 0.9),
    scale=st.sampled_from([0.1, 1.0]),
)
def test_equals_the_literal_loop(seed, channels, zeros, scale):
    clf, x, r = small_case(seed, channels, zeros, scale)
    found = apem(clf, x, 0, r, eps_max=20)
    expected = [literal.apem(clf, x[n : n + 1], r[n : n + 1], 20) for n in range(3)]
    assert list(zip(plain(found.eps_minus), plain(found.eps_plus), strict=True)) == expected


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), channels=st.sampled_from([1, 3]))
def test_the_normalised_metric_equals_the_literal_loop(seed, channels):
    clf, x, r = small_case(seed, channels, scale=0.3)
    found = apem_normalized(clf, x, 0, r, shuffles=3, seed=seed, eps_max=15)
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(36, generator=generator) for _ in range(3)]
    for n in range(3):
        expected = literal.apem_normalized(clf, x[n : n + 1], r[n : n + 1], orders, 15)
        assert tuple(plain(counts)[n] for counts in found[:4]) == expected
        assert found.censored[n] == (None in expected)
        if None not in expected:
            minus, plus, minus_shuffle, plus_shuffle = expected
            value = plus / plus_shuffle - minus / minus_shuffle
            assert found.apem_normalized[n] == pytest.approx(value, abs=1e-12)


def test_the_normalised_metric_by_hand():
    # Of the map (1, 0.5, 0, 0) on weights (4, 1, 1, 2) the score 10.5 falls by 3 a step, and by
    # 1.4 along its opposite: 4 and 8 steps. A permutation that puts the map's 1 on the weight 4
    # and its 0.5 on the weight 2 falls fastest, (4 + 1) / 1.5 = 10 / 3 a step: 4 steps. Along
    # the opposite (0, 0.5, 1, 1) the fastest is (2 * 0.5 + 1 + 4) / 2.5 = 2.4 with the zero on a
    # weight of 1, and its half on the weight 2, or (4 + 2 + 0.5) / 2.5 = 2.6 with it on a 1: 5.
    clf, x = linear_case()
    r = map_of(1.0, 0.5, 0.0, 0.0)
    found = apem_normalized(clf, x, 0, r, shuffles=200)
    assert [plain(counts) for counts in found[:4]] == [[4], [8], [4], [5]]
    assert found.apem_normalized[0] == pytest.approx(8 / 5 - 4 / 4)


def test_shuffled_maps_keep_their_pixels():
    maps = torch.rand(2, 3, 4, 5)
    found = shuffled(maps, 6, seed=3)
    assert found.shape == (2, 6, 3, 4, 5)

    def pixels(one):
        return sorted(map(tuple, one.flatten(1).T.tolist()))

    for picture, several in zip(maps, found, strict=True):
        assert all(pixels(one) == pixels(picture) for one in several)
        assert not any(torch.equal(one, picture) for one in several)
    assert torch.equal(shuffled(maps[1:], 6, seed=3), found[1:]), "neighbours change nothing"
    assert not torch.equal(shuffled(maps, 6, seed=4), found)
    with pytest.raises(MethodError, match="at least 1 shuffled map"):
        shuffled(maps, 0)


@pytest.mark.parametrize("stage", STAGES)
def test_equals_the_literal_loop_on_the_embedded_network(stage):
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("astronaut")])
    pixels, most = clf.pixels(x), 12
    y = clf.logits(x).argmax(1)
    raw = explain(clf, x, y, method="saliency")
    r = relevance_map(raw, stage, pixels)
    assert torch.equal(r, relevance_map(8 * raw, stage, pixels)), "the scale of relevance is lost"
    found = apem(clf, x, y, r, eps_max=most)
    expected = literal.apem(clf, x, r, most)
    assert (plain(found.eps_minus), plain(found.eps_plus)) == tuple([value] for value in expected)


def test_neither_neighbours_nor_memory_change_a_number(monkeypatch):
    clf = classifier(small_net(5), (6, 6), 3)
    generator = torch.Generator().manual_seed(5)
    x, r = (torch.rand((5, 3, 6, 6), generator=generator) for _ in range(2))
    together = apem(clf, x, 0, r)
    monkeypatch.setenv("XAI_MEMORY", "1 kB")
    assert plain(apem(clf, x, 0, r).apem) == plain(together.apem)
    alone = [plain(apem(clf, x[n : n + 1], 0, r[n : n + 1]).apem)[0] for n in range(5)]
    assert alone == plain(together.apem)


@pytest.mark.parametrize(
    ("r", "sentence"),
    [
        (torch.zeros(1, 1, 2, 2), "zero everywhere"),
        (torch.ones(1, 1, 2, 2), "nothing in it is irrelevant"),
        (torch.full((1, 1, 2, 2), np.nan), "not finite"),
        (torch.tensor([[[[2.0, 0.0], [0.0, 0.0]]]]), "in \\[0, 1\\]"),
        (torch.rand(1, 1, 3, 3), "as large as the model's input"),
        (torch.rand(2, 1, 2, 2), "one for each picture"),
    ],
)
def test_a_map_that_cannot_be_measured_is_named(r, sentence):
    with pytest.raises(MethodError, match=sentence):
        apem(classifier(Linear()), torch.ones(1, 3, 2, 2), 0, r)


def test_what_else_cannot_be_is_named():
    r = torch.rand(1, 1, 2, 2)
    x = torch.ones(1, 3, 2, 2)
    with pytest.raises(ModelError, match="one class"):
        apem(classifier(nn.Sequential(nn.Flatten(), nn.Linear(12, 1)), classes=1), x, 0, r)
    with pytest.raises(MethodError, match="at least 1"):
        apem(classifier(Linear()), x, 0, r, eps_max=0)
    with pytest.raises(ModelError):
        apem(classifier(Linear()), x, 2, r)


def test_a_map_that_cannot_be_measured_costs_its_neighbours_nothing():
    clf, x, r = small_case(3, 1, scale=0.3, count=5)
    r[1], r[3, 0, 2, 2] = 0, float("nan")
    good = [0, 2, 4]
    for measure in (apem, apem_normalized):
        found = measure(clf, x, 0, r, eps_max=40)
        alone = measure(clf, x[good], 0, r[good], eps_max=40)
        for all_, some in zip(found[:-2], alone[:-2], strict=True):
            assert all_[good].tolist() == some.tolist()
            assert all_[[1, 3]].isna().all()
        assert found.censored[good].tolist() == alone.censored.tolist()
        assert not found.censored[[1, 3]].any(), "it was not even asked"
        assert [bool(problem) for problem in found.problems] == [False, True, False, True, False]
        assert found.problems[1] == "Map 1 is zero everywhere: its method explains nothing here."
        assert found.problems[3] == "Map 3 has values that are not finite numbers."


def test_where_no_map_can_be_measured_there_is_no_result():
    clf, x, r = small_case(3, 1, count=2)
    for measure in (apem, apem_normalized):
        with pytest.raises(MethodError, match="Map 0 is zero everywhere"):
            measure(clf, x, 0, torch.zeros_like(r))
