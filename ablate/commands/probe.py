"""`ablate probe`: apply probes to a trained run of a study."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ablate.commands.console import say, say_written
from ablate.commands.moved_store import follow_store
from ablate.core.errors import DataError
from ablate.diagnosis.probe_run import probe_run
from ablate.execution.databases import refuse_unusable
from ablate.execution.tracking.mlflow_book import study_and_run
from ablate.execution.tracking.mlflow_findings import log_findings
from ablate.storage.findings import Finding
from ablate.storage.paths import RunPaths, Store
from ablate.storage.records import SCHEMA, RecordHead, damaged, identity
from ablate.study.stored_runs import find_run, stored_identity

MLFLOW_ID, RUN_ID = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{16}")


def probe(target: str, store: Store, clips: int, console: Console) -> None:
    """Probe a trained run, print the findings, and log them to its run in MLflow where there is one.

    Raises DataError where there is no such run, or it holds no trained model.
    """
    refuse_unusable(store)
    follow_store(store, console)
    paths = trained_run(target, store)
    command = shlex.join(["ablate", "probe", target, "--store", str(store.root), "--clips", str(clips)])
    with console.status("reading the checkpoint") as status:
        findings = probe_run(paths, f"Run {paths.folder.name}", command, clips, status.update)
    for finding in findings:
        console.print(f"\n{finding.title}", style="bold", highlight=False, markup=False)
        for sentence in finding.sentences:
            say(sentence, console)
    say_written(paths.findings_page, console)
    run_id = _log(store, paths, findings)
    logged = f"logged to run {run_id} in MLflow" if run_id else "not logged: this store's MLflow has no such run"
    say(logged, console)


def trained_run(target: str, store: Store) -> RunPaths:
    """Return the files of a run: by the path of its checkpoint, its id in MLflow, or its id in the report."""
    path = Path(target)
    if path.exists():
        paths = RunPaths((path if path.is_dir() else path.parent).absolute())
        if path.is_file() and path.name != paths.checkpoint.name:
            raise DataError(f"{path}: must be {paths.checkpoint.name} of a run; for another model use ablate diagnose")
        return paths
    if MLFLOW_ID.fullmatch(target) and store.has_run:
        study, run_id = study_and_run(store, target)
        return find_run(store.study(study), run_id)
    if RUN_ID.fullmatch(target):
        for study_files in store.studies():
            if (files := find_run(study_files, target)).folder.is_dir():
                _refuse_another_run(files, target)
                return files
    raise DataError(
        f"{target}: found neither a checkpoint nor a run with this id in {store.root}; give a checkpoint.pt, the id of "
        "a run in MLflow, or its id in the report"
    )


def _refuse_another_run(files: RunPaths, run_id: str) -> None:
    """Raise DataError if the folder named by a run holds the record of another one."""
    if files.record.exists() and (head := RecordHead.load(files)).schema == SCHEMA and identity(head.run) != run_id:
        raise damaged(files, f"it is of run {identity(head.run)}, not of run {run_id}")


def _log(store: Store, paths: RunPaths, findings: Sequence[Finding]) -> str | None:
    study, label = paths.folder.parent.parent.name, paths.folder.name
    if store.study(study).run(label) != paths or not store.has_run:
        return None
    return log_findings(store, study, stored_identity(paths), findings, paths)
