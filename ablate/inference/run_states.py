"""The states that Optuna, MLflow, W&B and others give a run: which of them leave a result, and which do not."""

import re
from enum import StrEnum
from functools import lru_cache


class RunState(StrEnum):
    """Whether the number in the row of a run is its result."""

    FINISHED = "finished"
    """The run came to its end, and the number is its result."""
    LOST = "lost"
    """The run was stopped, failed or has not ended. `is_lost_by_response` says whether its response was the reason."""


_WORDS = {
    RunState.FINISHED: "complete completed done finished ok succeed succeeded success successful",
    RunState.LOST: (
        "abandoned abort aborted canceled canceling cancelled cancelling crash crashed created diverged error errored "
        "evicted exception excluded fail failed failing failure incomplete interrupted kill killed lost missing oom "
        "paused pending preempted preempting pruned queued running scheduled skipped starting submitted superseded "
        "suspended timedout timeout undefined unfinished unmeasurable waiting withdrawn"
    ),
}
_PHRASES = dict.fromkeys(("node fail", "out of memory", "timed out"), RunState.LOST)
STATES = {word: state for state, words in _WORDS.items() for word in words.split()} | _PHRASES
"""Every known word in small letters, with its state."""
_CLASS = re.compile(r"^\w+\.(?=\w+$)")  # TrialState.FAIL, as Python writes an enum
_DETAIL = re.compile(r"[:;,(].*", re.DOTALL)  # "failed: no space left on device" begins with its state


@lru_cache(maxsize=1_024)  # a column repeats a few words in up to a million rows
def run_state(text: str) -> RunState | None:
    """Return the state that a word names, in any case; None for a word that names no known state.

    "TrialState.FAIL" and "failed: out of space" are states too.
    """
    word = _DETAIL.sub("", _CLASS.sub("", text.strip()))
    return STATES.get(re.sub(r"[\s_-]+", " ", word).strip().lower())
