"""Brute-force versions of the tests of an inference: plain loops over all flips, and least squares with seed dummies.

They are written from the formulas alone and share no code with the package. Each takes the columns of the seeds
(dummies) and, by name, the columns of each hypothesis; the result is the adjusted p-value of each hypothesis.
`flips` are rows of signs, the identity first; without them, all distinct flips.
"""

from itertools import product

import numpy as np
from scipy import stats

TIE = 1e-9  # a flip reaches the observed value when T* >= T - TIE
RIDGE = 1e-6


def dummies(values):
    """Return one column of zeros and ones for every different value."""
    return np.equal.outer(values, np.unique(values)).astype(float)


def sum_coding(values, levels):
    """Return the columns of a factor whose coefficients add up to zero over its levels, 0 to levels - 1."""
    codes = np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])
    return codes[values]


def products(left, right):
    """Return the columns of an interaction."""
    return np.column_stack([a * b for a in left.T for b in right.T])


def residual(columns, values):
    """Return what least squares on these columns leaves of one or more vectors of values."""
    return values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]


def basis(columns):
    """Return an orthonormal basis of the columns, without directions that are rounding."""
    left, size, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, size > 1e-9 * max(size.max(), 1)]


def signs_of(units):
    """Return all flips of the units whose first sign is +; the others have the same statistics."""
    return [np.array((1, *flip)) for flip in product((1, -1), repeat=units - 1)]


def step_down(observed, flipped):
    """Return max-T p-values (Westfall & Young 1993): `flipped` has one row for each flip, the identity among them."""
    names = sorted(observed, key=lambda name: -observed[name])
    p, least = {}, 0.0
    for place, name in enumerate(names):
        reached = [max(row[other] for other in names[place:]) >= observed[name] - TIE for row in flipped]
        least = max(least, sum(reached) / len(flipped))
        p[name] = least
    return p


def seed_flips(response, seed, terms):
    """Return the p-values of joint flips of whole seeds with the shrunken scale: designed tables."""
    seeds, n = dummies(seed), len(np.unique(seed))
    flips = signs_of(n)
    position = np.searchsorted(np.unique(seed), seed)
    parts, widths, m = {}, {}, {}
    for name, columns in terms.items():
        nuisance = np.column_stack([seeds, *(other for key, other in terms.items() if key != name)])
        q, e = basis(residual(nuisance, columns)), residual(nuisance, response)
        widths[name] = q.shape[1]
        scores = [q[position == b].T @ e[position == b] for b in range(n)]
        m[name] = sum(float(score @ score) for score in scores) / widths[name]
        parts[name] = nuisance, q, e
    middle = np.median(list(m.values()))
    scale = {name: (16 * middle + n * m[name]) / (16 + n) for name in terms}
    rows = []
    for flip in flips:
        g, row = flip[position], {}
        for name, (nuisance, q, e) in parts.items():
            turned = residual(nuisance, g[:, np.newaxis] * q)
            left = turned.T @ turned + RIDGE * np.eye(widths[name])
            score = turned.T @ e
            explained = float(score @ np.linalg.solve(left, score))
            row[name] = -max(stats.chi2.logsf(explained / scale[name], widths[name]), np.log(1e-300))
        rows.append(row)
    return step_down(rows[0], rows)


def wild_flips(response, seed, terms, flips=None):
    """Return the p-values of restricted wild flips of whole seeds: tables whose cells nobody planned."""
    seeds, n = dummies(seed), len(np.unique(seed))
    position = np.searchsorted(np.unique(seed), seed)
    full = np.column_stack([seeds, *terms.values()])
    freedom = len(response) - np.linalg.matrix_rank(full)
    hat = full @ np.linalg.pinv(full)
    flips = signs_of(n) if flips is None else flips
    rows: list[dict[str, float]] = [{} for _ in flips]
    for name, columns in terms.items():
        nuisance = np.column_stack([seeds, *(other for key, other in terms.items() if key != name)])
        q, e = basis(residual(nuisance, columns)), residual(nuisance, response)
        k, expected = q.shape[1], 0.0
        for b in range(n):
            at = np.flatnonzero(position == b)
            expected += float(np.trace(q[at].T @ (np.eye(len(at)) - hat[np.ix_(at, at)]) @ q[at]))
        for row, flip in zip(rows, flips, strict=True):
            y = flip[position] * e
            left, score = residual(full, y), q.T @ y
            by_seed = [q[position == b].T @ left[position == b] for b in range(n)]
            within = sum(float(part @ part) for part in by_seed) / expected
            scale = (8 * float(left @ left) / freedom + (n - 1) * within) / (n + 7)
            ratio = float(score @ score) / k / scale
            row[name] = -max(stats.f.logsf(ratio, k, k * (n + 7)), np.log(1e-300))
    return step_down(rows[0], rows)


def run_flips(response, terms, flips=None):
    """Return the p-values of studentized sign flips of single runs, which share no seed; every run has its mean."""
    mean = np.ones((len(response), 1))
    full = np.column_stack([mean, *terms.values()])
    hat = full @ np.linalg.pinv(full)
    freedom = len(response) - np.linalg.matrix_rank(full)

    def statistic(y, q):
        left, score = residual(full, y), q.T @ y
        weight = left**2 / np.maximum(1 - np.diag(hat), 0.05)
        variance = q.T @ (weight[:, np.newaxis] * q)
        ratio = float(score @ np.linalg.solve(variance, score)) / q.shape[1]
        return -max(stats.f.logsf(ratio, q.shape[1], freedom), np.log(1e-300))

    flips, observed = signs_of(len(response)) if flips is None else flips, {}
    rows: list[dict[str, float]] = [{} for _ in flips]
    for name, columns in terms.items():
        nuisance = np.column_stack([mean, *(other for key, other in terms.items() if key != name)])
        q, e = basis(residual(nuisance, columns)), residual(nuisance, response)
        leverage = np.diag(nuisance @ np.linalg.pinv(nuisance))
        observed[name] = statistic(response, q)
        for row, flip in zip(rows, flips, strict=True):
            row[name] = statistic(flip * e / np.sqrt(1 - leverage), q)
    # The observed statistic is that of the data, which is one more row.
    return step_down(observed, [observed, *rows])


def few_seeds(response, seed, cell, terms, tested):
    """Return p-values (Holm) of F tests against the largest of three error terms: two to five seeds.

    `terms` are main effects and pairs by name, `tested` the names of those in the family.
    """
    seeds, cells = dummies(seed), dummies(cell)

    def squares(*columns):
        matrix = np.column_stack([seeds, cells, *columns])
        left = residual(matrix, response)
        return float(left @ left), len(response) - int(np.linalg.matrix_rank(matrix))

    def by_seed(columns):
        return np.column_stack([seeds[:, [b]] * columns for b in range(seeds.shape[1])])

    def mean_square(of, degrees):
        return of / degrees if degrees > 0 else np.nan

    total, total_freedom = squares()
    pooled, pooled_freedom = squares(*(by_seed(columns) for columns in terms.values()))
    pool = mean_square(total - pooled, total_freedom - pooled_freedom)
    p = {}
    for name in tested:
        nuisance = np.column_stack([seeds, *(other for key, other in terms.items() if key != name)])
        q = basis(residual(nuisance, terms[name]))
        score = q.T @ response
        left, freedom = squares(by_seed(terms[name]))
        errors = (mean_square(left, freedom), mean_square(total - left, total_freedom - freedom), pool)
        ratio = float(score @ score) / q.shape[1] / max(errors)
        p[name] = np.nan if np.isnan(errors).any() else float(stats.f.sf(ratio, q.shape[1], freedom))
    ordered, least, adjusted = sorted(p, key=lambda name: p[name]), 0.0, {}
    for place, name in enumerate(ordered):
        least = max(least, min(1.0, (len(ordered) - place) * p[name]))
        adjusted[name] = least
    return adjusted
