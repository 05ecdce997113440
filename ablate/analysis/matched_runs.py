"""The runs behind an effect: pairs of runs with one seed that differ in the effect's two levels alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect


@dataclass(frozen=True)
class AnalyzedRun:
    """A planned run: its levels by factor path and its seed, how it ended, and its response, NaN without one.

    `defined_share` is the share of its frames that define the metric, in [0, 1]; NaN without scores.
    """

    run_id: str
    levels: Mapping[str, str]
    seed: int
    outcome: str
    response: float
    defined_share: float = math.nan

    @property
    def is_measured(self) -> bool:
        """Whether the run has a response."""
        return not math.isnan(self.response)


@dataclass(frozen=True)
class RunPair:
    """Two runs of one seed that differ in one factor alone: at a level, and at the baseline."""

    level: AnalyzedRun
    baseline: AnalyzedRun

    @property
    def difference(self) -> float:
        """The response at the level minus that at the baseline; NaN if a run has none."""
        return self.level.response - self.baseline.response

    @property
    def most(self) -> AnalyzedRun:
        """The run with the larger response; that at the level where one has none."""
        return self.baseline if self.difference < 0 else self.level


@dataclass(frozen=True)
class Context:
    """The pairs of an effect with equal levels of all other factors; `levels` holds those, by factor path."""

    levels: Mapping[str, str]
    pairs: tuple[RunPair, ...]


def analyzed_runs(runs: pd.DataFrame, factors: Sequence[str]) -> tuple[AnalyzedRun, ...]:
    """Return every planned run in the order of the design; `runs` has the columns of `with_responses`."""
    return tuple(
        AnalyzedRun(
            run_id=str(row["run_id"]),
            levels={path: str(row[path]) for path in factors},
            seed=int(row["seed"]),
            outcome=str(row["outcome"]),
            response=float(row["response"]),
            defined_share=1 - float(row["undefined_share"]),
        )
        for _, row in runs.iterrows()
    )


def contexts_of(runs: Sequence[AnalyzedRun], effect: Effect) -> tuple[Context, ...]:
    """Return the pairs of an effect by the levels of all other factors, each in the order of `runs`.

    An effect that compares no two levels of the runs, such as a trend, has none.
    """
    if effect.level is None or effect.baseline is None:
        return ()
    baselines = {_place(run, effect.factor): run for run in runs if run.levels[effect.factor] == effect.baseline}
    pairs: dict[tuple[str, ...], list[RunPair]] = {}
    for run in runs:
        place = _place(run, effect.factor)
        if run.levels[effect.factor] == effect.level and place in baselines:
            pairs.setdefault(place[0], []).append(RunPair(run, baselines[place]))
    return tuple(
        Context(_without(matched[0].level.levels, effect.factor), tuple(matched)) for matched in pairs.values()
    )


def typical_pair(
    runs: Sequence[AnalyzedRun], effect: Effect, factors: Sequence[FactorLevels], usable: set[str]
) -> RunPair | None:
    """Return the pair to show for an effect, or None if no two usable runs differ in its levels alone.

    All other factors are at their baselines, or as near to that as the runs allow. Of the seeds it is the one whose
    difference is nearest to the median over the seeds, so that no extreme is shown. `usable` holds the ids of the runs
    that have pictures.
    """
    baseline = {factor.path: factor.baseline for factor in factors}
    contexts = sorted(
        contexts_of(runs, effect),
        key=lambda context: sum(level != baseline[path] for path, level in context.levels.items()),
    )
    for context in contexts:
        pairs = [pair for pair in context.pairs if {pair.level.run_id, pair.baseline.run_id} <= usable]
        if pairs:
            differences = [pair.difference for pair in context.pairs if not math.isnan(pair.difference)]
            middle = float(pd.Series(differences).median()) if differences else 0.0
            return min(pairs, key=lambda pair: _distance(pair.difference, middle))
    return None


def _distance(difference: float, middle: float) -> float:
    return math.inf if math.isnan(difference) else abs(difference - middle)


def _place(run: AnalyzedRun, factor: str) -> tuple[tuple[str, ...], int]:
    return tuple(_without(run.levels, factor).values()), run.seed


def _without(levels: Mapping[str, str], factor: str) -> dict[str, str]:
    return {path: level for path, level in levels.items() if path != factor}
