"""`ablate run --exclude RUN --because TEXT`: runs that are left out of the analysis, and runs that are taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path
from typing import Literal

from ablate.core.errors import SpecError
from ablate.storage.exclusions import Exclusion, excluded_runs
from ablate.storage.paths import StudyPaths
from ablate.study import PlannedRun, StudySpec

LONGEST_REASON = 500  # characters; it is shown in a table
CLOSEST = 3  # runs that an error about an unknown one names


@dataclass(frozen=True)
class ExclusionOptions:
    """The words after --exclude, --include and --because, each in the order of the command line."""

    exclude: Sequence[str] = ()
    include: Sequence[str] = ()
    because: Sequence[str] = ()


NO_EXCLUSIONS = ExclusionOptions()


def requested_exclusions(options: ExclusionOptions, study: StudySpec, paths: StudyPaths) -> tuple[Exclusion, ...]:
    """Return the exclusions that the options ask for, without those that are in force already.

    One reason is for all runs; else there is one for each. Raises SpecError for a run that the study does not plan, a
    run that is not excluded and shall be included, options without a reason, and reasons without a run.
    """
    _refuse_incomplete(options)
    named: list[tuple[str, Literal["exclude", "include"]]] = [
        *((name, "exclude") for name in options.exclude),
        *((name, "include") for name in options.include),
    ]
    reasons = options.because if len(options.because) == len(named) else [*options.because] * len(named)
    now, results = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", _results(study, paths)
    excluded = excluded_runs(paths) if named else {}
    requested: dict[str, Exclusion] = {}
    for (name, change), reason in zip(named, reasons, strict=True):
        run = _planned_run(name, study, paths)
        if run.id in requested:
            raise SpecError(f"--{change}: the run {name!r} is named twice; name each run once")
        if change == "include" and run.id not in excluded:
            raise SpecError(f"--include: the run {name!r} is not excluded; excluded are: {_listed(excluded)}")
        requested[run.id] = Exclusion(run.id, run.title, change, _checked(reason), now, results)
    return tuple(
        exclusion
        for exclusion in requested.values()
        if not exclusion.is_excluding or excluded.get(exclusion.run) != exclusion.because
    )


def exclusion_words(paths: StudyPaths) -> list[str]:
    """Return the options that exclude the runs that are excluded now."""
    pairs = (("--exclude", run, "--because", reason) for run, reason in excluded_runs(paths).items())
    return list(chain.from_iterable(pairs))


def _refuse_incomplete(options: ExclusionOptions) -> None:
    runs, reasons = len(options.exclude) + len(options.include), len(options.because)
    if runs and not reasons:
        raise SpecError("--exclude and --include need a reason: add --because TEXT, which the report shows")
    if reasons and not runs:
        raise SpecError("--because is the reason of an exclusion: add --exclude RUN or --include RUN")
    if reasons > 1 and options.exclude and options.include:
        raise SpecError(
            f"--because: found {reasons} reasons for --exclude and --include together; give one for all, or exclude "
            "and include in two commands"
        )
    if reasons not in (0, 1, runs):
        raise SpecError(f"--because: found {reasons} reasons for {runs} runs; give one for all, or one for each run")


def _checked(reason: str) -> str:
    text = " ".join(reason.split())
    if not 0 < len(text) <= LONGEST_REASON:
        raise SpecError(f"--because: found {len(text)} characters; must be 1 to {LONGEST_REASON}")
    return text


def _planned_run(name: str, study: StudySpec, paths: StudyPaths) -> PlannedRun:
    """Return the planned run with this id, this beginning of an id, or this folder. Raises SpecError."""
    label = Path(name).name
    words = [(run, (run.id, paths.run(run.id).folder.name)) for run in study.planned_runs]
    exact = [run for run, names in words if label in names]
    matching = exact or [run for run, names in words if label and any(text.startswith(label) for text in names)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise SpecError(f"{len(matching)} runs begin with {name!r}: {_some(matching)}; give more characters")
    closest = sorted(study.planned_runs, key=lambda run: -SequenceMatcher(None, label, run.id).ratio())[:CLOSEST]
    raise SpecError(
        f"the study has no run {name!r}; closest: {_some(closest)}. The ids of all runs are in {paths.runs_csv}"
    )


def _some(runs: Sequence[PlannedRun]) -> str:
    return ", ".join(f"{run.id} ({run.title})" for run in runs[:CLOSEST])


def _results(study: StudySpec, paths: StudyPaths) -> int:
    return sum(paths.run(run.id).record.exists() for run in study.planned_runs)


def _listed(excluded: dict[str, str]) -> str:
    return ", ".join(excluded) or "none"
