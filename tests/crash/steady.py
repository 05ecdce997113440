"""A run that trains nothing and always ends with a result."""

from ablate.storage.paths import RunPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun
from ablate.training.loss_curve import Observe
from tests.crash.misbehavior import finished_record


def carry_out(planned_run: PlannedRun, paths: RunPaths, observe: Observe) -> RunRecord:
    """Leave a record at once."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    observe(1, 0.5, 0.6)
    record = finished_record(planned_run, diverged=False, value=0.25)
    record.save(paths)
    return record
