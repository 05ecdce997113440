"""An inference as what JSON can hold."""

import math
from dataclasses import asdict
from typing import Any

from ablate.inference.inference import Inference


def document(inference: Inference) -> dict[str, Any]:
    """Return it as dicts, lists and numbers; NaN becomes None."""
    told = asdict(inference)
    for verdict in told["verdicts"]:
        verdict["with"] = verdict.pop("partners")
        verdict["p"] = verdict["test"]["p"]
    for interaction in told["interactions"]:
        interaction["p"] = interaction["test"]["p"]
    plain: dict[str, Any] = _plain(told)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
