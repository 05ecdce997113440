"""What may be believed: how far the verdicts hold in simulated studies."""

import json
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ablate.calibration import SCENARIOS, Scenario
from ablate.calibration.bars import Bar, bars
from ablate.calibration.campaign import Campaign, judgements
from ablate.calibration.document import document
from ablate.calibration.judge import Judgement
from ablate.calibration.layout import Layout, level_counts
from ablate.calibration.rates import Rates, rates
from ablate.calibration.scenario import Sizes
from ablate.calibration.words import COLUMNS, MEANINGS, bar_words, planted_words, rate_words, rows
from ablate.errors import SpecError
from ablate.inference.infer import infer
from ablate.inference.settings import Interval, Settings
from ablate.interruption import listening
from ablate.paths import Store
from ablate.planning import words
from ablate.planning.plan import Plan, Spread
from ablate.progress import clock
from ablate.records import whole_file
from ablate.report.calibration_figure import calibration_figure
from ablate.report.plan_page import plan_page

if TYPE_CHECKING:
    from ablate.spec import StudySpec

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130
LISTED = 24  # hypotheses that the console shows
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


@dataclass(frozen=True)
class Planning:
    """Where `ablate plan` takes the deviation of a run from: as given, from a pilot's CSV, or from the store."""

    sd: float | None
    pilot: Path | None
    store: Path


@dataclass(frozen=True)
class PlanFiles:
    """Where to write the plan; None writes nothing of the kind."""

    json: Path | None
    html: Path | None


def calibrate(study: Path | None, asked: Simulation, json_file: Path | None, svg: Path | None, console: Console) -> int:
    """Simulate studies of a design, show what the verdicts are worth, and return the exit code.

    Raises SpecError and DesignError for a design or a scenario that there is not. Interrupted, it keeps what was done.
    """
    layout, settings = _design(study, asked)
    settings = replace(settings, margin=asked.sizes.margin, interval=asked.interval or settings.interval)
    campaign = Campaign(layout, asked.sizes, settings, infer, asked.seed)
    scenarios = _chosen(asked.scenarios, layout, console)
    judged, interrupted = _judged(campaign, scenarios, asked, console)
    found = {name: rates(name, own) for name, own in judged.items()}
    held = bars(found, layout, asked.sizes, settings)
    _show(campaign, found, held, console)
    if json_file:
        _write(json_file, json.dumps(document(campaign, found, held), indent=1, allow_nan=False) + "\n", console)
    if svg and found:
        _write(svg, calibration_figure(found, TITLES, settings.alpha), console)
    if interrupted:
        return INTERRUPTED
    return SUCCESS if all(bar.holds for bar in held) else FAILURE


def plan(file: Path, overrides: Sequence[str], asked: Planning, outputs: PlanFiles, console: Console) -> None:
    """Show what a study can find before it trains, and write what was asked for.

    Raises SpecError after that for a study that cannot reject anything and does not say that it is exploratory, and
    DataError for a pilot that tells no deviation.
    """
    from ablate import study_file  # noqa: PLC0415  # loads torch, which other commands do without
    from ablate.cost import estimate  # noqa: PLC0415  # as above
    from ablate.executors.local import slots_here  # noqa: PLC0415  # as above
    from ablate.planning import frozen, planner, reach  # noqa: PLC0415  # as above

    study = study_file.load(file, overrides)
    with console.status("working out the plan"):
        found = planner.plan(study, _spread(study, asked))
        cost = estimate(study, study.budget.workers or slots_here())
    takes = f"about {clock(cost.study_seconds)} with {cost.slots} at a time"
    _show_plan(found, takes, console)
    for sentence in frozen.deviations(Store(asked.store.absolute()).study(study.name), study):
        _say(f"Not as frozen when the study started: {sentence}", console)
    if outputs.json:
        numbers = found.to_json() | {"seconds": cost.study_seconds, "runs_at_a_time": cost.slots}
        _write(outputs.json, json.dumps(numbers, indent=1, allow_nan=False) + "\n", console)
    if outputs.html:
        _write(outputs.html, plan_page(found, takes, _plan_command(file, overrides, asked)), console)
    reach.refuse_hopeless(study)


def _spread(study: "StudySpec", asked: Planning) -> Spread | None:
    """Return how much a run varies: as given, from a pilot's table, as the study says, or from what it has run."""
    from ablate.planning import pilot  # noqa: PLC0415  # as above

    if asked.sd is not None:
        if not 0 < asked.sd < math.inf:
            raise SpecError(f"--sd: found {asked.sd:g}; must be above 0")
        return Spread(asked.sd, "given by --sd")
    if asked.pilot is not None:
        return pilot.from_table(study, asked.pilot)
    if study.analysis.sd is not None:
        return None  # the plan takes it itself
    return pilot.from_store(study, Store(asked.store.absolute()).study(study.name))


def _show_plan(found: Plan, takes: str, console: Console) -> None:
    _say(found.question, console)
    _say(words.layout(found, takes), console)
    if found.tests:
        table = Table(box=None, pad_edge=False)
        table.add_column("hypothesis", overflow="fold")
        for heading in words.COLUMNS:
            table.add_column(heading, justify="right", no_wrap=True)
        for place, test in enumerate(found.tests[:LISTED]):
            table.add_row(escape(test.title), *words.row(found, place))
        console.print(table)
        if len(found.tests) > LISTED:
            _say(f"and {len(found.tests) - LISTED} more: --json FILE or --html FILE has them all", console)
    for sentence in words.sentences(found):
        _say(sentence, console)
    _say(f"The plan's digest is {found.digest}.", console)


def _plan_command(file: Path, overrides: Sequence[str], asked: Planning) -> str:
    settings = [word for override in overrides for word in ("--set", override)]
    given = {"--sd": asked.sd, "--pilot": asked.pilot}
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return shlex.join(["ablate", "plan", str(file), *settings, *options])


def _design(study: Path | None, asked: Simulation) -> tuple[Layout, Settings]:
    """Return the layout of a study's file or of crossed levels, and the settings of its analysis."""
    if study is None:
        counts = level_counts(asked.levels or DEFAULT_LEVELS)
        return Layout.crossed(counts, asked.seeds or DEFAULT_SEEDS), Settings()
    if asked.levels is not None:
        raise SpecError(f"--levels: {study} has its own design; give one of the two")
    from ablate import study_file  # noqa: PLC0415  # loads torch, which crossed levels do without

    spec = study_file.load(study)
    positions = [[f.levels.index(cell.levels[f.path]) for f in spec.factor_levels] for cell in spec.cells]
    layout = Layout(spec.factor_levels, np.array(positions), asked.seeds or len(spec.seeds))
    return layout, replace(spec.settings, bounds=None)  # standard deviations have none


def _chosen(names: Sequence[str], layout: Layout, console: Console) -> list[Scenario]:
    """Return the scenarios to simulate; those that do not fit the layout are named and left out."""
    if unknown := sorted(set(names) - set(SCENARIOS)):
        raise SpecError(f"--scenario: found {unknown[0]!r}; must be one of: {', '.join(SCENARIOS)}")
    chosen = [scenario for name, scenario in SCENARIOS.items() if not names or name in names]
    for scenario in chosen:
        if not scenario.fits(layout):
            _say(f"{scenario.title}: left out, this design cannot show it", console)
    return [scenario for scenario in chosen if scenario.fits(layout)]


def _judged(
    campaign: Campaign, scenarios: Sequence[Scenario], asked: Simulation, console: Console
) -> tuple[Mapping[str, list[Judgement]], bool]:
    """Return every study's judgement by scenario, in the order of the studies, and whether somebody stopped it."""
    done: dict[str, dict[int, Judgement]] = {scenario.name: {} for scenario in scenarios}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress, listening() as interruption:
        tasks = {scenario.name: progress.add_task(scenario.title, total=asked.studies) for scenario in scenarios}
        with closing(judgements(campaign, scenarios, asked.studies, asked.workers or _cores())) as all_of_them:
            for name, number, judgement in all_of_them:
                done[name][number] = judgement
                progress.advance(tasks[name])
                if interruption.requested:
                    break
    return {name: [own[number] for number in sorted(own)] for name, own in done.items() if own}, interruption.requested


def _show(campaign: Campaign, found: Mapping[str, Rates], held: Sequence[Bar], console: Console) -> None:
    _say(planted_words(campaign), console)
    table = Table("scenario", box=None, pad_edge=False)
    for heading in COLUMNS.values():
        table.add_column(heading.replace(" ", "\n"), justify="right", no_wrap=True)
    for name, own in found.items():
        shares = ["\n".join(rate_words(rate)) for rate in rows(own)]
        table.add_row(f"{TITLES[name]}\n({own.studies} studies)", *shares)
    console.print(table)
    for sentence in (*MEANINGS, *(bar_words(bar, TITLES[bar.scenario]) for bar in held)):
        _say(sentence, console)


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1


def _write(path: Path, text: str, console: Console) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    _say(f"written: {path}", console)


def _say(sentence: str, console: Console) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)
