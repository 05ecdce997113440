"""A run that trains nothing and, now and then, does what runs do when things go wrong."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ablate.storage.paths import RunPaths
from ablate.storage.records import CURVE_COLUMNS, SCORE_COLUMNS, Example, RunRecord
from ablate.study import PlannedRun
from ablate.training.loss_curve import Observe

CHANCES = {
    "raises": 0.15,
    "hangs": 0.03,
    "diverges": 0.05,
    "nan": 0.05,
    "memory": 0.05,
    "killed": 0.05,
    "told to go": 0.03,
}


def carry_out(planned_run: PlannedRun, paths: RunPaths, observe: Observe) -> RunRecord:
    """Leave a record, or fail; what happens follows from the point and how often it was begun."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    paths.log.unlink(missing_ok=True)
    begun = begun_in(paths.folder)
    with begun.open("a") as file:
        file.write("again\n" if paths.record.exists() else "begun\n")
    drawn = random.Random(f"{planned_run.id} {len(begun.read_text().splitlines())}")  # noqa: S311  # chance, no secret
    chance = drawn.choices(["works", *CHANCES], [1 - sum(CHANCES.values()), *CHANCES.values()])[0]
    observe(1, 0.5, 0.6)
    time.sleep(0.02)
    match chance:
        case "raises":
            raise ValueError("planned")
        case "hangs":
            time.sleep(3600)
        case "memory":
            raise MemoryError("planned")
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "told to go":
            os.kill(os.getpid(), signal.SIGTERM)
    record = finished_record(
        planned_run, diverged=chance == "diverges", value=float("nan") if chance == "nan" else 0.25
    )
    record.save(paths)
    return record


def begun_in(folder: Path) -> Path:
    """Return the file that has a line for every time the run was begun."""
    return folder / ".begun"


def finished_record(planned_run: PlannedRun, *, diverged: bool, value: float) -> RunRecord:
    rows = [
        (view, clip, step, metric, value)
        for view in ("one_step", "rollout")
        for clip in range(2)
        for step in (1, 2, 3)
        for metric in ("ghost_ratio", "signal_retention", "mse")
    ]
    frames = np.zeros((1, 3, 16, 16), np.uint8)
    return RunRecord(
        run=planned_run.spec.non_defaults(),
        outcome="diverged" if diverged else "finished",
        scores=pd.DataFrame([] if diverged else rows, columns=SCORE_COLUMNS),
        curve=pd.DataFrame([(1, 0.5, 0.6)], columns=CURVE_COLUMNS),
        examples={view: Example(frames, frames, frames, np.arange(1)) for view in ("one_step", "rollout")},
        facts={"seconds": 0.02},
    )
