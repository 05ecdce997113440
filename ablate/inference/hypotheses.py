"""The family of hypotheses on a table: all main effects, linear trends, and the chosen interactions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from ablate.inference.kind_of_test import KindOfTest, is_designed, kind_of_test
from ablate.inference.linear_model import LinearModel, Observations
from ablate.inference.robust import Robust
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.terms import Term, main_effects, pairs_of, supersets

# Fewer residual degrees of freedom or runs were not measured to hold the error rate in tables that nobody planned.
FEWEST_FREEDOM = 10
FEWEST_FREEDOM_WITH_PAIRS = 20
INFORMATIVE = 1e-9  # of the largest block's weight: less is rounding
RUNS_PER_PARAMETER = 1.5  # seed effects and terms; with fewer, pairs are found in 7 to 12 % and cost most of the power

TOO_FEW_SEEDS = "interactions need six seeds"
NOT_ASKED = "the runs are too few for interactions"
TOO_FEW_RUNS = "the runs leave fewer than 10 residual degrees of freedom"
ONE_LEVEL = "only one of its levels has a response"
NO_RESPONSE = "no run has a response"
ALIASED = "no run separates it from other effects"


@dataclass(frozen=True)
class Hypothesis:
    """A main effect (one factor), the linear trend of an ordered factor, or an interaction (two factors).

    `at` are the positions of the factors. `untested` says why these runs allow no test; it is empty if they allow one.
    """

    factors: tuple[str, ...]
    at: Term
    is_trend: bool = False
    untested: str = ""

    @property
    def is_main_effect(self) -> bool:
        """Whether it is about all levels of one factor."""
        return len(self.at) == 1 and not self.is_trend

    @property
    def is_interaction(self) -> bool:
        """Whether it is about a pair of factors."""
        return len(self.at) == 2  # noqa: PLR2004  # a pair

    @property
    def is_tested(self) -> bool:
        """Whether the runs allow a test of it."""
        return not self.untested

    def partners_of(self, factor: str) -> tuple[str, ...]:
        """Return the other factors of an interaction that the factor is part of; none of any other hypothesis."""
        return tuple(path for path in self.factors if path != factor) if factor in self.factors else ()


@dataclass(frozen=True, eq=False)
class Direction:
    """A tested hypothesis in its model: orthonormal axes of its contrasts, beside all other terms of the model."""

    hypothesis: Hypothesis
    model: LinearModel
    axes: Float[np.ndarray, "run axis"]

    @property
    def width(self) -> int:
        """Degrees of freedom of the hypothesis."""
        return int(self.axes.shape[1])

    @property
    def informative_blocks(self) -> int:
        """The number of blocks whose runs contribute to the hypothesis; the signs of other blocks change nothing."""
        weights = self.model.observations.by_block((self.axes**2).sum(axis=1))
        return int((weights > INFORMATIVE * weights.max(initial=0)).sum())

    @cached_property
    def reduced_residual(self) -> Float[np.ndarray, " run"]:
        """The residuals of the model without this hypothesis."""
        return self.model.reduced_residual(self.axes)

    @cached_property
    def scores(self) -> Float[np.ndarray, "block axis"]:
        """Each block's sum of axes times reduced residuals; over all blocks they sum to the estimate along the axes."""
        return self.model.observations.by_block(self.axes * self.reduced_residual[:, np.newaxis])


@dataclass(frozen=True, eq=False)
class Family:
    """All hypotheses on a table, how they are tested, and the directions of those that the runs can estimate."""

    kind: KindOfTest
    hypotheses: tuple[Hypothesis, ...]
    estimable: tuple[Direction, ...]
    observations: Observations

    @cached_property
    def directions(self) -> tuple[Direction, ...]:
        """The directions of the hypotheses that these runs allow to test."""
        return tuple(direction for direction in self.estimable if direction.hypothesis.is_tested)

    @property
    def tested(self) -> tuple[Hypothesis, ...]:
        """The hypotheses that these runs allow to test."""
        return tuple(direction.hypothesis for direction in self.directions)

    @property
    def untested_pairs(self) -> tuple[Hypothesis, ...]:
        """The interactions that these runs allow no test of."""
        return tuple(pair for pair in self.hypotheses if pair.is_interaction and not pair.is_tested)

    def direction_of(self, term: Term) -> Direction | None:
        """Return the direction of a main effect or an interaction; None if the runs do not determine it."""
        matching = (d for d in self.estimable if d.hypothesis.at == term and not d.hypothesis.is_trend)
        return next(matching, None)

    def robust(self, model: LinearModel) -> Robust:
        """Return the robust estimates of one of the family's models, computed once."""
        if id(model) not in self._robust:
            self._robust[id(model)] = Robust(model)
        return self._robust[id(model)]

    @cached_property
    def _robust(self) -> dict[int, Robust]:
        return {}


def family(table: RunTable, settings: InferenceSettings) -> Family:
    """Return every hypothesis on a table; of the responses, only their presence decides what is tested.

    In a designed table, a hypothesis is tested beside every other main effect and every interaction, whether or not the
    interaction is in the family. So an interaction never passes for a main effect. Where larger terms that contain the
    hypothesis's factors leave it undetermined, as in a design of one factor at a time, they are left out: they are 0 if
    the hypothesis's factors have no effect. If the runs do not determine it even then, it is not tested: its estimate,
    in a model of the main effects alone, contains part of other effects.
    In a table that nobody planned, chance separates what the model leaves out.
    """
    kind = kind_of_test(table)
    has_blocks = kind is not KindOfTest.RUN_FLIPS
    observations = Observations.of(table, has_blocks=has_blocks)
    mains, pairs = main_effects(table), _chosen_pairs(table, settings)
    models = _Models(table, observations, kind)
    refused_pairs = models.fit(mains, pairs, is_planned=is_designed(table))
    hypotheses, directions = [], []
    for candidate, columns in _every_hypothesis(table, pairs):
        direction = models.direction(candidate, columns)
        reason = _without_levels(candidate, table) or (
            refused_pairs if candidate.is_interaction else models.refused_mains
        )
        hypothesis = replace(candidate, untested=reason or ("" if direction else ALIASED))
        hypotheses.append(hypothesis)
        direction = direction or models.aliased_direction(candidate, columns)
        if direction is not None:
            directions.append(replace(direction, hypothesis=hypothesis))
    return Family(kind, tuple(hypotheses), tuple(directions), observations)


class _Models:
    """The models in which the hypotheses of a table are tested."""

    def __init__(self, table: RunTable, observations: Observations, kind: KindOfTest) -> None:
        self._table, self._observations, self._kind = table, observations, kind
        self._fitted: dict[tuple[Term, ...], LinearModel] = {}
        self._terms: tuple[Term, ...] = ()
        self._is_planned = False
        self.refused_mains = ""

    def fit(self, mains: Sequence[Term], pairs: Sequence[Term], *, is_planned: bool) -> str:
        """Choose the terms of the models, and return why no interaction is tested, empty if some may be."""
        self._is_planned, reason = is_planned, ""
        self._terms = (*mains, *(pairs_of(self._table) if is_planned else pairs))
        if not is_planned and pairs and not self._has_room_for_pairs():
            self._terms, reason = tuple(mains), NOT_ASKED
        needs_freedom = self._kind in (KindOfTest.WILD_FLIPS, KindOfTest.RUN_FLIPS)
        if needs_freedom and self._model(self._terms).freedom < FEWEST_FREEDOM:
            self.refused_mains = reason = TOO_FEW_RUNS
        return TOO_FEW_SEEDS if self._kind is KindOfTest.F_TEST else reason

    def direction(self, hypothesis: Hypothesis, columns: slice) -> Direction | None:
        """Return the direction of a hypothesis; None if the runs do not determine it."""
        if hypothesis.at not in self._model(self._terms).places:
            return None
        contained = () if not self._is_planned else tuple(supersets(hypothesis.at, self._terms))
        for left_out in [(), contained] if contained else [()]:
            model = self._model(tuple(term for term in self._terms if term not in left_out))
            rows = model.rows(hypothesis.at, columns)
            if len(rows) and model.estimable(rows):
                return Direction(hypothesis, model, model.axes(rows))
        return None

    def aliased_direction(self, hypothesis: Hypothesis, columns: slice) -> Direction | None:
        """Return the direction of a main effect in a model of the main effects alone; None if it is not determined."""
        model = self._model(main_effects(self._table))
        if hypothesis.is_interaction or hypothesis.at not in model.places:
            return None
        rows = model.rows(hypothesis.at, columns)
        return Direction(hypothesis, model, model.axes(rows)) if len(rows) and model.estimable(rows) else None

    def _model(self, terms: tuple[Term, ...]) -> LinearModel:
        if terms not in self._fitted:
            self._fitted[terms] = LinearModel.of(self._table, self._observations, terms)
        return self._fitted[terms]

    def _has_room_for_pairs(self) -> bool:
        model = self._model(self._terms)
        runs = len(model.matrix)
        parameters = runs - model.freedom
        return runs >= RUNS_PER_PARAMETER * parameters and model.freedom >= FEWEST_FREEDOM_WITH_PAIRS


def _every_hypothesis(table: RunTable, pairs: Sequence[Term]) -> Iterator[tuple[Hypothesis, slice]]:
    """Yield the hypotheses, each with its columns within its term."""
    for position, factor in enumerate(table.factors):
        yield Hypothesis((factor.path,), (position,)), slice(None)
    for position, factor in enumerate(table.factors):
        if factor.has_trends:
            yield Hypothesis((factor.path,), (position,), is_trend=True), slice(0, 1)
    for pair in pairs:
        yield Hypothesis(tuple(table.factors[position].path for position in pair), pair), slice(None)


def _without_levels(hypothesis: Hypothesis, table: RunTable) -> str:
    """Return why a hypothesis has no levels to compare, empty if it has some."""
    if not table.defined.any():
        return NO_RESPONSE
    has_levels = all(len(table.factors[position].levels) > 1 for position in hypothesis.at)
    return "" if has_levels else ONE_LEVEL


def _chosen_pairs(table: RunTable, settings: InferenceSettings) -> tuple[Term, ...]:
    varied = {factor.path: index for index, factor in enumerate(table.factors) if len(factor.levels) > 1}
    return tuple(
        (varied[first], varied[second]) if varied[first] < varied[second] else (varied[second], varied[first])
        for first, second in settings.tested_pairs(tuple(varied))
    )
