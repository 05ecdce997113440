"""The interval of a share, from the shares of resampled blocks."""

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.core.seeds import derive
from ablate.inference.settings import InferenceSettings

FEWEST_BLOCKS = 3  # fewer have no resamples to speak of


def resamples(blocks: int, count: int, settings: InferenceSettings) -> Float[np.ndarray, "block draw"]:
    """Return how often each block is drawn, in so many draws of as many blocks as there are, with replacement."""
    generator = np.random.default_rng(derive(settings.seed, "bootstrap"))
    return 1.0 * generator.multinomial(blocks, np.full(blocks, 1 / blocks), count).T


def share_interval(
    share: Float[np.ndarray, " factor"], drawn: Float[np.ndarray, "factor draw"], blocks: int, alpha: float
) -> list[tuple[float, float]]:
    """Return the interval of each factor's share, at 1 - alpha, within [0, 1].

    It is for the share that so many blocks give on average: a resample has more noise than the blocks it is drawn from,
    hence the draws are centered on the share. They are widened as a normal interval is to Student's t (Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789).
    """
    tail = alpha / 2
    narrow = np.sqrt((blocks - 1) / blocks) * stats.norm.ppf(tail) / stats.t.ppf(tail, blocks - 1)
    around = (drawn - drawn.mean(axis=1, keepdims=True)) / narrow
    bounds = (share + np.quantile(around, [tail, 1 - tail], axis=1)).clip(0, 1)
    return [(float(low), float(high)) for low, high in bounds.T]
