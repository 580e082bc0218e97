"""Work items in batches, and the memory that decides how many go together."""

import math

import pytest
import torch
from torch import nn

from tests.networks import Counting
from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import explain
from xai_core.explainers.batches import (
    CACHE_BYTES,
    COPIES,
    Drawn,
    batch_size,
    batches,
    gradient_bytes,
    weight_bytes,
)
from xai_core.explainers.memory import Meter, allowed_bytes, bytes_of
from xai_core.models.classifier import Classifier
from xai_core.progress import listening

X = nets.oracle("x")
SETTINGS = {
    "smoothgrad": {"samples": 9},
    "vargrad": {"samples": 9, "base": "deeplift"},
    "integrated_gradients": {"steps": 9, "baseline": ["black", "mean"]},
    "expected_gradients": {"samples": 9, "baselines": X.flip(3)},
}
METHOD = pytest.mark.parametrize("method", SETTINGS)


@pytest.fixture
def clf():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.ReLU(), Counting(), nn.Flatten(), nn.Linear(16 * 900, 5)
    )
    return Classifier(net.double(), nets.CLASSES, nets.SIZE)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize(("count", "draws"), [(1, 7), (3, 5), (4, 1)])
def test_every_item_is_in_one_batch_and_batches_are_equal(count, draws, size):
    x = torch.zeros(count, 3, 1, 1)
    items, sizes, shares = [], [], []
    with listening(shares.append):
        for batch, images in batches(x, draws, size, lambda batch: batch.images):
            assert images is batch.images
            found = list(zip(batch.draws.tolist(), batch.images.tolist(), strict=True))
            by_row = [
                (draw, image)
                for draw, images, _ in batch.rows
                for image in range(images.start, images.stop)
            ]
            assert by_row == found
            assert [p for _, _, s in batch.rows for p in range(s.start, s.stop)] == list(
                range(len(found))
            )
            items += found
            sizes.append(len(found))
    assert items == [(draw, image) for draw in range(draws) for image in range(count)]
    assert len(sizes) == math.ceil(count * draws / size)
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1
    assert shares[-1] == 1
    assert len(shares) == len(sizes)


def test_items_are_added_to_their_images():
    # Item (draw d, image i) is worth 10 d + i: for three draws 30 + 3 i.
    x = torch.zeros(2, 3, 1, 1)
    total = torch.zeros(2, 1)
    for batch, values in batches(x, 3, 4, lambda batch: 10 * batch.draws + batch.images):
        batch.add(total, values[:, None].float())
    assert total.tolist() == [[30.0], [33.0]]


@pytest.mark.parametrize("size", [1, 2, 4, 5, 30])
def test_draws_are_made_once_each_and_in_order(size):
    made = []

    def draw():
        made.append(len(made))
        return torch.tensor([made[-1]])

    drawn = Drawn(draw)
    for batch, found in batches(torch.zeros(3, 3, 1, 1), 5, size, drawn.of):
        assert torch.equal(found[:, 0], batch.draws)
    assert made == list(range(5))


def test_draws_are_the_same_where_a_batch_did_not_fit_and_is_halved():
    made, shares = [], []

    def draw():
        made.append(len(made))
        return torch.tensor([made[-1]])

    drawn = Drawn(draw)

    def of(batch):
        found = drawn.of(batch)
        if len(found) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return found

    total = torch.zeros(3, 1)
    with listening(shares.append):
        for batch, found in batches(torch.zeros(3, 3, 1, 1), 5, 15, of):
            assert torch.equal(found[:, 0], batch.draws)
            batch.add(total, found.float())
    assert made == list(range(5))
    assert total.tolist() == [[10.0]] * 3  # 0 + 1 + 2 + 3 + 4
    assert shares == sorted(shares)
    assert shares[-1] == 1


def sizes(clf, method):
    """Relevance, and how many pictures went through the network each time."""
    clf.module[2].sizes.clear()
    relevance = explain(clf, X, [3, 1], method, **SETTINGS[method])
    return relevance, list(clf.module[2].sizes)


@METHOD
def test_less_memory_means_smaller_batches_and_the_same_numbers(method, clf, monkeypatch):
    usual, largest = sizes(clf, method)
    monkeypatch.setenv("XAI_MEMORY", "3 MB")
    frugal, smaller = sizes(clf, method)
    monkeypatch.setenv("XAI_MEMORY", "1 kB")
    single, least = sizes(clf, method)
    assert max(largest) > max(smaller) > max(least) == 1
    torch.testing.assert_close(frugal, usual, rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(single, usual, rtol=1e-11, atol=1e-14)


@METHOD
@pytest.mark.parametrize("mebibytes", [2, 4, 8])
def test_the_batches_stay_within_the_memory(method, mebibytes, clf, monkeypatch):
    monkeypatch.setenv("XAI_MEMORY", f"{mebibytes} MiB")
    explain(clf, X, 0, method, **SETTINGS[method])
    with Meter() as meter:
        explain(clf, X, 0, method, **SETTINGS[method])
    # Beside the batches there are pictures, baselines and sums, a few of each picture's size.
    batch = meter.peak - 8 * X.nbytes
    assert 0.3 * mebibytes * 2**20 < batch <= mebibytes * 2**20


def test_a_batch_fits_the_processors_caches_and_has_eight_pictures_at_least():
    cost = COPIES * X[0].nbytes
    lower, upper = CACHE_BYTES
    assert batch_size(X, lower // 10 - cost) == 10
    assert batch_size(X, lower) == 8
    assert batch_size(X, 0) == 64
    # Large weights allow more, up to the upper number.
    assert upper == 2 * lower
    assert batch_size(X, lower // 10 - cost, lower // 2) == 10
    assert batch_size(X, lower // 10 - cost, lower * 3 // 2) == 15
    assert batch_size(X, lower // 10 - cost, 10 * upper) == 20


def test_weights_are_counted_in_bytes(clf):
    # float64: a 16 x 3 x 3 x 3 kernel with 16 biases, and 14400 x 5 weights with 5 biases
    assert weight_bytes(clf) == 8 * (16 * 27 + 16 + 14400 * 5 + 5)


def test_memory_decides_before_the_caches_do(monkeypatch):
    cost = COPIES * X[0].nbytes
    monkeypatch.setenv("XAI_MEMORY", str(10 * 2**20))
    assert batch_size(X, 2**20 - cost) == 10
    assert batch_size(X, 9 * 2**20) == 1
    assert batch_size(X, 2**30) == 1


def test_a_picture_is_measured_once_for_every_size_of_it(clf, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "xai_core.explainers.batches.bytes_of", lambda run: calls.append(run) or len(calls)
    )
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    other = Classifier(net.double(), ["a", "b"], (8, 8))
    targets = torch.tensor([0, 0])
    small = X[:, :, :8, :8]
    found = [
        gradient_bytes(one, some, targets)
        for one, some in ((clf, X), (clf, X), (other, X), (other, small), (other, small[:1]))
    ]
    assert found == [1, 1, 2, 3, 3]


def test_what_a_picture_takes_is_what_its_tensors_hold(clf):
    # Input, the convolution's output, its ReLU, and again as much as the last of them times 1:
    # 3 x 32 x 32 and 3 times 16 x 30 x 30 float64, and gradients of a layer or two beside them.
    layer = 16 * 900 * 8
    found = gradient_bytes(clf, X, torch.tensor([0, 0]))
    assert 3 * layer < found < 6 * layer + 3 * 3 * 1024 * 8


def test_the_meter_counts_what_is_made_and_not_what_is_seen():
    given = torch.zeros(1000)
    meter = Meter()
    with meter:
        made = given + 1
        view = made.view(10, 100)
        assert meter.live == 4000
        other = view * 2
        assert meter.live == 8000
        del made
        assert meter.live == 8000  # the view holds it
        del view
        assert meter.live == 4000
        given.add_(1)
        del other
    assert meter.live == 0
    assert meter.peak == 8000
    assert bytes_of(lambda: given.double()) == 8000


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, 2**30),
        ("", 2**30),
        ("1 GiB", 2**30),
        ("512MiB", 2**29),
        ("2 GB", 2 * 10**9),
        ("1.5 kB", 1500),
        ("3m", 3 * 10**6),
        ("4096", 4096),
    ],
)
def test_sizes_of_memory(text, size, monkeypatch):
    monkeypatch.delenv("XAI_MEMORY", raising=False)
    if text is not None:
        monkeypatch.setenv("XAI_MEMORY", text)
    assert allowed_bytes() == size


@pytest.mark.parametrize("text", ["much", "-1 GB", "0", "1 TB", "1 GiB or so", "GiB"])
def test_other_sizes_are_refused(text, clf, monkeypatch):
    monkeypatch.setenv("XAI_MEMORY", text)
    with pytest.raises(MethodError, match=rf"XAI_MEMORY is '{text}', .* '1 GiB'\.$"):
        explain(clf, X, 0, "smoothgrad", samples=2)
    explain(clf, X, 0, "smoothgrad", samples=2, chunk=2)
