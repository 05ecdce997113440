"""The page of a study in MLflow: its experiment, its parent run, and the address that opens it."""

import hashlib
import json
from pathlib import Path

from ablate.components.data import Data
from ablate.core.errors import AblateError
from ablate.execution.tracking.mlflow_client import RUNS_A_PAGE, Dataset, DatasetInput, InputTag, MlflowClient, Run
from ablate.execution.tracking.run_description import commit, user
from ablate.execution.tracking.run_tags import NOTE, ROLE
from ablate.planning.books import new_seals
from ablate.storage.paths import Store
from ablate.study import StudySpec
from ablate.study.stored_runs import study_paths


def open_experiment(client: MlflowClient, store: Store, study: StudySpec) -> str:
    """Return the id of the study's experiment, which is created or restored where it must be."""
    experiment = client.get_experiment_by_name(study.name)
    if experiment is None:
        id_: str = client.create_experiment(study.name, _artifacts(store, study))
    else:
        id_ = experiment.experiment_id
        if experiment.lifecycle_stage == "deleted":  # in the UI, which keeps its name in use
            client.restore_experiment(id_)
    client.set_experiment_tag(id_, NOTE, study.question)
    return id_


def open_parent(client: MlflowClient, experiment: str, study: StudySpec) -> str:
    """Return the id of the study's parent run, which runs from now on."""
    if earlier := runs_where(client, experiment, f"tags.{ROLE} = 'study'"):
        id_: str = earlier[0].info.run_id
        client.update_run(id_, status="RUNNING")
        return id_
    tags = {ROLE: "study"} | provenance()
    created: str = client.create_run(experiment, tags=tags, run_name=study.name).info.run_id
    return created


def seal(client: MlflowClient, parent: str, store: Store, study: StudySpec) -> None:
    """Record the digest and the chain of the preregistered plan, where the parent run has no other ones."""
    tags = client.get_run(parent).data.tags
    for name, digest in new_seals(study_paths(store, study), tags).items():
        client.set_tag(parent, name, digest)


def runs_where(client: MlflowClient, experiment: str, condition: str) -> list[Run]:
    """Return the runs of an experiment that meet a condition, the first ones first."""
    runs: list[Run] = []
    page = None
    while page != "":
        order = ["attributes.start_time ASC"]
        some = client.search_runs([experiment], condition, max_results=RUNS_A_PAGE, order_by=order, page_token=page)
        runs += some
        page = some.token or ""
    return runs


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


def experiment_url(base_url: str, study: str) -> str:
    """Return the page of a study on the MLflow server at `base_url`.

    Without the workflow type MLflow opens its pages for language models. Raises AblateError where the server
    knows no such study.
    """
    experiment = MlflowClient(tracking_uri=base_url).get_experiment_by_name(study)
    if experiment is None:
        raise AblateError(f"no study {study!r} has been run in this store; run it first")
    return f"{base_url}/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning"
