"""Which effects of a design are aliased, and how strongly any two of its terms are correlated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from ablate.design.design import DesignFactor
from ablate.design.model_matrix import Pair, Term, all_pairs, columns, model_matrix

ROUNDING = 1e-6
RANK_ROUNDING = 1e-9
MAGNIFIED = 1.05  # a strength above it is written as a multiple: "105 %" of an effect would look like a mistake

Columns = Mapping[Term, slice]
"""The columns of each term in a model matrix."""


@dataclass(frozen=True)
class Alias:
    """A term of the model whose estimate contains part of another term, both as the names of their factors.

    Outside the model (`in_model` is false), `aliased_with` is an interaction that the model leaves out. `strength` is
    the largest share of its effect that the estimate of `term` contains: 0 nothing, 1 all, more if the design magnifies
    it. Inside the model, the two are confounded: no run of these cells can separate them, and the strength is 1. An
    `aliased_with` without factors is the mean.
    """

    term: tuple[str, ...]
    aliased_with: tuple[str, ...]
    strength: float
    in_model: bool = False


def aliases(
    levels: Int[np.ndarray, "cell factor"], factors: Sequence[DesignFactor], pairs_in_model: Sequence[Pair]
) -> tuple[Alias, ...]:
    """Return the aliases of these cells: first those inside the model, then those with omitted terms, strongest first.

    The model has every main effect and the interactions `pairs_in_model`, by position. The omitted terms X2 are all
    other two-factor interactions. The alias matrix (X1'X1)^-1 X1'X2 gives their share in each estimate (Box and Wilson
    1951, doi:10.1111/j.2517-6161.1951.tb00067.x). The strength is the largest singular value of its block of two terms.
    Terms of the model are confounded if a direction in which X1 is zero has a part in both. Levels that are never run
    do not belong to the model.
    """
    levels, counts = _levels_that_are_run(levels, factors)
    model = model_matrix(levels, counts, pairs_in_model)
    inside = columns(counts, pairs_in_model)
    omitted = [pair for pair in all_pairs(len(factors)) if not {pair, pair[::-1]} & set(pairs_in_model)]
    outside = columns(counts, omitted)
    alias_matrix = np.linalg.pinv(model) @ model_matrix(levels, counts, omitted)
    pairs_of_terms = [
        *_confounded_terms(model, inside),
        *sorted(_aliased_interactions(alias_matrix, inside, outside, omitted), key=lambda alias: -round(alias[2], 6)),
    ]
    return tuple(
        Alias(_names(term, factors), _names(aliased_with, factors), strength, aliased_with in inside)
        for term, aliased_with, strength in pairs_of_terms
    )


def term_correlations(
    levels: Int[np.ndarray, "cell factor"], counts: Sequence[int]
) -> tuple[tuple[Term, ...], Float[np.ndarray, "term term"]]:
    """Return every main effect and two-factor interaction, and the largest correlation between any two of them.

    This is the first canonical correlation between the contrasts of two terms over the cells, in [0, 1]. 0 means that
    the design separates the terms completely, 1 that a contrast of one is a contrast of the other (Hotelling 1936,
    doi:10.1093/biomet/28.3-4.321). A term of which no contrast varies over the cells has 0 with every term.
    `counts` holds the number of levels of each factor.
    """
    pairs = all_pairs(len(counts))
    places = columns(counts, pairs)
    matrix = model_matrix(levels, counts, pairs)
    terms = tuple(term for term in places if term)
    axes = [_orthonormal_axes(matrix[:, places[term]]) for term in terms]
    correlations = np.eye(len(terms))
    for i, j in combinations(range(len(terms)), 2):
        largest = np.linalg.svd(axes[j].T @ axes[i], compute_uv=False).max(initial=0)
        correlations[i, j] = correlations[j, i] = largest
    return terms, np.clip(correlations, 0, 1)


def in_words(alias: Alias, titles: Mapping[str, str] | None = None) -> str:
    """Return an alias as a sentence without its full stop: kernel is aliased with norm x loss (33 %).

    `titles` holds the titles of factors by name; a factor without a title keeps its name.
    """
    term, aliased_with = (_title(names, titles or {}) for names in (alias.term, alias.aliased_with))
    if alias.in_model and not alias.aliased_with:
        return f"{term} is confounded with the mean of all runs"
    if alias.in_model:
        return f"{term} and {aliased_with} are confounded"
    share = f"{100 * alias.strength:.0f} %" if alias.strength < MAGNIFIED else f"{alias.strength:.1f} times its size"
    return f"{term} is aliased with {aliased_with} ({share})"


def _levels_that_are_run(
    levels: Int[np.ndarray, "cell factor"], factors: Sequence[DesignFactor]
) -> tuple[Int[np.ndarray, "cell factor"], list[int]]:
    """Renumber each factor's levels without those that are never run, and count them.

    A factor with a single level in all cells keeps all of its levels, so that its columns show that it never varies.
    """
    levels, counts = levels.copy(), [factor.n_levels for factor in factors]
    for position in range(len(factors)):
        run_levels, numbers = np.unique(levels[:, position], return_inverse=True)
        if len(run_levels) > 1:
            levels[:, position], counts[position] = numbers, len(run_levels)
    return levels, counts


def _confounded_terms(
    model: Float[np.ndarray, "cell parameter"], inside: Columns
) -> Iterator[tuple[Term, Term, float]]:
    """Yield the pairs of terms that share a direction in which the model matrix is zero."""
    # R of the QR decomposition has the model's singular values, and one row per parameter instead of one per cell
    _, singular_values, directions = np.linalg.svd(np.linalg.qr(model, mode="r"))
    rank = int((singular_values > ROUNDING * singular_values[0]).sum())
    shared = directions[rank:].T @ directions[rank:]
    for first, second in combinations(inside, 2):
        if np.abs(shared[inside[first], inside[second]]).max(initial=0) > ROUNDING:
            yield (first, second, 1.0) if first else (second, first, 1.0)


def _aliased_interactions(
    alias_matrix: Float[np.ndarray, "parameter interaction"], inside: Columns, outside: Columns, omitted: Sequence[Pair]
) -> Iterator[tuple[Term, Term, float]]:
    for term in inside:
        for pair in omitted:
            strength = float(np.linalg.norm(alias_matrix[inside[term], outside[pair]], 2)) if term else 0.0
            if strength > ROUNDING:
                yield term, pair, strength


def _orthonormal_axes(block: Float[np.ndarray, "cell contrast"]) -> Float[np.ndarray, "cell axis"]:
    """Return orthonormal axes of the contrasts around their means."""
    left, singular_values, _ = np.linalg.svd(block - block.mean(axis=0), full_matrices=False)
    return left[:, singular_values > RANK_ROUNDING * len(block)]


def _names(term: Term, factors: Sequence[DesignFactor]) -> tuple[str, ...]:
    return tuple(factors[position].name for position in term)


def _title(names: Sequence[str], titles: Mapping[str, str]) -> str:
    return " x ".join(titles.get(name, name) for name in names)
