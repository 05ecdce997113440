"""What the notes of trials cost in Optuna: to write one, and to read all of them with their study.

`python -m benchmarks.trial_notes` prints a row for each number of notes: milliseconds to end a trial, to write its
note, and to read the attributes of the study, which the dashboard does for each page. SQLite in a temporary folder.
"""

import statistics
import tempfile
import time
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna_dashboard import save_note

NOTE = (
    "**input kernel 3, seed 20**: ghost ratio 0.26, signal retention 0.35, squared error of a frame 45.3, structural "
    "similarity 0.18, took 27 s\n\nFiles: `/data/mlruns/studies/quick/runs/fcaf33645d17bbbf`; MLflow run: "
    "`3826e15eb3ed47c0b1396afcceeb8546`"
)
COUNTS = (50, 100, 200, 500, 1000, 2000)
AVERAGED = 20  # trials before each count: a single write waits for the disk now and then


def main() -> None:
    """Write notes up to the largest count, and print the table."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        storage = optuna.storages.RDBStorage(f"sqlite:///{Path(folder) / 'optuna.db'}")
        study = optuna.create_study(study_name="notes", storage=storage)
        study_id = storage.get_study_id_from_name("notes")
        kernel: dict[str, BaseDistribution] = {"kernel": CategoricalDistribution(["1", "3"])}
        times: dict[str, list[float]] = {"tell": [], "note": []}
        print("notes  end a trial  write its note  read all (ms)")  # noqa: T201  # the output
        for number in range(1, COUNTS[-1] + 1):
            trial = study.ask(kernel)
            started = time.perf_counter()
            study.tell(trial, 0.26)
            ended = time.perf_counter()
            save_note(trial, NOTE)
            times["tell"].append(ended - started)
            times["note"].append(time.perf_counter() - ended)
            if number in COUNTS:
                started = time.perf_counter()
                storage.get_study_system_attrs(study_id)
                read = time.perf_counter() - started
                tell, note = (1000 * statistics.median(times[key][-AVERAGED:]) for key in ("tell", "note"))
                print(f"{number:5}  {tell:11.0f}  {note:14.0f}  {1000 * read:8.0f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
