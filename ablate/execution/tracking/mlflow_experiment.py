"""The page of a study in MLflow: its experiment, its parent run, and the address that opens it."""

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ablate.components.data import Data
from ablate.core.errors import AblateError
from ablate.execution.tracking.experiment_view import TAG, run_address, runs_address, view_state
from ablate.execution.tracking.mlflow_book import seals_of
from ablate.execution.tracking.mlflow_client import (
    LONGEST_KEY,
    LONGEST_PARAM,
    LONGEST_TAG,
    NO_KEY,
    PARAMS_A_BATCH,
    Dataset,
    DatasetInput,
    InputTag,
    MlflowClient,
    MlflowException,
    Param,
    client_of,
    metrics,
    runs_tagged,
    send,
)
from ablate.execution.tracking.run_description import commit, user
from ablate.execution.tracking.run_tags import CHANGED, NOTE, ROLE, RUN, STUDY, tag, tagged
from ablate.execution.tracking.study_numbers import study_results, study_settings
from ablate.planning.books import new_seals
from ablate.storage.paths import Store, StudyPaths
from ablate.study import StudySpec
from ablate.study.stored_runs import study_paths

HEADING = re.compile(r"\A# (.+)$", re.MULTILINE)
"""The question at the top of a summary: MLflow shows only some lines of a description, and a heading takes two."""
LONGEST_NOTE = 5000  # characters in an experiment's tag, as some databases of MLflow allow


@dataclass(frozen=True)
class StudyReport:
    """What the last report wrote: its files among those of the study, and its summary in Markdown."""

    study: StudySpec
    paths: StudyPaths
    summary: str

    @property
    def files(self) -> list[Path]:
        """The files that belong to the parent run, of those that exist."""
        paths = self.paths
        report = (paths.report_html, paths.report_markdown, paths.report_json, paths.runs_csv, paths.comparison)
        files = (paths.study_yaml, paths.plan, paths.exclusions, paths.looks, paths.merges, *report)
        return [file for file in files if file.exists()]


@dataclass(frozen=True)
class StudyAddresses:
    """The addresses of a study on an MLflow server: the table of its runs, and the parent run with its report."""

    runs: str
    parent: str | None


def open_experiment(client: MlflowClient, store: Store, study: StudySpec) -> str:
    """Return the id of the study's experiment, which is created or restored where it must be."""
    experiment = client.get_experiment_by_name(study.name)
    if experiment is None:
        id_: str = client.create_experiment(study.name, _artifacts(store, study))
    else:
        id_ = experiment.experiment_id
        if experiment.lifecycle_stage == "deleted":  # in the UI, which keeps its name in use
            client.restore_experiment(id_)
    if experiment is None or NOTE not in experiment.tags:
        client.set_experiment_tag(id_, NOTE, study.question)
    show_view(client, id_, study)
    return id_


def show_view(client: MlflowClient, experiment: str, study: StudySpec) -> None:
    """Store the view of the study's runs, for the columns that its runs have."""
    older = client.search_runs([experiment], f"tags.{ROLE} = '{RUN}'", max_results=1)
    client.set_experiment_tag(experiment, TAG, view_state(study, is_older=bool(older)))


def open_parent(client: MlflowClient, experiment: str, study: StudySpec) -> str:
    """Return the id of the study's parent run, which runs from now on."""
    if earlier := runs_tagged(client, experiment, ROLE, STUDY):
        id_: str = earlier[0].info.run_id
        client.update_run(id_, status="RUNNING")
    else:
        tags = tagged({ROLE: STUDY}) | provenance()
        id_ = client.create_run(experiment, tags=tags, run_name=study.name).info.run_id
        client.log_inputs(id_, datasets=[dataset(study.base.data)])
    return id_


def seal(client: MlflowClient, parent: str, store: Store, study: StudySpec) -> None:
    """Record the digest and the chain of the preregistered plan, where the parent run has no other ones."""
    seals = seals_of(client.get_run(parent))
    for name, digest in new_seals(study_paths(store, study), seals).items():
        if seals.get(name) != digest:
            client.set_tag(parent, tag(name), digest)


def log_report(client: MlflowClient, experiment: str, parent: str, report: StudyReport) -> None:
    """Log the files and the numbers of a report to the parent run, and its summary as the descriptions of both."""
    for file in report.files:
        client.log_artifact(parent, str(file))
    _log_study(client, parent, report.study, report.paths)
    client.set_tag(parent, NOTE, HEADING.sub(r"**\1**", report.summary)[:LONGEST_TAG])
    client.set_experiment_tag(experiment, NOTE, HEADING.sub(r"\1", report.summary)[:LONGEST_NOTE])


def refresh_report(store: Store, report: StudyReport) -> None:
    """Log a report to the study's parent run where MLflow has one. Raises AblateError where MLflow cannot be used."""
    if store.mlflow is None and not store.mlflow_database.exists():
        return
    try:
        client = client_of(store)
        experiment = client.get_experiment_by_name(report.study.name)
        if experiment is not None and (parents := runs_tagged(client, experiment.experiment_id, ROLE, STUDY)):
            log_report(client, experiment.experiment_id, parents[0].info.run_id, report)
    except (MlflowException, SQLAlchemyError) as error:
        raise AblateError(" ".join(str(error).split())) from error


def _log_study(client: MlflowClient, parent: str, study: StudySpec, paths: StudyPaths) -> None:
    """Log the settings of a study and the numbers of its report to the parent run; numbers that it has are skipped.

    MLflow never changes a parameter. A setting that changed since the first report is named in a tag.
    """
    known = client.get_run(parent).data
    settings = {name: value[:LONGEST_PARAM] for name, value in study_settings(study).items()}
    params = [Param(name, value) for name, value in settings.items() if name not in known.params]
    for first in range(0, len(params), PARAMS_A_BATCH):
        client.log_batch(parent, params=params[first : first + PARAMS_A_BATCH])
    changed = [f"{name} is now {value}" for name, value in settings.items() if known.params.get(name, value) != value]
    if changed or tag(CHANGED) in known.tags:
        client.set_tag(parent, tag(CHANGED), "; ".join(changed)[:LONGEST_TAG] or "none")
    results = {NO_KEY.sub("_", name)[:LONGEST_KEY]: value for name, value in study_results(study, paths).items()}
    new = {(name, 0): value for name, value in results.items() if known.metrics.get(name) != value}
    send(client, parent, metrics(new))


def _artifacts(store: Store, study: StudySpec) -> str | None:
    """Return the folder of artifacts; None where a server stores them."""
    if store.mlflow_is_a_server:
        return None
    return (store.mlflow_artifacts.absolute() / study.name).as_uri()


def provenance() -> dict[str, str]:
    """Return who started a run, from which commit, as the tags that MLflow shows."""
    tags = {
        "mlflow.source.name": "ablate",
        "mlflow.source.git.commit": commit(Path(__file__).parent),
        "mlflow.user": user(),
    }
    return {name: value for name, value in tags.items() if value is not None}


def dataset(data: Data) -> DatasetInput:
    """Return the data of a run as a dataset of MLflow: its kind, its settings, and their digest."""
    settings = data.model_dump_json()
    source = json.dumps({"tags": {"mlflow.source.name": "ablate.data", "settings": settings}})
    digest = hashlib.sha256(settings.encode()).hexdigest()[:16]
    dataset = Dataset(name=data.kind, digest=digest, source_type="code", source=source)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def study_addresses(base_url: str, study: StudySpec) -> StudyAddresses:
    """Return the pages of a study on the MLflow server at `base_url`.

    An experiment of an older version gets its view first. Raises AblateError where the server knows no such study.
    """
    client = MlflowClient(tracking_uri=base_url)
    experiment = client.get_experiment_by_name(study.name)
    if experiment is None:
        raise AblateError(f"no study {study.name!r} has been run in this store; run it first")
    id_, has_view = experiment.experiment_id, TAG in experiment.tags
    with suppress(MlflowException):  # a store that is read-only is shown without it
        if not has_view:
            show_view(client, id_, study)
            has_view = True
    parents = runs_tagged(client, id_, ROLE, STUDY)
    parent = run_address(base_url, id_, parents[0].info.run_id) if parents else None
    return StudyAddresses(runs_address(base_url, id_, has_view=has_view), parent)
