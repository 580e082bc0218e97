"""Participants who are alike within themselves, and pictures too: studies drawn from a model."""

import numpy as np

from xai_core.study.analysis.votes import Votes


def votes(rng, people, images, participants=0.7, pictures=0.0, mean=0.0, seen=None):
    """Answers between c1 and c2, with spreads in logits; the answers as 0 and 1 beside them."""
    person = rng.normal(0, participants, (people, 1)) if participants else 0.0
    picture = rng.normal(0, pictures, (1, images)) if pictures else 0.0
    chance = 1 / (1 + np.exp(-(mean + person + picture)))
    first = rng.random((people, images)) < chance
    there = np.ones((people, images), dtype=bool)
    if seen is not None:
        there = rng.random((people, images)).argsort(1) < seen
    chosen = np.zeros((people, images, 4), dtype=bool)
    chosen[..., 0], chosen[..., 1] = first & there, ~first & there
    names = tuple(f"p{place}" for place in range(images))
    return Votes(tuple(range(people)), names, ("c1", "c2"), chosen)


def share(participants=0.7, pictures=0.0, mean=0.0):
    """The share of answers for c1 over all participants and pictures there could be."""
    # Gauss and Hermite's rule over the sum of both spreads, which is normal too.
    at, weight = np.polynomial.hermite_e.hermegauss(80)
    values = 1 / (1 + np.exp(-(mean + np.hypot(participants, pictures) * at)))
    return float(values @ weight / weight.sum())
