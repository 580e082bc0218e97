"""Curves over the depth and maps in rows, as figures."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from xai_core.apem.result_files import tables
from xai_core.charts import (
    COLOURS,
    DASHES,
    chart_bytes,
    curve_chart,
    density,
    map_grid,
    reliability_charts,
    whole_edges,
)
from xai_core.figures import to_png

TITLES = {"saliency": "Saliency", "gradcam": "Grad-CAM"}
MEASURES = {"ssim": "SSIM", "spearman": "Spearman rank correlation"}
NUMBERS = {"apem": "APEM", "eps_minus": "ε−", "eps_plus": "ε+"}
DEPTHS = ("trained", "fc2", "fc1")


def curves(methods=("saliency", "gradcam"), tests=("cascading",), depths=DEPTHS):
    """Means 1, 0.5, 0.25, ... for SSIM, half of that for Spearman; spread 0.1 behind depth 0."""
    rows = [
        (test, method, measure, depth, layer, share * 0.5**depth, 0.1 if depth else np.nan)
        for test in tests
        for method in methods
        for measure, share in (("ssim", 1.0), ("spearman", 0.5))
        for depth, layer in enumerate(depths)
    ]
    names = ["test", "method", "measure", "depth", "layer", "mean", "spread"]
    return pd.DataFrame(rows, columns=names)


def chart_of(*kinds, floors=None, **more):
    return curve_chart(curves(*kinds, **more), TITLES, MEASURES, floors or {})


def visible(chart):
    return [axes for axes in chart.axes if axes.get_visible()]


def test_every_method_has_a_panel_with_a_line_for_every_measure():
    panels = visible(chart_of())
    assert [axes.get_title() for axes in panels] == ["Saliency", "Grad-CAM"]
    for axes in panels:
        one, two = axes.get_lines()
        np.testing.assert_array_equal(one.get_ydata(), [1, 0.5, 0.25])
        np.testing.assert_array_equal(two.get_ydata(), [0.5, 0.25, 0.125])
        assert one.get_linestyle() != two.get_linestyle()
        assert one.get_color() != two.get_color()
        assert [label.get_text() for label in axes.get_xticklabels()] == list(DEPTHS)


def test_a_table_without_rows_gives_an_empty_sheet():
    chart = chart_of([])
    assert visible(chart) == []
    assert chart_bytes(chart, "png").startswith(b"\x89PNG")


def test_the_band_reaches_one_standard_deviation_to_both_sides():
    (axes,) = visible(chart_of(["saliency"]))
    band = axes.collections[0].get_paths()[0].vertices
    ends = band[band[:, 0] == 2][:, 1]
    assert (ends.min(), ends.max()) == pytest.approx((0.15, 0.35))
    start = band[band[:, 0] == 0][:, 1]
    assert set(start) == {1.0}  # no spread: no band


def test_the_noise_floor_lies_behind_the_lines_where_it_is_known():
    floors = {("saliency", "ssim"): (0.2, 0.05), ("gradcam", "ssim"): (float("nan"), 0.0)}
    with_floor, without = visible(chart_of(floors=floors))
    (area,) = with_floor.patches
    low, high = area.get_extents().transformed(with_floor.transData.inverted()).intervaly
    assert (low, high) == pytest.approx((0.15, 0.25))
    assert area.zorder < with_floor.get_lines()[-1].zorder
    assert not without.patches


def test_the_legend_lies_outside_the_panels_and_names_all_that_is_drawn():
    chart = chart_of()
    chart.draw_without_rendering()
    (legend,) = chart.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[:2] == list(MEASURES.values())
    assert any("standard deviation" in text for text in texts[2:])
    box = legend.get_window_extent()
    assert not any(box.overlaps(axes.get_window_extent()) for axes in visible(chart))


def test_panels_of_several_tests_say_which():
    panels = visible(chart_of(["saliency"], ["cascading", "labels"]))
    titles = [axes.get_title() for axes in panels]
    assert titles == ["Saliency – cascading", "Saliency – labels"]


def test_the_names_of_very_many_layers_are_thinned_out():
    depths = [f"conv{number}" for number in range(54)]
    (axes,) = visible(chart_of(["saliency"], depths=depths))
    assert [label.get_text() for label in axes.get_xticklabels()] == depths[::3]


def test_a_score_that_is_undefined_leaves_a_gap():
    table = curves(["saliency"])
    table.loc[1, "mean"] = np.nan
    line = visible(curve_chart(table, TITLES, MEASURES, {}))[0].get_lines()[0]
    assert list(np.isnan(line.get_ydata())) == [False, True, False]


def test_colours_and_dashes_are_all_different():
    assert len(set(COLOURS)) == len(COLOURS) == len(set(DASHES)) == len(DASHES)


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_equal_charts_give_equal_bytes(form, start):
    one, two = (chart_bytes(chart_of(["saliency"]), form) for _ in range(2))
    assert one == two
    assert one.startswith(start)


def grid(rows, depths=("trained", "fc2")):
    picture = Image.new("RGB", (100, 50), (0, 255, 0))
    return map_grid(rows, depths, picture, ["cat.png", "cat, 90 %"], (4, 8), side=64)


def test_maps_stand_in_rows_with_their_titles_and_depths():
    positive, negative = np.full((1, 4, 8), 2.0), np.full((1, 4, 8), -2.0)
    figure = grid({"Saliency": [positive, negative], "Random": [positive, None]})
    picture, *maps = figure.tiles[:-1]
    assert picture.image.size == (64, 32)
    assert len(maps) == 3  # one is missing
    assert maps[0].x == maps[2].x < maps[1].x
    assert maps[0].y == maps[1].y < maps[2].y
    # The ends of the blue-red map: red for relevance, blue against it, without the picture.
    red, blue = (np.asarray(tile.image)[0, 0] for tile in maps[:2])
    assert red[0] > 90 > red[2]
    assert blue[2] > 90 > blue[0]
    texts = [label.text for label in figure.labels]
    assert {"cat.png", "cat, 90 %", "trained", "fc2", "Saliency", "Random", "no map"} <= set(texts)
    drawn = Image.open(io.BytesIO(to_png(figure)))
    assert drawn.size == (figure.width, figure.height)
    for tile in figure.tiles:
        assert tile.x + tile.image.width <= figure.width
        assert tile.y + tile.image.height <= figure.height


def test_a_coarse_map_is_enlarged_and_an_empty_one_is_called_so():
    figure = grid({"Grad-CAM": [np.array([[[0.0, 1.0]]]), np.zeros((1, 1, 2))]})
    coarse, empty = (np.asarray(tile.image).astype(int) for tile in figure.tiles[1:3])
    assert coarse.shape == (32, 64, 3)
    assert coarse[0, -1, 1] < coarse[0, 0, 1]
    assert np.ptp(empty.reshape(-1, 3), axis=0).max() == 0
    assert [label.text for label in figure.labels].count("empty") == 1


# ------------------------------------------------------------------ reliability


def reliability(
    values, shuffled=None, methods=("saliency", "gradcam"), correct=None, stages=("map",)
):
    """A picture for each value of the metric, the same for all methods and stages."""
    count = len(values)
    shuffled = [None] * count if shuffled is None else shuffled
    correct = [True] * count if correct is None else correct
    rows = [
        {
            "image": f"{place}.png",
            "image_hash": str(place),
            "method": method,
            "stage": stage,
            "correct": correct[place],
            "eps_minus": None if value is None else 10,
            "eps_plus": None if value is None else 10 + value,
            "apem": value,
            "apem_shuffled": shuffled[place],
        }
        for place, value in enumerate(values)
        for method in methods
        for stage in stages
    ]
    whole = dict.fromkeys(("eps_minus", "eps_plus", "apem", "apem_shuffled"), "Int64")
    return pd.DataFrame(rows).astype({**whole, "correct": "boolean"})


def reliable(table):
    found = reliability_charts(table, tables(table), TITLES, NUMBERS)
    return {name: draw() for name, draw in found.items()}


def edges_and_counts(axes):
    """Of each histogram: left edges, the last right one, and the heights."""
    found = []
    for bars in axes.containers:
        left = [bar.get_x() for bar in bars]
        ends = [*left, bars[-1].get_x() + bars[-1].get_width()]
        found.append((ends, [bar.get_height() for bar in bars]))
    return found


def legend_of(chart):
    return [text.get_text() for one in chart.legends for text in one.get_texts()]


def test_reliability_has_the_figures_that_its_table_allows():
    values, both = [1, 2, 3], ["boxes", "pairs", "irrelevance"]
    assert list(reliable(reliability(values, [0, 1, 0]))) == [*both, "shuffled"]
    assert list(reliable(reliability(values))) == both
    assert list(reliable(reliability(values, methods=["saliency"]))) == ["boxes"]
    stages = {"methods": ["saliency"], "stages": ["channels", "map"]}
    assert list(reliable(reliability(values, **stages))) == ["boxes", "stages"]


def test_boxes_show_each_measure_with_its_median():
    chart = reliable(reliability([1, 4, None, 9]))["boxes"]
    assert [axes.get_ylabel() for axes in chart.axes] == ["APEM", "ε−", "ε+"]
    # The median line of each box; the censored picture does not count.
    for axes, median in zip(chart.axes, (4, 10, 14), strict=True):
        lines = [line.get_ydata() for line in axes.get_lines() if line.get_color() == "black"]
        flat = [line[0] for line in lines if len(line) == 2 and line[0] == line[1]]
        assert flat.count(median) >= 2
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["Saliency", "Grad-CAM"]
    assert not chart.legends


def test_boxes_leave_out_no_picture_whose_class_is_unknown():
    chart = reliable(reliability([1, 2, 3], correct=[True, False, None]))["boxes"]
    names = ["rightly classified", "wrongly classified", "true class unknown"]
    assert legend_of(chart) == names
    assert len(chart.axes[0].patches) == len(names) * len(TITLES)
    alone = reliable(reliability([1, 2], correct=[None, None]))["boxes"]
    assert len(alone.axes[0].patches) == len(TITLES)


def test_pairs_show_the_shares_side_by_side():
    table = reliability([1, 2, 3, 4])
    table.loc[table.method == "gradcam", "apem"] = [0, 1, 3, 9]
    (axes,) = reliable(table)["pairs"].axes
    bars = [(bar.get_x(), bar.get_width()) for one in axes.containers for bar in one]
    np.testing.assert_allclose(bars, [(0, 0.5), (0.5, 0.25), (0.75, 0.25)])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Saliency / Grad-CAM"]
    assert legend_of(reliable(table)["pairs"]) == ["better", "equal", "worse"]


def test_stages_have_a_panel_for_each_method_and_the_first_pair_on_top():
    table = reliability([1, 2, 3, 4], stages=["channels", "map", "map*image"])
    table.loc[(table.method == "gradcam") & (table.stage == "map"), "apem"] = [0, 0, 3, 9]
    saliency, gradcam = reliable(table)["stages"].axes
    assert (saliency.get_ylabel(), gradcam.get_ylabel()) == ("Saliency", "Grad-CAM")
    ticks = zip(gradcam.get_yticks(), gradcam.get_yticklabels(), strict=True)
    places = {label.get_text(): place for place, label in ticks}
    assert max(places, key=places.get) == "channels / map"
    bars = {
        part.get_label(): {bar.get_y() + bar.get_height() / 2: bar.get_width() for bar in part}
        for part in gradcam.containers
    }
    top = places["channels / map"]
    assert [bars[part][top] for part in ("better", "equal", "worse")] == [0.5, 0.25, 0.25]
    assert bars["equal"][places["channels / map*image"]] == 1


def test_irrelevance_is_drawn_where_the_stronger_map_is_ahead():
    table = reliability([5, 5, 5, 5, 5])
    weak = table.method == "gradcam"
    table.loc[weak, "eps_minus"] = [11, 12, 13, 14, 9]
    table.loc[weak, "eps_plus"] = [12, 12, 17, 16, 12]
    table["apem"] = table.eps_plus - table.eps_minus
    (axes,) = reliable(table)["irrelevance"].axes
    ((ends, heights),) = edges_and_counts(axes)
    # Of the stronger 15; 15 - 12 twice, 15 - 17 and 15 - 16. The fifth map is behind.
    np.testing.assert_allclose(ends, [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5])
    assert heights == [1, 1, 0, 0, 0, 2]
    assert axes.get_xlabel() == "ε+ of Saliency\n− ε+ of Grad-CAM"
    assert [text.get_text() for text in axes.texts] == ["4 of 5\npictures"]


def test_bins_of_whole_numbers():
    np.testing.assert_allclose(whole_edges(np.array([2.0, 4.0])), [1.5, 2.5, 3.5, 4.5])
    np.testing.assert_allclose(whole_edges(np.array([7.0])), [6.5, 7.5])
    # 100 numbers in at most 30 bins of 4.
    edges = whole_edges(np.arange(100.0))
    assert set(np.diff(edges)) == {4}
    assert (edges[0], edges[-1]) == (-0.5, 99.5)


def test_the_curve_has_the_histogram_s_area():
    values = np.random.default_rng(0).normal(50, 5, 400).round()
    edges = whole_edges(values)
    edges = np.concatenate([edges[0] - np.arange(40, 0, -1), edges, edges[-1] + np.arange(1, 41)])
    places, heights = density(values, edges)
    assert np.trapezoid(heights, places) == pytest.approx(400, rel=0.01)
    assert places[heights.argmax()] == pytest.approx(50, abs=2)
    assert len(density(np.array([1.0, 2.0]), edges)[0]) == 0
    assert len(density(np.full(9, 3.0), edges)[0]) == 0


def test_both_histograms_have_the_same_bins():
    chart = reliable(reliability([30, 40, 60], [-2, 0, 1]))["shuffled"]
    for axes in chart.axes:
        assert axes.get_xlabel() == "APEM"
        (ends, maps), (others, orderless) = edges_and_counts(axes)
        np.testing.assert_allclose(ends, others)
        assert (ends[0], ends[-1]) == pytest.approx((-2, 60))
        assert (sum(maps), sum(orderless)) == (3, 3)
        # Thirty bins of 62 / 30: 30 lies in bin 15, 40 in 20, and -2, 0 and 1 in the first two.
        assert [place for place, height in enumerate(maps) if height] == [15, 20, 29]
        assert orderless[:2] == [2, 1]
    assert legend_of(chart) == ["the map", "shuffled"]


def test_a_method_without_values_has_an_empty_panel():
    table = reliability([1, 5, 9], [0, 0, 1])
    table.loc[table.method == "saliency", ["eps_minus", "eps_plus", "apem", "apem_shuffled"]] = None
    found = reliable(table)
    empty, full = found["shuffled"].axes
    assert not empty.patches
    assert full.patches
    assert legend_of(found["shuffled"]) == ["the map", "shuffled"]
    for chart in found.values():
        assert chart_bytes(chart, "png").startswith(b"\x89PNG")


def test_values_that_are_all_censored_give_empty_boxes():
    found = reliable(reliability([None, None]))
    assert list(found) == ["boxes", "pairs", "irrelevance"]
    for chart in found.values():
        assert chart_bytes(chart, "png").startswith(b"\x89PNG")


def test_equal_tables_give_equal_bytes():
    both = [reliable(reliability([1, 5, 9], [0, -1, 1])) for _ in range(2)]
    for name in ("boxes", "pairs", "shuffled"):
        one, two = (chart_bytes(found[name], "svg") for found in both)
        assert one == two
        assert one.startswith(b"<?xml")
