"""Which method works on which network; the page in docs/ is what they say now."""

import re

import pytest

from benchmarks import architectures
from xai_core.explainers import METHODS


@pytest.fixture(scope="module")
def found():
    return architectures.everything()


def test_the_page_says_what_the_methods_do(found):
    now = architectures.page(found)
    assert architectures.PLACE.read_text(encoding="utf-8") == now, (
        "python -m benchmarks.architectures writes it anew"
    )


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
