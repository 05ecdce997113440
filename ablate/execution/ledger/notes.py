"""The note of a trial: two lines that the Optuna dashboard shows first, on what the run gave and where its files are.

The dashboard keeps the notes of all trials among the attributes of their study, and reads all of them with the study.
So only the first NOTED_TRIALS trials of a study have one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablate.analysis.phrases import clock, decimals, number_text, percent
from ablate.measurement.metrics import METRICS, SECONDARY
from ablate.study import PlannedRun, Response

NOTED_TRIALS = 500  # by then one takes 0.1 s to write (python -m benchmarks.trial_notes), little beside a run
GAP = "\n\n"


def trial_note(
    planned_run: PlannedRun, response: Response, value: float | None, facts: Mapping[str, Any], folder: Path
) -> str | None:
    """Return the note of an ended trial, from its value and its user attributes, in Markdown.

    The first line has the run, its response and the secondary metrics of the same view, or why there is none. The
    second has the folder of its files and its run in MLflow. None for a trial that was only stopped.
    """
    if (result := _result(response, value, facts)) is None:
        return None
    places = [f"Files: `{folder}`"]
    if run_id := facts.get("mlflow_run"):
        places.append(f"MLflow run: `{run_id}`")
    return f"{_opening(planned_run)}{result}{GAP}{'; '.join(places)}"


def renewed_note(former: str, planned_run: PlannedRun, note: str) -> str:
    """Return a note in place of the former one of the same run; what somebody else wrote stays, below it or alone."""
    if not former.strip():
        return note
    if not former.startswith(_opening(planned_run)):
        return former
    _, _, below = former.partition(GAP)
    _, gap, below = below.partition(GAP)
    return note + gap + below


def _opening(planned_run: PlannedRun) -> str:
    return f"**{planned_run.title}**: "


def _result(response: Response, value: float | None, facts: Mapping[str, Any]) -> str | None:
    match facts.get("outcome"):
        case "failed":
            return f"failed ({facts.get('failure', 'exception')}): {' '.join(str(facts.get('message', '')).split())}"
        case "superseded":
            return "superseded: another trial has the result of this run"
        case "diverged":
            return "diverged, so it has no response"
        case "unmeasurable" | "undefined":  # the second word is that of earlier versions
            return f"unmeasurable: {facts.get('reason', 'its response is undefined')}"
        case "finished" if value is not None:
            return _numbers(response, value, facts)
        case _:
            return None


def _numbers(response: Response, value: float, facts: Mapping[str, Any]) -> str:
    numbers = {METRICS[response.metric].title: value}
    for name in SECONDARY:
        if name != response.metric and (mean := facts.get(f"{response.view}/{name}")) is not None:
            numbers[METRICS[name].title] = mean
    words = [f"{title.partition(' (')[0]} {number_text(number, decimals(number))}" for title, number in numbers.items()]
    if (share := facts.get("defined_share", 1.0)) < 1:
        words.append(f"defined in {percent(share)} of the frames")
    if (seconds := facts.get("seconds")) is not None:
        words.append(f"took {clock(seconds)}")
    return ", ".join(words)
