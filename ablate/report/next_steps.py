"""What to do after a study: commands, each with its reason and its cost."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.analysis.analysis import Analysis
from ablate.analysis.phrases import counted, listed
from ablate.inference.verdict import Verdict
from ablate.report.trained import TrainedNetworks
from ablate.study import StudySpec

ENOUGH_SEEDS = 7  # six seeds allow every verdict, and the seventh replaces a seed that loses a run
MOST_SEEDS = 60  # in one command; a study that needs more is better planned anew than repeated


@dataclass(frozen=True)
class NextStep:
    """A command, what it is for, and what it costs."""

    command: str
    purpose: str
    cost: str


@dataclass(frozen=True)
class StudyCall:
    """A study as it was called: its file, its overrides, and the folder of its store if that is not the default."""

    study: StudySpec
    file: Path
    overrides: Sequence[str] = ()
    store: Path | None = None

    def command(self, name: str, *overrides: str) -> str:
        """Return a command on the study, with further overrides."""
        settings = [word for override in (*self.overrides, *overrides) for word in ("--set", override)]
        return shlex.join(["ablate", name, str(self.file), *settings, *self._store])

    def command_on(self, name: str, target: str) -> str:
        """Return a command on anything in the store."""
        return shlex.join(["ablate", name, target, *self._store])

    @property
    def _store(self) -> list[str]:
        return [] if self.store is None else ["--store", str(self.store)]


def next_steps(
    analysis: Analysis, trained: TrainedNetworks, call: StudyCall, probed: str | None
) -> tuple[NextStep, ...]:
    """Return the commands, those that bring the study nearer to an answer first; `probed` is the run to probe."""
    return (
        *_missing(analysis, trained, call),
        *(_to_decide(call) if call.study.exploratory else _more_seeds(analysis, trained, call)),
        *_probe(call, probed),
        NextStep(call.command_on("ui", str(call.file)), "Show every run in MLflow and Optuna", "starts in about 10 s"),
    )


def _missing(analysis: Analysis, trained: TrainedNetworks, call: StudyCall) -> Iterator[NextStep]:
    if missing := analysis.outcomes.missing:
        purpose = f"Run what is open of this study, {counted(missing, 'run')}"
        yield NextStep(call.command("run"), purpose, trained.cost(missing))


def _to_decide(call: StudyCall) -> Iterator[NextStep]:
    """Yield the plan of a study that can decide. It is a new study: this one's results were seen."""
    seeds = max(ENOUGH_SEEDS, len(call.study.seeds))
    overrides = (f"name={call.study.name}-2", "exploratory=false", f"seeds={_new_seeds(call.study, seeds)}")
    purpose = f"Plan a new study with {seeds} new seeds, which can decide"
    yield NextStep(call.command("plan", *overrides), purpose, "trains nothing")


def _more_seeds(analysis: Analysis, trained: TrainedNetworks, call: StudyCall) -> Iterator[NextStep]:
    """Yield the new study that the undecided factors need: seeds added after a look make verdicts exploratory."""
    study = call.study
    undecided = {
        verdict.title: len(study.seeds) + verdict.more_seeds_needed
        for verdict in analysis.inference.verdicts
        if verdict.verdict is Verdict.UNDECIDED and verdict.more_seeds_needed
    }
    if not undecided:
        yield from _replan(analysis, call)
        return
    seeds, titles = max(undecided.values()), listed(list(undecided))
    runs, name = seeds * len(study.cells), f"name={study.name}-2"
    if seeds > MOST_SEEDS:
        purpose = f"Plan a new study with a simpler design: this one needs about {seeds} seeds to decide {titles}"
        yield NextStep(call.command("plan", name), purpose, f"trains nothing; {runs:,} runs take {trained.cost(runs)}")
        return
    purpose = f"Run a new study with {seeds} new seeds ({counted(runs, 'run')}), an 80 % chance to decide {titles}"
    yield NextStep(call.command("run", name, f"seeds={_new_seeds(study, seeds)}"), purpose, trained.cost(runs))


def _replan(analysis: Analysis, call: StudyCall) -> Iterator[NextStep]:
    """Yield a plan where factors are undecided and no number of seeds is known to be enough."""
    titles = [verdict.title for verdict in analysis.inference.verdicts if verdict.verdict is Verdict.UNDECIDED]
    if titles:
        purpose = f"Plan a new study that can decide {listed(titles)}: other levels, more training, or more seeds"
        yield NextStep(call.command("plan", f"name={call.study.name}-2"), purpose, "trains nothing")


def _new_seeds(study: StudySpec, count: int) -> str:
    """Return as many seeds that this study did not use, as YAML."""
    first = max(study.seeds) + 1
    return f"[{','.join(map(str, range(first, first + count)))}]"


def _probe(call: StudyCall, run_id: str | None) -> Iterator[NextStep]:
    if run_id is not None:
        purpose = "Probe the pictured network with the larger response: intervene inside it"
        yield NextStep(call.command_on("probe", run_id), purpose, "trains nothing, forecasts some clips again")
