"""The similarity measures written straight from their formulas, in slow loops."""

import math

import numpy as np


def ssim(x, y, window=7):
    """S eq. 5.1, averaged over every window inside the picture; data range 1."""
    c1, c2 = 0.01**2, 0.03**2
    height, width = x.shape
    scores = []
    for top in range(height - window + 1):
        for left in range(width - window + 1):
            a = [x[top + i, left + j] for i in range(window) for j in range(window)]
            b = [y[top + i, left + j] for i in range(window) for j in range(window)]
            n = len(a)
            mean_a, mean_b = math.fsum(a) / n, math.fsum(b) / n
            var_a = math.fsum((p - mean_a) ** 2 for p in a) / (n - 1)
            var_b = math.fsum((q - mean_b) ** 2 for q in b) / (n - 1)
            cov = math.fsum((p - mean_a) * (q - mean_b) for p, q in zip(a, b, strict=True))
            cov /= n - 1
            scores.append(
                (2 * mean_a * mean_b + c1)
                * (2 * cov + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return math.fsum(scores) / len(scores)


def ranks(values):
    """Rank of each value from 1, ties sharing their mean rank."""
    flat = list(np.ravel(values))
    return [sum(v < u for v in flat) + (sum(v == u for v in flat) + 1) / 2 for u in flat]


def pearson(a, b):
    mean_a, mean_b = math.fsum(a) / len(a), math.fsum(b) / len(b)
    cov = math.fsum((p - mean_a) * (q - mean_b) for p, q in zip(a, b, strict=True))
    var_a = math.fsum((p - mean_a) ** 2 for p in a)
    var_b = math.fsum((q - mean_b) ** 2 for q in b)
    return cov / math.sqrt(var_a * var_b)


def spearman(x, y):
    return pearson(ranks(x), ranks(y))


def spearman_absolute(x, y):
    return spearman(abs(x), abs(y))


def complexity(x, y, bins=100):
    """Hedström et al. 2024: by how much the entropy of the histogram rises, in shares of x's."""
    before, after = entropy(x, bins), entropy(y, bins)
    return (after - before) / before


def entropy(values, bins):
    """In nats, of equal bins from minimum to maximum, the last with its upper edge."""
    flat = [float(value) for value in np.ravel(values)]
    low, high = min(flat), max(flat)
    counts = [0] * bins
    for value in flat:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return -math.fsum(n / len(flat) * math.log(n / len(flat)) for n in counts if n)


def hog(x, y, cell, orientations=9, block=3):
    return pearson(
        hog_features(x, cell, orientations, block), hog_features(y, cell, orientations, block)
    )


def hog_features(image, cell, orientations, block):
    """Dalal & Triggs 2005: central differences (zero at the border), unsigned orientations,
    mean magnitude per cell, overlapping blocks normalised by L2, clipped at 0.2, again by L2.
    """
    height, width = image.shape
    down, across = height // cell, width // cell
    histogram = np.zeros((down, across, orientations))
    for row in range(down * cell):
        for column in range(across * cell):
            inside_rows, inside_columns = 0 < row < height - 1, 0 < column < width - 1
            dy = image[row + 1, column] - image[row - 1, column] if inside_rows else 0.0
            dx = image[row, column + 1] - image[row, column - 1] if inside_columns else 0.0
            angle = math.degrees(math.atan2(dy, dx)) % 180
            index = min(int(angle / (180 / orientations)), orientations - 1)
            histogram[row // cell, column // cell, index] += math.hypot(dx, dy) / cell**2
    features = []
    for row in range(down - block + 1):
        for column in range(across - block + 1):
            vector = histogram[row : row + block, column : column + block].ravel()
            vector = vector / math.sqrt(vector @ vector + 1e-5**2)
            vector = np.minimum(vector, 0.2)
            features.extend(vector / math.sqrt(vector @ vector + 1e-5**2))
    return features
