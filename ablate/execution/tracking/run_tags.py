"""The names of the tags by which the runs of a study are told apart in MLflow."""

ROLE, NOTE = "role", "mlflow.note.content"
EXCLUDED, REASON = "excluded", "reason"
RESPONSE_DEFINITION = "response.definition"
"""Name of the tag that says of which response the metric `response` is the value."""


def run_tags(run_id: str, label: str) -> tuple[str, str]:
    """Return the filters that find a run: by its identity, or by the label that schema 1 kept in the tag `point`."""
    return f"tags.run = '{run_id}'", f"tags.point = '{label}'"
