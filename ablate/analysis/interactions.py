"""How much the effect of one factor's level depends on another factor's level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import pandas as pd

from ablate.analysis.bootstrap import Resampling
from ablate.analysis.contrast import Estimate, Signs, contrast
from ablate.inference.factor_levels import FactorLevels


@dataclass(frozen=True)
class Interaction:
    """A difference of differences: the effect of `levels[0]` at `levels[1]`, minus its effect at `baselines[1]`.

    It is the same with the two factors exchanged. `means` are the mean responses of the matched runs: at both
    baselines, at the first level alone, at the second level alone, at both levels.
    """

    factors: tuple[str, str]
    titles: tuple[str, str]
    levels: tuple[str, str]
    baselines: tuple[str, str]
    estimate: Estimate
    means: tuple[float, ...]


def interactions(
    runs: pd.DataFrame, factors: Sequence[FactorLevels], resampling: Resampling
) -> tuple[Interaction, ...]:
    """Return the interaction of every two levels of two factors that have matched runs, the largest first.

    `runs` as for `effects`. A one-at-a-time design has none.
    """
    paths = [factor.path for factor in factors]
    found = []
    for one, other in combinations(factors, 2):
        for level, beside in product(_varied(one), _varied(other)):
            signs: Signs = {
                (one.baseline, other.baseline): 1,
                (level, other.baseline): -1,
                (one.baseline, beside): -1,
                (level, beside): 1,
            }
            if result := contrast(runs, paths, [one.path, other.path], signs, resampling):
                found.append(
                    Interaction(
                        factors=(one.path, other.path),
                        titles=(one.title, other.title),
                        levels=(level, beside),
                        baselines=(one.baseline, other.baseline),
                        estimate=result.estimate,
                        means=result.means,
                    )
                )
    return tuple(sorted(found, key=lambda interaction: -abs(interaction.estimate.value)))


def _varied(factor: FactorLevels) -> Iterator[str]:
    return (level for level in factor.levels if level != factor.baseline)
