"""The one number of a run: its scores, averaged."""

import pandas as pd


def mean_score(scores: pd.DataFrame, measure: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return a measure's mean over all clips and the steps from `first_step` to `last_step` (None: to the end).

    Both steps count, from 1. Frames where the measure is undefined (NaN) are left out; NaN if none is defined.
    """
    return float(_values(scores, measure, view, first_step, last_step).mean())


def undefined_share(scores: pd.DataFrame, measure: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return the share of those frames, in [0, 1], where the measure is undefined; NaN where there are no frames."""
    return float(_values(scores, measure, view, first_step, last_step).isna().mean())


def _values(scores: pd.DataFrame, measure: str, view: str, first_step: int, last_step: int | None) -> pd.Series:
    chosen = (scores["measure"] == measure) & (scores["view"] == view) & (scores["step"] >= first_step)
    if last_step is not None:
        chosen &= scores["step"] <= last_step
    return scores.loc[chosen, "value"].astype(float)
