"""The network that users begin with: it knows what is on the sample pictures."""

import pytest
import torch

from xai_core.first_model import FIRST, first_model
from xai_core.imagenet import imagenet_classes
from xai_core.images import sample_images
from xai_core.models import available_models, load_classifier
from xai_core.models.architectures import parameter_count
from xai_core.models.model_facts import embedded, read_facts

SHOWN = {  # what is on them, in ImageNet's words
    "cat": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee": {"espresso"},
    "rocket": {"missile", "projectile"},
    "motorcycle": {"moped", "motor scooter"},
    "camera": {"tripod"},
}


def test_it_names_what_is_on_the_samples_that_pages_offer():
    clf = load_classifier(FIRST)
    assert clf.class_names == list(imagenet_classes().values())
    samples = [sample for sample in sample_images() if sample.known]
    assert {sample.id for sample in samples} == set(SHOWN)
    with torch.no_grad():
        x = clf.preprocess([sample.loader() for sample in samples])
        best = clf.logits(x).argmax(1).tolist()
    for sample, index in zip(samples, best, strict=True):
        assert clf.class_names[index] in SHOWN[sample.id]


def test_it_comes_first_unless_another_is_named(monkeypatch):
    assert first_model() == "vgg-tiny"  # as tests/conftest.py says
    monkeypatch.setenv("XAI_MODEL", "")
    assert first_model() == FIRST
    info = next(info for info in available_models() if info.id == FIRST)
    assert (info.classes, info.input_size, info.accuracy) == (1000, (224, 224), 75.1)
    # By hand: 4,652,008 are EfficientNet-Lite0's weights, 1280 x 1000 + 1000 in the last layer.
    assert info.parameters == 3_371_008 + 1_281_000


@pytest.mark.parametrize("file", embedded().values(), ids=embedded())
def test_the_facts_tell_the_number_of_weights(file):
    facts = read_facts(file.with_suffix(".json"))
    count = parameter_count(facts["architecture"], len(facts["class_names"]))
    assert facts["parameters"] == count
