"""What is tested: the main effect of every factor and the interaction of every chosen pair."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

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
    """A main effect (one factor) or an interaction (two), and how the design lets it be tested.

    `at` are the factors' positions. `matched`: runs that differ in these factors alone make up `sets` whole sets, which
    are relabeled. `linear`: such sets are too few, and a linear model is taken: whole blocks change signs, or its
    residuals are shuffled within blocks where the unit is a run. `none`: the runs do not show it. `smallest` is the
    least p that can be reached, 1 where none can.
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
    """All that is tested in a table of runs, and the linear model of those of its terms that the runs can show."""

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
    """Return every hypothesis of the study; responses matter only by being there or not."""
    return family(table, settings).hypotheses


def family(table: RunTable, settings: InferenceSettings, unit: Unit | None = None) -> Family:
    """Return every hypothesis, and the model of the table.

    Without a `unit`, blocks (seeds) are that of all tests where relabeling whole blocks reaches alpha over the size of
    the family, the first step of Holm's procedure; else matched runs are.
    """
    pairs = _pairs(table, settings)
    model, shown = _model(table, pairs)
    terms: list[tuple[int, ...]] = [*((position,) for position in range(len(table.factors))), *pairs]
    found = [_hypothesis(table, term, model, shown) for term in terms]
    blocks = len(np.unique(table.block[table.defined]))
    if unit is None:
        size = sum(own.how != "none" for own, _ in found)
        unit = "block" if smallest_p((2,), blocks, settings.permutations) <= settings.alpha / max(1, size) else "run"
    return Family(tuple(_reaching(own, sets, model, unit, blocks, settings) for own, sets in found), model)


def _hypothesis(
    table: RunTable, term: tuple[int, ...], model: LinearModel, shown: Sequence[tuple[int, ...]]
) -> tuple[Hypothesis, MatchedSets]:
    names = tuple(table.factors[position].path for position in term)
    sets = matched_sets(table, term)
    if sets.suffice and min(sets.values.shape[1:]) > 1:
        return Hypothesis(names, term, "matched", "run", len(sets.values), 1.0), sets
    linear = term in shown and model.freedom > 0
    return Hypothesis(names, term, "linear" if linear else "none", "run", 0, 1.0), sets


def _reaching(  # a hypothesis, and all that bounds its p
    own: Hypothesis, sets: MatchedSets, model: LinearModel, unit: Unit, blocks: int, settings: InferenceSettings
) -> Hypothesis:
    """Return the hypothesis with its unit and the least p that it can reach."""
    if own.how == "none" or blocks < FEWEST_BLOCKS:
        return own
    if own.how == "linear":
        told = model.informative_blocks(model.term(*own.at))
        smallest = smallest_p((2,), told, settings.permutations) if unit == "block" else 1 / (1 + settings.permutations)
        return replace(own, unit=unit, smallest=smallest)
    with_sets = len(np.unique(sets.block))
    unit = "block" if with_sets == len(sets.block) else unit
    count = with_sets if unit == "block" else len(sets.block)
    return replace(own, unit=unit, smallest=smallest_p(sets.values.shape[1:], count, settings.permutations))


def _pairs(table: RunTable, settings: InferenceSettings) -> tuple[Pair, ...]:
    varied = {factor.path: index for index, factor in enumerate(table.factors) if len(factor.levels) > 1}
    return tuple((varied[first], varied[second]) for first, second in settings.tested_pairs(tuple(varied)))


def _model(table: RunTable, pairs: Sequence[Pair]) -> tuple[LinearModel, tuple[tuple[int, ...], ...]]:
    """Return the model with the pairs that the runs tell from all others, and the terms of it that can be estimated."""
    largest = LinearModel.of(table, pairs)
    kept = [pair for pair in pairs if largest.estimable(largest.term(*pair))]
    model = largest if len(kept) == len(pairs) else LinearModel.of(table, kept)
    varied = [(position,) for position, factor in enumerate(table.factors) if len(factor.levels) > 1]
    return model, (*(main for main in varied if model.estimable(model.term(*main))), *kept)
