"""`ablate calibrate --published`: simulate the tables of docs/calibration.md, and hold every limit against them."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ablate.commands.console import say, write
from ablate.core.errors import SpecError, alternatives
from ablate.execution.signals import listening
from ablate.inference.calibration.judge import Judgment
from ablate.inference.calibration.published.campaign import (
    PublishedCampaign,
    StudyBlock,
    blocks_to_judge,
    judged_blocks,
)
from ablate.inference.calibration.published.catalog import PUBLISHED
from ablate.inference.calibration.published.judged_file import JudgedFile, JudgedTables
from ablate.inference.calibration.published.limits import Limit
from ablate.inference.calibration.published.results import (
    RERUN_SEED,
    RERUN_TIMES,
    ScenarioResult,
    falling_power,
    published_json,
    rate_of,
    scenario_rates,
    violated_limits,
)
from ablate.inference.calibration.published.scenario import PublishedScenario
from ablate.inference.calibration.rates import HEADINGS, Rate
from ablate.inference.infer import infer

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130
CONSOLE_RATES = ("false_alarms", "detected", "cleared", "undecided")
"""The rates that the console shows beside those with a limit."""


@dataclass(frozen=True)
class PublishedOptions:
    """The options of `ablate calibrate --published`.

    No `scenarios` stands for all of them. None as `studies` takes the published number of each scenario, None as
    `workers` one worker per core. `judged` is the file of judged tables, from which an interrupted campaign goes on.
    Without `repeats`, a scenario that violates a limit is not simulated again.
    """

    scenarios: Sequence[str] = ()
    studies: int | None = None
    seed: int = 0
    workers: int | None = None
    judged: Path | None = None
    repeats: bool = True


def refuse_designs(designs: Mapping[str, object]) -> None:
    """Raise SpecError for an option that chooses another design; the published scenarios have designs already."""
    for name, value in designs.items():
        if value is not None:
            raise SpecError(f"{name}: published scenarios have their designs; leave it out, or leave out --published")


def calibrate_published(options: PublishedOptions, json_file: Path | None, console: Console) -> int:
    """Simulate published scenarios, show their rates and the limits they violate, and return the exit code.

    After an interrupt, the tables that were judged are shown. Raises SpecError for a scenario that does not exist.
    """
    scenarios = _chosen(options.scenarios)
    simulation = _Simulation(scenarios, options, console)
    numbers = {scenario.name: options.studies or scenario.studies for scenario in scenarios}
    simulation.judge(scenarios, numbers, options.seed)
    results = simulation.results(scenarios, numbers, options.seed)
    if options.repeats and not simulation.is_interrupted:
        results = simulation.with_repeats(results, numbers)
    _show(results, console)
    if json_file:
        document = published_json(results, options.seed, simulation.campaign.draws)
        write(json_file, json.dumps(document, indent=1, allow_nan=False) + "\n", console)
    if simulation.is_interrupted:
        return INTERRUPTED
    holds = not any(result.violated for result in results) and not falling_power(_by_name(results))
    return SUCCESS if holds else FAILURE


class _Simulation:
    """A campaign that appends what it judged to a file, and stops at Ctrl-C."""

    def __init__(self, scenarios: Sequence[PublishedScenario], options: PublishedOptions, console: Console) -> None:
        self.campaign = PublishedCampaign(partial(infer, described=False))
        self.is_interrupted = False
        self._console = console
        self._seed = options.seed
        self._workers = options.workers or _cores()
        self._file = JudgedFile(options.judged, self.campaign.draws) if options.judged else None
        self._tables: JudgedTables = {}
        if self._file:
            self._tables, outdated = self._file.read(scenarios)
            if outdated:
                say(f"{options.judged}: {outdated} tables that other code or settings judged are left out", console)

    def judge(self, scenarios: Sequence[PublishedScenario], studies: Mapping[str, int], seed: int) -> None:
        """Judge so many tables of each scenario, but for those that the file holds."""
        done = {scenario.name: self._judged(scenario, seed) for scenario in scenarios}
        blocks = blocks_to_judge(scenarios, studies, seed, done)
        bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*bar, console=self._console, transient=True) as progress, listening() as interruption:
            task = progress.add_task("tables", total=sum(block.count for block in blocks))
            with closing(judged_blocks(self.campaign, blocks, self._workers)) as results:
                for block, judgments in results:
                    self._keep(block, judgments)
                    progress.update(task, advance=block.count, description=block.scenario.name)
                    if interruption.requested:
                        break
        self.is_interrupted = interruption.requested

    def results(
        self, scenarios: Sequence[PublishedScenario], studies: Mapping[str, int], seed: int
    ) -> list[ScenarioResult]:
        """Return the rates of the scenarios of which any table was judged."""
        simulated = ((s, scenario_rates(s, self._judged(s, seed), studies[s.name])) for s in scenarios)
        return [ScenarioResult(scenario, rates) for scenario, rates in simulated if rates]

    def with_repeats(self, results: Sequence[ScenarioResult], studies: Mapping[str, int]) -> list[ScenarioResult]:
        """Simulate the scenarios that violate a limit once more, with new draws and four times the studies."""
        again = [result.scenario for result in results if violated_limits(result.scenario, result.first)]
        numbers = {scenario.name: RERUN_TIMES * studies[scenario.name] for scenario in again}
        seed = RERUN_SEED + self._seed
        if again:
            names = ", ".join(scenario.name for scenario in again)
            say(f"Once more, with new draws and {RERUN_TIMES} times the studies: {names}", self._console)
            self.judge(again, numbers, seed)
        repeats = {result.scenario.name: result.first for result in self.results(again, numbers, seed)}
        if self.is_interrupted:
            return list(results)
        return [ScenarioResult(r.scenario, r.first, repeats.get(r.scenario.name)) for r in results]

    def _judged(self, scenario: PublishedScenario, seed: int) -> dict[int, Judgment]:
        return self._tables.setdefault((scenario.name, seed), {})

    def _keep(self, block: StudyBlock, judgments: Sequence[Judgment]) -> None:
        if self._file:
            self._file.append(block, judgments)
        self._judged(block.scenario, block.seed).update(dict(enumerate(judgments, block.first)))


def _chosen(names: Sequence[str]) -> list[PublishedScenario]:
    """Return the scenarios with these names, or whose group of names starts with one that ends with *."""
    for name in names:
        if not any(_matches(scenario, name) for scenario in PUBLISHED):
            raise SpecError(f"--scenario: found {name!r}; no such published scenario{alternatives(name, PUBLISHED)}")
    chosen = [s for s in PUBLISHED.values() if not names or any(_matches(s.name, name) for name in names)]
    return sorted(chosen, key=lambda scenario: list(PUBLISHED).index(scenario.name))


def _matches(scenario: str, name: str) -> bool:
    return scenario.startswith(name[:-1]) if name.endswith("*") else scenario == name


def _show(results: Sequence[ScenarioResult], console: Console) -> None:
    for group in dict.fromkeys(result.scenario.group for result in results):
        table = Table("scenario", "rate", "simulated, %", "limit, %", title=group, title_justify="left", box=None)
        for result in (result for result in results if result.scenario.group == group):
            for row, (name, limit) in enumerate(_shown_rates(result)):
                rate: Rate | None = getattr(result.rates, name)
                label = f"{result.scenario.name} ({result.rates.studies})" if row == 0 else ""
                table.add_row(label, HEADINGS[name], _percent(rate), limit.words if limit else "")
        console.print(table)
    say("In parentheses: number of studies, and the 95 % confidence interval (Clopper and Pearson).", console)
    for sentence in _verdicts(results):
        say(sentence, console)


def _shown_rates(result: ScenarioResult) -> list[tuple[str, Limit | None]]:
    """Return the rates with a limit, and those that most readers look for; the JSON file has all of them."""
    limited: list[tuple[str, Limit | None]] = [(limit.rate, limit) for limit in result.scenario.limits]
    names = [name for name, _ in limited]
    return limited + [(n, None) for n in CONSOLE_RATES if n not in names and getattr(result.rates, n) is not None]


def _percent(rate: Rate | None) -> str:
    return f"{100 * rate.share:.1f} ({100 * rate.low:.1f}-{100 * rate.high:.1f})" if rate else "-"


def _verdicts(results: Sequence[ScenarioResult]) -> list[str]:
    """Return a sentence for every limit that is violated, and how many hold."""
    limits = sum(len(result.scenario.limits) for result in results)
    violated = [
        limit.sentence(result.scenario.name, HEADINGS[limit.rate], rate)
        for result in results
        for limit in result.violated
        if (rate := rate_of(result.rates, limit)) is not None
    ]
    falling = falling_power(_by_name(results))
    return [*violated, *falling, f"{limits - len(violated)} of {limits} limits hold."]


def _by_name(results: Sequence[ScenarioResult]) -> dict[str, ScenarioResult]:
    return {result.scenario.name: result for result in results}


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1
