"""The records on disk as the table that the analysis takes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import pandas as pd

from ablate.analysis.study_table import StudyResponse, StudyTable
from ablate.measurement.metrics import METRICS, SECONDARY
from ablate.measurement.run_mean import step_sums
from ablate.planning.books import Book, changed_records, unchecked
from ablate.planning.preregistration import deviations
from ablate.storage.exclusions import excluded_runs, exclusions
from ablate.storage.failed_attempts import failed_attempts
from ablate.storage.looks import recorded_looks
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun, StudySpec


def study_table(
    study: StudySpec, paths: StudyPaths, seeds: int | None = None, books: Sequence[Book] = ()
) -> StudyTable:
    """Return the study's results so far: finished, diverged, failed, excluded and missing runs, each in its row.

    `seeds` leaves out the runs of all but the first seeds; None takes those after which the study was decided, if it
    was. Plan, exclusions and records are compared with what `books` hold. One record at a time is in memory. Raises
    DataError if a record, or the file of exclusions, is damaged.
    """
    response, rows, sums = study.response, [], {}
    secondary = [
        name for name in dict.fromkeys((*SECONDARY, *study.analysis.judged_metrics)) if name != response.metric
    ]
    excluded, digests = excluded_runs(paths), dict[str, str | None]()
    stopped = decided_after(study, paths) if seeds is None else None
    first_seeds = list(study.seeds)[: stopped if seeds is None else seeds]
    planned_runs = [planned_run for planned_run in study.planned_runs if planned_run.seed in first_seeds]
    for planned_run in planned_runs:
        if planned_run.id in excluded:  # perhaps because its record is damaged
            rows.append(_columns(planned_run, "excluded", excluded[planned_run.id]))
            continue
        record = _record(paths.run(planned_run.id), planned_run.id)
        rows.append(_row(planned_run, record, paths, response.view))
        if record is not None:
            digests[planned_run.id] = record.digest
        if record is not None and record.outcome == "finished":
            sums[planned_run.id] = _reported(step_sums(record.scores), (response.metric, *secondary))
    titles = {planned_run.id: planned_run.title for planned_run in study.planned_runs}
    return StudyTable(
        question=study.question,
        exploratory=study.exploratory,
        factors=study.factor_levels,
        response=StudyResponse(
            metric=METRICS[response.metric],
            view=response.view,
            first_step=response.first_step,
            last_step=response.last_step or study.base.evaluation.horizon,
        ),
        runs=pd.DataFrame(rows),
        sums=sums,
        secondary=tuple(METRICS[name] for name in secondary),
        deviations=(*deviations(paths, study, books), *changed_records(digests, titles, books)),
        unchecked=tuple(unchecked(digests, books)),
        exclusions=tuple(exclusion.sentence for exclusion in exclusions(paths) if not exclusion.is_after_results),
        failed_attempts=Counter(
            attempt.kind for run in study.planned_runs for attempt in failed_attempts(paths.run(run.id))
        ),
        older_runs=paths.older_runs,
        complete_seeds=_complete_seeds(first_seeds, rows) if study.looks is not None else None,
        not_needed=len(study.planned_runs) - len(planned_runs),
        decided_after=stopped,
    )


def decided_after(study: StudySpec, paths: StudyPaths) -> int | None:
    """Return the number of seeds after which the study was stopped; None if it was not, or if it has gone on since."""
    looks = recorded_looks(paths) if study.looks is not None else ()
    return looks[-1].seeds if looks and looks[-1].stops else None


def _complete_seeds(seeds: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the seeds, up to the first that lacks a run, of which every run has ended."""
    unended = {row["seed"] for row in rows if row["outcome"] == "missing"}
    return tuple(takewhile(lambda seed: seed not in unended, seeds))


def _record(paths: RunPaths, run_id: str) -> RunRecord | None:
    return RunRecord.load(paths, run_id, pictures=False) if paths.record.exists() else None


def _reported(sums: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the metrics that a report shows."""
    return sums[sums["metric"].isin(metrics)]


def _row(
    planned_run: PlannedRun, record: RunRecord | None, paths: StudyPaths, view: str
) -> dict[str, str | int | float | None]:
    files = paths.run(planned_run.id)
    failed = record is None and files.log.exists()
    attempts = failed_attempts(files) if failed else ()
    outcome = record.outcome if record is not None else "failed" if failed else "missing"
    facts = record.facts if record is not None else {}
    return _columns(
        planned_run, outcome, attempts[-1].message if attempts else f"see {files.log}" if failed else ""
    ) | {
        **{name: facts.get(f"{view}/{name}") for name in ("best_offset", "copies")},
        "micro_batches": facts.get("micro_batches"),
    }


def _columns(planned_run: PlannedRun, outcome: str, message: str) -> dict[str, str | int | float | None]:
    """Return the columns that the row of every run has."""
    return {
        "run_id": planned_run.id,
        **planned_run.levels,
        "seed": planned_run.seed,
        "outcome": outcome,
        "message": message,
    }
