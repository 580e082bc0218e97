"""Similarity of heatmaps."""

import numpy as np
import pytest
import torch

from tests.reference import similarity as reference
from xai_core.errors import MethodError
from xai_core.similarity import mean_of_defined, pairwise, similarities, similarity

MEASURE = pytest.mark.parametrize("measure", similarities())


def maps(count, side=14, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, side, side))


@MEASURE
def test_unrelated_noise_is_not_alike(measure):
    assert (np.abs(similarity(maps(5, seed=1), maps(5, seed=2), measure)) < 0.5).all()


def test_a_measure_that_compares_a_map_with_an_earlier_one_is_no_similarity():
    assert set(similarities()) == {"ssim", "spearman", "spearman_absolute", "hog"}
    with pytest.raises(MethodError, match="no measure 'complexity'; there are: ssim, spearman"):
        similarity(maps(1), maps(1), "complexity")


@pytest.mark.parametrize("measure", ["spearman", "spearman_absolute", "hog"])
def test_a_correlation_with_a_constant_map_is_undefined(measure):
    assert np.isnan(similarity(np.zeros((1, 14, 14)), maps(1), measure)).all()


@pytest.mark.parametrize(("side", "window"), [(14, 7), (7, 7), (6, 5), (4, 3), (3, 3)])
def test_ssim_equals_the_literal_formula(side, window):
    a, b = maps(2, side, seed=3), maps(2, side, seed=4)
    expected = [reference.ssim((x + 1) / 2, (y + 1) / 2, window) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(similarity(a, b, "ssim"), expected, atol=1e-10)
    positive = [reference.ssim(x, y, window) for x, y in zip(abs(a), abs(b), strict=True)]
    found = similarity(abs(a), abs(b), "ssim", show="absolute")
    np.testing.assert_allclose(found, positive, atol=1e-10)


# Maps 0 and 1 shown as "all" become 0.5 and 1; without variance S eq. 5.1 leaves
# (2 * 0.5 * 1 + 1e-4) / (0.25 + 1 + 1e-4) = 1.0001 / 1.2501. Of an unsigned method they are
# compared as they are, 0 and 1: (2 * 0 * 1 + 1e-4) / (0 + 1 + 1e-4).
@pytest.mark.parametrize(("signed", "expected"), [(True, 1.0001 / 1.2501), (False, 1e-4 / 1.0001)])
def test_ssim_of_two_constants_by_hand(signed, expected):
    score = similarity(np.zeros((1, 7, 7)), np.ones((1, 7, 7)), "ssim", signed=signed)
    np.testing.assert_allclose(score, expected, atol=1e-12)


@pytest.mark.parametrize("show", ["all", "positive", "absolute"])
def test_unsigned_maps_are_compared_as_they_are_whatever_is_shown(show):
    a, b = abs(maps(2, seed=3)), abs(maps(2, seed=4))
    expected = {
        "ssim": [reference.ssim(x, y) for x, y in zip(a, b, strict=True)],
        "hog": [reference.hog(x, y, 1) for x, y in zip(a, b, strict=True)],
    }
    for measure, scores in expected.items():
        found = similarity(a, b, measure, show, signed=False)
        np.testing.assert_allclose(found, scores, atol=1e-7)


def test_each_pair_may_be_of_another_kind():
    a, b = abs(maps(2, seed=3)), abs(maps(2, seed=4))
    found = similarity(a, b, "ssim", signed=np.array([True, False]))
    expected = [reference.ssim((a[0] + 1) / 2, (b[0] + 1) / 2), reference.ssim(a[1], b[1])]
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("measure", ["ssim", "hog"])
def test_of_two_kinds_the_signed_one_decides(measure):
    three = np.concatenate([abs(maps(2)), maps(1, seed=2)])
    table = pairwise(three, measure, signed=[False, False, True])
    unsigned = similarity(three[:1], three[1:2], measure, signed=False)[0]
    assert table[0, 1] == table[1, 0] == unsigned
    for other in (0, 1):
        mixed = similarity(three[other : other + 1], three[2:], measure)[0]
        assert table[other, 2] == table[2, other] == mixed
    np.testing.assert_allclose(np.diag(table), 1)


def test_spearman_by_hand():
    # Ranks 1 ... 9 against 9 ... 1; absolute values of -4 ... 4 against their mirror image.
    ramp = np.linspace(-1, 1, 9).reshape(1, 3, 3)
    assert similarity(ramp, -ramp, "spearman")[0] == pytest.approx(-1, abs=1e-12)
    assert similarity(ramp, -ramp, "spearman_absolute")[0] == pytest.approx(1, abs=1e-12)
    assert similarity(ramp, ramp**3, "spearman")[0] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("measure", ["spearman", "spearman_absolute"])
def test_spearman_with_ties_equals_the_literal_formula(measure):
    a, b = np.round(maps(1, 6, seed=5), 1), np.round(maps(1, 6, seed=6), 1)
    expected = getattr(reference, measure)(a[0], b[0])
    assert similarity(a, b, measure)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("side", "cell"), [(14, 1), (28, 2), (64, 5)])
def test_hog_equals_the_literal_formula(side, cell):
    a, b = maps(1, side, seed=7), maps(1, side, seed=8)
    expected = reference.hog((a[0] + 1) / 2, (b[0] + 1) / 2, cell)
    # scikit-image sums the magnitudes of a cell in float32.
    assert similarity(a, b, "hog")[0] == pytest.approx(expected, abs=1e-7)


def test_tensors_give_tensors():
    a, b = maps(2, seed=1), maps(2, seed=2)
    scores = similarity(torch.from_numpy(a), torch.from_numpy(b))
    assert scores.dtype == torch.float64
    np.testing.assert_array_equal(scores.numpy(), similarity(a, b))


@MEASURE
def test_pairwise_holds_every_pair(measure):
    three = np.concatenate([maps(2), np.zeros((1, 14, 14))])
    table = pairwise(three, measure)
    np.testing.assert_array_equal(table, table.T)
    np.testing.assert_allclose(np.diag(table), [1, 1, np.nan], atol=1e-12)
    np.testing.assert_array_equal(table[0, 1], similarity(three[:1], three[1:2], measure)[0])


@pytest.mark.parametrize(
    ("a", "b", "options", "sentence"),
    [
        (maps(1), maps(1, 7), {}, "upsample"),
        (maps(1), maps(2), {}, "cannot be compared"),
        (maps(1, 2), maps(1, 2), {}, "at least 3 pixels"),
        (maps(1)[0], maps(1)[0], {}, r"\[N, H, W\]"),
        (maps(1), maps(1), {"measure": "mse"}, "no measure 'mse'"),
        (maps(1), maps(1), {"show": "positive"}, "from 0 to 1"),
        (maps(1), maps(1), {"show": "some"}, "cannot show 'some'"),
        (maps(1) * 2, maps(1), {}, "from -1 to 1"),
        (maps(1) * np.nan, maps(1), {}, "from -1 to 1"),
        (maps(1), maps(1), {"signed": False}, "without negative values must lie from 0 to 1"),
        (abs(maps(1)), maps(1), {"signed": False}, "without negative values"),
        (abs(maps(2)), maps(2), {"signed": np.array([True, False])}, "without negative values"),
    ],
)
def test_wrong_input_is_refused_with_a_sentence(a, b, options, sentence):
    with pytest.raises(MethodError, match=sentence):
        similarity(a, b, **options)


def test_a_mean_leaves_out_what_is_undefined():
    scores = np.array([[1.0, np.nan, 0.0], [np.nan, np.nan, 0.5]])
    np.testing.assert_array_equal(mean_of_defined(scores), [1.0, np.nan, 0.25])
