"""Scores by an older definition of the ghost metrics: computed again where the trained network lies beside them."""

from rich.console import Console

from ablate.commands.console import say
from ablate.core.errors import AblateError
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import RecordHead
from ablate.study import PlannedRun, StudySpec


def renew_former_scores(study: StudySpec, paths: StudyPaths, console: Console) -> None:
    """Score every finished run again whose ghost metrics are of an older definition, and say so.

    Runs without a checkpoint stay as they are; `study_table` tells them apart. Only one process may do this at a time.
    """
    if not (runs := former_runs(study, paths)):
        return
    from ablate.execution.score_again import score_again  # noqa: PLC0415  # loads torch, which few reports need

    with console.status("scoring again") as status:
        problems = score_again(runs, paths, lambda done, total: status.update(f"scoring again: {done} of {total} runs"))
    if count := len(runs) - len(problems):
        say(
            f"{count} {'run was' if count == 1 else 'runs were'} scored again from the trained networks: the ghost "
            f"metrics have a new definition ({DEFINITION}). The former scores are kept in the folders of the runs.",
            console,
        )
    for problem in problems:
        say(problem, console, "yellow")


def former_runs(study: StudySpec, paths: StudyPaths) -> list[PlannedRun]:
    """Return the finished runs with a checkpoint whose scores are of an older definition, or were not put in place.

    Damaged records are passed over: whoever reads them reports them.
    """
    return [planned_run for planned_run in study.planned_runs if _is_former(paths.run(planned_run.id))]


def _is_former(files: RunPaths) -> bool:
    if files.next_files.record.exists():
        return True
    if not (files.record.exists() and files.checkpoint.exists()):
        return False
    try:
        head = RecordHead.load(files)
    except AblateError:
        return False
    return head.outcome == "finished" and head.ghost_definition < DEFINITION
