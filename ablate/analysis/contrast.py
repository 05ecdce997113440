"""A signed sum of responses over runs that differ in the named factors only, paired by seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.bootstrap import Resampling, percentile_interval

Signs = dict[tuple[str, ...], int]
"""The sign of every combination of levels that enters a contrast."""


@dataclass(frozen=True)
class Estimate:
    """A contrast in the response's unit.

    `value` is the mean of `by_seed`, the contrast of every seed in `seeds` averaged over its cells. `low` and
    `high` bound the bootstrap interval over seeds; None with one seed. `matched` sets of runs went in, `agreeing`
    of them with the sign of `value`; `dropped` sets were planned, but a run of theirs has no defined response.
    """

    value: float
    low: float | None
    high: float | None
    seeds: tuple[int, ...]
    by_seed: tuple[float, ...]
    matched: int
    agreeing: int
    dropped: int

    @property
    def excludes_zero(self) -> bool | None:
        """Whether zero lies outside the interval; None where there is no interval."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Contrast:
    """An estimate, and the mean response of its combinations of levels, in the order of their signs."""

    estimate: Estimate
    means: tuple[float, ...]


def contrast(
    runs: pd.DataFrame, factors: Sequence[str], varied: Sequence[str], signs: Signs, resampling: Resampling
) -> Contrast | None:
    """Return the contrast of the `varied` factors, matched on the seed and on every other of `factors`.

    Seeds are the only replication: cells are averaged within a seed first, so a seed counts once however many
    cells it has. Where sets are dropped, seeds no longer average the same cells, and a difference between cells
    passes for one between seeds. None where no matched set is whole.
    """
    sets = _matched_sets(runs, factors, varied, signs)
    whole = sets.dropna()
    if whole.empty:
        return None
    values = whole.mul(list(signs.values()), axis="columns").sum(axis="columns")
    by_seed = values.groupby(level="seed").mean()
    value = float(by_seed.mean())
    low, high = percentile_interval(by_seed.to_numpy(float), resampling) or (None, None)
    estimate = Estimate(
        value=value,
        low=low,
        high=high,
        seeds=tuple(int(seed) for seed in by_seed.index),
        by_seed=tuple(float(difference) for difference in by_seed),
        matched=len(whole),
        agreeing=int((values * value > 0).sum()),
        dropped=len(sets) - len(whole),
    )
    means = whole.groupby(level="seed").mean().mean()
    return Contrast(estimate, tuple(float(mean) for mean in means))


def _matched_sets(runs: pd.DataFrame, factors: Sequence[str], varied: Sequence[str], signs: Signs) -> pd.DataFrame:
    """Return the responses: a row for every set that the design has whole, a column for every sign."""
    position = {levels: column for column, levels in enumerate(signs)}
    levels = zip(*(runs[path] for path in varied), strict=True)
    block = [*(path for path in factors if path not in varied), "seed"]
    terms = runs.assign(term=[position.get(combination, -1) for combination in levels]).query("term >= 0")
    whole = terms[terms.groupby(block)["term"].transform("size") == len(signs)]
    return whole.set_index([*block, "term"])["response"].unstack("term")  # noqa: PD010  # a pivot table would average
