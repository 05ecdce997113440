"""Every file name of a store, and the addresses of its databases, in one place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

OPTUNA, MLFLOW = "ABLATE_OPTUNA", "ABLATE_MLFLOW"
"""Environment variables with the addresses of databases elsewhere: they hold passwords, which no file or list of
processes should show."""


@dataclass(frozen=True)
class RunPaths:
    """The files of one run (a cell with one seed)."""

    folder: Path

    @property
    def record(self) -> Path:
        """Run, outcome, facts and digests. It is written last: a folder with it holds a complete record."""
        return self.folder / "record.json"

    @property
    def scores(self) -> Path:
        """One row per view, clip, forecast step and metric."""
        return self.folder / "scores.parquet"

    @property
    def reduction(self) -> Path:
        """Digest of the scores of a run that came from a bundle, which holds those of some metrics alone."""
        return self.folder / "reduced.json"

    @property
    def curve(self) -> Path:
        """Training and held-out loss over the optimization steps."""
        return self.folder / "curve.csv"

    @property
    def examples(self) -> Path:
        """Frames of a few clips: history, target and forecast of every view."""
        return self.folder / "examples.npz"

    def former_scores(self, definition: int) -> Path:
        """The scores by an older definition of the ghost metrics."""
        return self.folder / f"scores.definition_{definition}.parquet"

    @property
    def checkpoint(self) -> Path:
        """The trained weights, without any pickled object."""
        return self.folder / "checkpoint.pt"

    @property
    def next_files(self) -> "RunPaths":
        """Files that are about to replace those of this run; complete once they hold a record."""
        return RunPaths(self.folder / ".next")

    @property
    def training_state(self) -> Path:
        """State of an unfinished training; hidden, since it is no result."""
        return self.folder / ".training.pt"

    @property
    def run_yaml(self) -> Path:
        """The resolved run."""
        return self.folder / "run.yaml"

    @property
    def log(self) -> Path:
        """Traceback of the last failed attempt."""
        return self.folder / "error.log"

    @property
    def failed_attempts(self) -> Path:
        """One line of JSON for every attempt that gave no result."""
        return self.folder / "failed_attempts.jsonl"

    def frame_grid(self, view: str) -> Path:
        """Picture of history, target, forecast and ghost for one view."""
        return self.folder / f"frames_{view}.png"

    def animation(self, view: str) -> Path:
        """Animation of the same clips."""
        return self.folder / f"frames_{view}.gif"

    def forecast_page(self, view: str) -> Path:
        """Page of one view: curves, trail, and the clips with the strongest and the weakest ghost."""
        return self.folder / f"forecasts_{view}.html"

    @property
    def findings(self) -> Path:
        """Findings of the probes on the trained network."""
        return self.folder / "probes.json"

    @property
    def findings_page(self) -> Path:
        """Page of these findings."""
        return self.folder / "probes.html"


@dataclass(frozen=True)
class StudyPaths:
    """The files of one study.

    `labels` names the folder of every run that does not lie in a folder of its own identity. `older_runs` are the
    folders of runs with a field that this version no longer has.
    """

    folder: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    older_runs: tuple[str, ...] = ()

    @property
    def runs(self) -> Path:
        """One folder for every run."""
        return self.folder / "runs"

    @property
    def study_yaml(self) -> Path:
        """The resolved study, overrides included."""
        return self.folder / "study.yaml"

    @property
    def lock(self) -> Path:
        """Lock of the one driver that owns the study."""
        return self.folder / "driver.lock"

    @property
    def report_html(self) -> Path:
        """The report as one self-contained page."""
        return self.folder / "report.html"

    @property
    def report_markdown(self) -> Path:
        """Summary of the report."""
        return self.folder / "report.md"

    @property
    def report_json(self) -> Path:
        """Numbers of the report."""
        return self.folder / "report.json"

    @property
    def comparison(self) -> Path:
        """Picture of the strongest and the weakest ghost of the study."""
        return self.folder / "comparison.png"

    @property
    def runs_csv(self) -> Path:
        """One row per run: factor levels, seed and responses."""
        return self.folder / "runs.csv"

    @property
    def plan(self) -> Path:
        """The preregistered plan, and every later change."""
        return self.folder / "plan.json"

    @property
    def looks(self) -> Path:
        """Every look at the study's results, in the order in which it was taken."""
        return self.folder / "looks.json"

    @property
    def damaged_plan(self) -> Path:
        """A damaged plan.json, kept under another name."""
        return self.folder / "plan.damaged.json"

    @property
    def exclusions(self) -> Path:
        """One line of JSON for every run that was excluded from the analysis, or included again."""
        return self.folder / "exclusions.jsonl"

    @property
    def merges(self) -> Path:
        """One line of JSON for every time that runs of another store or a bundle were merged."""
        return self.folder / "merges.jsonl"

    @property
    def attempted(self) -> list[RunPaths]:
        """The files of every run that has a record, or a failed attempt."""
        folders = sorted(self.runs.iterdir()) if self.runs.is_dir() else []
        files = (RunPaths(folder) for folder in folders if folder.is_dir())
        return [run for run in files if run.record.exists() or run.log.exists() or run.failed_attempts.exists()]

    def run(self, run_id: str) -> RunPaths:
        """Return the files of one run, by its identity."""
        return RunPaths(self.runs / self.labels.get(run_id, run_id))

    def run_id(self, label: str) -> str:
        """Return the identity of the run in a folder, by the name of that folder."""
        return self._ids.get(label, label)

    @cached_property
    def _ids(self) -> Mapping[str, str]:
        return {label: run_id for run_id, label in self.labels.items()}


@dataclass(frozen=True)
class Store:
    """The folder that holds every study: artifacts, results, and databases where `optuna` and `mlflow` name none."""

    root: Path
    optuna: str | None = None
    mlflow: str | None = None

    @classmethod
    def here(cls, root: Path) -> Self:
        """Return the store in a folder, with the databases that the environment names."""
        return cls(root.absolute(), os.environ.get(OPTUNA) or None, os.environ.get(MLFLOW) or None)

    @property
    def mlflow_url(self) -> str:
        """MLflow's tracking URI: a server's or a database's. It cannot share one database with Optuna."""
        return self.mlflow or f"sqlite:///{self.mlflow_database.absolute()}"

    @property
    def mlflow_is_a_server(self) -> bool:
        """Whether MLflow is reached by HTTP: a server that keeps artifacts too."""
        return self.mlflow_url.startswith(("http://", "https://"))

    @property
    def optuna_url(self) -> str:
        """SQLAlchemy's URL of Optuna's database."""
        return self.optuna or f"sqlite:///{self.optuna_database.absolute()}"

    @property
    def mlflow_database(self) -> Path:
        """MLflow's database, where it has none elsewhere."""
        return self.root / "mlflow.db"

    @property
    def optuna_database(self) -> Path:
        """Optuna's database, where it has none elsewhere."""
        return self.root / "optuna.db"

    @property
    def has_run(self) -> bool:
        """Whether something has been run here."""
        return all(
            elsewhere or file.exists()
            for elsewhere, file in ((self.mlflow, self.mlflow_database), (self.optuna, self.optuna_database))
        )

    @property
    def mlflow_artifacts(self) -> Path:
        """Where MLflow keeps artifacts."""
        return self.root / "artifacts"

    @property
    def optuna_artifacts(self) -> Path:
        """Where the Optuna dashboard finds artifacts."""
        return self.root / "optuna_artifacts"

    def studies(self) -> list[StudyPaths]:
        """Return the files of every study, in the order of their names."""
        return [StudyPaths(folder) for folder in sorted((self.root / "studies").glob("*"))]

    def study(self, name: str) -> StudyPaths:
        """Return the files of one study."""
        return StudyPaths(self.root / "studies" / name)


def without_password(url: str) -> str:
    """Return a database's address as it may be shown; a file's by its path alone."""
    if url.startswith("sqlite:///"):
        return url.removeprefix("sqlite:///")
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
