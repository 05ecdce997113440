"""`ablate calibrate`: simulate studies whose truth is known, and show how often the verdicts are right."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ablate.commands.console import say, write
from ablate.core.errors import SpecError
from ablate.execution.signals import listening
from ablate.inference.calibration import SCENARIOS, Scenario
from ablate.inference.calibration.campaign import Campaign, judgments
from ablate.inference.calibration.criteria import Criterion, criteria, results_json
from ablate.inference.calibration.judge import Judgment
from ablate.inference.calibration.layout import Layout, level_counts
from ablate.inference.calibration.rates import COLUMNS, MEANINGS, Rates, columns, rate_words, rates
from ablate.inference.calibration.scenarios import Sizes
from ablate.inference.infer import infer
from ablate.inference.settings import InferenceSettings
from ablate.report.calibration_figure import calibration_figure

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130
DEFAULT_LEVELS, DEFAULT_SEEDS, DEFAULT_STUDIES = "3x2x2x2", 8, 1_000
TITLES = {name: scenario.title for name, scenario in SCENARIOS.items()}


@dataclass(frozen=True)
class Simulation:
    """The options of `ablate calibrate`.

    No `scenarios` stands for all of them. None as `workers` takes one worker per core.
    """

    levels: str | None = None
    seeds: int | None = None
    studies: int = DEFAULT_STUDIES
    scenarios: Sequence[str] = ()
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0
    workers: int | None = None


def calibrate(
    study: Path | None, simulation: Simulation, json_file: Path | None, svg: Path | None, console: Console
) -> int:
    """Simulate studies of a design, show the rates of right and wrong verdicts, and return the exit code.

    After an interrupt, the studies that have finished are shown. Raises SpecError and DesignError for a design or a
    scenario that does not exist.
    """
    layout, settings = _design(study, simulation)
    changes = {"margin": simulation.sizes.margin}
    analyze = partial(infer, described=False)
    campaign = Campaign(layout, simulation.sizes, settings.model_copy(update=changes), analyze, simulation.seed)
    scenarios = _fitting_scenarios(simulation.scenarios, layout, console)
    judged, interrupted = _judge_all(campaign, scenarios, simulation, console)
    results = {name: rates(name, outcomes) for name, outcomes in judged.items()}
    checked = criteria(results, campaign)
    _show(campaign, results, checked, console)
    if json_file:
        text = json.dumps(results_json(campaign, results, checked), indent=1, allow_nan=False)
        write(json_file, text + "\n", console)
    if svg and results:
        write(svg, calibration_figure(results, TITLES, settings.alpha), console)
    if interrupted:
        return INTERRUPTED
    return SUCCESS if all(criterion.holds for criterion in checked) else FAILURE


def _design(study: Path | None, simulation: Simulation) -> tuple[Layout, InferenceSettings]:
    """Return the layout of a study's file or of crossed levels, and the settings of its analysis."""
    if study is None:
        counts = level_counts(simulation.levels or DEFAULT_LEVELS)
        return Layout.crossed(counts, simulation.seeds or DEFAULT_SEEDS), InferenceSettings()
    if simulation.levels is not None:
        raise SpecError(f"--levels: {study} has its own design; give either the study or --levels")
    from ablate.study import study_file  # noqa: PLC0415  # crossed levels need no study

    spec = study_file.load(study)
    positions = [[f.levels.index(cell.levels[f.path]) for f in spec.factor_levels] for cell in spec.cells]
    pairs = spec.settings.tested_pairs(tuple(spec.factors))
    layout = Layout(spec.factor_levels, np.array(positions), simulation.seeds or len(spec.seeds), pairs)
    return layout, spec.settings.model_copy(update={"bounds": None})  # simulated responses have none


def _fitting_scenarios(names: Sequence[str], layout: Layout, console: Console) -> list[Scenario]:
    """Return the scenarios to simulate; those that do not fit the layout are named and left out."""
    if unknown := sorted(set(names) - set(SCENARIOS)):
        raise SpecError(f"--scenario: found {unknown[0]!r}; must be one of: {', '.join(SCENARIOS)}")
    scenarios = [scenario for name, scenario in SCENARIOS.items() if not names or name in names]
    for scenario in scenarios:
        if not scenario.fits(layout):
            say(f"{scenario.title}: left out, this design cannot show it", console)
    return [scenario for scenario in scenarios if scenario.fits(layout)]


def _judge_all(
    campaign: Campaign, scenarios: Sequence[Scenario], simulation: Simulation, console: Console
) -> tuple[Mapping[str, list[Judgment]], bool]:
    """Return the judgments of each scenario in the order of the studies, and whether Ctrl-C stopped the simulation."""
    done: dict[str, dict[int, Judgment]] = {scenario.name: {} for scenario in scenarios}
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    workers = simulation.workers or _cores()
    with Progress(*bar, console=console, transient=True) as progress, listening() as interruption:
        tasks = {scenario.name: progress.add_task(scenario.title, total=simulation.studies) for scenario in scenarios}
        with closing(judgments(campaign, scenarios, simulation.studies, workers)) as results:
            for name, number, judgment in results:
                done[name][number] = judgment
                progress.advance(tasks[name])
                if interruption.requested:
                    break
    judged = {name: [by_number[number] for number in sorted(by_number)] for name, by_number in done.items()}
    return {name: outcomes for name, outcomes in judged.items() if outcomes}, interruption.requested


def _show(campaign: Campaign, results: Mapping[str, Rates], checked: Sequence[Criterion], console: Console) -> None:
    say(_planted_words(campaign), console)
    table = Table("scenario", box=None, pad_edge=False)
    for heading in COLUMNS.values():
        table.add_column(heading.replace(" ", "\n"), justify="right", no_wrap=True)
    for name, scenario_rates in results.items():
        shares = ["\n".join(rate_words(rate)) for rate in columns(scenario_rates)]
        table.add_row(f"{TITLES[name]}\n({scenario_rates.studies} studies)", *shares)
    console.print(table)
    for sentence in (*MEANINGS, *(criterion.sentence(TITLES[criterion.scenario]) for criterion in checked)):
        say(sentence, console)


def _planted_words(campaign: Campaign) -> str:
    layout, sizes = campaign.layout, campaign.sizes
    return (
        f"Simulated: {len(layout.cells)} cells of {len(layout.factors)} factors x {layout.blocks} seeds. The noise of "
        f"a run has a standard deviation of 1, and so have the effects of the seeds. A cause moves the response by "
        f"{sizes.effect:g} SD, a pure interaction by {sizes.interaction:g} SD up or down; the margin is "
        f"{sizes.margin:g} SD, alpha {campaign.settings.alpha:g}."
    )


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1
