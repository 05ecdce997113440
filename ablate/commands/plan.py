"""What a study can find, before it trains."""

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablate.commands.console import say, write
from ablate.core.errors import SpecError
from ablate.execution.progress import clock
from ablate.planning import words
from ablate.planning.plan import Plan, Spread
from ablate.report.plan_page import plan_page
from ablate.storage.paths import Store

if TYPE_CHECKING:
    from ablate.study import StudySpec

LISTED = 24  # hypotheses that the console shows


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


def plan(file: Path, overrides: Sequence[str], asked: Planning, outputs: PlanFiles, console: Console) -> None:
    """Show what a study can find before it trains, and write what was asked for.

    Raises SpecError after that for a study that cannot reject anything and does not say that it is exploratory, and
    DataError for a pilot that tells no deviation.
    """
    from ablate.execution.cost import estimate  # noqa: PLC0415  # as above
    from ablate.execution.executors.local import slots_here  # noqa: PLC0415  # as above
    from ablate.planning import planner, preregistration, reach  # noqa: PLC0415  # as above
    from ablate.study import study_file  # noqa: PLC0415  # loads torch, which other commands do without

    study = study_file.load(file, overrides)
    with console.status("working out the plan"):
        found = planner.plan(study, _spread(study, asked))
        cost = estimate(study, study.budget.workers or slots_here())
    takes = f"about {clock(cost.study_seconds)} with {cost.slots} at a time"
    _show_plan(found, takes, console)
    for sentence in preregistration.deviations(Store.here(asked.store).study(study.name), study):
        say(f"Not as frozen when the study started: {sentence}", console)
    if outputs.json:
        numbers = found.to_json() | {"seconds": cost.study_seconds, "runs_at_a_time": cost.slots}
        write(outputs.json, json.dumps(numbers, indent=1, allow_nan=False) + "\n", console)
    if outputs.html:
        write(outputs.html, plan_page(found, takes, _plan_command(file, overrides, asked)), console)
    reach.refuse_hopeless(study)


def _spread(study: "StudySpec", asked: Planning) -> Spread | None:
    """Return how much a run varies: as given, from a pilot's table, as the study says, or from what it has run."""
    from ablate.planning import pilot  # noqa: PLC0415  # as above
    from ablate.study.stored_runs import study_paths  # noqa: PLC0415  # as above

    if asked.sd is not None:
        if not 0 < asked.sd < math.inf:
            raise SpecError(f"--sd: found {asked.sd:g}; must be above 0")
        return Spread(asked.sd, "given by --sd")
    if asked.pilot is not None:
        return pilot.from_table(study, asked.pilot)
    if study.analysis.sd is not None:
        return None  # the plan takes it itself
    return pilot.from_store(study, study_paths(Store.here(asked.store), study))


def _show_plan(found: Plan, takes: str, console: Console) -> None:
    say(found.question, console)
    say(words.layout(found, takes), console)
    if found.tests:
        table = Table(box=None, pad_edge=False)
        table.add_column("hypothesis", overflow="fold")
        for heading in words.COLUMNS:
            table.add_column(heading, justify="right", no_wrap=True)
        for place, test in enumerate(found.tests[:LISTED]):
            table.add_row(escape(test.title), *words.row(found, place))
        console.print(table)
        if len(found.tests) > LISTED:
            say(f"and {len(found.tests) - LISTED} more: --json FILE or --html FILE has them all", console)
    for sentence in words.sentences(found):
        say(sentence, console)
    say(f"The plan's digest is {found.digest}.", console)


def _plan_command(file: Path, overrides: Sequence[str], asked: Planning) -> str:
    settings = [word for override in overrides for word in ("--set", override)]
    given = {"--sd": asked.sd, "--pilot": asked.pilot}
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return shlex.join(["ablate", "plan", str(file), *settings, *options])
