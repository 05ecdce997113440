"""What Optuna and MLflow lack of the records on disk, and what they have twice.

The records are the truth for the runs that they hold. A finished attempt of a run without a record here is left alone:
it may be the result of another machine that shares the database.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ablate.core.errors import DataError
from ablate.execution.measured_run import MeasuredRun, measured_run, response_definition
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import SCORED_BEFORE, RecordHead, RunRecord
from ablate.study import StudySpec

SAME_RESPONSE = 1e-9
"""Relative difference up to which two responses are one number: both are means of the same scores in float64."""


@dataclass(frozen=True)
class Entry:
    """A finished attempt as Optuna or MLflow shows it.

    `id` is the number of its trial or the id of its run there, `run` the identity of the planned run. `digest` is that
    of the record with which it was ended; None for an attempt of schema 1. `definition` is the response of which
    `response` is the value; None where an earlier version did not say. `response` is NaN for a run without a response,
    None where it is not shown.
    """

    id: str
    run: str
    digest: str | None
    response: float | None
    definition: str | None


@dataclass(frozen=True)
class StoredRun:
    """A run with a record on disk. Its scores are read only if they are needed."""

    study: StudySpec
    run_id: str
    files: RunPaths

    @cached_property
    def head(self) -> RecordHead:
        """The head of the record. Raises DataError where it is damaged."""
        return RecordHead.load(self.files)

    @property
    def digests(self) -> set[str | None]:
        """The digests of the record: of a reduced one its own and that of the whole record."""
        reduced = {self.head.reduced_digest} if self.head.reduced is not None else set()
        return {self.head.digest} | reduced

    @cached_property
    def measured(self) -> MeasuredRun:
        """What the record means to the study. Raises DataError where it is damaged."""
        return measured_run(self.study, RunRecord.load(self.files, self.run_id, pictures=False))

    def refuse_damaged(self) -> None:
        """Raise DataError where the record cannot be entered, because a file of it is damaged."""
        RunRecord.load(self.files, self.run_id)

    def is_that_of(self, entry: Entry) -> bool:
        """Return whether an entry shows this record, with the response that the study has today."""
        if entry.digest is not None and entry.digest not in self.digests:
            return False
        if entry.definition == response_definition(self.study) or entry.response is None:
            return True
        if math.isnan(entry.response) or math.isnan(self.measured.response):
            return math.isnan(entry.response) and math.isnan(self.measured.response)
        return math.isclose(entry.response, self.measured.response, rel_tol=SAME_RESPONSE)

    def is_vouched_for(self, entries: Iterable[Entry]) -> bool:
        """Return whether no entry speaks against the record: a changed one is reported, never entered as a result.

        The record may have been scored again since, and then names its former digest.
        """
        known = {entry.digest for entry in entries if entry.digest is not None}
        return not known or bool(known & {*self.digests, self.head.facts.get(SCORED_BEFORE)})


@dataclass(frozen=True)
class Corrections:
    """What one book needs to agree with the records: runs to be entered, and entries that count no more.

    `current` has the entry that shows the record of each other run, by run id.
    """

    missing: tuple[str, ...]
    superseded: tuple[Entry, ...]
    current: Mapping[str, Entry]


def stored_runs(study: StudySpec, paths: StudyPaths) -> dict[str, StoredRun]:
    """Return the planned runs with a record on disk, by run id."""
    runs = (StoredRun(study, planned_run.id, paths.run(planned_run.id)) for planned_run in study.planned_runs)
    return {run.run_id: run for run in runs if run.files.record.exists()}


def corrections(
    runs: Mapping[str, StoredRun],
    entries: Sequence[Entry],
    other_entries: Sequence[Entry],
    trusted: Collection[str] = (),
) -> Corrections:
    """Return what a book with `entries`, in their order, needs; the other book of the study holds `other_entries`.

    `trusted` are runs whose records are entered whatever the books say: a merge replaced them. A damaged record needs
    nothing: whoever reads it reports it.
    """
    by_run, by_run_in_both = _by_run(entries), _by_run([*entries, *other_entries])
    missing: list[str] = []
    superseded: list[Entry] = []
    current: dict[str, Entry] = {}
    for run_id, run in runs.items():
        held = by_run.get(run_id, [])
        try:
            matching = [entry for entry in held if run.is_that_of(entry)]
            is_trusted = run_id in trusted or run.is_vouched_for(by_run_in_both.get(run_id, []))
            if is_trusted and not matching:
                run.refuse_damaged()
        except DataError:
            continue
        if matching:
            current[run_id] = matching[-1]
            superseded += [entry for entry in held if entry is not matching[-1]]
        elif is_trusted:
            missing.append(run_id)
            superseded += held
    return Corrections(tuple(missing), tuple(superseded), current)


def _by_run(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    by_run: dict[str, list[Entry]] = {}
    for entry in entries:
        by_run.setdefault(entry.run, []).append(entry)
    return by_run
