"""What the page of a sanity check draws: the table of verdicts, the curves and the legend."""

from __future__ import annotations

import numpy as np
import pytest

from pages.components.sanity import curve_traces, curves, table
from pages.components.sanity.sweep_results import SweepResults
from tests.tasks.test_inquiry import inquiry
from tests.tasks.test_sweep_results import every, facts
from xai_core.explainers import METHODS
from xai_core.explainers.choices import Choice
from xai_core.randomization import steps
from xai_core.randomization.stored_maps import COLLAPSE, FLOORS
from xai_core.randomization.verdicts import Thresholds

CONTROLS = [Choice("edges"), Choice("random")]
LONG = [f"features.denseblock4.denselayer{number}.conv2" for number in range(14)]
FLOOR = {"native": [8, 8], "noise": {"ssim": {"all": [0.3, 0.1]}}, "shuffled": {"all": None}}


def results(choices, **more):
    return SweepResults(inquiry(choices=choices, **more))


def drawn(choices, floor=None, labels=("trained", "fc2", "fc1", "conv")):
    """The figure of an inquiry whose maps are all there, with spread over seeds."""
    sweep = results(choices)
    for step, keys in sweep.inquiry.keys.items():
        value = 1.0 if step.depth == 0 else 0.5 + 0.1 * step.seed
        more = {FLOORS: floor} if floor and step.depth == 0 else {}
        sweep.add({key: facts(value, **more) for key in keys.values()})
    return curves._figure(sweep, "ssim", "all", labels)


def named(figure):
    return [trace for trace in figure.data if trace.showlegend]


# The table


def test_every_method_has_its_row_before_anything_is_computed():
    rows = table._rows(results([Choice("saliency"), *CONTROLS]), Thresholds())
    assert rows.Method.tolist() == ["Saliency", "Edges (control)", "Random (control)"]
    assert set(rows.SSIM) == set(rows.Verdict) == {table.WAITING}


@pytest.mark.parametrize(
    ("state", "verdict", "said"),
    [("", "✓ passes", "–"), ("empty", "⚠ passes", "empty on 1 of 2 pictures")],
)
def test_a_low_similarity_to_an_empty_map_does_not_plainly_pass(state, verdict, said):
    sweep = results([Choice("gradcam")], test=steps.Test(seeds=(0,)))
    sweep.add({key: facts(0.1) for key in every(sweep.inquiry)})
    (alone,) = sweep.inquiry.alone
    sweep.add({sweep.inquiry.keys[alone]["gradcam", 1]: facts(0.1, **{COLLAPSE: state})})
    (row,) = table._rows(sweep, Thresholds()).to_dict("records")
    assert (row["SSIM"], row["Verdict"]) == ("0.10", verdict)
    assert row["Empty or at the border"] == said


# The curves


def test_controls_and_floors_are_told_from_methods_by_line_and_group():
    figure = drawn([Choice("edges"), Choice("saliency"), Choice("gradcam")], FLOOR)
    found = {trace.name: trace for trace in named(figure)}
    assert list(found) == ["Saliency", "Grad-CAM", "Edges (control)", "Random maps"]
    titles = [trace.legendgrouptitle.text for trace in found.values()]
    assert titles == ["Methods", "", "Controls", "Floor"]
    assert [trace.line.dash for trace in found.values()] == ["solid", "solid", "dot", "dot"]
    assert found["Random maps"].fillpattern.shape == "/"
    bands = [trace for trace in figure.data if trace.fill and not trace.fillpattern.shape]
    assert [band.legendgroup for band in bands] == ["saliency", "gradcam", "edges"]


def test_no_two_methods_look_alike():
    choices = [Choice(name) for name in METHODS if name not in curve_traces.CONTROLS][:18]
    looks = curve_traces.looks(choices).values()
    assert len({(look["line"]["color"], look["line"]["dash"]) for look in looks}) == 18
    assert curve_traces.GREY not in {look["line"]["color"] for look in looks}


def test_the_chart_keeps_its_height_when_floors_and_curves_arrive():
    choices = [Choice("saliency"), *CONTROLS]
    before = curves._figure(results(choices), "ssim", "all", ["trained", "fc2", "fc1", "conv"])
    after = drawn(choices, FLOOR)
    assert before.layout.height == after.layout.height
    assert [one.name for one in named(before)] == [one.name for one in named(after)]


def test_a_measure_without_a_floor_has_none():
    sweep = results([Choice("saliency")], measures=["complexity"])
    figure = curves._figure(sweep, "complexity", "all", ["trained", "fc2", "fc1", "conv"])
    assert [trace.name for trace in named(figure)] == ["Saliency"]


def test_floors_lie_around_their_mean():
    (floor,) = curve_traces.floors({"8×8": (0.3, 0.1)}, 13)
    assert list(floor.x) == [0, 13, 13, 0]
    np.testing.assert_allclose(floor.y, [0.4, 0.4, 0.2, 0.2])
    assert floor.text == "Random maps, 8×8: 0.300 ± 0.100"


def test_long_names_stand_and_none_is_shortened():
    figure = drawn([Choice("smoothgrad", {"base": "integrated_gradients"})], labels=LONG[:4])
    assert figure.layout.xaxis.tickangle == -90
    assert list(figure.layout.xaxis.ticktext) == LONG[:4]
    # 38 letters of 7 pixels, a line of the legend for the method and one for the floor, 2 titles.
    assert len(LONG[0]) == 38
    assert figure.layout.margin.b == 38 * 7 + 2 * 19 + 2 * 26 + 19
    assert drawn([Choice("saliency")]).layout.xaxis.tickangle == -45


def test_many_names_stand_so_that_none_runs_into_another():
    layers = [f"conv{number}" for number in range(9)]
    for names, angle in ((layers[:8], -45), (layers, -90)):
        assert drawn([Choice("saliency")], labels=names).layout.xaxis.tickangle == angle


def test_a_name_longer_than_a_telephone_is_wide_takes_further_lines(monkeypatch):
    name = "A method whose title is much longer than a line of the legend may be"
    monkeypatch.setattr(curve_traces, "column_title", lambda column: name)
    figure = drawn([Choice("saliency")])
    first = named(figure)[0].name.split("<br>")
    assert " ".join(first) == name
    assert max(map(len, first)) <= 40
    # One more than for the short name: 68 letters take two lines.
    monkeypatch.undo()
    assert figure.layout.height == drawn([Choice("saliency")]).layout.height + 19
