"""What one run leaves behind, and how it is kept on disk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from jaxtyping import Int64

from ablate.core.arrays import Clips
from ablate.core.errors import DataError
from ablate.storage.atomic import whole_file
from ablate.storage.paths import RunPaths

Outcome = Literal["finished", "diverged"]
SCORE_COLUMNS = ["view", "clip", "step", "metric", "value"]
CURVE_COLUMNS = ["step", "loss", "held_out_loss"]


ClipNumbers = Int64[np.ndarray, " clip"]


@dataclass(frozen=True)
class Example:
    """Frames of a few clips under one view, for pictures; uint8, 255 is full ink.

    `clips` holds the number of each clip within its view, from 0, as in the scores.
    """

    history: Clips
    target: Clips
    forecast: Clips
    clips: ClipNumbers


@dataclass(frozen=True)
class RunRecord:
    """The whole result of one run.

    `scores` has the columns of SCORE_COLUMNS: one row per view, clip, forecast step (from 1) and
    measure; an undefined value is NaN. It is empty for a run that diverged. `curve` has the columns
    of CURVE_COLUMNS. `facts` says what was measured on what: parameters, seconds, device, versions.
    """

    run_id: str
    outcome: Outcome
    scores: pd.DataFrame
    curve: pd.DataFrame
    examples: Mapping[str, Example]
    facts: Mapping[str, str | int | float]

    @cached_property
    def means(self) -> dict[str, float]:
        """Return the mean over clips and steps of every measure as `view/metric`, apart from what is not finite."""
        means = self.scores.astype({"value": float}).groupby(["view", "metric"], as_index=False)["value"].mean()
        finite = means[np.isfinite(means["value"])]
        return dict(zip(finite["view"] + "/" + finite["metric"], finite["value"].tolist(), strict=True))

    def save(self, paths: RunPaths) -> None:
        """Write every file of the record whole, the one that marks it complete last."""
        paths.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(paths.scores) as path:
            self.scores.to_parquet(path, index=False)
        with whole_file(paths.curve) as path:
            self.curve.to_csv(path, index=False)
        with whole_file(paths.examples) as path, path.open("wb") as file:
            np.savez_compressed(file, **_flat(self.examples))  # type: ignore[arg-type]  # keys are array names
        with whole_file(paths.record) as path:
            head = {"run_id": self.run_id, "outcome": self.outcome, "facts": dict(self.facts)}
            path.write_text(json.dumps(head, indent=1))

    @classmethod
    def load(cls, paths: RunPaths, *, pictures: bool = True) -> "RunRecord":
        """Read a record back, with its frames or without.

        Raises FileNotFoundError where there is no complete one, DataError where it is damaged.
        """
        text = paths.record.read_text(errors="replace")
        try:
            head = json.loads(text)
            return cls(
                run_id=head["run_id"],
                outcome=head["outcome"],
                scores=pd.read_parquet(paths.scores)[SCORE_COLUMNS],
                curve=pd.read_csv(paths.curve)[CURVE_COLUMNS],
                examples=_examples(paths.examples) if pictures else {},
                facts=head["facts"],
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            reason = " ".join(str(error).split())
            raise DataError(
                f"{paths.folder}: this run's record is damaged ({reason}); delete the folder and run the study again, "
                "which repeats this run alone"
            ) from error


def _examples(file: Path) -> dict[str, Example]:
    with np.load(file, allow_pickle=False) as arrays:
        return _grouped(dict(arrays))


PARTS = tuple(field.name for field in fields(Example))


def _flat(examples: Mapping[str, Example]) -> dict[str, np.ndarray]:
    return {f"{view}.{part}": getattr(example, part) for view, example in examples.items() for part in PARTS}


def _grouped(arrays: Mapping[str, np.ndarray]) -> dict[str, Example]:
    views = sorted({name.rpartition(".")[0] for name in arrays})
    return {view: Example(**{part: arrays[f"{view}.{part}"] for part in PARTS}) for view in views}
