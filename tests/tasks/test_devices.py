"""What workers and commands compute on a pretended card: the processor's results."""

import numpy as np
import pytest
import torch
from cachetools import LRUCache
from torch import nn

from tests.command_line import main, picture, small, write_model
from tests.networks import Limited
from tests.pretended import pretended
from tests.randomization.small_networks import CLASSES, KINDS, SIZE, trained
from tests.reference import nets
from xai_core import device
from xai_core.apem import apem, apem_normalized, filter_relevance
from xai_core.errors import DeviceError, DeviceMemoryError, ModelError
from xai_core.explainers.choices import Choice
from xai_core.heatmaps import relevance_map
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomizable_layers, randomized
from xai_core.randomization.initialisation import INITS
from xai_core.randomization.sweep import Request, Smoothing, State, Sweep
from xai_core.tasks import Metric, Subject, explanations, models, sanity
from xai_core.tasks import apem as apem_tasks

CARD = pytest.mark.parametrize("card", ["cuda:0", "mps"])
MODEL = {"source": "vgg-tiny"}
PICTURE = np.random.default_rng(0).random((3, *SIZE), np.float32)
OTHER = np.random.default_rng(1).integers(0, 256, (20, 24, 3), dtype=np.uint8)
RAW = np.random.default_rng(2).normal(size=(1, *SIZE)).astype(np.float32)


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """No model, panel, sweep or device is known from before, or afterwards.

    Every model is a small one.
    """
    clf = trained("branches", torch.float32)
    given = (clf.module, CLASSES, SIZE, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    monkeypatch.setattr(models, "load_classifier", lambda **_: Classifier(*given))
    monkeypatch.delenv("XAI_DEVICE", raising=False)
    monkeypatch.setattr(device, "exactly", lambda device: None)

    def clear():
        explanations._panels.clear()
        sanity._sweeps.clear()
        models._loaded.cache_clear()
        device._chosen.cache_clear()

    monkeypatch.setattr(explanations, "_panels", LRUCache(2))
    monkeypatch.setattr(sanity, "_sweeps", LRUCache(2))
    clear()
    yield clear
    clear()


def both(compute, card, forget):
    """What the processor gives, and what the card does."""
    usual = compute()
    forget()
    with pretended(card, float64=card != "mps") as there:
        found = compute()
        assert there.operations > 10
    return usual, found


def same(one, other):
    assert one.arrays.keys() == other.arrays.keys()
    for name, values in one.arrays.items():
        assert other.arrays[name].dtype == values.dtype
        np.testing.assert_allclose(other.arrays[name], values, rtol=1e-5, atol=1e-6)


def timeless(facts):
    return {name: value for name, value in facts.items() if "seconds" not in name}


@CARD
def test_predictions_and_facts(card, forget):
    same(*both(lambda: models.run_predict(MODEL, [PICTURE, OTHER]), card, forget))
    # The fingerprint, and with it every key, does not tell the device.
    one, other = both(lambda: models.run_describe(MODEL), card, forget)
    assert one.facts == other.facts


@CARD
@pytest.mark.parametrize(
    ("method", "params"),
    [("integrated_gradients", {"steps": 4, "baseline": [OTHER, "black"]}), ("rap", {})],
)
def test_explanations(card, method, params, forget):
    asked = (MODEL, PICTURE, 1, method, params, {"deeplift": {"baseline": OTHER}})
    one, other = both(lambda: explanations.run_explain(*asked), card, forget)
    same(one, other)
    assert timeless(one.facts) == timeless(other.facts)


@CARD
def test_reliability(card, forget):
    metric = Metric(("map", "map*image"), shuffles=2, eps_max=40)
    subject = Subject("hash", PICTURE, 1)
    asked = (MODEL, "fingerprint", [subject], [Choice("saliency")], metric)
    (task,) = apem_tasks.measure_all(*asked).values()
    for run in (
        lambda: task.run(**task.arguments),
        lambda: apem_tasks.run_trace(MODEL, PICTURE, RAW, "map", 30),
        lambda: apem_tasks.run_filter(MODEL, PICTURE, RAW.round(), "map", 30, True),
    ):
        one, other = both(run, card, forget)
        same(one, other)
        assert timeless(one.facts) == timeless(other.facts)


@CARD
def test_the_metric_and_the_filter_called_from_python(card):
    clf = nets.classifier("VGGSmall", (0.5,) * 3, (0.25,) * 3, torch.float32)
    x = nets.oracle("x").float()
    maps = (3 * relevance_map(x[:, :1], "map")).round() / 3

    def numbers(clf, x, maps):
        found = filter_relevance(clf, x, 0, maps, eps_max=20)
        return [
            *map(list, apem(clf, x, 0, maps, eps_max=100)[:4]),
            *map(list, apem_normalized(clf, x, 0, maps, shuffles=2, eps_max=100)[:5]),
            found.map.cpu().tolist(),
            found.kept.tolist(),
        ]

    usual = numbers(clf, x, maps)
    with pretended(card, float64=card != "mps") as there:
        home = there.device
        found = numbers(clf.on(home), x.to(home), maps.to(home))
    assert repr(found) == repr(usual)


@pytest.mark.parametrize("kind", KINDS)
def test_destroyed_networks_have_the_same_weights(kind):
    clf = trained(kind, torch.float32)
    depth = len(randomizable_layers(clf))
    usual = {init: randomized(clf, depth, init=init).module.state_dict() for init in INITS}
    with pretended("mps", float64=False) as card:
        there = clf.on(card.device)
        for init in INITS:
            weights = randomized(there, depth, init=init).module.state_dict()
            assert all(card.holds(tensor) for tensor in weights.values())
            for name, tensor in weights.items():
                assert torch.equal(tensor.cpu(), usual[init][name]), name


@CARD
@pytest.mark.parametrize("smoothing", [None, Smoothing(2, 0.1)], ids=["plain", "smooth"])
def test_sweeps(card, smoothing):
    clf = trained("branches", torch.float32)
    x = torch.rand(3, 3, *SIZE)
    asked = {
        "saliency": Request("saliency", {}),
        "rap": Request("rap", {}, "predicted"),
        "gradcam": Request("gradcam", {}),
    }

    def maps(clf, x):
        sweep = Sweep(clf, x, [0, 1, 2], smoothing)
        networks = [clf, sweep.network(State(("fc",), 1))]
        return [sweep.maps(one, asked) for one in networks]

    usual = maps(clf, x)
    with pretended(card, float64=card != "mps") as there:
        found = maps(clf.on(there.device), x.to(there.device))
    for one, other in zip(usual, found, strict=True):
        for name in asked:
            np.testing.assert_allclose(other[name], one[name], rtol=1e-5, atol=1e-6)


def test_a_sweep_halves_its_pictures_where_memory_is_too_little(monkeypatch):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), Limited(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3)]
    clf = Classifier(nn.Sequential(*layers), CLASSES, SIZE)
    x = torch.rand(5, 3, *SIZE)
    asked = {"saliency": Request("saliency", {}), "lrp_epsilon": Request("lrp_epsilon", {})}
    usual = Sweep(clf, x, 0).maps(clf, asked)
    monkeypatch.setattr(Limited, "most", 2)
    with pretended("cuda:0") as card:
        there = clf.on(card.device)
        sweep = Sweep(there, x.to(card.device), 0)
        found = sweep.maps(there, asked)
        monkeypatch.setattr(Limited, "most", 0)
        with pytest.raises(DeviceMemoryError, match=r"^Saliency needs more memory than cuda:0"):
            sweep.maps(there, {"saliency": asked["saliency"]})
    for name in asked:
        np.testing.assert_allclose(found[name], usual[name], rtol=1e-5, atol=1e-6)


def test_the_metric_halves_its_questions_and_tells_of_one_that_does_not_fit(monkeypatch, forget):
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), Limited(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3)]
    net = nn.Sequential(*layers)
    monkeypatch.setattr(models, "load_classifier", lambda **_: Classifier(net, CLASSES, SIZE))
    asked = (MODEL, PICTURE, RAW, "map", 30)
    usual = apem_tasks.run_trace(*asked)
    monkeypatch.setattr(Limited, "most", 3)
    same(usual, apem_tasks.run_trace(*asked))
    forget()
    with pretended("cuda:0"):
        same(usual, apem_tasks.run_trace(*asked))
        monkeypatch.setattr(Limited, "most", 0)
        with pytest.raises(DeviceMemoryError, match=r"^APEM needs more memory than cuda:0"):
            apem_tasks.run_trace(*asked)


def test_weights_in_float64_stay_on_the_processor_where_the_card_has_none(monkeypatch):
    clf = trained("branches", torch.float64)
    monkeypatch.setattr(models, "load_classifier", lambda **_: clf)
    with pretended("mps", float64=False):
        assert models.classifier(MODEL) is clf


def test_a_model_that_computes_wrongly_on_a_card_is_refused(monkeypatch):
    logits = Classifier.logits

    def off(self, x):
        return logits(self, x) * (1.002 if x.device.type == "cuda" else 1)

    monkeypatch.setattr(Classifier, "logits", off)
    with (
        pretended("cuda:0"),
        pytest.raises(ModelError, match=r"other scores on cuda:0 than on the processor, by 0\.2%"),
    ):
        models.classifier(MODEL)


def test_a_model_that_does_not_run_on_a_card_is_refused(monkeypatch):
    logits = Classifier.logits

    def failing(self, x):
        if x.device.type == "mps":
            raise NotImplementedError("The operator 'aten::odd' is not implemented for MPS.\nSee")
        return logits(self, x)

    monkeypatch.setattr(Classifier, "logits", failing)
    with pretended("mps", float64=False), pytest.raises(ModelError) as told:
        models.classifier(MODEL)
    assert str(told.value).endswith(
        "does not run on mps (The operator 'aten::odd' is not implemented for MPS); compute with "
        "XAI_DEVICE=cpu."
    )


def test_a_device_that_is_not_there_costs_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("XAI_DEVICE", "cuda:1")
    said = "XAI_DEVICE is 'cuda:1', which this machine does not have; there is auto, cpu."
    # Pages show what the task says.
    with pytest.raises(DeviceError) as told:
        models.run_describe(MODEL)
    assert str(told.value) == said
    picture(0).save(tmp_path / "cat.png")
    source = write_model(tmp_path, "net", small())
    line = ["explain", str(tmp_path / "cat.png"), "--model", source, "--methods", "saliency"]
    line += ["--out", str(tmp_path / "out")]
    assert main(line) == 2
    assert capsys.readouterr().err == f"{said}\n"
    assert not (tmp_path / "out").exists()
