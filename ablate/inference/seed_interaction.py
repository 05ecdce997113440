"""Whether an effect changes from seed to seed by more than single runs do."""

import numpy as np
from scipy import stats

from ablate.inference.matched import MatchedSets
from ablate.inference.permutation import axes


def steadiness(sets: MatchedSets) -> float | None:
    """Return the p of an F test that the effect of each block differs from the others' by no more than chance.

    The numerator is the variance of the blocks' means about the mean of each context, the denominator what is left
    within blocks, as for a random block x factor effect (Kirk 2013, Experimental Design, chapter 8). None where
    there are no degrees of freedom for either.
    """
    entries = sets.values.reshape(len(sets.values), -1) @ axes(sets.values.shape[1:])
    context = np.unique(sets.context, return_inverse=True)[1]
    block = np.unique(sets.block, return_inverse=True)[1]
    residual = entries - _means(entries, context)[context]
    between = _means(residual, block)[block]
    above = block.max(initial=0)
    below = len(entries) - context.max(initial=0) - 1 - above
    rest = float(((residual - between) ** 2).sum())
    if above < 1 or below < 1 or rest == 0:
        return None
    width = entries.shape[1]
    ratio = float((between**2).sum()) / above / (rest / below)
    return float(stats.f.sf(ratio, above * width, below * width))


def _means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    total = np.zeros((group.max(initial=0) + 1, values.shape[1]))
    np.add.at(total, group, values)
    means: np.ndarray = total / np.bincount(group)[:, np.newaxis]
    return means
