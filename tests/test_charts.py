"""Curves over the depth and maps in rows, as figures."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from xai_core.charts import COLOURS, DASHES, chart_bytes, curve_chart, map_grid
from xai_core.figures import to_png

TITLES = {"saliency": "Saliency", "gradcam": "Grad-CAM"}
MEASURES = {"ssim": "SSIM", "spearman": "Spearman rank correlation"}
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


def visible(chart):
    return [axes for axes in chart.axes if axes.get_visible()]


def test_every_method_has_a_panel_with_a_line_for_every_measure():
    chart = curve_chart(curves(), TITLES, MEASURES, {})
    panels = visible(chart)
    assert [axes.get_title() for axes in panels] == ["Saliency", "Grad-CAM"]
    for axes in panels:
        one, two = axes.get_lines()
        np.testing.assert_array_equal(one.get_ydata(), [1, 0.5, 0.25])
        np.testing.assert_array_equal(two.get_ydata(), [0.5, 0.25, 0.125])
        assert one.get_linestyle() != two.get_linestyle()
        assert one.get_color() != two.get_color()
        assert [label.get_text() for label in axes.get_xticklabels()] == list(DEPTHS)


def test_a_table_without_rows_gives_an_empty_sheet():
    chart = curve_chart(curves([]), TITLES, MEASURES, {})
    assert visible(chart) == []
    assert chart_bytes(chart, "png").startswith(b"\x89PNG")


def test_the_band_reaches_one_standard_deviation_to_both_sides():
    chart = curve_chart(curves(["saliency"]), TITLES, MEASURES, {})
    band = visible(chart)[0].collections[0].get_paths()[0].vertices
    ends = band[band[:, 0] == 2][:, 1]
    assert (ends.min(), ends.max()) == pytest.approx((0.15, 0.35))
    start = band[band[:, 0] == 0][:, 1]
    assert set(start) == {1.0}  # no spread: no band


def test_the_noise_floor_lies_behind_the_lines_where_it_is_known():
    floors = {("saliency", "ssim"): (0.2, 0.05), ("gradcam", "ssim"): (float("nan"), 0.0)}
    with_floor, without = visible(curve_chart(curves(), TITLES, MEASURES, floors))
    (area,) = with_floor.patches
    low, high = area.get_extents().transformed(with_floor.transData.inverted()).intervaly
    assert (low, high) == pytest.approx((0.15, 0.25))
    assert area.zorder < with_floor.get_lines()[-1].zorder
    assert not without.patches


def test_the_legend_lies_outside_the_panels_and_names_all_that_is_drawn():
    chart = curve_chart(curves(), TITLES, MEASURES, {})
    chart.draw_without_rendering()
    (legend,) = chart.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[:2] == list(MEASURES.values())
    assert any("standard deviation" in text for text in texts[2:])
    box = legend.get_window_extent()
    assert not any(box.overlaps(axes.get_window_extent()) for axes in visible(chart))


def test_panels_of_several_tests_say_which():
    chart = curve_chart(curves(["saliency"], ["cascading", "labels"]), TITLES, MEASURES, {})
    titles = [axes.get_title() for axes in visible(chart)]
    assert titles == ["Saliency – cascading", "Saliency – labels"]


def test_the_names_of_very_many_layers_are_thinned_out():
    depths = [f"conv{number}" for number in range(54)]
    axes = visible(curve_chart(curves(["saliency"], depths=depths), TITLES, MEASURES, {}))[0]
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
    one, two = (
        chart_bytes(curve_chart(curves(["saliency"]), TITLES, MEASURES, {}), form) for _ in range(2)
    )
    assert one == two
    assert one.startswith(start)


def grid(rows, depths=("trained", "fc2")):
    picture = Image.new("RGB", (100, 50), (0, 255, 0))
    return map_grid(rows, depths, picture, ["cat.png", "cat, 90 %"], (4, 8), side=64)


def test_maps_stand_in_rows_with_their_titles_and_depths():
    positive, negative = np.full((4, 8), 2.0), np.full((4, 8), -2.0)
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
    figure = grid({"Grad-CAM": [np.array([[0.0, 1.0]]), np.zeros((1, 2))]})
    coarse, empty = (np.asarray(tile.image).astype(int) for tile in figure.tiles[1:3])
    assert coarse.shape == (32, 64, 3)
    assert coarse[0, -1, 1] < coarse[0, 0, 1]
    assert np.ptp(empty.reshape(-1, 3), axis=0).max() == 0
    assert [label.text for label in figure.labels].count("empty") == 1
