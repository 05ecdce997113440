"""F tests of seed-by-factor interaction: whether effects change from seed to seed by more than single runs vary."""

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from ablate.inference.hypotheses import Family, Hypothesis
from ablate.inference.matched import MatchedSets, matched_sets
from ablate.inference.permutation import axes
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings


def has_seed_interaction(table: RunTable, family: Family, settings: InferenceSettings) -> bool:
    """Return whether a main effect differs between blocks (Bonferroni at alpha), so that runs must not be permuted."""
    mains = [main for main in family.tested if main.is_main_effect and main.unit == "run"]
    p_values = [_p(table, main, family) for main in mains]
    return any(p is not None and p < settings.alpha / len(mains) for p in p_values)


def seed_interaction_p(sets: MatchedSets) -> float | None:
    """Return the p-value of an F test that the effects of the blocks differ by no more than chance.

    The numerator is the variance of the blocks' means about the mean of each context, the denominator what is left
    within blocks, as for a random block x factor effect (Kirk 2013, Experimental Design, chapter 8). None if either has
    no degrees of freedom.
    """
    entries = sets.values.reshape(len(sets.values), -1) @ axes(sets.values.shape[1:])
    context = np.unique(sets.context, return_inverse=True)[1]
    block = np.unique(sets.block, return_inverse=True)[1]
    residual = entries - _group_means(entries, context)[context]
    between = _group_means(residual, block)[block]
    numerator = block.max(initial=0)
    denominator = len(entries) - context.max(initial=0) - 1 - numerator
    left = float(((residual - between) ** 2).sum())
    if numerator < 1 or denominator < 1 or left == 0:
        return None
    width = entries.shape[1]
    ratio = float((between**2).sum()) / numerator / (left / denominator)
    return float(stats.f.sf(ratio, numerator * width, denominator * width))


def _p(table: RunTable, main: Hypothesis, family: Family) -> float | None:
    if main.how == "linear":
        return family.model.seed_interaction_p(*main.at)
    return seed_interaction_p(matched_sets(table, main.at))


def _group_means(
    values: Float[np.ndarray, "set axis"], group: Int[np.ndarray, " set"]
) -> Float[np.ndarray, "group axis"]:
    total = np.zeros((group.max(initial=0) + 1, values.shape[1]))
    np.add.at(total, group, values)
    means: np.ndarray = total / np.bincount(group)[:, np.newaxis]
    return means
