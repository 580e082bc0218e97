"""What several methods share: how long each of them takes."""

import pytest
import torch

from xai_core.explainers import sharing
from xai_core.explainers.sharing import Sharing, shared


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved; returns the function that moves it."""
    now = [0.0]
    monkeypatch.setattr(sharing.time, "perf_counter", lambda: now[0])

    def move(seconds):
        now[0] += seconds

    return move


def test_shared_time_counts_for_everybody_who_uses_it(clock):
    @shared
    def inner(clf, x):
        clock(3)
        return x

    @shared
    def outer(clf, x):
        clock(5)
        return inner(clf, x)

    x, kept = torch.zeros(1), Sharing({})
    with kept.active():
        clock(1)
        outer(None, x)
        outer(None, x)
        inner(None, x)
        assert kept.seconds() == (1, 8), "each of the two counts once"
    with kept.active():
        clock(2)
        inner(None, x)
        assert kept.seconds() == (2, 3), "as if it had been computed now"
    with kept.active():
        outer(None, x)
        assert kept.seconds() == (0, 8), "with what it needed itself"


def test_a_shared_function_that_fails_takes_its_own_time_only(clock):
    @shared
    def fails(clf):
        clock(4)
        raise ZeroDivisionError

    kept = Sharing({})
    with kept.active():
        clock(1)
        with pytest.raises(ZeroDivisionError):
            fails(None)
        assert kept.seconds() == (1, 0)
