"""DeepSHAP: the mean over baselines, and that it costs what it should."""

import pytest
import torch
from torch import nn

from tests.networks import Counting, Of
from tests.reference import nets
from xai_core.explainers import explain
from xai_core.explainers.baselines import reference_pictures
from xai_core.explainers.memory import Meter
from xai_core.models.classifier import Classifier
from xai_core.progress import listening

X = nets.oracle("x")
BASELINES = nets.oracle("baselines8")
NETS = pytest.mark.parametrize("name", nets.NAMES)


def classifier(name):
    return nets.classifier(name, (0.4,) * 3, (0.3,) * 3)


@NETS
def test_is_the_mean_of_deeplift_over_the_baselines(name):
    clf = classifier(name)
    single = [explain(clf, X, [0, 3], "deeplift", baseline=b[None]) for b in BASELINES]
    found = explain(clf, X, [0, 3], "deepshap", baselines=BASELINES)
    torch.testing.assert_close(found, torch.stack(single).mean(0), rtol=1e-11, atol=1e-13)


@NETS
def test_sums_to_the_score_above_the_mean_score_of_the_baselines(name):
    clf = classifier(name)
    found = explain(clf, X, 1, "deepshap").sum((1, 2, 3))
    pictures = reference_pictures(clf, X, "samples")
    assert len(pictures) == 64
    wanted = (clf.logits(X) - clf.logits(pictures).mean(0))[:, 1]
    assert wanted.abs().min() > 1e-4
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)


def test_any_chunk_gives_the_same():
    clf = classifier("ResSmall")
    x, targets = torch.cat([X, X.flip(3), X.flip(2)]), [0, 1, 2, 3, 4, 0]
    wanted = explain(clf, x, targets, "deepshap", baselines=BASELINES)
    for chunk in (1, 2, 3, 5, 64):
        found = explain(clf, x, targets, "deepshap", baselines=BASELINES, chunk=chunk)
        torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-13)


def test_pictures_and_baselines_go_forward_once_and_no_more_than_the_chunk_at_once():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), Counting(), nn.Flatten(), nn.Linear(4 * 36, 3)
    ).double()
    clf = Classifier(net, ["a", "b", "c"], (8, 8))
    x, baselines = X[:, :, :8, :8], BASELINES[:, :, :8, :8]
    with clf.lent() as twin:
        twin.module[2].sizes.clear()
    explain(clf, x, 0, "deepshap", baselines=baselines, chunk=3)
    with clf.lent() as twin:
        assert sorted(twin.module[2].sizes) == [2, 2, 3, 3]


@NETS
def test_stays_within_the_memory_with_the_same_numbers(name, monkeypatch):
    clf, x = classifier(name), torch.cat([X, X.flip(3), X.flip(2)])
    # It also measures what a picture takes, which is then known.
    usual = explain(clf, x, 1, "deepshap", baselines=BASELINES)
    for mebibytes in (4, 16):
        monkeypatch.setenv("XAI_MEMORY", f"{mebibytes} MiB")
        with Meter() as meter:
            frugal = explain(clf, x, 1, "deepshap", baselines=BASELINES)
        # Beside what the chunk decides there are pictures, sums and the baselines.
        assert meter.peak - 2 * BASELINES.nbytes - 4 * x.nbytes <= mebibytes * 2**20
        torch.testing.assert_close(frugal, usual, rtol=1e-11, atol=1e-13)


def test_ways_back_of_one_and_of_every_baseline_meet():
    torch.manual_seed(0)
    # A half that is linear from here on, and one that is not.
    halves = Of(lambda x: x[:, :2] - x[:, 2:].relu())
    net = nn.Sequential(nn.Conv2d(3, 4, 3), halves, nn.Flatten(), nn.Linear(2 * 36, 2)).double()
    clf = Classifier(net, ["a", "b"], (8, 8))
    x, baselines = X[:, :, :8, :8], BASELINES[:, :, :8, :8]
    found = explain(clf, x, 1, "deepshap", baselines=baselines, chunk=8)
    single = [explain(clf, x, 1, "deeplift", baseline=b[None]) for b in baselines]
    torch.testing.assert_close(found, torch.stack(single).mean(0), rtol=1e-11, atol=1e-13)


def test_tells_how_far_it_is():
    shares = []
    with listening(shares.append):
        explain(classifier("VGGSmall"), X, 0, "deepshap", baselines=BASELINES, chunk=4)
    assert shares == sorted(shares)
    assert len(shares) >= 4
    assert shares[-1] == 1


def test_a_linear_network_gets_weight_times_distance_from_the_mean_baseline():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 2)).double()
    clf = Classifier(net, ["a", "b"], (4, 4))
    x, baselines = X[:, :, :4, :4], BASELINES[:, :, :4, :4]
    found = explain(clf, x, 1, "deepshap", baselines=baselines)
    wanted = (x - baselines.mean(0)) * net[1].weight[1].view(3, 4, 4)
    torch.testing.assert_close(found, wanted.detach())
