"""The family of hypotheses, all main effects and the chosen interactions, and Holm's adjustment over it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import numpy as np

from ablate.design.model_matrix import Pair
from ablate.inference.inference import Unit
from ablate.inference.linear_model import LinearModel
from ablate.inference.matched import MatchedSets, matched_sets
from ablate.inference.permutation import smallest_p
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings


@dataclass(frozen=True)
class Hypothesis:
    """A main effect (one factor) or an interaction (two factors), and how the design allows to test it.

    `at` are the positions of the factors. `matched`: the runs that differ in these factors alone form `sets` whole
    sets, which are permuted. `linear`: there are too few such sets, so a linear model is used; whole blocks change
    signs, or, if the unit is a run, its residuals are permuted within blocks. `none`: the runs allow no test.
    `smallest` is the minimum attainable p-value, 1 without a test.
    """

    factors: tuple[str, ...]
    at: tuple[int, ...]
    how: Literal["matched", "linear", "none"]
    unit: Unit
    sets: int
    smallest: float

    @property
    def is_main_effect(self) -> bool:
        """Whether it is about one factor."""
        return len(self.at) == 1

    @property
    def is_interaction(self) -> bool:
        """Whether it is about a pair of factors."""
        return len(self.at) == 2  # noqa: PLR2004  # a pair

    @property
    def is_tested(self) -> bool:
        """Whether the runs allow a test of it."""
        return self.how != "none"

    def partners_of(self, factor: str) -> tuple[str, ...]:
        """Return the other factors of an interaction that the factor is part of; none of any other hypothesis."""
        return tuple(path for path in self.factors if path != factor) if factor in self.factors else ()


@dataclass(frozen=True, eq=False)
class Family:
    """All hypotheses on a table of runs, and the linear model of the terms that the runs can estimate."""

    hypotheses: tuple[Hypothesis, ...]
    model: LinearModel

    @property
    def tested(self) -> tuple[Hypothesis, ...]:
        """The hypotheses that these runs allow to test."""
        return tuple(hypothesis for hypothesis in self.hypotheses if hypothesis.is_tested)

    @property
    def untested_pairs(self) -> tuple[Hypothesis, ...]:
        """The interactions that these runs allow no test of."""
        return tuple(pair for pair in self.hypotheses if pair.is_interaction and not pair.is_tested)


def hypotheses(table: RunTable, settings: InferenceSettings) -> tuple[Hypothesis, ...]:
    """Return every hypothesis of the study; of the responses, only their presence matters."""
    return family(table, settings).hypotheses


def family(table: RunTable, settings: InferenceSettings, unit: Unit | None = None) -> Family:
    """Return every hypothesis, and the linear model of the table.

    Without a `unit`, all tests permute whole blocks (seeds) if these can reach alpha over the size of the family, the
    first step of Holm's procedure; else they permute matched runs.
    """
    pairs = _pairs(table, settings)
    model, estimable = _model(table, pairs)
    terms: list[tuple[int, ...]] = [*((position,) for position in range(len(table.factors))), *pairs]
    testable = [_hypothesis(table, term, model, estimable) for term in terms]
    if unit is None:
        level = settings.alpha / max(1, sum(hypothesis.is_tested for hypothesis, _ in testable))
        smallest = smallest_p((2,), table.measured_blocks, settings.permutations)
        unit = "block" if smallest <= level else "run"
    reaching = (_reaching(hypothesis, sets, table, model, unit, settings) for hypothesis, sets in testable)
    return Family(tuple(reaching), model)


@overload
def holm(p_values: Sequence[float]) -> list[float]: ...
@overload
def holm(p_values: Sequence[float | None]) -> list[float | None]: ...
def holm(p_values: Sequence[Any]) -> list[Any]:
    """Return Holm's adjusted p-values (1979, Scandinavian Journal of Statistics 6), in [0, 1]; None stays None.

    The k-th smallest of n is multiplied by n + 1 - k, and is at least the one before it and at most 1.
    """
    # Not statsmodels': it collects the garbage of the whole process at each call, four fifths of a simulated study.
    known = np.array([p for p in p_values if p is not None])
    order = np.argsort(known)
    stepped = np.maximum.accumulate(known[order] * np.arange(len(known), 0, -1)).clip(max=1)
    adjusted = iter(stepped[np.argsort(order)].tolist())
    return [None if p is None else next(adjusted) for p in p_values]


def _hypothesis(
    table: RunTable, term: tuple[int, ...], model: LinearModel, estimable: Sequence[tuple[int, ...]]
) -> tuple[Hypothesis, MatchedSets]:
    names = tuple(table.factors[position].path for position in term)
    sets = matched_sets(table, term)
    if sets.suffice and min(sets.values.shape[1:]) > 1:
        return Hypothesis(names, term, "matched", "run", len(sets.values), 1.0), sets
    linear = term in estimable and model.freedom > 0
    return Hypothesis(names, term, "linear" if linear else "none", "run", 0, 1.0), sets


def _reaching(  # a hypothesis, and all that bounds its p
    hypothesis: Hypothesis,
    sets: MatchedSets,
    table: RunTable,
    model: LinearModel,
    unit: Unit,
    settings: InferenceSettings,
) -> Hypothesis:
    """Return the hypothesis with its unit and its minimum attainable p-value."""
    if not hypothesis.is_tested or table.measured_blocks < FEWEST_BLOCKS:
        return hypothesis
    most = settings.permutations
    if hypothesis.how == "linear":
        informative = model.informative_blocks(model.term(*hypothesis.at))
        smallest = smallest_p((2,), informative, most) if unit == "block" else 1 / (1 + most)
        return replace(hypothesis, unit=unit, smallest=smallest)
    blocks = len(np.unique(sets.block))
    unit = "block" if blocks == len(sets.block) else unit
    count = blocks if unit == "block" else len(sets.block)
    return replace(hypothesis, unit=unit, smallest=smallest_p(sets.values.shape[1:], count, most))


def _pairs(table: RunTable, settings: InferenceSettings) -> tuple[Pair, ...]:
    varied = {factor.path: index for index, factor in enumerate(table.factors) if len(factor.levels) > 1}
    return tuple((varied[first], varied[second]) for first, second in settings.tested_pairs(tuple(varied)))


def _model(table: RunTable, pairs: Sequence[Pair]) -> tuple[LinearModel, tuple[tuple[int, ...], ...]]:
    """Return the model with the pairs that the runs can estimate, and the terms of it that they can estimate."""
    key = ("linear model", tuple(pairs))
    if key not in table.derived:
        largest = LinearModel.of(table, pairs)
        estimable = [pair for pair in pairs if largest.estimable(largest.term(*pair))]
        model = largest if len(estimable) == len(pairs) else LinearModel.of(table, estimable)
        varied = [(position,) for position, factor in enumerate(table.factors) if len(factor.levels) > 1]
        table.derived[key] = model, (*(main for main in varied if model.estimable(model.term(*main))), *estimable)
    cached: tuple[LinearModel, tuple[tuple[int, ...], ...]] = table.derived[key]
    return cached
