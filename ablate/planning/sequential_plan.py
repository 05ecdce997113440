"""What a sequential study will cost: expected runs and the chance of stopping at each look, from simulated studies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ablate.core.seeds import derive
from ablate.inference.sequential_tests import first_look, first_naming
from ablate.planning.planned_table import planned_table
from ablate.planning.sequential_simulation import DesignSimulation
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
    simulation = DesignSimulation(
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
        effects=tuple(_simulated(simulation, effect, studies) for effect in effects),
    )


@dataclass(frozen=True)
class _End:
    """The seeds after which everything was decided, infinity if never; the effect's estimate if it was named."""

    seeds: float
    estimate: float | None


def _simulated(simulation: DesignSimulation, size: float, studies: int) -> SimulatedEffect:
    """Simulate studies in which one factor has an effect of this size."""
    generator = np.random.default_rng([derive(simulation.settings.seed, "simulation"), round(1e6 * size)])
    ends = [_study(simulation, size, generator) for _ in range(studies)]
    decided = [end.seeds for end in ends if end.seeds <= simulation.looks.last]
    until = float(np.mean([min(end.seeds, simulation.looks.last) for end in ends]))
    estimates = [end.estimate for end in ends if end.estimate is not None]
    return SimulatedEffect(
        effect=size,
        stops={n: decided.count(n) / studies for n in range(simulation.looks.first, simulation.looks.last + 1)},
        undecided=1 - len(decided) / studies,
        named=len(estimates) / studies,
        seeds=until,
        runs=until * simulation.cells,
        overstated=float(np.mean(estimates) - size) if estimates else None,
    )


def _study(simulation: DesignSimulation, size: float, generator: np.random.Generator) -> _End:
    """Simulate one study in which a factor drawn at random has an effect of this size."""
    place = int(generator.integers(len(simulation.contrasts)))
    moved, weights = simulation.contrasts[place]
    responses = generator.standard_normal((simulation.looks.last, simulation.cells))
    responses += size * simulation.moved_cells(moved)
    named_at, cleared_at = simulation.named_at(responses), simulation.cleared_at(responses)
    seeds = max(min(named_at[position], cleared_at[position]) for position, _ in simulation.contrasts)
    if not size or named_at[moved] > simulation.looks.last:
        return _End(seeds, None)
    by_seed = responses[: int(named_at[moved])] @ weights[-1]
    return _End(seeds, float(by_seed.mean()))


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
        f"The study has a look after each seed from {plan.first} to {plan.last}, and spends alpha linearly: {naming}, "
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
    truth = f"one effect of {simulated.effect:g} SD" if simulated.effect else "no effect"
    early = [f"{100 * chance:.0f} % at {n}" for n, chance in simulated.stops.items() if chance > 0]
    sentences = [
        f"With {truth}, {simulated.runs:.0f} of {plan.runs} runs are expected.",
        f"The looks at which everything is decided first: {', '.join(early) or 'none'} seeds.",
        f"Undecided at the end: {100 * simulated.undecided:.0f} %.",
    ]
    if simulated.effect:
        sentences.append(f"The effect is named in {100 * simulated.named:.0f} %.")
    if simulated.overstated is not None:
        sentences.append(f"Its estimate is then off by {simulated.overstated:+.2f} SD on average.")
    return " ".join(sentences)
