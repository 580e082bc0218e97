"""A bootstrap over participants and pictures at once, because answers are not independent.

One participant's answers resemble each other, and so do the answers to one picture: both are
sampled. Drawing participants and pictures anew, each with all their answers (the pigeonhole
bootstrap: Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1), counts what is
neither the participant's nor the picture's three times instead of once, so that its intervals are
too wide where that prevails; and with few of either its percentiles are too narrow.

Here the parts are put together so that each counts once. A share is a sum over pictures. With

    P = its variance when participants are drawn anew, the pictures staying,
    E = the part of P that comes from each picture by itself (the diagonal over pictures),
    I = its variance when pictures are drawn anew, the participants staying,

the variance is I + (P - E): the pictures', which holds what is neither's, and the covariance
between pictures that common participants cause. That is the two-way analysis of variance's
MS(participants) + MS(pictures) - MS(rest) (Searle, Casella and McCulloch 1992, "Variance
components"), and the two-way clustered variance of Cameron, Gelbach and Miller 2011, "Robust
inference with multiway clustering", with corrections for few participants and pictures; it needs
no balance, so participants may have seen only some of the pictures. Its degrees of freedom are
those of Satterthwaite 1946, "An approximate distribution of estimates of variance components",
and the interval is ``intervals.of_variance``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai_core.study.analysis.votes import Floats, Votes

REPLICATES = 2000


@dataclass(frozen=True)
class Spread:
    """How much sums over pictures vary.

    Attributes:
        variance: of each sum [sums].
        df: degrees of freedom of each variance [sums].
    """

    variance: Floats
    df: Floats


def redrawn(votes: Votes, replicates: int = REPLICATES, seed: int = 0) -> Floats:
    """Votes by participants drawn anew, with replacement.

    Args:
        votes: the votes.
        replicates: how often.
        seed: of the draws.

    Returns:
        Votes [replicates, images, choices].
    """
    people, images, choices = votes.chosen.shape
    rng = np.random.default_rng(seed)
    # Counting who was drawn is ten times as fast as drawing the counts of a multinomial.
    drawn = rng.integers(people, size=(replicates, people))
    drawn += np.arange(replicates)[:, None] * people
    often = np.bincount(drawn.ravel(), minlength=replicates * people)
    often = often.reshape(replicates, people).astype(np.float64)
    flat = votes.chosen.reshape(people, images * choices).astype(np.float64)
    return (often @ flat).reshape(replicates, images, choices)


def crossed(parts: Floats, replicated: Floats, participants: int) -> Spread:
    """The variance of sums over pictures, with participants and pictures sampled.

    Args:
        parts: what each picture adds [images, sums].
        replicated: the same for participants drawn anew [replicates, images, sums].
        participants: how many there are.

    Returns:
        NaN where there are fewer than two pictures or two participants.
    """
    images, sums = parts.shape
    if images < 2 or participants < 2:
        nothing = np.full(sums, np.nan)
        return Spread(nothing, nothing)
    few, scarce = participants / (participants - 1), images / (images - 1)
    by_people = few * replicated.sum(1).var(0)
    alone = few * replicated.var(0).sum(0)
    by_images = scarce * ((parts - parts.mean(0)) ** 2).sum(0)
    variance = by_images + scarce * np.maximum(by_people - alone, 0.0)
    pieces = (
        (by_people, participants - 1),
        (by_images, images - 1),
        (alone, (participants - 1) * (images - 1)),
    )
    below = np.sum([piece**2 / number for piece, number in pieces], axis=0)
    df = np.divide(variance**2, below, out=np.ones(sums), where=below > 0)
    return Spread(variance, df)
