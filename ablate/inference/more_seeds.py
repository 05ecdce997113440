"""How many more seeds could decide what is undecided."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.inference.inference import Effect, Unit
from ablate.inference.permutation import smallest_p
from ablate.inference.settings import FEWEST_BLOCKS, Settings

MOST_SEEDS = 1_000
POWER = 0.8
MANY = 50  # seeds, from which on t is as good as normal


def more_seeds(effects: Sequence[Effect], unit: Unit, settings: Settings, family: int) -> int | None:
    """Return how many more seeds would show the largest effect seen, or one as large as the margin, in 80 % of studies.

    By the power of a t test at the first step of Holm's procedure, with the spread seen so far: over seeds once these
    are the unit, else over so many runs that it is a normal one's.
    """
    known = [
        effect for effect in effects if effect.trend is None and effect.low is not None and effect.high is not None
    ]
    if not known:
        return None
    largest = max(known, key=lambda effect: abs(effect.estimate))
    target = max(abs(largest.estimate), settings.margin or 0.0)
    now = largest.n_blocks
    quantile = float(stats.t.ppf(1 - settings.alpha / 2, now - 1 if unit == "block" else np.inf))
    spread = ((largest.high or 0.0) - (largest.low or 0.0)) / 2 / quantile * np.sqrt(now)
    if target == 0 or spread == 0:
        return None
    level, seeds = settings.alpha / family, np.arange(now + 1, MOST_SEEDS + 1)
    whole = seeds >= _fewest(level, settings)
    power = _power(target / spread * np.sqrt(seeds), level, np.where(whole & (seeds <= MANY), seeds - 1.0, np.inf))
    enough = (power >= POWER) & (whole | (largest.n_runs > 2 * now))
    return int(seeds[enough.argmax()]) - now if enough.any() else None


def _fewest(level: float, settings: Settings) -> int:
    """Return from how many seeds on these are the unit."""
    reaching = (n for n in range(FEWEST_BLOCKS, MANY) if smallest_p((2,), n, settings.permutations) <= level)
    return next(reaching, MOST_SEEDS + 1)


def _power(ratio: Float[np.ndarray, " n"], level: float, freedom: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the chance that an effect of so many standard errors is significant, whichever way it points."""
    reach, few = np.asarray(stats.t.ppf(1 - level / 2, freedom)), np.isfinite(freedom)
    power = np.asarray(stats.norm.sf(reach - ratio))
    power[few] = stats.nct.sf(reach[few], freedom[few], ratio[few])
    return power
