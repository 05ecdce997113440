"""What a sequential study will cost: expected runs and the chance of stopping at each look, from simulated studies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from ablate.core.seeds import derive
from ablate.inference import seed_flips
from ablate.inference.contexts import context_check
from ablate.inference.factor_levels import differences, numeric_values
from ablate.inference.hypotheses import Direction, Family, family
from ablate.inference.run_table import RunTable
from ablate.inference.sequential import GroupSequential, linear_shares, parent_flips
from ablate.inference.sequential_t import critical_values
from ablate.inference.sequential_tests import first_blocks, first_look, first_naming
from ablate.inference.settings import InferenceSettings, Looks
from ablate.inference.step_down import flip_signs, surprise_chi2
from ablate.planning.planned_table import planned_table
from ablate.study import StudySpec

STUDIES = 200  # simulated for each effect: a chance is then known to 3.5 percentage points
EFFECTS = (0.0, 0.5, 1.0)  # standard deviations of a run, where none is named
FLIPS = 999  # drawn in a simulation, where a study has too many to enumerate
PAYS = 5.0  # standard errors of the last look: a margin of so many lets most idle factors be cleared early


@dataclass(frozen=True)
class SimulatedEffect:
    """What becomes of studies in which one factor, drawn at random, has an effect of this size, and no other has any.

    `effect` is in residual standard deviations of a run; 0 stands for no effect at all. `stops` is the chance that
    everything is decided first at each look, by its number of seeds. `named` is the chance that the effect is named,
    and `undecided` that the last look leaves something undecided. `runs` and `seeds` are expected numbers until then.
    `overstated` is the mean of the estimates when they were named, minus the effect; None where nothing was named.
    """

    effect: float
    stops: Mapping[int, float]
    undecided: float
    named: float
    seeds: float
    runs: float
    overstated: float | None


@dataclass(frozen=True)
class SequentialPlan:
    """What the looks of a study are, and what becomes of it for several effects.

    `naming_from` and `clearing_from` are the numbers of seeds at which a factor can be named and cleared first; None
    where no look can. `margin_errors` is the margin in standard errors of a difference at the last look; None without a
    margin, or without a standard deviation of a run.
    """

    first: int
    last: int
    runs: int
    naming_from: int | None
    clearing_from: int | None
    margin_errors: float | None
    effects: tuple[SimulatedEffect, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The plan of the looks for a reader."""
        return tuple(_sentences(self))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def sequential_plan(
    study: StudySpec, sd: float | None, effects: Sequence[float] = EFFECTS, studies: int = STUDIES
) -> SequentialPlan | None:
    """Simulate a sequential study for several effects; None for a study that plans no looks.

    `sd` is the residual standard deviation of a run, in the response's unit; without it no margin can be simulated.
    `effects` are differences between a factor's baseline and its last level, in such standard deviations. Runs are
    normal, and effects are the same in every seed. No run is lost. Equal input gives an equal result.
    """
    looks, settings = study.looks, study.settings
    if looks is None:
        return None
    margin = settings.margin / sd if settings.margin is not None and sd else None
    simulation = _Simulation(
        planned_table(study, looks.last), settings.model_copy(update={"margin": margin, "draws": FLIPS}), looks
    )
    naming_from = first_naming(looks, settings.alpha)
    return SequentialPlan(
        first=looks.first,
        last=looks.last,
        runs=len(study.cells) * looks.last,
        naming_from=naming_from if naming_from <= looks.last else None,
        clearing_from=first_look(looks) if settings.margin is not None and first_look(looks) <= looks.last else None,
        margin_errors=margin / simulation.last_error if margin is not None else None,
        effects=tuple(simulation.effect(effect, studies) for effect in effects),
    )


@dataclass(frozen=True)
class _End:
    """The seeds after which everything was decided, infinity if never; the effect's estimate if it was named."""

    seeds: float
    estimate: float | None


@dataclass(frozen=True, eq=False)
class _Simulation:
    """Studies of one design. Without lost runs every seed has the same cells, so the scores of a seed are its own."""

    table: RunTable
    settings: InferenceSettings
    looks: Looks

    @cached_property
    def family(self) -> Family:
        """The family of the complete study."""
        return family(self.table, self.settings)

    @cached_property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.table.block) // self.looks.last

    @cached_property
    def contrasts(self) -> tuple[tuple[int, Float[np.ndarray, "_ cell"]], ...]:
        """Each factor's position, and its differences from the baseline as weights of the cells of one seed."""
        weights = []
        for direction in self.family.directions:
            if direction.hypothesis.is_main_effect:
                (position,) = direction.hypothesis.at
                factor = self.table.factors[position]
                rows = np.array(
                    [
                        direction.model.contrast(self.table, position, contrast.weights)
                        for contrast in differences(factor)
                    ]
                )
                weights.append((position, self._of_one_seed(direction, direction.model.directions(rows))))
        return tuple(weights)

    @cached_property
    def axes(self) -> tuple[Float[np.ndarray, "_ cell"], ...]:
        """The axes of each hypothesis over the cells of one seed."""
        return tuple(self._of_one_seed(direction, direction.axes) for direction in self.family.directions)

    @property
    def last_error(self) -> float:
        """The largest standard error of a difference at the last look, in standard deviations of a run."""
        squares = [float((weights**2).sum(axis=1).max()) for _, weights in self.contrasts]
        return float(np.sqrt(max(squares) / self.looks.last))

    def effect(self, size: float, studies: int) -> SimulatedEffect:
        """Simulate studies in which one factor has an effect of this size."""
        generator = np.random.default_rng([derive(self.settings.seed, "simulation"), round(1e6 * size)])
        ends = [self._study(size, generator) for _ in range(studies)]
        decided = [end.seeds for end in ends if end.seeds <= self.looks.last]
        until = float(np.mean([min(end.seeds, self.looks.last) for end in ends]))
        estimates = [end.estimate for end in ends if end.estimate is not None]
        return SimulatedEffect(
            effect=size,
            stops={n: decided.count(n) / studies for n in range(self.looks.first, self.looks.last + 1)},
            undecided=1 - len(decided) / studies,
            named=len(estimates) / studies,
            seeds=until,
            runs=until * self.cells,
            overstated=float(np.mean(estimates) - size) if estimates else None,
        )

    def _study(self, size: float, generator: np.random.Generator) -> "_End":
        """Simulate one study in which a factor drawn at random has an effect of this size."""
        place = int(generator.integers(len(self.contrasts)))
        moved, weights = self.contrasts[place]
        responses = generator.standard_normal((self.looks.last, self.cells)) + size * self._moved_cells(moved)
        named_at, cleared_at = self._named_at(responses), self._cleared_at(responses)
        seeds = max(min(named_at[position], cleared_at[position]) for position, _ in self.contrasts)
        if not size or named_at[moved] > self.looks.last:
            return _End(seeds, None)
        by_seed = responses[: int(named_at[moved])] @ weights[-1]
        return _End(seeds, float(by_seed.mean()))

    def _moved_cells(self, position: int) -> Float[np.ndarray, " cell"]:
        """Return 1 for the cells at a factor's last level beside the baseline; of a numeric factor, a line up to it."""
        factor, cells = self.table.factors[position], self.table.levels[self.table.block == 0]
        if factor.numeric:
            values = numeric_values(factor)
            baseline = values[factor.levels.index(factor.baseline)]
            line: np.ndarray = ((values - baseline) / (values[-1] - baseline or 1.0))[cells[:, position]]
            return line
        last = differences(factor)[-1].level
        moved: np.ndarray = (cells[:, position] == factor.levels.index(last or factor.baseline)).astype(float)
        return moved

    def _named_at(self, responses: Float[np.ndarray, "seed cell"]) -> dict[int, float]:
        """Return the seeds at which each factor is named, or a pair of it; infinity if none is."""
        first = first_look(self.looks)
        scores = [responses @ axes.T for axes in self.axes]
        matrices, sizes = [], [1]
        for n in range(first, self.looks.last + 1):
            signs = flip_signs(n, seed_flips.ENUMERATED, self.settings.draws, self.settings.seed, size=self.looks.last)
            matrices.append(_statistics([score[:n] for score in scores], signs.astype(float)))
            sizes.append(len(signs))
        parents = [parent_flips(before, now) for before, now in pairwise(sizes)]
        sequence = GroupSequential(matrices, parents, linear_shares(first, self.looks.last, self.looks.last))
        looks = sequence.naming(self.settings.alpha).named_at
        named = {position: np.inf for position, _ in self.contrasts}
        for direction, look in zip(self.family.directions, looks, strict=True):
            seeds = first + int(look) if look < len(matrices) else np.inf
            for position in direction.hypothesis.at:
                if direction.hypothesis.is_main_effect or direction.hypothesis.is_interaction:
                    named[position] = min(named.get(position, np.inf), seeds)
        return named

    def _cleared_at(self, responses: Float[np.ndarray, "seed cell"]) -> dict[int, float]:
        """Return the seeds at which each factor is cleared: within the margin, and quiet in every context."""
        cleared = {position: np.inf for position, _ in self.contrasts}
        if self.settings.margin is None:
            return cleared
        table = RunTable(
            self.table.factors, self.table.blocks, self.table.levels, self.table.block, responses.reshape(-1)
        )
        values = critical_values(self.looks, self.settings.alpha, self.looks.last)
        for n in range(first_look(self.looks), self.looks.last + 1):
            critical = values[n - self.looks.first]
            for position, weights in self.contrasts:
                if np.isfinite(cleared[position]):
                    continue
                by_seed = responses[:n] @ weights.T
                reach = np.abs(by_seed.mean(axis=0)) + critical * by_seed.std(axis=0, ddof=1) / np.sqrt(n)
                if (reach < self.settings.margin).all():
                    check = context_check(first_blocks(table, n), position, self.settings)
                    if check is not None and check.is_quiet:
                        cleared[position] = n
        return cleared

    def _of_one_seed(
        self, direction: Direction, columns: Float[np.ndarray, "run axis"]
    ) -> Float[np.ndarray, "axis cell"]:
        """Return columns over all runs as weights of one seed's cells, which add up over the seeds to their mean."""
        by_run = np.empty_like(columns)
        by_run[direction.model.observations.order] = columns
        weights: np.ndarray = by_run[self.table.block == 0].T * self.looks.last
        return weights


def _statistics(
    scores: Sequence[Float[np.ndarray, "seed _"]], signs: Float[np.ndarray, "flip seed"]
) -> Float[np.ndarray, "hypothesis flip"]:
    """Return the statistics of seed_flips for complete tables, in which no flip leaks into another term."""
    n = signs.shape[1]
    scale = np.array([float((score**2).sum()) / score.shape[1] for score in scores])
    weight = seed_flips.POOLED_WEIGHT
    shrunken = (weight * np.median(scale) + n * scale) / (weight + n)
    return np.array(
        [
            surprise_chi2(((signs @ score) ** 2).sum(axis=1) / s, score.shape[1])
            for score, s in zip(scores, shrunken, strict=True)
        ]
    )


def _sentences(plan: SequentialPlan) -> Iterator[str]:
    naming = (
        f"a factor can be named from {plan.naming_from} seeds on"
        if plan.naming_from
        else "no look can name anything: alpha x seeds allows no flip"
    )
    clearing = (
        f"cleared from {plan.clearing_from} seeds on" if plan.clearing_from else "without a margin none is cleared"
    )
    yield (
        f"Sequential study: a look after each seed from {plan.first} to {plan.last}, alpha spent linearly; {naming}, "
        f"and {clearing}."
    )
    for simulated in plan.effects:
        yield _effect_sentence(simulated, plan)
    if plan.clearing_from is None:
        yield "Without a margin, idle factors stay undecided: the study stops early only if every factor is named."
    elif plan.margin_errors is None:
        yield "The chance of clearing is not simulated: give the standard deviation of a run (--sd, or analysis.sd)."
    else:
        pays = "is likely to pay" if plan.margin_errors >= PAYS else "is unlikely to pay"
        yield (
            f"Stopping early {pays}: the margin is {plan.margin_errors:.1f} standard errors of the last look, and "
            f"about {PAYS:g} are needed to clear idle factors early."
        )


def _effect_sentence(simulated: SimulatedEffect, plan: SequentialPlan) -> str:
    what = f"one effect of {simulated.effect:g} SD" if simulated.effect else "no effect"
    early = [f"{100 * chance:.0f} % at {n}" for n, chance in simulated.stops.items() if chance > 0]
    named = f" The effect is named in {100 * simulated.named:.0f} %." if simulated.effect else ""
    over = (
        f" Its estimate when it is named differs from it by {simulated.overstated:+.2f} SD on average."
        if simulated.overstated is not None
        else ""
    )
    return (
        f"With {what}: {simulated.runs:.0f} of {plan.runs} runs are expected until everything is decided or the last "
        f"seed has run; decided first: {', '.join(early) or 'never'}; undecided at the end: "
        f"{100 * simulated.undecided:.0f} %.{named}{over}"
    )
