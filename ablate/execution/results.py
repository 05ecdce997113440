"""The records on disk as the table that the analysis takes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import pandas as pd

from ablate.analysis.study_table import StudyTable
from ablate.analysis.unmeasurable import EXPLAINING
from ablate.execution.measured_run import study_response
from ablate.measurement.metrics import METRICS, SECONDARY, Ghost
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.measurement.run_mean import step_sums
from ablate.planning.books import Book, changed_records, unchecked
from ablate.planning.preregistration import deviations
from ablate.storage.exclusions import excluded_runs, exclusions
from ablate.storage.failed_attempts import failed_attempts
from ablate.storage.looks import recorded_looks
from ablate.storage.merges import merges
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import SCORED_BEFORE, RunRecord
from ablate.study import PlannedRun, StudySpec

GHOST_METRICS = frozenset(metric.name for metric in Ghost().metrics)


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
    definitions, scored_before = dict[str, int](), dict[str, str]()
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
            digests[planned_run.id] = _recorded_digest(record, planned_run.id, books)
            if (before := record.facts.get(SCORED_BEFORE)) is not None:
                scored_before[planned_run.id] = str(before)
        if record is not None and record.outcome == "finished":
            sums[planned_run.id] = _reported(step_sums(record.scores), (response.metric, *secondary, *EXPLAINING))
            definitions[planned_run.id] = record.ghost_definition
    judged = (response.metric, *study.analysis.judged_metrics)
    mixture = _tell_apart(rows, sums, definitions, judges_ghost=not GHOST_METRICS.isdisjoint(judged))
    titles = {planned_run.id: planned_run.title for planned_run in study.planned_runs}
    return StudyTable(
        question=study.question,
        exploratory=study.exploratory,
        factors=study.factor_levels,
        response=study_response(study),
        runs=pd.DataFrame(rows),
        sums=sums,
        secondary=tuple(METRICS[name] for name in secondary),
        deviations=(
            *deviations(paths, study, books),
            *changed_records(digests, titles, books, scored_before),
            *(sentence for merge in merges(paths) for sentence in merge.deviations),
        ),
        unchecked=(
            *unchecked(digests, books),
            *_scored_again(scored_before),
            *mixture,
            *(sentence for merge in merges(paths) for sentence in merge.differences),
        ),
        exclusions=tuple(exclusion.sentence for exclusion in exclusions(paths) if not exclusion.is_after_results),
        failed_attempts=Counter(
            attempt.kind for run in study.planned_runs for attempt in failed_attempts(paths.run(run.id))
        ),
        older_runs=paths.older_runs,
        complete_seeds=_complete_seeds(first_seeds, rows) if study.looks is not None else None,
        not_needed=len(study.planned_runs) - len(planned_runs),
        decided_after=stopped,
    )


def _tell_apart(
    rows: list[dict[str, Any]], sums: dict[str, pd.DataFrame], definitions: Mapping[str, int], *, judges_ghost: bool
) -> list[str]:
    """Keep the ghost metrics of one definition only, the newest, and return a sentence on the runs of an older one.

    A run of another definition is excluded if the study judges a ghost metric; otherwise it loses its ghost metrics.
    """
    if not definitions or set(definitions.values()) == {DEFINITION}:
        return []
    newest = max(definitions.values())
    older = {run_id for run_id, definition in definitions.items() if definition != newest}
    if not older:
        return [
            f"The ghost metrics are of definition {newest}; this version of ablate computes definition {DEFINITION}."
        ]
    for run_id in older:
        sums[run_id] = sums[run_id][~sums[run_id]["metric"].isin(GHOST_METRICS)]
    excluded = [row for row in rows if row["run_id"] in older] if judges_ghost else []
    for row in excluded:
        row["outcome"] = "excluded"
        row["message"] = (
            f"its ghost metrics are of definition {definitions[row['run_id']]}, and it has no checkpoint to score "
            "again; delete its folder to train it again"
        )
        del sums[row["run_id"]]
    runs = "1 run is" if len(older) == 1 else f"{len(older)} runs are"
    consequence = "left out of the analysis" if judges_ghost else "left out of all means of ghost metrics"
    return [f"The ghost metrics of {runs} of another definition than {newest}, and {consequence}."]


def _scored_again(scored_before: Mapping[str, str]) -> list[str]:
    if not (count := len(scored_before)):
        return []
    runs = "1 run" if count == 1 else f"{count} runs"
    sentence = (
        f"The scores of {runs} were computed again after the run had ended, by definition {DEFINITION} of the ghost "
        "metrics. Optuna and MLflow show them from the next ablate run on."
    )
    return [sentence]


def decided_after(study: StudySpec, paths: StudyPaths) -> int | None:
    """Return the number of seeds after which the study was stopped; None if it was not, or if it has gone on since."""
    looks = recorded_looks(paths) if study.looks is not None else ()
    return looks[-1].seeds if looks and looks[-1].stops else None


def _recorded_digest(record: RunRecord, run_id: str, books: Sequence[Book]) -> str | None:
    """Return the digest of a record; of a reduced one, that of its whole record where a book recorded that."""
    if record.whole_digest is not None and any(book.records.get(run_id) == record.whole_digest for book in books):
        return record.whole_digest
    return record.digest


def _complete_seeds(seeds: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the seeds, up to the first that lacks a run, of which every run has ended."""
    unended = {row["seed"] for row in rows if row["outcome"] == "missing"}
    return tuple(takewhile(lambda seed: seed not in unended, seeds))


def _record(paths: RunPaths, run_id: str) -> RunRecord | None:
    return RunRecord.load(paths, run_id, pictures=False) if paths.record.exists() else None


def _reported(sums: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the metrics that a report shows, or that say why one of them is undefined."""
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
