"""The analysis of user studies written straight from its description, one answer at a time."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

ESCAPES = ("cannot_distinguish", "same")


def tally(answers, image):
    """Votes by choice for one picture; answers are (participant, image, choice)."""
    found = {}
    for _, shown, choice in answers:
        if shown == image:
            found[choice] = found.get(choice, 0) + 1
    return found


def winners(votes, rule):
    """The models whose maps these votes call accurate."""
    models = {choice: count for choice, count in votes.items() if choice not in ESCAPES}
    if not models:
        return set()
    if rule == "absolute":
        return {one for one, count in models.items() if 2 * count > sum(votes.values())}
    rivals = models if rule == "models" else votes
    most = max(rivals.values())
    first = [choice for choice, count in rivals.items() if count == most]
    if rule != "shared" and len(first) > 1:
        return set()
    return {choice for choice in first if choice not in ESCAPES}


def cases(answers, correct, rule):
    """Number of pictures by model and case; ``correct`` is by (image, model)."""
    images = sorted({image for _, image, _ in answers})
    models = sorted({model for _, model in correct})
    found = {(model, case): 0 for model in models for case in (1, 2, 3, 4, "undecided")}
    for image in images:
        accurate = winners(tally(answers, image), rule)
        for model in models:
            if not accurate:
                case = "undecided"
            elif model in accurate:
                case = 1 if correct[image, model] else 2
            else:
                case = 3 if correct[image, model] else 4
            found[model, case] += 1
    return found, len(images)


def wilson(count, total, z=1.959963984540054):
    """Wilson's interval, as the roots of (p - share)^2 = z^2 p (1 - p) / total."""
    share = count / total
    a, b, c = 1 + z * z / total, -(2 * share + z * z / total), share * share
    root = math.sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def normal(count, total, z=1.959963984540054):
    """The normal approximation, cut off at 0 and 1."""
    share = count / total
    half = z * math.sqrt(share * (1 - share) / total)
    return max(0.0, share - half), min(1.0, share + half)


def mcnemar(first, second):
    """Two-sided exact p value of so many discordant pictures, half of which favour each."""
    total = first + second
    weight = [Fraction(math.comb(total, k), 2**total) for k in range(total + 1)]
    return float(sum(one for one in weight if one <= weight[first]))


def holm(values):
    """Holm's adjusted p values."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return adjusted


def kappa(lists):
    """Fleiss' kappa of lists of answers, one a picture, counting pairs of answers."""
    lists = [one for one in lists if len(one) >= 2]
    agreed, shares = [], {}
    for one in lists:
        pairs = list(combinations(one, 2))
        agreed.append(sum(a == b for a, b in pairs) / len(pairs))
        for answer in one:
            shares[answer] = shares.get(answer, 0) + 1 / len(one) / len(lists)
    chance = sum(share**2 for share in shares.values())
    observed = sum(agreed) / len(agreed)
    return (observed - chance) / (1 - chance)


def alpha(lists):
    """Krippendorff's alpha of lists of answers, by its matrix of coincidences."""
    matrix = {}
    for one in (one for one in lists if len(one) >= 2):
        for i, first in enumerate(one):
            for j, second in enumerate(one):
                if i != j:
                    key = (first, second)
                    matrix[key] = matrix.get(key, 0) + 1 / (len(one) - 1)
    sums = {}
    for (first, _), count in matrix.items():
        sums[first] = sums.get(first, 0) + count
    total = sum(sums.values())
    observed = sum(count for (a, b), count in matrix.items() if a != b)
    chance = sum(sums[a] * sums[b] for a in sums for b in sums if a != b) / (total - 1)
    return 1 - observed / chance


def spread(table):
    """Variance of the mean of a full table [participants][pictures], both sampled.

    MS(participants) + MS(pictures) - MS(rest), over the number of cells.
    """
    n, m = len(table), len(table[0])
    mean = sum(map(sum, table)) / (n * m)
    rows = [sum(row) / m for row in table]
    columns = [sum(row[j] for row in table) / n for j in range(m)]
    people = m * sum((row - mean) ** 2 for row in rows) / (n - 1)
    images = n * sum((column - mean) ** 2 for column in columns) / (m - 1)
    rest = sum(
        (table[i][j] - rows[i] - columns[j] + mean) ** 2 for i in range(n) for j in range(m)
    ) / ((n - 1) * (m - 1))
    return (people + images - rest) / (n * m)
