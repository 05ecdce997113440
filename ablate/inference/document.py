"""An inference as what JSON can hold."""

from dataclasses import asdict
from typing import Any

from ablate.core.plain_json import plain
from ablate.inference.inference import Inference


def document(inference: Inference) -> dict[str, Any]:
    """Return it as dicts, lists and numbers; NaN becomes None."""
    told = asdict(inference) | {"settings": inference.settings.model_dump()}
    for verdict in told["verdicts"]:
        verdict["with"] = verdict.pop("partners")
        verdict["p"] = verdict["test"]["p"]
    for interaction in told["interactions"]:
        interaction["p"] = interaction["test"]["p"]
    whole: dict[str, Any] = plain(told)
    return whole
