"""What the charts over many pictures are given to draw."""

from __future__ import annotations

import pandas as pd
import pytest

from pages.components.reliability import charts


def test_shuffled_maps_stand_in_the_same_bins_as_the_maps() -> None:
    rows = {"apem": [1, 3, None, 40], "apem_shuffled": [0, None, 0, -2]}
    figure = charts.shuffled(pd.DataFrame(rows, dtype="Int64"))
    maps, orderless = figure.data
    assert (maps.name, list(maps.x)) == ("the maps", [1, 3, 40])
    assert (orderless.name, list(orderless.x)) == ("shuffled", [0, 0, -2])
    assert maps.xbins == orderless.xbins
    # Whole numbers from -2 to 40 lie inside the bins, none on an edge.
    assert maps.xbins.start == -2.5
    assert maps.xbins.end >= 40.5
    assert (maps.xbins.end - maps.xbins.start) % maps.xbins.size == 0


def test_shares_of_two_methods_are_drawn_from_the_first_pair_down() -> None:
    found = pd.DataFrame({"better": [0.5, 1.0], "equal": [0.3, 0.0], "worse": [0.2, 0.0]})
    figure = charts.pairs(found, ["A / B", "A / C"])
    for bar in figure.data:
        drawn = dict(zip(bar.y, bar.x, strict=True))
        assert drawn == pytest.approx(dict(zip(["A / B", "A / C"], found[bar.name], strict=True)))
    assert [bar.name for bar in figure.data] == ["better", "equal", "worse"]
    # A chart's first row is its lowest.
    assert list(figure.data[0].y) == ["A / C", "A / B"]
