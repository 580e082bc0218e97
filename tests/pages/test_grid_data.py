"""What stands below heatmaps, and what is said once for all of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pages.components.compare.grid_data import grid_data, told_once
from pages.components.sanity import frames
from pages.components.sanity.sweep_results import SweepResults
from tests.tasks.test_inquiry import inquiry
from tests.tasks.test_sweep_results import facts
from xai_core.display import Display
from xai_core.explainers.choices import Choice
from xai_core.randomization.stored_maps import COLLAPSE


def test_what_all_columns_share_is_said_once():
    assert told_once([["signed", "w"], ["unsigned", "w"]]) == ([["signed"], ["unsigned"]], ["w"])
    assert told_once([["signed"], ["signed"]]) == ([[], []], ["signed"])
    assert told_once([["signed", "w"]]) == ([["signed", "w"]], []), "of one column there is no all"


def test_waiting_maps_have_their_columns_words_already():
    classified: Any = SimpleNamespace(images=[])
    work: Any = SimpleNamespace(results={}, problems={})
    choices = [Choice("input_x_gradient"), Choice("edges")]
    data = grid_data(classified, choices, {}, work, Display())
    assert [column["words"] for column in data["columns"]] == ["signed", "unsigned"]
    assert data["shared"] == "All maps: ⚠ see the notes."
    data = grid_data(classified, [Choice("input_x_gradient")] * 2, {}, work, Display())
    assert [column["words"] for column in data["columns"]] == ["", ""]
    assert data["shared"] == "All maps: signed · ⚠ see the notes."


@pytest.mark.parametrize(
    ("score", "state", "note"),
    [
        (0.254, "", "0.25"),
        (0.25, "border", "0.25 · at the border"),
        (None, "empty", "undefined · empty"),
    ],
)
def test_below_a_map_of_a_destroyed_network_stands_its_score(score, state, note):
    sweep = SweepResults(inquiry(choices=[Choice("saliency")]))
    step = sweep.inquiry.steps[1]
    sweep.add({sweep.inquiry.keys[step]["saliency", 0]: facts(score, **{COLLAPSE: state})})
    tile = frames._tile(sweep, step, Choice("saliency"), 0, Display(), "ssim", "")
    assert tile["note"] == note
