"""Which effects a design mixes up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from ablate.design.design import DesignFactor
from ablate.design.model_matrix import Pair, Term, all_pairs, columns, model_matrix

ROUNDING = 1e-6
MAGNIFIED = 1.05

Places = Mapping[Term, slice]
"""Where each term has its columns."""


@dataclass(frozen=True)
class Alias:
    """A term of the model whose estimate holds something of another term; each term by the names of its factors.

    Outside the model (`in_model` false), `with_` is an interaction that the model leaves out, and `strength` the most
    of its effect that is taken for `term`'s: 0 none of it, 1 all, above 1 where the design magnifies it. Inside the
    model, no run of these cells can tell the two apart, and the strength is 1; a `with_` of no factors is the mean.
    """

    term: tuple[str, ...]
    with_: tuple[str, ...]
    strength: float
    in_model: bool = False


def aliases(
    levels: Int[np.ndarray, "cell factor"], factors: Sequence[DesignFactor], pairs_in_model: Sequence[Pair]
) -> tuple[Alias, ...]:
    """Return what is mixed up in these cells: first inside the model, then with what it leaves out, strongest first.

    The model has every main effect and the interactions `pairs_in_model`, by position. What is left out are all other
    two-factor interactions X2, mixed up as the alias matrix (X1'X1)^-1 X1'X2 says (Box and Wilson 1951,
    doi:10.1111/j.2517-6161.1951.tb00067.x); the strength is the largest singular value of its block of two terms.
    Terms of the model are tangled where a direction in which X1 is zero takes part of both. Levels that are never run
    are no part of the model.
    """
    levels, counts = _as_run(levels, factors)
    model = model_matrix(levels, counts, pairs_in_model)
    inside = columns(counts, pairs_in_model)
    left_out = [pair for pair in all_pairs(len(factors)) if not {pair, pair[::-1]} & set(pairs_in_model)]
    outside = columns(counts, left_out)
    bias = np.linalg.pinv(model) @ model_matrix(levels, counts, left_out)
    found = [
        *_tangled(model, inside),
        *sorted(_taken_for(bias, inside, outside, left_out), key=lambda mixed: -round(mixed[2], 6)),
    ]
    return tuple(
        Alias(tuple(factors[i].name for i in term), tuple(factors[i].name for i in other), strength, other in inside)
        for term, other, strength in found
    )


def in_words(alias: Alias, titles: Mapping[str, str] | None = None) -> str:
    """Write an alias as a sentence without its full stop: kernel is mixed up with norm x loss (33 %).

    `titles` says what people call a factor; without one it has its name.
    """
    term, other = (_written(names, titles or {}) for names in (alias.term, alias.with_))
    if alias.in_model and not alias.with_:
        return f"{term} cannot be told apart from the mean of all runs"
    if alias.in_model:
        return f"{term} and {other} cannot be told apart"
    share = f"{100 * alias.strength:.0f} %" if alias.strength < MAGNIFIED else f"{alias.strength:.1f} times its size"
    return f"{term} is mixed up with {other} ({share})"


def _as_run(
    levels: Int[np.ndarray, "cell factor"], factors: Sequence[DesignFactor]
) -> tuple[Int[np.ndarray, "cell factor"], list[int]]:
    """Count only levels that are run, and number them anew; a factor with a single one keeps all."""
    levels, counts = levels.copy(), [factor.levels for factor in factors]
    for position in range(len(factors)):
        run, numbers = np.unique(levels[:, position], return_inverse=True)
        if len(run) > 1:
            levels[:, position], counts[position] = numbers, len(run)
    return levels, counts


def _tangled(model: Float[np.ndarray, "cell parameter"], inside: Places) -> Iterator[tuple[Term, Term, float]]:
    """Yield the pairs of terms that share a direction in which the model matrix is zero."""
    _, sizes, directions = np.linalg.svd(np.linalg.qr(model, mode="r"))  # as of the model itself, and small
    rank = int((sizes > ROUNDING * sizes[0]).sum())
    shared = directions[rank:].T @ directions[rank:]
    for term, other in combinations(inside, 2):
        if np.abs(shared[inside[term], inside[other]]).max(initial=0) > ROUNDING:
            yield (term, other, 1.0) if term else (other, term, 1.0)


def _taken_for(
    bias: Float[np.ndarray, "parameter interaction"], inside: Places, outside: Places, left_out: Sequence[Pair]
) -> Iterator[tuple[Term, Term, float]]:
    for term in inside:
        for pair in left_out:
            strength = float(np.linalg.norm(bias[inside[term], outside[pair]], 2)) if term else 0.0
            if strength > ROUNDING:
                yield term, pair, strength


def _written(names: Sequence[str], titles: Mapping[str, str]) -> str:
    return " x ".join(titles.get(name, name) for name in names)
