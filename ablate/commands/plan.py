"""`ablate plan`: what a study can detect, before it trains."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablate.analysis.phrases import clock
from ablate.commands.console import json_text, say, write
from ablate.core.errors import SpecError
from ablate.planning.plan import Plan, RunDeviation
from ablate.planning.sentences import columns, layout, row, sentences
from ablate.report.plan_page import plan_page
from ablate.storage.exclusions import exclusions
from ablate.storage.paths import Store

if TYPE_CHECKING:
    from ablate.execution.cost import CostEstimate
    from ablate.planning.sequential_plan import SequentialPlan
    from ablate.study import StudySpec

MAX_LISTED = 24  # hypotheses that the console shows
LARGEST_EFFECT = 100.0  # standard deviations; a larger one is a typo


@dataclass(frozen=True)
class Planning:
    """Sources of the standard deviation of a run: a number, a pilot's CSV file, and the store.

    `effects` are those to simulate in a sequential study, in such standard deviations; none takes usual ones.
    """

    sd: float | None
    pilot: Path | None
    store: Path
    effects: Sequence[float] = ()


@dataclass(frozen=True)
class PlanFiles:
    """Files for the plan; None writes no such file."""

    json: Path | None
    html: Path | None


@dataclass(frozen=True)
class PlannedStudy:
    """What is known of a study before it trains: its plan, its cost here, and what a sequential study saves.

    `deviations` are sentences on changes since the plan was preregistered, and `exclusions` on runs that are left out.
    """

    study: "StudySpec"
    plan: Plan
    cost: "CostEstimate"
    sequential: "SequentialPlan | None"
    deviations: tuple[str, ...]
    exclusions: tuple[str, ...]

    @property
    def takes(self) -> str:
        """How long all runs take here."""
        return f"about {clock(self.cost.study_seconds)} with {self.cost.slots} at a time"

    @property
    def looks(self) -> tuple[str, ...]:
        """Sentences on the looks of a sequential study; none of any other study."""
        return self.sequential.sentences if self.sequential else ()

    @property
    def deviation_sentences(self) -> tuple[str, ...]:
        """Deviations from the preregistered plan, each with these words."""
        return tuple(f"Deviation from the preregistered plan: {sentence}" for sentence in self.deviations)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that the console says, without the question and the table of the hypotheses."""
        return (
            layout(self.plan, self.takes),
            *sentences(self.plan),
            *self.looks,
            *self.deviation_sentences,
            *self.exclusions,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values for JSON."""
        numbers = self.plan.to_json() | {"seconds": self.cost.study_seconds, "runs_at_a_time": self.cost.slots}
        return numbers | ({"sequential": self.sequential.to_json()} if self.sequential else {})


def plan(file: Path, overrides: Sequence[str], sources: Planning, outputs: PlanFiles, console: Console) -> None:
    """Show what a study can detect before it trains, and write the plan's files.

    Afterwards raises SpecError for a study that cannot reach any verdict and is not declared exploratory. Raises
    DataError for a pilot that is too small.
    """
    from ablate.planning import decidability  # noqa: PLC0415  # as above
    from ablate.study import study_file  # noqa: PLC0415  # loads all specs, which other commands do without

    study = study_file.load(file, overrides)
    planned = plan_study(study, sources, console)
    _show_plan(planned.plan, planned.takes, console)
    for sentence in (*planned.looks, *planned.deviation_sentences, *planned.exclusions):
        say(sentence, console)
    if outputs.json:
        write(outputs.json, json_text(planned.to_json()), console)
    if outputs.html:
        page = plan_page(planned.plan, planned.takes, _plan_command(file, overrides, sources), planned.looks)
        write(outputs.html, page, console)
    decidability.refuse_undecidable(study)


def plan_study(study: "StudySpec", sources: Planning, console: Console) -> PlannedStudy:
    """Return what a study can detect, and what its runs cost here; the console shows progress.

    Raises SpecError for sources that are not allowed, and DataError for a pilot that is too small.
    """
    from ablate.execution.cost import estimate  # noqa: PLC0415  # loads torch
    from ablate.execution.executors.local import slots_here  # noqa: PLC0415  # as above
    from ablate.planning import planner, preregistration  # noqa: PLC0415  # loads all specs, as above

    _refuse_effects(study, sources.effects)
    with console.status("planning"):
        plan = planner.plan(study, _deviation(study, sources))
        cost = estimate(study, study.budget.workers or slots_here())
    paths = Store.here(sources.store).study(study.name)
    deviations = preregistration.deviations(paths, study)
    further = (exclusion.sentence for exclusion in exclusions(paths) if exclusion.sentence not in deviations)
    sequential = _sequential_plan(study, plan, sources.effects, console)
    return PlannedStudy(study, plan, cost, sequential, tuple(deviations), tuple(further))


def _refuse_effects(study: "StudySpec", effects: Sequence[float]) -> None:
    """Raise SpecError for effects that cannot be simulated."""
    if effects and study.looks is None:
        raise SpecError(
            "--effect simulates the looks of a sequential study, and this study plans none; write seeds: {from: 6, to: "
            "12}, or leave --effect out"
        )
    for effect in effects:
        if not 0 <= effect <= LARGEST_EFFECT:
            raise SpecError(
                f"--effect: found {effect:g}; must be from 0 to {LARGEST_EFFECT:g} standard deviations of a run"
            )


def _sequential_plan(
    study: "StudySpec", plan: Plan, effects: Sequence[float], console: Console
) -> "SequentialPlan | None":
    """Return what a sequential study will cost; None of any other study, and of one that gives no verdicts."""
    from ablate.planning.sequential_plan import EFFECTS, sequential_plan  # noqa: PLC0415  # as above

    if study.looks is None or study.exploratory or not study.factors:
        return None
    with console.status("simulating the looks"):
        return sequential_plan(study, plan.sd.value if plan.sd else None, tuple(effects) or EFFECTS)


def _deviation(study: "StudySpec", sources: Planning) -> RunDeviation | None:
    """Return the deviation of a run: from --sd, from --pilot, or from finished runs; None if the study states it."""
    from ablate.planning import pilot  # noqa: PLC0415  # as above
    from ablate.study.stored_runs import study_paths  # noqa: PLC0415  # as above

    if sources.sd is not None:
        if not 0 < sources.sd < math.inf:
            raise SpecError(f"--sd: found {sources.sd:g}; must be above 0 and finite")
        return RunDeviation(sources.sd, "given by --sd")
    if sources.pilot is not None:
        return pilot.from_table(study, sources.pilot)
    if study.analysis.sd is not None:
        return None  # the plan takes the stated one
    return pilot.from_store(study, study_paths(Store.here(sources.store), study))


def _show_plan(plan: Plan, takes: str, console: Console) -> None:
    say(plan.question, console)
    say(layout(plan, takes), console)
    if plan.tests:
        table = Table(box=None, pad_edge=False)
        table.add_column("hypothesis", overflow="fold")
        for heading in columns(plan):
            table.add_column(heading, justify="right", no_wrap=True)
        for place, test in enumerate(plan.tests[:MAX_LISTED]):
            table.add_row(escape(test.title), *row(plan, place))
        console.print(table)
        if len(plan.tests) > MAX_LISTED:
            say(f"and {len(plan.tests) - MAX_LISTED} more: --json FILE or --html FILE has them all", console)
    for sentence in sentences(plan):
        say(sentence, console)
    say(f"SHA-256 digest of the preregistered settings: {plan.digest}.", console)


def _plan_command(file: Path, overrides: Sequence[str], sources: Planning) -> str:
    settings = [word for override in overrides for word in ("--set", override)]
    sources_by_option = {"--sd": sources.sd, "--pilot": sources.pilot}
    options = [word for name, value in sources_by_option.items() if value is not None for word in (name, str(value))]
    options += [word for effect in sources.effects for word in ("--effect", f"{effect:g}")]
    return shlex.join(["ablate", "plan", str(file), *settings, *options])
