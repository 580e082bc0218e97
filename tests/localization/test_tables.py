"""Tables of scores: rows, runs, and their figure."""

import numpy as np
import pytest
from PIL import Image, ImageColor

from tests.command_line import picture
from tests.localization.small_maps import random_case
from xai_core.charts import localization_chart
from xai_core.localization import masks_of_boxes, pxap_pooled, score_map, tables
from xai_core.localization.drawing import INK, RIM, boxed, marked_objects, outlined
from xai_core.localization.objects import Objects
from xai_core.localization.pooling import Pooled
from xai_core.localization.scoring import Scores
from xai_core.measures import MEASURES

HEAD = {"image": "a", "image_hash": "1", "method": "cam"}
FACTS = {"class": "ant", "size": 0.5, "cut": 0.25}
STOCHASTIC = "stochastic_pointing_game"
NAMES = ["pxap", STOCHASTIC]


def scores(runs, pxap=0.5):
    return Scores(np.array([pxap, np.mean(runs)]), np.array(runs))


def test_rows_by_hand():
    found = tables.as_table(tables.rows_of({**HEAD, **FACTS}, scores([0.0, 1.0]), NAMES))
    assert found.to_numpy().tolist() == [
        ["a", "1", "cam", "ant", "pxap", 0.5, 0.5, 0.25],
        ["a", "1", "cam", "ant", STOCHASTIC, 0.5, 0.5, 0.25],
    ]
    runs = tables.as_runs(tables.run_rows(HEAD, scores([0.0, 1.0])))
    assert runs.to_numpy().tolist() == [["a", "1", "cam", 1, 0.0], ["a", "1", "cam", 2, 1.0]]
    assert tables.as_table([]).empty
    assert tables.as_runs([]).empty


def of_two():
    """Two methods and two pictures."""
    rows, runs = [], []
    for method, given in {
        "cam": ([0.0, 1.0], [0.5, 0.5]),
        "baseline:whole": ([0.25, 0.25], [0.75, 0.25]),
    }.items():
        for name, own in zip("ab", given, strict=True):
            head = {"image": name, "image_hash": name, "method": method}
            rows += tables.rows_of({**head, **FACTS}, scores(own), NAMES)
            runs += tables.run_rows(head, scores(own))
    return tables.as_table(rows), tables.as_runs(runs)


def test_the_spread_over_runs_is_that_of_the_means_over_pictures():
    found = tables.means_with_runs(*of_two()).set_index(["method", "measure"])["sd_runs"]
    # The runs of cam have the means 1/4 and 3/4, those of the baseline 1/2 and 1/4.
    assert found["cam", STOCHASTIC] == pytest.approx(np.sqrt(2 * 0.25**2))
    assert found["baseline:whole", STOCHASTIC] == pytest.approx(np.sqrt(2 * 0.125**2))
    assert found.drop(STOCHASTIC, level="measure").isna().all()


def test_every_two_methods_are_compared_once():
    table, _ = of_two()
    found = tables.all_differences(table)
    assert found[["measure", "method", "other"]].to_numpy().tolist() == [
        ["pxap", "cam", "baseline:whole"],
        [STOCHASTIC, "cam", "baseline:whole"],
    ]
    # Of each of the two pictures: 1/2 - 1/4 and 1/2 - 1/2.
    assert found["difference"].tolist() == [0, pytest.approx(0.125)]
    one = tables.all_differences(table[table["method"] == "cam"])
    assert list(one.columns) == list(found.columns)
    assert one.empty


def test_the_chart_has_a_panel_a_measure_and_a_bar_a_method():
    means = tables.means_with_runs(*of_two())
    titles = {"cam": "CAM", "baseline:whole": "Whole picture (baseline)"}
    chart = localization_chart(means, titles, {name: MEASURES[name] for name in NAMES})
    assert [axes.get_xlabel() for axes in chart.axes] == ["PxAP", "Stochastic pointing game"]
    for axes in chart.axes:
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert labels == ["Whole picture (baseline)", "CAM"], "the first is on top"
    widths = [bar.get_width() for bar in chart.axes[1].patches]
    assert widths == pytest.approx([0.375, 0.5])
    colours = {bar.get_facecolor() for bar in chart.axes[1].patches}
    assert len(colours) == 2, "a baseline has a colour of its own"


def test_boxes_are_drawn_where_they_are():
    image = picture(0, (40, 20))
    drawn = np.asarray(boxed(image, np.array([[1, 1, 4, 2]]), (4, 8)))
    changed = (drawn != np.asarray(image)).any(2)
    # One pixel of the input is five of the picture: columns 5 to 19, rows 5 to 9.
    rows, columns = np.nonzero(changed)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (5, 19, 5, 9)
    assert not changed[:, :5].any()
    assert np.array_equal(np.asarray(boxed(image, np.zeros((0, 4), int), (4, 8))), image)


def test_an_outline_is_drawn_where_the_mask_ends():
    image = Image.new("RGB", (60, 60), "#0000ff")
    mask = np.zeros((6, 6), bool)
    mask[1:5, 1:3] = mask[4, 3] = True  # a pixel is ten of the picture
    drawn = np.asarray(outlined(image, mask))
    large = mask.repeat(10, 0).repeat(10, 1)
    changed = (drawn != np.asarray(image)).any(2)
    assert not changed[~large].any()
    # Across the left part: dark, bright, dark, and nothing of what is further inside.
    row = [tuple(pixel) for pixel in drawn[25, 10:30].tolist()]
    dark, bright = ImageColor.getrgb(RIM), ImageColor.getrgb(INK)
    assert row == [dark, bright, dark, *[(0, 0, 255)] * 14, dark, bright, dark]


def test_a_box_is_drawn_as_such_and_a_mask_as_its_outline():
    image = picture(0, (40, 20))
    boxes = np.array([[1, 1, 4, 3], [3, 2, 6, 4]])
    united = masks_of_boxes(boxes, 4, 8).any(0)
    drawn = marked_objects(image, Objects(united, boxes))
    assert np.array_equal(drawn, boxed(image, boxes, (4, 8))), "boxes that overlap are both seen"
    mask = united.copy()
    mask[1, 1] = False
    assert np.array_equal(marked_objects(image, Objects(mask, boxes)), outlined(image, mask))


def test_what_is_pooled_is_that_of_all_pictures():
    maps, masks = random_case(3)
    maps[1] = 0
    pooled = Pooled()
    for map_, mask in zip(maps, masks, strict=True):
        objects = Objects(mask, np.array([[4, 4, 5, 5]]))
        pooled.add("cam", score_map(map_[None], objects, ["pointing_game", "pxap"]).levels)
        pooled.add("grad", score_map(map_[None], objects, ["pointing_game"]).levels)
    assert pooled.table().to_dict("records") == [
        {"method": "cam", "pictures": 3, "pxap_pooled": pxap_pooled(maps, masks)}
    ]
    assert Pooled().table().empty
