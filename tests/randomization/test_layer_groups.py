"""What is re-initialised together, and in which order."""

import pytest
from torch import nn

from tests.randomization.small_networks import (
    CLASSES,
    KINDS,
    LAYERS,
    SIZE,
    STATISTICS,
    VECTORS,
    norm,
    trained,
)
from tests.reference import nets
from xai_core.errors import ModelError
from xai_core.models.architectures import build_network
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomizable_layers, randomized


@pytest.mark.parametrize("kind", KINDS)
def test_layers_go_from_output_to_input_with_what_belongs_to_them(kind):
    found = randomizable_layers(trained(kind))
    assert [(layer.name, set(layer.parameters)) for layer in found] == LAYERS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_was_learnt_is_in_exactly_one_layer(kind):
    clf = trained(kind)
    found = [name for layer in randomizable_layers(clf) for name in layer.parameters]
    learnt = {name for name, _ in clf.module.named_parameters()}
    statistics = {
        name
        for name, _ in clf.module.named_buffers()
        if name.rpartition(".")[2] in (*STATISTICS, *VECTORS)
    }
    assert len(found) == len(set(found))
    assert set(found) == learnt | statistics


def test_the_modified_vgg16_has_a_batchnorm_behind_every_layer_but_the_last():
    clf = Classifier(build_network("vgg-tiny", 5), nets.CLASSES, (64, 64))
    layers = randomizable_layers(clf)
    assert [layer.name for layer in layers] == list(reversed(clf.layers()))
    assert [len(layer.parameters) for layer in layers] == [2] + [6] * 12


def test_a_layer_that_is_used_again_stands_at_its_first_use():
    class Again(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)
            self.norm = nn.BatchNorm2d(3)

        def forward(self, x):
            x = self.second(self.norm(self.first(x)))
            return self.norm(self.first(x)).mean((2, 3))

    second, first = randomizable_layers(Classifier(Again(), CLASSES, SIZE))
    assert second.parameters == ("second.weight", "second.bias")
    assert first.name == "first"
    assert {name for name in first.parameters if name.startswith("norm.")} == norm("norm")


@pytest.mark.parametrize("ask", [randomizable_layers, lambda clf: randomized(clf, 0)])
def test_a_model_without_weights_is_refused_by_its_name(ask):
    class Means(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    with pytest.raises(ModelError, match=r"^Colours has no layer with weights"):
        ask(Classifier(Means(), CLASSES, SIZE, title="Colours"))
