"""`ablate bundle`: one file with the records, tables and pages of a study, for another machine or a reader."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from rich.console import Console

from ablate import __version__
from ablate.analysis.outcomes import best_and_worst
from ablate.analysis.study_table import StudyTable, with_responses
from ablate.analysis.unmeasurable import EXPLAINING
from ablate.commands.console import say
from ablate.commands.moved_store import follow_store
from ablate.core.errors import DataError
from ablate.execution.books import read_books
from ablate.execution.merging import books_to_json
from ablate.execution.results import study_table
from ablate.storage.bundle_file import DATA, PAGES, Content, write_bundle
from ablate.storage.paths import RunPaths, Store, StudyPaths
from ablate.storage.records import RunRecord
from ablate.storage.reduction import reduced_scores, reduction_text
from ablate.study import study_file
from ablate.study.stored_runs import study_paths

FRAMES = 4  # runs with frames: the two best and the two worst
SUFFIX = ".bundle.zip"


@dataclass(frozen=True)
class BundleOptions:
    """What a bundle holds beside records, tables and pages, and its file; None names it after the study."""

    checkpoints: bool = False
    frames: int = FRAMES
    output: Path | None = None


def bundle(file: Path, root: Path, options: BundleOptions, console: Console) -> None:
    """Write the bundle of a study as it is in the store. Looks at no result: it writes no report.

    Raises DataError where the study has no result, or a record is damaged.
    """
    name, store = study_file.load(file).name, Store.here(root)
    stored = store.study(name)
    if not (stored.study_yaml.exists() and stored.plan.exists()):
        raise DataError(f"{stored.folder}: the study {name!r} has not been run in this store; run it first")
    follow_store(store, console, [name], only_reads=True)
    study = study_file.load(stored.study_yaml)
    paths, books = study_paths(store, study), read_books(store, name)
    recorded = [run.id for run in study.planned_runs if paths.run(run.id).record.exists()]
    if not recorded:
        raise DataError(f"{paths.folder}: no run has a result yet; a bundle holds results")
    table = study_table(study, paths, seeds=len(study.seeds), books=books)
    metrics = {study.response.metric, *(metric.name for metric in table.secondary), *EXPLAINING}
    pictured = _pictured(table, _in_report(paths), options.frames)
    contents: dict[str, Content] = {
        file_name: paths.folder / file_name for file_name in (*DATA, *PAGES) if (paths.folder / file_name).exists()
    }
    for run_id in recorded:
        files = paths.run(run_id)
        members = chain(
            _record(files, run_id, metrics),
            _pictures(files) if run_id in pictured else (),
            [(files.checkpoint.name, files.checkpoint)] if options.checkpoints and files.checkpoint.exists() else (),
        )
        contents |= {f"runs/{run_id}/{member}": content for member, content in members}
    output = options.output or Path(f"{name}{SUFFIX}")
    write_bundle(output, name, contents, {"ablate": __version__, "books": books_to_json(books)})
    size = f"{output.stat().st_size / 1e6:.1f} MB"
    runs = f"{len(recorded)} of {len(study.planned_runs)} runs, frames of {len(pictured)}"
    say(f"written: {output} ({size}; {runs}, {'with' if options.checkpoints else 'without'} checkpoints)", console)


def _in_report(paths: StudyPaths) -> list[str]:
    """Return the runs that the first screen of the report shows; none where there is no report."""
    try:
        pictured = json.loads(paths.report_json.read_text(encoding="utf-8"))["first_screen"]["pictured_runs"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [str(run_id) for run_id in pictured]


def _pictured(table: StudyTable, in_report: Sequence[str], count: int) -> list[str]:
    """Return the runs whose frames go into the bundle: those of the report, then the worst and the best responses."""
    metric = table.response.metric
    runs = with_responses(table.runs, table.sums, table.response, table.secondary)
    extremes = best_and_worst(runs, [factor.path for factor in table.factors], metric, table.secondary)
    defined = runs[runs["response"].notna()]
    defined = defined.sort_values("response", ascending=not metric.higher_is_better, kind="stable")
    ranked = [str(run_id) for run_id in defined["run_id"]]
    in_turns = chain.from_iterable(zip_longest(ranked[::-1], ranked))
    of_report = [*in_report, *(run.run_id for run in reversed(extremes) if run)]
    ordered = [*of_report, *(run_id for run_id in in_turns if run_id)]
    planned = set(runs["run_id"])
    return [run_id for run_id in dict.fromkeys(ordered) if run_id in planned][:count]


def _record(files: RunPaths, run_id: str, metrics: set[str]) -> Iterator[tuple[str, Content]]:
    """Yield the files of a reduced record, and what probes found on the network."""
    record = RunRecord.load(files, run_id, pictures=False)
    if record.whole_digest is None:
        scores = reduced_scores(record.scores, metrics)
        yield files.scores.name, scores
        yield files.reduction.name, reduction_text(scores).encode()
    else:  # from a bundle: it is reduced already
        yield from ((file.name, file) for file in (files.scores, files.reduction))
    for file in (files.record, files.run_yaml, files.curve, files.failed_attempts, files.findings, files.findings_page):
        if file.exists():
            yield file.name, file


def _pictures(files: RunPaths) -> Iterator[tuple[str, Content]]:
    """Yield the frames of a run, and the pictures and pages of them."""
    if files.examples.exists():
        yield files.examples.name, files.examples
    for pattern in ("frames_*.png", "frames_*.gif", "forecasts_*.html"):
        yield from ((file.name, file) for file in sorted(files.folder.glob(pattern)))
