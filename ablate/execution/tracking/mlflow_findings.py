"""What probes found in a trained network, added to its run in MLflow."""

import math
from collections.abc import Iterator, Sequence

from ablate.execution.tracking.mlflow_client import LONGEST_KEY, NO_KEY, RunTag, client_of, metrics, runs_of, send
from ablate.execution.tracking.run_tags import PROBED, tag
from ablate.storage.findings import Finding
from ablate.storage.paths import RunPaths, Store


def log_findings(store: Store, study: str, run: str, findings: Sequence[Finding], paths: RunPaths) -> str | None:
    """Add what probes found to the finished run in MLflow; return its id there, or None where there is none.

    Every number becomes a metric `probe/NAME/NUMBER`, every change of a metric `probe/NAME/CONDITION/METRIC`.
    """
    client = client_of(store)
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        return None
    finished = runs_of(client, experiment.experiment_id, run, paths.folder.name, "status = 'FINISHED'")
    if not finished:
        return None
    run_id: str = finished[0].info.run_id
    numbers = {(key, 0): value for key, value in _probe_numbers(findings)}
    send(client, run_id, metrics(numbers), [RunTag(tag(PROBED), "true")])
    for file in (paths.findings, paths.findings_page):
        client.log_artifact(run_id, str(file))
    return run_id


def _probe_numbers(findings: Sequence[Finding]) -> Iterator[tuple[str, float]]:
    for finding in findings:
        values = {name: number for name, number in finding.numbers.items() if isinstance(number, int | float)}
        values |= {f"{change.condition}/{change.metric}": change.difference for change in finding.changes}
        for name, value in values.items():
            if math.isfinite(value):
                yield NO_KEY.sub("_", f"probe/{finding.probe}/{name}")[:LONGEST_KEY], float(value)
