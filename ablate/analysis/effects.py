"""What a factor's level changes in the response, against the baseline level."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.bootstrap import Resampling
from ablate.analysis.contrast import Estimate, Signs, contrast
from ablate.inference.factor_levels import FactorLevels


@dataclass(frozen=True)
class Effect:
    """The response at `level` minus the response at `baseline`, all other factors and the seed being equal.

    In a full factorial it is averaged over the other factors' levels, so it hides what acts only together with
    one of them: read it beside the interactions. In a one-at-a-time design it holds at the baseline only.
    """

    factor: str
    title: str
    level: str
    baseline: str
    estimate: Estimate


def effects(runs: pd.DataFrame, factors: Sequence[FactorLevels], resampling: Resampling) -> tuple[Effect, ...]:
    """Return the effect of every level but the baseline of every factor that has matched runs, the largest first.

    `runs` has a column for each factor's path, `seed`, and `response` (NaN where there is none).
    """
    paths = [factor.path for factor in factors]
    found = []
    for factor in factors:
        for level in factor.levels:
            if level == factor.baseline:
                continue
            signs: Signs = {(level,): 1, (factor.baseline,): -1}
            if result := contrast(runs, paths, [factor.path], signs, resampling):
                found.append(Effect(factor.path, factor.title, level, factor.baseline, result.estimate))
    return tuple(sorted(found, key=lambda effect: -abs(effect.estimate.value)))
