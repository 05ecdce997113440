"""The stored runs of a study, found by what they are: a folder's name is only a label.

A run that was stored under an older schema lies in a folder named by its identity of that time. Its settings are
brought up to date and give its identity of today.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from pydantic import ValidationError

from ablate.core.errors import SpecError
from ablate.storage.paths import RunPaths, Store, StudyPaths
from ablate.storage.records import RecordHead, damaged, identity
from ablate.study.run import RunSpec
from ablate.study.schema_upgrade import OlderVersionError, upgrade_run
from ablate.study.study import StudySpec
from ablate.study.study_file import load_run
from ablate.study.yaml_document import read


def study_paths(store: Store, study: StudySpec) -> StudyPaths:
    """Return the files of a study, the folder of each planned run found by the run's identity."""
    return labeled(store.study(study.name), {run.id for run in study.planned_runs})


def labeled(paths: StudyPaths, known: Collection[str] = ()) -> StudyPaths:
    """Return the paths with the label of every stored run that does not lie in a folder of its own identity.

    Folders whose names are in `known` are taken for what their names say; each record is checked when it is read.
    Runs with a field that this version no longer has go to `older_runs`. Folders without a run are ignored. Raises
    DataError if a run cannot be read, or its record and its run.yaml do not belong together.
    """
    labels: dict[str, str] = {}
    older: list[str] = []
    for files in _unknown(paths, known):
        try:
            run_id = stored_identity(files)
        except OlderVersionError:
            older.append(files.folder.name)
        except (SpecError, OSError, ValidationError) as error:
            raise damaged(files, str(error)) from error
        else:
            if run_id != files.folder.name and not paths.run(run_id).folder.exists():
                labels[run_id] = files.folder.name
    return replace(paths, labels=labels, older_runs=tuple(older))


def _unknown(paths: StudyPaths, known: Collection[str]) -> Iterator[RunPaths]:
    folders = sorted(paths.runs.iterdir()) if paths.runs.is_dir() else []
    runs = (RunPaths(folder) for folder in folders if folder.is_dir() and folder.name not in known)
    return (files for files in runs if files.record.exists() or files.run_yaml.exists())


def find_run(paths: StudyPaths, name: str) -> RunPaths:
    """Return the files of a run by the name of its folder or by its identity, whether or not it was stored."""
    files = paths.run(name)
    return files if files.folder.is_dir() else labeled(paths).run(name)


def stored_identity(files: RunPaths) -> str:
    """Return the identity of the run in a folder. A record of schema 1 left the run in run.yaml alone.

    Raises DataError if its record is damaged or not of the run in run.yaml, SpecError if it cannot be read, and
    OlderVersionError for a field that this version no longer has.
    """
    head = RecordHead.load(files) if files.record.exists() else None
    if head is None:
        return load_run(files.run_yaml).identity()
    if head.schema > 1:
        return RunSpec.model_validate(upgrade_run(head.run, head.schema).tree).identity()
    if identity(read(files.run_yaml).tree) != head.label:  # schema 1 took the digest of every setting
        raise damaged(files, f"its run.yaml is not that of run {head.label}")
    return load_run(files.run_yaml).identity()
