"""Agreement with what published implementations give (tests/data/oracles)."""

import json
from pathlib import Path

import pytest
import torch

from tests.reference import nets
from xai_core.explainers import explain

MANIFEST = json.loads((nets.ORACLES / "manifest.json").read_text())
X = nets.oracle("x")
CASES = [(key, row) for key, row in MANIFEST.items() if "method" in row]


@pytest.mark.parametrize("name", nets.NAMES)
def test_the_networks_are_the_ones_that_were_explained(name):
    torch.testing.assert_close(
        nets.classifier(name).logits(X), nets.oracle(f"{name}/logits"), rtol=0, atol=1e-12
    )


def settings_of(row):
    """The settings of a stored map; "@name" stands for a stored tensor."""
    return {
        name: nets.oracle(value[1:]) if str(value).startswith("@") else value
        for name, value in row["settings"].items()
    }


@pytest.mark.parametrize(("key", "row"), CASES, ids=[key for key, _ in CASES])
def test_agrees(key, row):
    net = key.partition("/")[0]
    expected = nets.oracle(key)
    targets = nets.oracle(f"{net}/targets")
    found = explain(nets.classifier(net), X, targets, row["method"], **settings_of(row))
    assert found.shape == expected.shape
    difference = (found - expected).abs().max() / expected.abs().max()
    assert difference <= row["rtol"]


def test_every_stored_map_is_compared():
    """By its method's row above, or by name in a test of its own."""
    tests = "".join(
        path.read_text() for path in Path(__file__).parent.glob("*.py") if path != Path(__file__)
    )
    stored = {
        path.relative_to(nets.ORACLES).with_suffix("").as_posix()
        for path in nets.ORACLES.glob("*/*.npy")
    }
    assert stored - set(MANIFEST) == {
        f"{net}/{what}" for net in nets.NAMES for what in ("logits", "targets")
    }
    internal = {key.partition("/")[2] for key, row in MANIFEST.items() if "method" not in row}
    assert [name for name in sorted(internal) if name not in tests] == []
