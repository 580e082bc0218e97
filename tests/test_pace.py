"""How long tasks take, from what has been measured, by hand."""

import math

import pytest

from xai_core.cache import Result
from xai_core.jobs import Task, pace
from xai_core.jobs.pace import Countdown, Pace, Rate, Rates, Run, kind


def asked(run=Result, cost=2.0, **arguments):
    return Task("key", run, arguments, cost)


MODEL = {"model": {"source": "a"}}
GRADIENT = kind(asked(method="saliency", **MODEL))
SLOW = kind(asked(method="integrated_gradients", **MODEL))


def test_a_kind_is_function_model_and_method():
    assert kind(asked(method="saliency", target=1, **MODEL)) == GRADIENT
    others = [
        asked(print, method="saliency", **MODEL),
        asked(method="saliency", model={"source": "b"}),
        asked(method="gradcam", **MODEL),
        asked(**MODEL),
        asked(requests={"saliency": 1}, **MODEL),
        asked(),
    ]
    assert len({GRADIENT, *map(kind, others)}) == 7
    assert kind(asked(explained={"method": "saliency", **MODEL})) == GRADIENT
    assert not kind(asked(cost=1.0)).stated


def test_recent_tasks_count_more():
    measured = Pace()
    assert measured.rates().seconds(GRADIENT, 1) is None
    measured.note(GRADIENT, 2, 4)
    assert measured.rates().seconds(GRADIENT, 1) == pytest.approx(2)
    measured.note(GRADIENT, 2, 8)
    old = pace.KEPT
    assert measured.rates().seconds(GRADIENT, 1) == pytest.approx((old * 4 + 8) / (old * 2 + 2))


def test_what_was_never_measured_is_as_slow_as_the_slowest_of_its_model():
    unstated = kind(asked(cost=1.0, **MODEL))
    rates = Rates({GRADIENT: Rate(0.1, 9.0), SLOW: Rate(0.3, 2.0), unstated: Rate(7.0, 1.0)})
    other = kind(asked(method="gradcam", **MODEL))
    assert (rates.seconds(GRADIENT, 1), rates.measured(GRADIENT)) == (0.1, True)
    assert (rates.seconds(other, 1), rates.measured(other)) == (0.3, False)
    assert rates.seconds(other, pace.ALIKE * 2 + 1) == pytest.approx(0.1 * (pace.ALIKE * 2 + 1))
    assert rates.seconds(other, pace.ALIKE * 9 + 1) is None, "nothing measured is like it"
    assert rates.seconds(kind(asked(method="gradcam", model={"source": "b"})), 1) is None
    assert rates.seconds(unstated._replace(function="f"), 1) is None, "its cost says nothing"


def test_what_is_computed_counts_by_its_share():
    measured, run = Pace(), Run(0.0)
    measured.note(GRADIENT, 2, 4)
    run.tell(0.25, 1.0)
    run.tell(0.5, 3.0)  # 8 s for the whole
    assert run.steady == pytest.approx(8)
    rates = measured.rates([(GRADIENT, 2, run), (SLOW, 10, run), (kind(asked()), 1, Run(0.0))])
    assert rates.seconds(GRADIENT, 1) == pytest.approx((4 + 0.5 * 8) / (2 + 0.5 * 2))
    assert rates.seconds(SLOW, 1) == pytest.approx(0.8)


def test_time_left_of_a_task_by_hand():
    run = Run(100.0)
    assert run.left(None, 101.0) is None
    assert run.left(10.0, 101.0) == pytest.approx(9)
    assert run.left(10.0, 120.0) == pytest.approx(20 * pace.OVERDUE)
    run.tell(0.04, 125.0)  # the model has been loaded: no measure of the pace
    assert run.left(None, 125.0) is None
    run.tell(0.08, 126.0)  # 25 s for the whole; 92 % are left
    assert run.left(None, 126.0) == pytest.approx(23)
    own = 0.08 / pace.TRUSTED
    expected = 60.0 - 26
    assert run.left(60.0, 126.0) == pytest.approx(own * 23 + (1 - own) * expected)
    run.tell(0.05, 126.5)
    assert run.share == 0.08
    assert run.left(None, 128.0) == pytest.approx(21)


def test_one_report_is_enough_when_it_tells_of_much():
    run = Run(0.0)
    run.tell(0.5, 3.0)
    assert (run.steady, run.whole) == (None, 6.0)
    assert run.left(None, 3.0) == pytest.approx(3)


def test_what_slows_down_is_believed_soon():
    """From half on three times as slow: the promise holds again when a bit more is done.

    A share s after the change, the pace told is 3 - 2·exp(-s/RECENT) of the first, and so at least
    two thirds of the true one from s = RECENT·ln 2 on.
    """
    run, fast, slow, step = Run(0.0), 100.0, 300.0, 0.001
    now = share = 0.0
    while share < 1 - step / 2:
        share += step
        now += step * (fast if share <= 0.5 else slow)
        run.tell(share, now)
        true = (1 - share) * slow + max(0.0, 0.5 - share) * (fast - slow)
        if share > 0.5 + pace.RECENT * math.log(2) + 2 * step:
            assert run.left(None, now) >= true * 2 / 3 - 1e-9
        if 0.1 < share < 0.5:
            assert run.left(None, now) == pytest.approx((1 - share) * fast)


def test_what_is_shown_runs_down_and_is_corrected_little_by_little():
    shown = Countdown()
    assert shown.shown(None, 0.0) is None
    assert shown.shown(100.0, 10.0) == 100
    assert shown.shown(99.0, 11.0) == pytest.approx(99)
    # One second later 98 would be shown; of the 60 that come in, a part is taken over.
    one = 1 - math.exp(-1 / 4)
    assert shown.shown(158.0, 12.0) == pytest.approx(98 + one * 60)
    assert shown.shown(118.0, 52.0) == pytest.approx(118, rel=1e-3)
    assert shown.shown(None, 53.0) is None
