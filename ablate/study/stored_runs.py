"""The stored runs of a study, found by what they are: a folder's name is only a label.

A run that was stored under an older schema lies in a folder named by its identity of that time. Its settings are
brought up to date and give its identity of today.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from pydantic import ValidationError

from ablate.core.errors import AblateError
from ablate.storage.paths import RunPaths, Store, StudyPaths
from ablate.storage.records import RecordHead
from ablate.study.run import RunSpec
from ablate.study.schema import OlderVersionError, upgrade_run
from ablate.study.study import StudySpec
from ablate.study.study_file import load_run


def study_paths(store: Store, study: StudySpec) -> StudyPaths:
    """Return the files of a study, the folder of each planned run found by the run's identity."""
    return labeled(store.study(study.name), {run.id for run in study.planned_runs})


def labeled(paths: StudyPaths, known: Collection[str] = ()) -> StudyPaths:
    """Return the paths with the label of every stored run that does not lie in a folder of its own identity.

    Folders whose names are in `known` are taken for what their names say; each record is checked when it is read.
    Runs with a field that this version no longer has go to `older_runs`. Folders that hold no readable run are left
    alone: nothing of them counts.
    """
    labels: dict[str, str] = {}
    older: list[str] = []
    for files in _unknown(paths, known):
        try:
            run_id = _identity(files)
        except OlderVersionError:
            older.append(files.folder.name)
        except (AblateError, OSError, ValidationError):
            continue
        else:
            if run_id != files.folder.name and not paths.run(run_id).folder.exists():
                labels[run_id] = files.folder.name
    return replace(paths, labels=labels, older_runs=tuple(older))


def _unknown(paths: StudyPaths, known: Collection[str]) -> Iterator[RunPaths]:
    folders = sorted(paths.runs.iterdir()) if paths.runs.is_dir() else []
    return (RunPaths(folder) for folder in folders if folder.is_dir() and folder.name not in known)


def _identity(files: RunPaths) -> str:
    """Return the identity of the run in a folder. A record of schema 1 left the run in run.yaml alone."""
    head = RecordHead.load(files) if files.record.exists() else None
    if head is None or not head.run:
        return load_run(files.run_yaml).identity()
    return RunSpec.model_validate(upgrade_run(head.run, head.schema).tree).identity()
