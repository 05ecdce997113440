"""Runs of one study from several places: which are new to a store, which are in both, and how they are added."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from ablate.core.errors import AblateError, DataError, SpecError
from ablate.execution.books import read_books
from ablate.measurement.metrics import METRICS
from ablate.planning.books import Book, broken_seals, changed_records
from ablate.planning.preregistered_plan import PreregisteredPlan, read
from ablate.planning.preregistration import plan_differences
from ablate.report.animation import write_animation
from ablate.report.frame_grid import write_frame_grid
from ablate.storage.atomic import sweep, whole_file
from ablate.storage.bundle_file import RUN_DATA, Bundle
from ablate.storage.exclusions import add_exclusions, exclusions
from ablate.storage.failed_attempts import failed_attempts
from ablate.storage.foreign_record import checked_record
from ablate.storage.looks import add_look, recorded_looks
from ablate.storage.merges import Merge, add_merges, merges
from ablate.storage.paths import RunPaths, Store, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun, StudySpec, study_file
from ablate.study.stored_runs import labeled

TOLERANCE = 1e-3  # of the larger response: two processors never give equal bits, and training amplifies that
ROUNDING = 1e-6  # absolute: responses near 0 differ by the rounding of single precision
MOST_DIFFERENCES = 5  # settings that a refusal names
_BOOKS = TypeAdapter(tuple[Book, ...])


@dataclass(frozen=True)
class MergeSource:
    """A study in another store or in a bundle: its files, its plan, and what its databases recorded."""

    name: str
    study: StudySpec
    paths: StudyPaths
    plan: PreregisteredPlan
    books: tuple[Book, ...]
    kind: Literal["store", "bundle"]

    def record(self, run_id: str) -> RunRecord:
        """Return the record of a run. Raises DataError where it is damaged."""
        files = self.paths.run(run_id)
        if self.kind == "store":
            return RunRecord.load(files, run_id)
        try:
            record = checked_record(files, run_id)
            _check_names(record, self.study)
        except (DataError, ValueError) as error:
            raise _unusable(self.name, run_id, error) from error
        return record


@dataclass
class StudyMerge:
    """What a merge adds to one study: the source of every new run, and what is said about each source."""

    study: StudySpec
    paths: StudyPaths
    sources: Sequence[MergeSource]
    runs: dict[str, MergeSource] = field(default_factory=dict)
    in_both: int = 0
    differences: dict[str, list[str]] = field(default_factory=dict)
    deviations: dict[str, list[str]] = field(default_factory=dict)


def store_sources(root: Path) -> Iterator[MergeSource]:
    """Yield every study of a store that has been run. Raises DataError where there is none, or one is damaged."""
    store = Store(root.absolute())
    started = [files for files in store.studies() if files.study_yaml.exists()]
    if not started:
        raise DataError(f"{root}: found no study; give the folder of a store, as after --store, or a bundle")
    for files in started:
        yield _source(str(root), files, read_books(store, files.folder.name), "store")


def bundle_source(file: Path, folder: Path) -> MergeSource:
    """Unpack a bundle below a folder, and return its study. Raises DataError for anything but a whole bundle."""
    bundle = Bundle.open(file)
    bundle.unpack(folder)
    try:
        books = _BOOKS.validate_python(bundle.manifest.get("books", ()))
        source = _source(str(file), StudyPaths(folder), books, "bundle")
        _check_history(source)
    except (AblateError, ValidationError, RecursionError, ValueError) as error:
        raise DataError(f"{file}: its study cannot be used: {_reason(error, folder)}") from error
    if source.study.name != bundle.study:
        raise DataError(f"{file}: found the study {source.study.name!r} in a bundle of {bundle.study!r}")
    return source


def books_to_json(books: Sequence[Book]) -> list[dict[str, Any]]:
    """Return what databases recorded as plain values, for a bundle."""
    return [json.loads(json.dumps(asdict(book))) for book in books]


def _source(name: str, paths: StudyPaths, books: tuple[Book, ...], kind: Literal["store", "bundle"]) -> MergeSource:
    study, plan = study_file.load(paths.study_yaml), read(paths)
    if plan is None:
        raise DataError(f"{paths.folder}: found no plan.json; give `ablate run` there first, which writes it")
    return MergeSource(name, study, labeled(paths, {run.id for run in study.planned_runs}), plan, books, kind)


def plan_merge(sources: Sequence[MergeSource], paths: StudyPaths) -> StudyMerge:
    """Return what the sources of one study would add to the study in `paths`, in their order; writes nothing.

    Raises SpecError where a plan differs, DataError where a record or a plan is damaged.
    """
    study, plan = sources[0].study, sources[0].plan
    if paths.study_yaml.exists() and (target_plan := read(paths)) is not None:
        study, plan = study_file.load(paths.study_yaml), target_plan
    for source in sources:
        _refuse_another_plan(source, plan, paths)
    merge = StudyMerge(study, labeled(paths, {run.id for run in study.planned_runs}), sources)
    for source in sources:
        _add_source(merge, source, plan)
    return merge


def _refuse_another_plan(source: MergeSource, plan: PreregisteredPlan, paths: StudyPaths) -> None:
    try:
        changes = plan_differences(plan, source.study)
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
        raise DataError(f"{source.name}: its plan.json is no plan ({error}); write the bundle again") from error
    if not changes:
        return
    settings = [f"{change.setting} is {change.values[1]} there and {change.values[0]} here" for change in changes]
    more = f"; and {len(settings) - MOST_DIFFERENCES} more" if len(settings) > MOST_DIFFERENCES else ""
    raise SpecError(
        f"{source.name}: its plan of the study {source.study.name!r} differs from that in {paths.folder}: "
        f"{'; '.join(settings[:MOST_DIFFERENCES])}{more}. Only runs of one plan are merged: continue the study there "
        "with the settings of here, or merge it into another store with --into"
    )


def _add_source(merge: StudyMerge, source: MergeSource, plan: PreregisteredPlan) -> None:
    titles = {run.id: run.title for run in merge.study.planned_runs}
    digests: dict[str, str | None] = {}
    differences = merge.differences.setdefault(source.name, [])
    for run in merge.study.planned_runs:
        if not source.paths.run(run.id).record.exists():
            continue
        record = source.record(run.id)
        digests[run.id] = record.whole_digest or record.digest
        first = _first_record(merge, run.id)
        if first is None:
            merge.runs[run.id] = source
            continue
        merge.in_both += 1
        if difference := _difference(merge.study, run, first, record):
            differences.append(f"{difference} The first one is kept, not that of {source.name}.")
    sentences = [*broken_seals(source.paths, source.books), *changed_records(digests, titles, source.books)]
    if merge.paths.plan.exists() and source.plan.chain != plan.chain:
        sentences += [source.plan.note] if source.plan.note else []
        sentences += [change.sentence for change in source.plan.changes if not change.is_new_setting]
    merge.deviations[source.name] = [f"{source.name}: {sentence}" for sentence in sentences]


def _first_record(merge: StudyMerge, run_id: str) -> RunRecord | None:
    """Return the record of a run that is in the store, or comes from an earlier source; None if this is the first."""
    if merge.paths.run(run_id).record.exists():
        return RunRecord.load(merge.paths.run(run_id), run_id, pictures=False)
    return merge.runs[run_id].record(run_id) if run_id in merge.runs else None


def _difference(study: StudySpec, run: PlannedRun, first: RunRecord, second: RunRecord) -> str | None:
    """Return a sentence where two records of a run differ in outcome, or by more than TOLERANCE in their response."""
    if first.outcome != second.outcome:
        words = f"ended as {first.outcome} in one place and as {second.outcome} in the other"
        return f'The run "{run.title}" ({run.id}) {words}.'
    before, after = study.response.of(first.scores), study.response.of(second.scores)
    if math.isnan(before) and math.isnan(after):
        return None
    if abs(before - after) <= max(ROUNDING, TOLERANCE * max(abs(before), abs(after))):
        return None
    metric = METRICS[study.response.metric].title
    return f'The run "{run.title}" ({run.id}) has two values of the {metric}: {before:.6g} and {after:.6g}.'


def carry_out(merge: StudyMerge) -> dict[str, int]:
    """Add the runs, and each source's looks and exclusions; return how many runs each source gave.

    The caller holds the lock of the study. A run that got a record meanwhile is left as it is.
    """
    merge.paths.folder.mkdir(parents=True, exist_ok=True)
    sweep(merge.paths.folder)
    for file in (merge.paths.study_yaml, merge.paths.plan):
        if not file.exists():
            _copy(merge.sources[0].paths.folder / file.name, file)
    added: dict[str, list[str]] = {source.name: [] for source in merge.sources}
    titles = {run.id: run.title for run in merge.study.planned_runs}
    for run_id, source in merge.runs.items():
        if not merge.paths.run(run_id).record.exists():
            _add_run(source, run_id, merge.paths.run(run_id), titles[run_id])
            added[source.name].append(run_id)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    for source in merge.sources:
        _add_history(source.paths, merge.paths)
    add_merges(
        merge.paths,
        [
            Merge(name, now, tuple(run_ids), tuple(merge.differences[name]), tuple(merge.deviations[name]))
            for name, run_ids in added.items()
        ],
    )
    return {name: len(run_ids) for name, run_ids in added.items()}


def _add_history(source: StudyPaths, target: StudyPaths) -> None:
    """Add the looks, exclusions and merges of a source that the target lacks, at the end: its chains go on."""
    for look in recorded_looks(source):
        add_look(target, look)
    known = exclusions(target)
    if new_exclusions := [exclusion for exclusion in exclusions(source) if exclusion not in known]:
        add_exclusions(target, new_exclusions)
    earlier = merges(target)
    if new_merges := [merge for merge in merges(source) if merge not in earlier]:
        add_merges(target, new_merges)


def _add_run(source: MergeSource, run_id: str, target: RunPaths, title: str) -> None:
    """Copy the files of a run, the record last; draw the pictures of a bundle's frames from its numbers."""
    files = source.paths.run(run_id)
    target.folder.mkdir(parents=True, exist_ok=True)
    sweep(target.folder)
    names = _stored_names(files) if source.kind == "store" else [name for name in RUN_DATA if name != "record.json"]
    for name in names:
        if (files.folder / name).is_file():
            _copy(files.folder / name, target.folder / name)
    if attempts := failed_attempts(files):
        _join_attempts(files, target, len(attempts))
    if source.kind == "bundle":
        for view, example in source.record(run_id).examples.items():
            write_frame_grid(target.frame_grid(view), example, f"{title}: {view.replace('_', ' ')}")
            write_animation(target.animation(view), example)
    for stale in (target.log, target.training_state):
        stale.unlink(missing_ok=True)
    _copy(files.record, target.record)


def _stored_names(files: RunPaths) -> list[str]:
    """Return the names of a run's files in a store, without the record, errors, and hidden unfinished files."""
    left_out = {files.record.name, files.log.name, files.failed_attempts.name}
    present = (file for file in sorted(files.folder.glob("[!.]*")) if file.is_file() and not file.is_symlink())
    return [file.name for file in present if file.name not in left_out]


def _join_attempts(source: RunPaths, target: RunPaths, count: int) -> None:
    known = target.failed_attempts.read_bytes() if target.failed_attempts.exists() else b""
    lines = source.failed_attempts.read_bytes()
    if count and lines not in known:
        with whole_file(target.failed_attempts) as path:
            path.write_bytes(known + lines)


def _copy(source: Path, target: Path) -> None:
    with whole_file(target) as path, source.open("rb") as file, path.open("wb") as copy:
        while chunk := file.read(1 << 20):
            copy.write(chunk)


def _check_history(source: MergeSource) -> None:
    """Raise an error where the plan, the exclusions, the looks or the merges of a bundle cannot be what they are."""
    plan, planned = source.plan, {run.id for run in source.study.planned_runs}
    words = [plan.preregistered_at, plan.digest, plan.note or "", *(change.since for change in plan.changes)]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("plan.json has a text that is no text")
    if unknown := {exclusion.run for exclusion in exclusions(source.paths)} - planned:
        raise ValueError(f"exclusions.jsonl names runs that are not planned: {sorted(unknown)}")
    for read_history in (recorded_looks, merges):
        read_history(source.paths)


def _check_names(record: RunRecord, study: StudySpec) -> None:
    """Raise ValueError for views or metrics that the study's runs do not have."""
    views = set(study.base.evaluation.views)
    if unknown := (set(record.scores["view"]) | set(record.examples)) - views:
        raise ValueError(f"it has the views {sorted(unknown)}; allowed: {sorted(views)}")
    if unknown := set(record.scores["metric"]) - set(METRICS):
        raise ValueError(f"it has the metrics {sorted(unknown)}; allowed: {sorted(METRICS)}")


def _unusable(name: str, run_id: str, error: Exception) -> DataError:
    reason = " ".join(str(error.__cause__ or error).split())
    return DataError(f"{name}: its run {run_id} cannot be used ({reason}); write the bundle again, and copy it whole")


def _reason(error: Exception, folder: Path) -> str:
    return " ".join(str(error).replace(f"{folder}/", "").split()) or type(error).__name__


def replaced_runs(merge: StudyMerge, books: Sequence[Book]) -> set[str]:
    """Return the merged runs of which a book of the store recorded another result."""
    replaced = set()
    for run_id in merge.runs:
        recorded = {book.records[run_id] for book in books if run_id in book.records}
        record = RunRecord.load(merge.paths.run(run_id), run_id, pictures=False)
        if recorded and not recorded & {record.digest, record.whole_digest}:
            replaced.add(run_id)
    return replaced


def by_study(sources: Sequence[MergeSource]) -> Mapping[str, list[MergeSource]]:
    """Return the sources of each study, in their order."""
    studies: dict[str, list[MergeSource]] = {}
    for source in sources:
        studies.setdefault(source.study.name, []).append(source)
    return studies
