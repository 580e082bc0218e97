"""Networks by name, and their shapes without their weights."""

import pytest
import torch
from torch import nn

from xai_core.errors import ModelError
from xai_core.models.architectures import (
    blueprint,
    build_network,
    modified_vgg16,
    parameter_count,
    torchvision_names,
)
from xai_core.models.pretrained import pretrained_facts


def test_modified_vgg16_by_hand():
    net = modified_vgg16(100)
    # S table 7.1 at 64 x 64: after four poolings 4 x 4 x 512 = 8192 features.
    assert net.fc1.in_features == 8192
    assert net.fc2.in_features == net.fc2.out_features == 2048
    assert [name for name, m in net.named_children() if isinstance(m, nn.MaxPool2d)] == [
        "pool1",
        "pool2",
        "pool3",
        "pool4",
    ]
    assert isinstance(list(net.children())[-1], nn.Linear)
    assert net.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 100)
    thin = modified_vgg16(5, width=0.25, fc_width=8, side=32).eval()
    assert thin(torch.zeros(1, 3, 32, 32)).shape == (1, 5)


def test_every_blueprint_has_the_published_number_of_parameters():
    heads = {"inception_v3": 27_161_264 - 23_834_568}  # the training-only head, built without
    random = torch.get_rng_state()
    for name in torchvision_names():
        facts = pretrained_facts(name)
        net = blueprint(name, 1000, facts.input_size[0])
        count = sum(parameter.numel() for parameter in net.parameters())
        assert count == facts.parameters - heads.get(name, 0), name
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("name", ["vgg-tiny", "regnet_y_400mf", "swin_t", "mnasnet0_5"])
def test_a_blueprint_has_the_shapes_of_the_network_and_no_memory(name):
    planned, real = blueprint(name, 3).state_dict(), build_network(name, 3).state_dict()
    assert {k: v.shape for k, v in planned.items()} == {k: v.shape for k, v in real.items()}
    assert all(p.is_meta for p in blueprint(name, 3).parameters())


def test_unknown_architectures_are_answered_with_similar_ones():
    with pytest.raises(ModelError, match=r"no architecture 'vgg_tiny'; .* Similar names: vgg-tiny"):
        build_network("vgg_tiny", 3)


def test_a_side_that_patches_do_not_divide_is_said():
    with pytest.raises(ModelError, match="vit_b_16 cannot take pictures of 100 × 100 pixels: "):
        build_network("vit_b_16", 3, 100)


def test_parameter_count_of_resnet18():
    assert parameter_count("resnet18", 1000) == 11_689_512  # torchvision's own figure
