"""The filter: by hand, against the literal algorithm, and its approximation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apem.tiny_networks import (
    Constant,
    Trap,
    classifier,
    linear_case,
    map_of,
    plain,
    small_case,
)
from tests.reference import apem as literal
from xai_core.apem import apem, filter_relevance
from xai_core.apem.filter_walk import brackets
from xai_core.explainers import explain
from xai_core.heatmaps import relevance_map
from xai_core.images import sample_image
from xai_core.models import load_classifier


@pytest.mark.parametrize("exact", [True, False])
def test_by_hand(exact):
    # Score 10.5, weights (4, 1, 1, 2). Steps along the map, and along its opposite:
    # (1, .5, .25, 0): (4 + .5 + .25) / 1.75 = 2.7, 4 steps; (0, .5, .75, 1): 3.25 / 2.25, 8.
    # (1, .5, 0, 0):   4.5 / 1.5 = 3,                4 steps; (0, .5, 1, 1):   3.5 / 2.5,   8.
    # (1, 0, 0, 0):    4,                            3 steps; (0, 1, 1, 1):    4 / 3,       8.
    clf, x = linear_case()
    r = map_of(1.0, 0.5, 0.25, 0.0)
    found = filter_relevance(clf, x, 0, r, exact=exact)
    assert found.map.flatten().tolist() == [1, 0, 0, 0]
    assert found.kept.tolist() == [pytest.approx(1 / 3)]
    assert (plain(found.apem_before), plain(found.apem_after)) == ([4], [5])
    path = found.path[0]
    assert path.threshold.tolist() == [0, 0.25, 0.5]
    assert path.kept.tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    assert path.eps_minus.tolist() == [4, 4, 3]
    assert path.eps_plus.tolist() == [8, 8, 8]


@pytest.mark.parametrize("exact", [True, False])
def test_it_ends_before_the_metric_falls(exact):
    # The map prefers the weight 1. (.5, 1, 0, 0): (2 + 1) / 1.5 = 2, 6 steps; opposite
    # (.5, 0, 1, 1): 5 / 2.5 = 2, 6. Without the .5: 1, 11 steps, and 7 / 3, 5: a fall.
    clf, x = linear_case()
    r = map_of(0.5, 1.0, 0.0, 0.0)
    found = filter_relevance(clf, x, 0, r, exact=exact)
    assert torch.equal(found.map, r)
    assert found.kept.tolist() == [1]
    assert plain(found.path[0].apem) == [0, -6], "the refused map is told"


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    channels=st.sampled_from([1, 3]),
    zeros=st.floats(0.0, 0.8),
    levels=st.sampled_from([3, 40]),
)
def test_equals_the_literal_algorithm(seed, channels, zeros, levels):
    clf, x, r = small_case(seed, channels, zeros, scale=0.3, count=2)
    r = (r * levels).round() / levels  # with few levels, many values are shared
    found = filter_relevance(clf, x, 0, r, eps_max=25)
    for n in range(2):
        expected, scores = literal.explanation_filter(clf, x[n : n + 1], r[n : n + 1], 25)
        assert torch.equal(found.map[n].double(), expected[0])
        known = [score for score in scores if score is not None]
        assert plain(found.path[n].apem)[: len(known)] == known
        assert known == sorted(known), "it never falls"
        ends = [None, None] if not known else [known[0], known[-1]]
        assert [plain(found.apem_before)[n], plain(found.apem_after)[n]] == ends


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), channels=st.sampled_from([1, 3]))
def test_what_the_approximation_tells_is_true(seed, channels):
    # It may go past a fall that it does not ask for, but what it returns has the numbers it tells.
    clf, x, r = small_case(seed, channels, 0.4, scale=0.3, count=2)
    r = (r * 40).round() / 40
    found = filter_relevance(clf, x, 0, r, eps_max=25, exact=False)
    before, after = (apem(clf, x, 0, one, eps_max=25) for one in (r, found.map))
    assert plain(found.apem_before) == plain(before.apem)
    assert plain(found.apem_after) == plain(after.apem)
    for path, censored in zip(found.path, before.censored, strict=True):
        known = plain(path.apem)[:-1]
        assert censored or known == sorted(known), "it never falls before its end"
    assert torch.equal(found.map, torch.where(found.map > 0, r, 0.0)), "values stay or go"


def test_both_agree_on_the_embedded_network():
    clf = load_classifier("vgg-tiny")
    x = clf.preprocess([sample_image("cat")])
    y = clf.logits(x).argmax(1)
    r = relevance_map(explain(clf, x, y, method="saliency"), "map")
    r = (r * 8).round() / 8
    slow, quick = (filter_relevance(clf, x, y, r, eps_max=200, exact=e) for e in (True, False))
    assert torch.equal(slow.map, quick.map)
    assert slow.path[0].equals(quick.path[0])
    assert len(slow.path[0]) > 3


def test_the_approximation_goes_past_a_fall_that_hides():
    # Values 1/256 ... 1, the largest in the first pixel. Ten steps change the class, along any map
    # and its opposite, as their size is 1. But five steps along the map without its 20 smallest
    # values put the first pixel where the network waits: APEM 10 - 5, and 0 again after it.
    values = torch.arange(256, 0, -1, dtype=torch.float64) / 256
    left = values[: 256 - 20].sum()
    clf = classifier(Trap(5 / float(left), 1e-5), (16, 16))
    r, x = values.view(1, 1, 16, 16), torch.zeros((1, 3, 16, 16), dtype=torch.float64)
    exact, quick = (filter_relevance(clf, x, 0, r, eps_max=20, exact=e) for e in (True, False))
    assert plain(exact.path[0].apem) == [0] * 20 + [5, 0]
    assert exact.kept.tolist() == [236 / 256]
    assert quick.kept.tolist() == [1 / 256], "it is called an approximation for a reason"
    assert (plain(quick.apem_before), plain(quick.apem_after)) == ([0], [0])


@pytest.mark.parametrize("exact", [True, False])
def test_a_map_that_changes_nothing_stays_whole(exact):
    r = map_of(1.0, 0.5, 0.25, 0.0)
    found = filter_relevance(
        classifier(Constant()), torch.ones(1, 3, 2, 2), 0, r, eps_max=20, exact=exact
    )
    assert torch.equal(found.map, r)
    assert (plain(found.apem_before), plain(found.apem_after)) == ([None], [None])
    assert found.kept.tolist() == [1]


def test_neighbours_change_nothing_and_channels_and_type_stay():
    clf, x, r = small_case(8, 3, 0.3, scale=0.3)
    together = filter_relevance(clf, x, 0, r, eps_max=25)
    alone = filter_relevance(clf, x[1:2], 0, r[1:2], eps_max=25)
    assert torch.equal(together.map[1:2], alone.map)
    assert together.map.shape == r.shape
    assert together.map.dtype == r.dtype


class Row:
    """Leads in a row, and how many were asked for."""

    def __init__(self, leads):
        self.leads, self.asked = leads, 0

    def __call__(self, places):
        self.asked += len(places)
        return [(self.leads[place] < 0, float(self.leads[place])) for place in places]


@settings(max_examples=60, deadline=None)
@given(
    roots=st.lists(st.floats(-0.5, 1.5), max_size=4),
    gap=st.integers(0, 299),
    width=st.integers(0, 40),
)
def test_brackets_find_what_asking_all_would(roots, gap, width):
    places = [place for place in range(300) if not gap <= place < gap + width]
    # A lead that crosses zero at the roots, straight between two of them.
    at = np.linspace(0, 1, 300)
    leads = np.prod([at - root for root in roots], axis=0) * np.ones(300)
    row = Row(leads)
    found = brackets(places, row)
    assert found == sorted(found)
    missed = set(found) ^ {place for place in places if leads[place] < 0}
    assert all(abs(leads[place]) < 1e-2 for place in missed)


def test_brackets_ask_little_where_the_lead_is_large():
    row = Row(np.linspace(2, 1.7, 5000))
    assert brackets(range(5000), row) == []
    assert row.asked == 3
    row = Row(np.linspace(2, -2, 5000))
    assert brackets(range(5000), row) == list(range(2500, 5000))
    assert row.asked < 500


def test_brackets_ask_everything_in_short_runs():
    row = Row(np.array([1, -1, 1, 5, 1, -1, 1.0]))
    assert brackets([0, 1, 2, 4, 5, 6], row) == [1, 5]


@pytest.mark.parametrize("exact", [True, False])
def test_a_map_that_cannot_be_measured_costs_its_neighbours_nothing(exact):
    clf, x, r = small_case(3, 1, scale=0.3, count=3)
    r = (4 * r).round() / 4
    r[1] = 0
    found = filter_relevance(clf, x, 0, r, eps_max=25, exact=exact)
    alone = filter_relevance(clf, x[[0, 2]], 0, r[[0, 2]], eps_max=25, exact=exact)
    assert torch.equal(found.map[[0, 2]], alone.map)
    assert not found.map[1].any()
    assert found.kept[[0, 2]].tolist() == alone.kept.tolist()
    assert np.isnan(found.kept[1])
    assert (plain(found.apem_before)[1], plain(found.apem_after)[1]) == (None, None)
    assert found.path[0].equals(alone.path[0])
    assert len(found.path[1]) == 0
    assert found.problems == ["", "Map 1 is zero everywhere: its method explains nothing here.", ""]
