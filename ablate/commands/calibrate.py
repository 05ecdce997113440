"""How far the verdicts hold: studies are simulated whose truth is known."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ablate.commands.console import say, write
from ablate.core.errors import SpecError
from ablate.execution.signals import listening
from ablate.inference.calibration import SCENARIOS, Scenario
from ablate.inference.calibration.bars import Bar, bars
from ablate.inference.calibration.campaign import Campaign, judgments
from ablate.inference.calibration.document import document
from ablate.inference.calibration.judge import Judgment
from ablate.inference.calibration.layout import Layout, level_counts
from ablate.inference.calibration.rates import Rates, rates
from ablate.inference.calibration.scenario import Sizes
from ablate.inference.calibration.words import COLUMNS, MEANINGS, bar_words, planted_words, rate_words, rows
from ablate.inference.infer import infer
from ablate.inference.settings import InferenceSettings, Interval
from ablate.report.calibration_figure import calibration_figure

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130
DEFAULT_LEVELS, DEFAULT_SEEDS = "3x3x2x2x2", 2
TITLES = {name: scenario.title for name, scenario in SCENARIOS.items()}


@dataclass(frozen=True)
class Simulation:
    """What `ablate calibrate` is asked for.

    Without `scenarios` all of them, without `interval` the study's own or the default, without `workers` one a core.
    """

    levels: str | None = None
    seeds: int | None = None
    studies: int = 1_000
    scenarios: Sequence[str] = ()
    sizes: Sizes = field(default_factory=Sizes)
    interval: Interval | None = None
    seed: int = 0
    workers: int | None = None


def calibrate(study: Path | None, asked: Simulation, json_file: Path | None, svg: Path | None, console: Console) -> int:
    """Simulate studies of a design, show what the verdicts are worth, and return the exit code.

    Raises SpecError and DesignError for a design or a scenario that there is not. Interrupted, it keeps what was done.
    """
    layout, settings = _design(study, asked)
    settings = settings.model_copy(
        update={"margin": asked.sizes.margin, "interval": asked.interval or settings.interval}
    )
    campaign = Campaign(layout, asked.sizes, settings, infer, asked.seed)
    scenarios = _chosen(asked.scenarios, layout, console)
    judged, interrupted = _judged(campaign, scenarios, asked, console)
    found = {name: rates(name, own) for name, own in judged.items()}
    held = bars(found, layout, asked.sizes, settings)
    _show(campaign, found, held, console)
    if json_file:
        write(json_file, json.dumps(document(campaign, found, held), indent=1, allow_nan=False) + "\n", console)
    if svg and found:
        write(svg, calibration_figure(found, TITLES, settings.alpha), console)
    if interrupted:
        return INTERRUPTED
    return SUCCESS if all(bar.holds for bar in held) else FAILURE


def _design(study: Path | None, asked: Simulation) -> tuple[Layout, InferenceSettings]:
    """Return the layout of a study's file or of crossed levels, and the settings of its analysis."""
    if study is None:
        counts = level_counts(asked.levels or DEFAULT_LEVELS)
        return Layout.crossed(counts, asked.seeds or DEFAULT_SEEDS), InferenceSettings()
    if asked.levels is not None:
        raise SpecError(f"--levels: {study} has its own design; give one of the two")
    from ablate.study import study_file  # noqa: PLC0415  # loads torch, which crossed levels do without

    spec = study_file.load(study)
    positions = [[f.levels.index(cell.levels[f.path]) for f in spec.factor_levels] for cell in spec.cells]
    pairs = spec.settings.tested_pairs(tuple(spec.factors))
    layout = Layout(spec.factor_levels, np.array(positions), asked.seeds or len(spec.seeds), pairs)
    return layout, spec.settings.model_copy(update={"bounds": None})  # simulated responses have none


def _chosen(names: Sequence[str], layout: Layout, console: Console) -> list[Scenario]:
    """Return the scenarios to simulate; those that do not fit the layout are named and left out."""
    if unknown := sorted(set(names) - set(SCENARIOS)):
        raise SpecError(f"--scenario: found {unknown[0]!r}; must be one of: {', '.join(SCENARIOS)}")
    chosen = [scenario for name, scenario in SCENARIOS.items() if not names or name in names]
    for scenario in chosen:
        if not scenario.fits(layout):
            say(f"{scenario.title}: left out, this design cannot show it", console)
    return [scenario for scenario in chosen if scenario.fits(layout)]


def _judged(
    campaign: Campaign, scenarios: Sequence[Scenario], asked: Simulation, console: Console
) -> tuple[Mapping[str, list[Judgment]], bool]:
    """Return every study's judgment by scenario, in the order of the studies, and whether somebody stopped it."""
    done: dict[str, dict[int, Judgment]] = {scenario.name: {} for scenario in scenarios}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress, listening() as interruption:
        tasks = {scenario.name: progress.add_task(scenario.title, total=asked.studies) for scenario in scenarios}
        with closing(judgments(campaign, scenarios, asked.studies, asked.workers or _cores())) as all_of_them:
            for name, number, judgment in all_of_them:
                done[name][number] = judgment
                progress.advance(tasks[name])
                if interruption.requested:
                    break
    return {name: [own[number] for number in sorted(own)] for name, own in done.items() if own}, interruption.requested


def _show(campaign: Campaign, found: Mapping[str, Rates], held: Sequence[Bar], console: Console) -> None:
    say(planted_words(campaign), console)
    table = Table("scenario", box=None, pad_edge=False)
    for heading in COLUMNS.values():
        table.add_column(heading.replace(" ", "\n"), justify="right", no_wrap=True)
    for name, own in found.items():
        shares = ["\n".join(rate_words(rate)) for rate in rows(own)]
        table.add_row(f"{TITLES[name]}\n({own.studies} studies)", *shares)
    console.print(table)
    for sentence in (*MEANINGS, *(bar_words(bar, TITLES[bar.scenario]) for bar in held)):
        say(sentence, console)


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1
