"""`ablate.load_study`, `run`, `report` and `plan`: studies from their files to their results."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, final

import pandas as pd

from ablate.api.guard import require_guard
from ablate.api.notebook import as_html, as_text, progress_console
from ablate.api.study_results import StudyPlan, StudyResults
from ablate.api.wording import PythonWords
from ablate.commands.exclusions import ExclusionOptions
from ablate.commands.options import DEFAULT_STORE
from ablate.commands.plan import Planning, plan_study
from ablate.commands.report import report_study, study_call
from ablate.commands.run import Execution, run_study
from ablate.core.errors import AnalysisError, SpecError
from ablate.report import StudyCall
from ablate.study import StudySpec, study_file

EXECUTORS = ("local", "ray")
Overrides = Mapping[str, Any] | Sequence[str]
"""Values by their path, {"training.steps": 50}, or texts as after --set, ["training.steps=50"]."""


@final
@dataclass(frozen=True, repr=False, eq=False)
class Study:
    """A study file as it was read, with its overrides. `spec` holds every setting."""

    file: Path
    overrides: tuple[str, ...]
    spec: StudySpec

    @property
    def name(self) -> str:
        """The name of the study, and of its folder in a store."""
        return self.spec.name

    @property
    def question(self) -> str:
        """What the study is to answer."""
        return self.spec.question

    @property
    def factors(self) -> dict[str, list[str]]:
        """The names of the levels of every factor, by its path."""
        return {path: list(factor.level_names()) for path, factor in self.spec.factors.items()}

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of every cell."""
        return tuple(self.spec.seeds)

    @property
    def cells(self) -> pd.DataFrame:
        """One row per cell: the name of each factor's level."""
        return pd.DataFrame([dict(cell.levels) for cell in self.spec.cells], columns=list(self.spec.factors))

    @property
    def runs(self) -> pd.DataFrame:
        """One row per planned run: its id, its seed, and the name of each factor's level."""
        rows = [{"run_id": run.id, "seed": run.seed, **run.levels} for run in self.spec.planned_runs]
        return pd.DataFrame(rows, columns=["run_id", "seed", *self.spec.factors])

    def __repr__(self) -> str:
        return as_text(self._title, self._sentences)

    def _repr_html_(self) -> str:
        return as_html(self._title, self._sentences, {"Cells": self.cells})

    @property
    def _title(self) -> str:
        return f"Study {self.name}: {self.question}"

    @property
    def _sentences(self) -> Iterator[str]:
        for path, levels in self.factors.items():
            yield f"{path}: {', '.join(levels)}"
        yield f"{len(self.spec.cells)} cells x {len(self.seeds)} seeds = {len(self.spec.planned_runs)} runs"


AnyStudy = Study | str | os.PathLike[str]
"""A study, or the path of its file."""


def load_study(file: str | os.PathLike[str], overrides: Overrides = ()) -> Study:
    """Read a study file, and build every cell of it. Creates nothing on disk.

    `overrides` replace values of the file: {"training.steps": 50, "seeds": [0, 1]}. Raises AblateError with a line for
    each mistake: FILE:LINE:COL, the key, what was found, and what is allowed.
    """
    texts = tuple(_override_texts(overrides))
    with PythonWords():
        return Study(Path(file), texts, study_file.load(Path(file), texts))


def run(  # noqa: PLR0913  # as many arguments as the command has options
    study: AnyStudy,
    *,
    store: str | os.PathLike[str] = DEFAULT_STORE,
    workers: int | None = None,
    executor: Literal["local", "ray"] = "local",
    until_decided: bool = False,
    exclude: Mapping[str, str] | None = None,
    include: Mapping[str, str] | None = None,
    progress: bool = True,
) -> StudyResults:
    """Run a study, or continue it, write its report, and return its results.

    Gives the same records, MLflow runs and report as `ablate run`. `store` is the folder of all of them, `workers` the
    number of runs at a time, by default one per core or GPU, and `executor` this machine or a Ray cluster.
    `until_decided` stops a sequential study at the first seed at which everything is decided. `exclude` and `include`
    map runs to reasons. `progress` shows each run on stderr; without it only warnings are raised.

    Raises AblateError for a study that cannot run, AnalysisError, which is one, where no run has a result, and
    KeyboardInterrupt after Ctrl-C, once everything is saved: the same call continues the study. Runs that failed raise
    nothing: see `failed`. A script that calls it needs the guard `if __name__ == "__main__":`.
    """
    with PythonWords():
        if executor == "local":  # a cluster gets the runs alone
            require_guard()
        _refuse_execution(executor, workers)
        call, console = _call(study, store), progress_console(progress=progress)
        study_run = run_study(call, Execution(executor, workers, until_decided), console, _exclusions(exclude, include))
    if study_run.is_interrupted:
        raise KeyboardInterrupt("stopped; finished runs are saved, and the same call continues the study")
    if study_run.report is None:
        failures = study_run.tally.failed.values() if study_run.tally else ()
        raise AnalysisError("; ".join((study_run.problem, *(f"failed: {failure}" for failure in failures))))
    return StudyResults(study_run.report)


def report(study: AnyStudy, *, store: str | os.PathLike[str] = DEFAULT_STORE, progress: bool = True) -> StudyResults:
    """Write the report of all runs so far, and return their results. Raises AblateError where there is none."""
    with PythonWords():
        return StudyResults(report_study(_call(study, store), progress_console(progress=progress)))


def plan(
    study: AnyStudy,
    *,
    sd: float | None = None,
    pilot: str | os.PathLike[str] | None = None,
    effects: Sequence[float] = (),
    store: str | os.PathLike[str] = DEFAULT_STORE,
) -> StudyPlan:
    """Return what a study can find before it trains: its tests, their power, and what its runs cost here.

    The standard deviation of a run comes from `sd`, from the runs in the file `pilot`, from the study's `analysis.sd`,
    or from its runs so far in `store`. `effects` are those to simulate in a sequential study, in such standard
    deviations. A study that cannot reach any verdict has a plan too, which is `refused`. Raises AblateError for
    arguments that are wrong, and for a pilot that is too small.
    """
    with PythonWords():
        sources = Planning(sd, None if pilot is None else Path(pilot), Path(store), tuple(effects))
        return StudyPlan(plan_study(_loaded(study).spec, sources, progress_console(progress=False)))


def _loaded(study: AnyStudy) -> Study:
    return study if isinstance(study, Study) else load_study(study)


def _call(study: AnyStudy, store: str | os.PathLike[str]) -> StudyCall:
    loaded = _loaded(study)
    return study_call(loaded.spec, loaded.file, loaded.overrides, Path(store))


def _override_texts(overrides: Overrides) -> Iterator[str]:
    if isinstance(overrides, str):
        yield overrides
    elif isinstance(overrides, Mapping):
        # JSON is YAML, in which overrides are written
        yield from (f"{path}={json.dumps(value)}" for path, value in overrides.items())
    else:
        yield from overrides


def _refuse_execution(executor: str, workers: int | None) -> None:
    """Raise SpecError for an execution that the command would refuse."""
    if executor not in EXECUTORS:
        raise SpecError(f"--executor: found {executor!r}; must be {' or '.join(map(repr, EXECUTORS))}")
    if workers is not None and (not isinstance(workers, Integral) or workers < 1):
        raise SpecError(f"--workers: found {workers!r}; must be a whole number of at least 1, or None")


def _exclusions(exclude: Mapping[str, str] | None, include: Mapping[str, str] | None) -> ExclusionOptions:
    """Return the exclusions in the order of the command line: those of runs, then those taken back."""
    excluded, included = exclude or {}, include or {}
    return ExclusionOptions(list(excluded), list(included), [*excluded.values(), *included.values()])
