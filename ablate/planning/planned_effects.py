"""The effects that a design can estimate: where they act on the cells, and how precisely one seed shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from jaxtyping import Float

from ablate.inference.hypotheses import TOO_FEW_SEEDS, Direction, Hypothesis
from ablate.inference.run_table import RunTable
from ablate.inference.terms import Term, TermColumns, coding, main_effects, pairs_of
from ablate.planning.planned_table import planned_family, planned_table
from ablate.study import StudySpec

GEOMETRY_SEEDS = 2  # the fewest whose runs share a seed; every seed has the same cells
SEPARABLE = ("", TOO_FEW_SEEDS)  # reasons for no test that do not lie in the cells


@dataclass(frozen=True, eq=False)
class PlannedEffect:
    """An effect that the design can estimate.

    A seed's scores are `axes`' times its responses, with orthonormal axes. The means `pattern` @ scores of the cells
    give these scores in every seed. `unit` are the scores of an effect of size 1: of all patterns of means with this
    difference (or difference of differences), the one that is hardest to see.
    """

    hypothesis: Hypothesis
    axes: Float[np.ndarray, "cell axis"]
    pattern: Float[np.ndarray, "cell axis"]
    unit: Float[np.ndarray, " axis"]

    @property
    def width(self) -> int:
        """Degrees of freedom of the hypothesis."""
        return int(self.axes.shape[1])

    @property
    def error(self) -> float:
        """Standard deviation of the effect that one seed shows, if that of a run is 1."""
        return 1 / float(np.linalg.norm(self.unit))


@dataclass(frozen=True, eq=False)
class PlannedEffects:
    """All effects that a design can estimate, and a basis of the differences between cells that its tests look at."""

    effects: tuple[PlannedEffect, ...]
    cells: int
    terms: Float[np.ndarray, "cell dimension"]
    """Orthonormal basis of all main effects and interactions of two factors over the cells."""

    @cached_property
    def axes(self) -> Float[np.ndarray, "cell axis"]:
        """The axes of all effects beside each other."""
        return np.column_stack([np.empty((self.cells, 0)), *(effect.axes for effect in self.effects)])

    @cached_property
    def places(self) -> tuple[slice, ...]:
        """The columns of each effect in `axes`."""
        ends = np.cumsum([effect.width for effect in self.effects]).tolist()
        return tuple(slice(end - effect.width, end) for end, effect in zip(ends, self.effects, strict=True))

    def covariance(self, seed_sd: float) -> Float[np.ndarray, "axis axis"]:
        """Return the covariance of a seed's scores, if a run has variance 1 and every effect varies between seeds.

        `seed_sd` is the standard deviation, between seeds, of a difference of two levels or of two such differences.
        """
        covariance: np.ndarray = self.axes.T @ self.axes
        for effect in self.effects:
            if seed_sd and not effect.hypothesis.is_trend:  # the trend is part of its factor's effect
                moved = self.shift(effect) * (seed_sd / effect.error)
                covariance = covariance + moved @ moved.T
        return covariance

    def relations(self, place: int, seed_sd: float) -> tuple[object, ...]:
        """Return what decides the power of an effect; it is equal for effects with equal power.

        That is how precisely a seed shows it, and how its scores vary with those of all effects.
        """
        effect, covariance = self.effects[place], self.covariance(seed_sd)
        with_others = sorted(
            (at.stop - at.start, *np.linalg.svd(covariance[self.places[place], at], compute_uv=False).round(6).tolist())
            for at in self.places
        )
        return (effect.width, round(effect.error, 6), effect.hypothesis.is_trend, *with_others)

    def shift(self, effect: PlannedEffect) -> Float[np.ndarray, "axis score"]:
        """Return what the scores of an effect add to the mean scores of all effects of the same factors."""
        shift: np.ndarray = self.axes.T @ effect.pattern
        for related, place in zip(self.effects, self.places, strict=True):
            if related.hypothesis.at != effect.hypothesis.at:
                shift[place] = 0
        return shift


def planned_effects(study: StudySpec) -> PlannedEffects:
    """Return the effects of the study's hypotheses that its cells can estimate, in the family's order."""
    # kept on the study, like its cached properties
    cached: dict[str, PlannedEffects] = vars(study).setdefault("planned_effects", {})
    if not cached:
        cached["effects"] = _planned_effects(study)
    return cached["effects"]


def aliased(study: StudySpec) -> tuple[Hypothesis, ...]:
    """Return the hypotheses that the cells cannot separate from other effects, with any number of seeds."""
    if not study.factors:
        return ()
    hypotheses = planned_family(study, GEOMETRY_SEEDS).hypotheses
    separable = {(effect.hypothesis.at, effect.hypothesis.is_trend) for effect in planned_effects(study).effects}
    return tuple(hypothesis for hypothesis in hypotheses if (hypothesis.at, hypothesis.is_trend) not in separable)


def _planned_effects(study: StudySpec) -> PlannedEffects:
    table = planned_table(study, GEOMETRY_SEEDS)
    cells = len(study.cells)
    if not study.factors or cells < 2:  # noqa: PLR2004  # one cell has no difference
        return PlannedEffects((), cells, np.empty((cells, 0)))
    one_seed = table.only(table.block == 0)
    terms = [*main_effects(table), *pairs_of(table)]
    columns = TermColumns.of(one_seed, terms)
    centered = columns.matrix - columns.matrix.mean(axis=0)
    effects = tuple(
        _effect(direction, one_seed, centered[:, columns.places[direction.hypothesis.at]])
        for direction in planned_family(study, GEOMETRY_SEEDS).estimable
        if direction.hypothesis.untested in SEPARABLE
    )
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    return PlannedEffects(effects, cells, left[:, sizes > 1e-9 * sizes.max(initial=0)])


def _effect(direction: Direction, cells: RunTable, columns: Float[np.ndarray, "cell contrast"]) -> PlannedEffect:
    """Return a planned effect; `columns` are the centered columns of its term over the cells."""
    hypothesis = direction.hypothesis
    observations = direction.model.observations
    # every seed has the same cells, so the axes of all runs are those of one seed, repeated; back in the cells' order
    first = observations.slices[0]
    axes = np.empty((len(columns), direction.width))
    axes[observations.order[first]] = direction.axes[first] * np.sqrt(observations.blocks)
    differences = _differences(cells, hypothesis.at)
    if hypothesis.is_trend:
        columns, differences = columns[:, :1], differences[:, :1]
    parameters = np.linalg.inv(axes.T @ columns)  # of a score of 1 along each axis
    pattern = columns @ parameters
    seen = differences @ parameters  # the differences that a score of 1 along each axis makes
    hardest = seen[np.argmax((seen**2).sum(axis=1))]
    return PlannedEffect(hypothesis, axes, pattern, hardest / float(hardest @ hardest))


def _differences(cells: RunTable, term: Term) -> Float[np.ndarray, "difference contrast"]:
    """Return every difference of two levels, or of two such differences, in the parameters of a term."""
    every = np.ones((1, 1))
    for position in term:
        every = np.kron(every, _level_differences(coding(cells.factors[position])))
    return every


def _level_differences(codes: Float[np.ndarray, "level contrast"]) -> Float[np.ndarray, "difference contrast"]:
    pairs: Sequence[tuple[int, int]] = list(combinations(range(len(codes)), 2))
    return np.array([codes[first] - codes[second] for first, second in pairs])
