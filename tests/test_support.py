"""Which method works on which network; the page in docs/ is what they say now."""

import re

import pytest

from benchmarks import architectures
from xai_core.explainers import METHODS
from xai_core.explainers import known_support as known
from xai_core.explainers.support import supported
from xai_core.models import load_classifier
from xai_core.models.architectures import torchvision_names


@pytest.fixture(scope="module")
def found():
    return architectures.everything()


def test_the_page_says_what_the_methods_do(found):
    now = architectures.page(found)
    assert architectures.PLACE.read_text(encoding="utf-8") == now, (
        "python -m benchmarks.architectures writes it anew"
    )


def test_the_file_of_known_support_says_the_same(found):
    rows = [line.split(",") for line in known.FILE.read_text(encoding="utf-8").splitlines()]
    columns = rows[0].index("vgg-tiny")  # the embedded models come last, and are tried below
    expected = known.support_file(architectures.works(found)).splitlines()
    assert [",".join(row[:columns]) for row in rows] == expected, (
        "python -m benchmarks.architectures writes it anew"
    )
    assert tuple(rows[0][1:]) == tuple(known.KINDS) == (*found, *architectures.EMBEDDED)


# One method of every group, and those two that a VGG and a step without a rule would refuse.
SOME = ("saliency", "fullgrad", "guided_backprop", "cam", "gradcam", "lrp_epsilon", "deeplift")


@pytest.mark.parametrize("name", architectures.EMBEDDED)
def test_what_is_known_of_embedded_models_is_what_they_do(name):
    told = supported(load_classifier(name), SOME)
    works = known.known_support(name)
    assert {method: works[method] for method in SOME} == {m: not told[m] for m in SOME}


@pytest.mark.long
@pytest.mark.parametrize("name", architectures.EMBEDDED)
def test_all_that_is_known_of_embedded_models(name):
    told = supported(load_classifier(name))
    assert known.known_support(name) == {method: not said for method, said in told.items()}


def test_a_name_has_one_kind_and_a_network_of_another_kind_none():
    for name in (*torchvision_names(), "vgg-tiny-permuted-labels", "efficientnet-lite0"):
        kinds = [kind for kind, names in known.KINDS.items() if re.fullmatch(names, name)]
        assert len(kinds) <= 1, name
    assert known.known_support("resnet50") == known.known_support("wide_resnet101_2") != {}
    for name in ("swin_t", "resnet50.a1_in1k", "efficientnet_b0_x", "no such model"):
        assert known.known_support(name) == {}


def test_the_methods_of_a_group_are_counted():
    gradient = [name for name, row in METHODS.items() if row.family == "gradient"]
    works = dict.fromkeys(METHODS, True) | {gradient[0]: False}
    works |= {name: False for name, row in METHODS.items() if row.family == "relevance"}
    counted = known.in_groups(works)
    assert counted["gradient"] == f"{len(gradient) - 1} of {len(gradient)}"
    assert (counted["relevance"], counted["cam"]) == ("none", "all")
    assert set(known.in_groups({}).values()) == {"not tried"}
    assert "control" not in counted


def test_every_refusal_names_a_step_and_a_way_out(found):
    sentences = {s for told in found.values() for s in told.values() if s}
    assert sentences
    unhelpful = [
        sentence
        for sentence in sentences
        if not re.search(r"'[^']+'", sentence)
        or not any(re.search(rf"\b{name}\b", sentence) for name in METHODS)
    ]
    assert not unhelpful


def test_what_is_recommended_works(found):
    for told in found.values():
        for name, sentence in told.items():
            offered = [n for n in METHODS if n != name and re.search(rf"\b{n}\b", sentence)]
            assert all(not told[other] for other in offered), (name, sentence)


def test_gradients_work_everywhere_and_every_method_somewhere(found):
    for told in found.values():
        assert not told["saliency"]
        assert not told["integrated_gradients"]
        assert not told["gradcam"]
    assert all(any(not told[name] for told in found.values()) for name in METHODS)
