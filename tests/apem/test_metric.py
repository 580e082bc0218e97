"""The metric: by hand, and against the loop that tries one number after the other."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.reference import apem as literal
from xai_core.apem import apem
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import explain
from xai_core.heatmaps import STAGES, relevance_map
from xai_core.images import sample_image
from xai_core.models import Classifier, load_classifier

WEIGHTS = (4.0, 1.0, 1.0, 2.0)  # of the four pixels, in every channel


class Linear(nn.Module):
    """Two classes: ``w x`` against 0, on pictures of two by two pixels."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(WEIGHTS).view(1, 1, 2, 2))

    def forward(self, x):
        score = (self.w * x).sum((1, 2, 3))
        return torch.stack([score, torch.zeros_like(score)], 1)


class Peak(nn.Module):
    """The second class wins while the picture's sum is within half of 3."""

    def forward(self, x):
        score = 0.5 - (x.sum((1, 2, 3)) - 3).abs()
        return torch.stack([torch.zeros_like(score), score], 1)


class Constant(nn.Module):
    def forward(self, x):
        return torch.zeros((len(x), 2), dtype=x.dtype) * x.sum() + torch.tensor([1.0, 0.0]).to(x)


def classifier(module, size=(2, 2), classes=2, **facts):
    return Classifier(module, [f"class {k}" for k in range(classes)], size, **facts)


def small_net(seed, classes=3):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(4 * 3 * 3, classes),
    )  # fmt: skip


def plain(values):
    return [None if pd.isna(value) else int(value) for value in values]


@pytest.mark.parametrize(
    ("std", "expected"),
    # Along the map the score falls by (4 + 0.5) / 1.5 = 3 a step, along its opposite by
    # (0.5 + 1 + 2) / 2.5 = 1.4; it begins at 10.5. In units of std = 0.5 a step counts twice.
    [(None, (4, 8, 4)), ((0.5, 0.5, 0.5), (2, 4, 2))],
)
def test_a_linear_model_by_hand(std, expected):
    clf = classifier(Linear(), mean=None if std is None else (0.0,) * 3, std=std)
    x = torch.full((1, 3, 2, 2), 10.5 / (3 * sum(WEIGHTS)))
    r = torch.tensor([1.0, 0.5, 0.0, 0.0]).view(1, 1, 2, 2)
    found = apem(clf, x, 0, r)
    assert (plain(found.eps_minus), plain(found.eps_plus), plain(found.apem)) == tuple(
        [value] for value in expected
    )
    assert found.censored.tolist() == [False]


def test_the_first_change_counts_although_the_class_comes_back():
    r = torch.tensor([1.0, 0.0, 0.0, 0.5]).view(1, 1, 2, 2)
    found = apem(classifier(Peak()), torch.zeros(1, 3, 2, 2), 0, r)
    assert (plain(found.eps_minus), plain(found.eps_plus)) == ([3], [3])


def test_no_change_is_a_flag_and_never_a_number():
    clf = classifier(Linear())
    x = torch.stack([torch.full((3, 2, 2), 10.5 / 24), torch.full((3, 2, 2), 1000.0)])
    r = torch.tensor([1.0, 0.5, 0.0, 0.0]).view(1, 1, 2, 2).expand(2, -1, -1, -1)
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


def test_a_constant_classifier_is_censored():
    r = torch.tensor([1.0, 0.5, 0.0, 0.0]).view(1, 1, 2, 2)
    found = apem(classifier(Constant()), torch.ones(1, 3, 2, 2), 0, r, eps_max=50)
    assert found.censored.all()


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
    clf = classifier(small_net(seed), (6, 6), 3, mean=(0.4,) * 3, std=(0.2, 0.25, 0.3))
    generator = torch.Generator().manual_seed(seed)
    x = scale * torch.randn((3, 3, 6, 6), generator=generator)
    r = torch.rand((3, channels, 6, 6), generator=generator)
    r = torch.where(torch.rand(r.shape, generator=generator) < zeros, 0.0, r)
    r[:, :, 0, 0] = 1.0
    found = apem(clf, x, 0, r, eps_max=20)
    expected = [literal.apem(clf, x[n : n + 1], r[n : n + 1], 20) for n in range(3)]
    assert list(zip(plain(found.eps_minus), plain(found.eps_plus), strict=True)) == expected


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
