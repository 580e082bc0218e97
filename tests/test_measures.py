"""What every measure of the table promises, whatever it scores."""

import copy
import re
from dataclasses import replace

import numpy as np
import pytest

from tests.apem.tiny_networks import small_case
from xai_core.__main__ import main
from xai_core.errors import MethodError
from xai_core.measure_registry import measure
from xai_core.measures import MEASURES, Needs, measures_of, titles_of
from xai_core.params import FloatParam

COUNT = 3


def inputs(empty=()):
    """Everything that measures are given, by name; the maps in ``empty`` are zero everywhere."""
    generator = np.random.default_rng(0)
    clf, x, relevance = small_case(seed=0, channels=1, count=COUNT)
    maps, others = generator.uniform(-1, 1, (2, COUNT, 14, 14))
    masks = generator.uniform(size=maps.shape) < 0.3
    boxes = np.array([[1, 2, 6, 9], [0, 0, 14, 14], [3, 3, 4, 5]])
    quadrants = np.array([3, 0, 1])
    for values in (maps, others, relevance):
        values[list(empty)] = 0
    y = clf.logits(x).argmax(1)
    return locals()


def scored(row, given, places=slice(None), **settings):
    """The scores of these images."""
    asked = [given[name] for name in row.needs.value]
    return row.function(*[one if one is given["clf"] else one[places] for one in asked], **settings)


def one_score_an_image(row):
    scores = scored(row, inputs())
    assert scores.shape == (COUNT,)
    assert scores.dtype == np.float64


def an_image_alone_scores_as_in_a_batch(row):
    given = inputs()
    alone = [scored(row, given, slice(place, place + 1))[0] for place in range(COUNT)]
    np.testing.assert_array_equal(scored(row, given), alone)


def scores_lie_in_the_range(row):
    scores = scored(row, inputs())
    assert np.isfinite(scores).any()
    assert not ((scores < row.low) | (scores > row.high)).any()


def an_empty_map_has_no_score(row):
    scores = scored(row, inputs(empty=[1]))
    np.testing.assert_array_equal(np.isnan(scores), [False, True, False])
    assert np.isnan(scored(row, inputs(empty=range(COUNT)))).all()


def an_object_that_is_not_there_has_no_score(row):
    given = inputs()
    if row.needs is Needs.MASK:
        given["masks"][1] = False
    elif row.needs is Needs.BOX:
        given["boxes"][1] = 0
    else:
        return
    np.testing.assert_array_equal(np.isnan(scored(row, given)), [False, True, False])


def two_maps_can_change_places_where_it_says_so(row):
    if row.needs is not Needs.TWO_MAPS:
        assert not row.symmetric
        return
    given = inputs()
    turned = given | {"maps": given["others"], "others": given["maps"]}
    same = np.array_equal(scored(row, given), scored(row, turned))
    assert same == row.symmetric


def the_same_map_twice_has_the_best_score(row):
    if not row.symmetric or row.higher_is_better is None:
        return
    given = inputs()
    same = scored(row, given | {"others": given["maps"]})
    np.testing.assert_array_equal(same, row.high if row.higher_is_better else row.low)
    unlike = scored(row, given)
    assert (same > unlike if row.higher_is_better else same < unlike).all()


def what_is_given_stays_as_it_is(row):
    given = inputs()
    kept = {name: copy.deepcopy(given[name]) for name in row.needs.value if name != "clf"}
    scored(row, given)
    for name, values in kept.items():
        np.testing.assert_array_equal(np.asarray(given[name]), np.asarray(values))


def settings_are_keywords_with_the_same_default(row):
    usual = row.settings({})
    assert list(usual) == [param.name for param in row.params]
    np.testing.assert_array_equal(scored(row, inputs()), scored(row, inputs(), **usual))
    with pytest.raises(MethodError, match="no setting 'colour'"):
        row.settings({"colour": "red"})


def every_fact_is_told(row):
    assert MEASURES[row.id] is row
    assert row.title
    assert re.search(r"\b(19|20)\d\d\b", row.citation), "a citation has a year"
    assert row.shows.endswith((".", "?"))
    assert row.function.__doc__
    assert row.low < row.high
    assert all(param.help.endswith(".") for param in row.params)


RULES = [
    one_score_an_image,
    an_image_alone_scores_as_in_a_batch,
    scores_lie_in_the_range,
    an_empty_map_has_no_score,
    an_object_that_is_not_there_has_no_score,
    two_maps_can_change_places_where_it_says_so,
    the_same_map_twice_has_the_best_score,
    what_is_given_stays_as_it_is,
    settings_are_keywords_with_the_same_default,
    every_fact_is_told,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_keeps(name, rule):
    rule(MEASURES[name])


def test_the_table_holds_the_measures_of_the_method_page():
    two = ["ssim", "spearman", "spearman_absolute", "hog", "complexity"]
    assert list(titles_of(Needs.TWO_MAPS)) == two
    apem = {"apem", "eps_minus", "eps_plus", "apem_normalized"}
    assert set(titles_of(Needs.MODEL)) == {*apem, "saliency_metric"}
    games = {"pointing_game", "stochastic_pointing_game"}
    assert set(titles_of(Needs.MASK)) == {*games, "content_heatmap", "pxap"}
    assert set(titles_of(Needs.BOX)) == {"box_iou"}
    assert set(titles_of(Needs.QUADRANT)) == {"negative_quadrants"}
    assert len({row.title for row in MEASURES.values()}) == len(MEASURES)


def test_the_help_of_the_sanity_check_names_every_measure_of_two_maps(capsys):
    with pytest.raises(SystemExit):
        main(["sanity-check", "--help"])
    said = capsys.readouterr().out
    assert all(re.search(rf"\b{name}\b", said) for name in measures_of(Needs.TWO_MAPS))


# A measure that no module has.


@pytest.fixture
def share_inside():
    """How much relevance lies inside of a mask, entered for the test alone."""

    @measure(
        title="Share inside",
        needs=Needs.MASK,
        higher_is_better=True,
        low=0.0,
        high=1.0,
        citation="Pillai & Pirsiavash 2021",
        shows="How much of the positive relevance lies inside of the mask.",
        params=(FloatParam("least", 0.0, "Relevance that counts.", low=0.0, high=1.0),),
    )
    def share_inside(maps, masks, *, least=0.0):
        """Sum inside over sum; undefined where nothing is positive."""
        positive = np.where(maps > least, maps, 0.0)
        inside, total = (positive * masks).sum((1, 2)), positive.sum((1, 2))
        there = (total > 0) & masks.any((1, 2))
        return np.divide(inside, total, out=np.full(len(maps), np.nan), where=there)

    yield MEASURES["share_inside"]
    del MEASURES["share_inside"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_measure_of_maps_and_masks_keeps(rule, share_inside):
    rule(share_inside)


def test_a_measure_of_maps_and_masks_is_a_row_like_any_other(share_inside):
    assert measures_of(Needs.MASK)["share_inside"] is share_inside
    assert titles_of(Needs.MASK)["share_inside"] == "Share inside"
    assert "share_inside" not in measures_of(Needs.TWO_MAPS)
    # 1 and 3 of the positive 1, 3 and 4 lie inside; of what is above 2, 3 of 7.
    given = {"maps": np.array([[[1.0, 3.0], [4.0, -9.0]]]), "clf": None}
    given["masks"] = np.array([[[True, True], [False, True]]])
    np.testing.assert_allclose(scored(share_inside, given), [4 / 8])
    settings = share_inside.settings({"least": 1})
    np.testing.assert_allclose(scored(share_inside, given, **settings), [3 / 7])


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        (one_score_an_image, {"function": lambda maps, masks: np.float64(0.5)}),
        (
            an_image_alone_scores_as_in_a_batch,
            {"function": lambda maps, masks: maps.mean((1, 2)) - maps.mean()},
        ),
        (scores_lie_in_the_range, {"low": 0.99}),
        (an_empty_map_has_no_score, {"function": lambda maps, masks: maps.sum((1, 2))}),
        (
            an_object_that_is_not_there_has_no_score,
            {"function": lambda maps, masks: (maps * masks).sum((1, 2))},
        ),
        (two_maps_can_change_places_where_it_says_so, {"symmetric": True}),
        (
            two_maps_can_change_places_where_it_says_so,
            {
                "needs": Needs.TWO_MAPS,
                "symmetric": True,
                "function": lambda maps, others: maps.mean((1, 2)),
            },
        ),
        (
            the_same_map_twice_has_the_best_score,
            {
                "needs": Needs.TWO_MAPS,
                "symmetric": True,
                "function": lambda maps, others: np.abs(maps - others).mean((1, 2)),
            },
        ),
        (
            what_is_given_stays_as_it_is,
            {"function": lambda maps, masks: np.abs(maps, out=maps).mean((1, 2))},
        ),
        (
            settings_are_keywords_with_the_same_default,
            {"params": (FloatParam("least", 0.5, "What counts.", low=0.0, high=1.0),)},
        ),
        (every_fact_is_told, {"citation": "Pillai & Pirsiavash"}),
    ],
)
def test_a_measure_that_breaks_a_rule_is_noticed(rule, wrong, share_inside, monkeypatch):
    broken = replace(share_inside, **wrong)
    monkeypatch.setitem(MEASURES, "share_inside", broken)
    with pytest.raises(AssertionError):
        rule(broken)
