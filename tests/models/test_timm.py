"""timm's classifiers: facts without a network, weights from Hugging Face's folder."""

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config

from xai_core.errors import ModelError
from xai_core.first_model import FIRST
from xai_core.images import model_input, sample_image
from xai_core.models import available_models, load_classifier
from xai_core.models.architectures import build_network, timm_architecture, torchvision_names
from xai_core.models.registry import model_info, models_here, named_like, weights_stamp
from xai_core.models.signatures import signatures
from xai_core.models.timm_models import WEIGHTS, architecture_names, timm_facts, timm_names

SMALL = "test_resnet.r160_in1k"  # timm's own for tests: 0.5 million weights


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """An empty folder in place of Hugging Face's, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def put(hub, name):
    """A file of random weights where Hugging Face would put it; the network."""
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False).eval()
    repository = hub / f"models--{timm_facts(name).repository.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    save_file(network.state_dict(), repository / "snapshots" / "abc" / WEIGHTS)
    return network


def test_every_classifier_has_facts():
    assert len(timm_names()) > 1300
    for name in timm_names():
        facts = timm_facts(name)
        assert 0 < facts.crop <= 1, name
        assert len(facts.mean) == len(facts.std) == 3, name
        assert facts.resample in ("bilinear", "bicubic"), name
        assert timm_architecture(name) in signatures(), name
    assert timm_facts("resnet50.a1_in1k").crop == 224 / 235  # 224 / 0.95, rounded down
    assert timm_facts("resnet50.a1_in1k").accuracy == 81.214


@pytest.mark.parametrize("name", [SMALL, "test_vit.r160_in1k", "test_efficientnet.r160_in1k"])
def test_weights_in_place_give_timm_s_logits_for_timm_s_input(hub, name):
    assert weights_stamp(name) == "none, none, none"
    network = put(hub, name)
    assert "none, none" not in weights_stamp(name).partition(",")[0]
    clf = load_classifier(name)
    transform = create_transform(**resolve_data_config({}, model=network))
    x = torch.stack([transform(sample_image(one)) for one in ("cat", "coffee")])
    assert torch.allclose(
        clf.preprocess([sample_image("cat"), sample_image("coffee")]), x, atol=1e-6
    )
    with torch.no_grad():
        assert torch.allclose(clf.logits(x), network(x), atol=1e-5)
    assert clf.class_names[281] == "tabby"


def test_whole_pictures_are_squashed_where_the_weights_want_it(hub):
    name = next(one for one in timm_names() if timm_facts(one).squash)
    facts = timm_facts(name)
    transform = create_transform(
        (3, *facts.input_size),
        interpolation=facts.resample,
        mean=facts.mean,
        std=facts.std,
        crop_pct=facts.crop,
        crop_mode="squash",
    )
    picture = sample_image("cat")
    assert picture.width != picture.height
    mean, std = (np.float32(values)[:, None, None] for values in (facts.mean, facts.std))
    seen = model_input(picture, facts.input_size, facts.crop, facts.resample, squash=True)
    np.testing.assert_allclose((seen - mean) / std, transform(picture), atol=1e-6)


def test_offline_says_what_to_fetch():
    with pytest.raises(ModelError, match=f"fetch {WEIGHTS} from there") as caught:
        load_classifier(SMALL)
    assert "https://huggingface.co/timm/test_resnet.r160_in1k" in str(caught.value)


def test_names_that_do_not_exist_are_answered():
    with pytest.raises(
        ModelError, match=r"no weights 'resnet10t\.x'; for resnet10t .* resnet10t\.c3_in1k"
    ):
        load_classifier("resnet10t.x")
    with pytest.raises(ModelError, match=r"Similar names: .*resnet10t"):
        load_classifier("resnet10tt")
    with pytest.raises(ModelError, match=r"no architecture 'resnet10tt'.*resnet10t"):
        build_network("resnet10tt", 3)
    with pytest.raises(ModelError, match="for 10 × 10 pixels"):
        build_network("xcit_nano_12_p16_224", 3, 10)


def test_names_that_torchvision_has_are_torchvision_s():
    assert timm_architecture("resnet18.a1_in1k") == "timm/resnet18"
    assert timm_architecture("resnet10t.c3_in1k") == "resnet10t"
    ours, theirs = (build_network(name, 2) for name in ("resnet18", "timm/resnet18"))
    assert type(ours).__module__.startswith("torchvision.")
    assert type(theirs).__module__.startswith("timm.")
    assert not architecture_names() & {f"timm/{name}" for name in torchvision_names()}


def test_models_are_found_by_words_of_their_names():
    found = named_like(available_models(), ["RESNET50", "a1"])
    assert "resnet50.a1_in1k" in [one.id for one in found]
    assert all("resnet50" in one.id and "a1" in one.id for one in found)
    (one,) = (one for one in found if one.id == "resnet50.a1_in1k")
    # By hand: He et al. 2016's 25.557 million, of which 2048 x 1000 + 1000 are the last layer's.
    assert (one.parameters, one.source, one.local) == (25_557_032, "timm", False)


def test_what_is_here_is_known_without_looking_through_all(hub):
    assert SMALL not in [one.id for one in models_here()]
    put(hub, SMALL)
    (one,) = (one for one in models_here() if one.id == SMALL)
    assert one.local
    assert one == model_info(SMALL)
    assert all(one.local for one in models_here())
    assert next(one.id for one in models_here()) == FIRST
    assert model_info("resnet18").source == "torchvision"
    assert model_info(FIRST).source == "embedded"
    assert model_info("resnet10t") is model_info("nonsense.x") is None
