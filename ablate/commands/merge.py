"""`ablate merge`: add the runs of other stores and bundles to the same study in a store."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from ablate.commands.console import say
from ablate.commands.moved_store import follow_store
from ablate.commands.prepared_store import prepare_databases
from ablate.core.errors import DataError, SpecError
from ablate.execution.bookkeeping import Bookkeeping
from ablate.execution.books import read_books
from ablate.execution.databases import refuse_unusable
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.lock import held, held_on_server
from ablate.execution.merging import (
    MergeSource,
    StudyMerge,
    bundle_source,
    by_study,
    carry_out,
    plan_merge,
    replaced_runs,
    store_sources,
)
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.storage.exclusions import excluded_runs
from ablate.storage.paths import Store


def merge(places: Sequence[Path], root: Path, study: str | None, console: Console) -> None:
    """Merge stores and bundles into the store in `root`, in their order; `study` takes one study of each alone.

    Everything is read and compared before anything is written. Raises DataError for a place without a usable study,
    SpecError for plans that differ.
    """
    store = Store.here(root)
    with TemporaryDirectory(prefix="ablate-merge-") as folder:
        sources = [source for source in _sources(places, Path(folder), store) if study in (None, source.study.name)]
        if not sources:
            raise SpecError(f"--study: found no study {study!r} in {', '.join(map(str, places))}")
        studies = by_study(sources)
        merges = [plan_merge(named, store.study(name)) for name, named in studies.items()]
        refuse_unusable(store)
        follow_store(store, console, list(studies))
        for study_merge in merges:
            _carry_out(study_merge, store, console)


def _sources(places: Sequence[Path], folder: Path, store: Store) -> list[MergeSource]:
    sources: list[MergeSource] = []
    for number, place in enumerate(places):
        if not place.exists():
            raise DataError(f"{place}: there is no such store or bundle")
        if place.is_dir():
            if store.root.exists() and place.samefile(store.root):
                raise SpecError(f"{place}: found the store that gets the runs; name other stores, or another --into")
            sources += store_sources(place)
        else:
            sources.append(bundle_source(place, folder / str(number)))
    return sources


def _carry_out(merge: StudyMerge, store: Store, console: Console) -> None:
    study, paths = merge.study, merge.paths
    with held(paths.lock), held_on_server(store.optuna_url, study.name):
        prepare_databases(store, console)
        books = read_books(store, study.name)
        added = carry_out(merge)
        tracker = MLflowTracker(store)
        bookkeeping = Bookkeeping(study, paths, Ledger.open(store, study), tracker)
        with console.status("entering the runs in Optuna and MLflow"):
            bookkeeping.open(replaced_runs(merge, books))
        excluded = excluded_runs(paths)
        planned = [run for run in study.planned_runs if run.id not in excluded]
        recorded = [run for run in planned if paths.run(run.id).record.exists()]
        state = f"{len(recorded)} of {len(planned)} runs have a result"
        is_complete = len(recorded) == len(planned)
        tracker.close(paths, f"Merged from {', '.join(added)}: {state}.", complete=is_complete)
    for name, count in added.items():
        say(f"{study.name}: {count} {'run' if count == 1 else 'runs'} merged from {name}", console)
    if merge.in_both:
        say(f"{study.name}: {merge.in_both} in both, of which the first one is kept", console)
    for sentences in (*merge.differences.values(), *merge.deviations.values()):
        for sentence in sentences:
            say(sentence, console, "yellow")
    trains = "" if is_complete else "ablate run trains the others, "
    say(f"{study.name}: {state}; {trains}ablate report writes the report", console)
