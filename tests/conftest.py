"""What several tests need: a study small enough to train in a second, and records made without training."""

import math
import os
from collections.abc import Sequence
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import settings

import tests.shape_checker  # noqa: F401  # installs the check of array shapes, before the package is imported
from ablate.execution import database_creation
from ablate.storage.paths import Store
from ablate.storage.records import CURVE_COLUMNS, SCORE_COLUMNS, Example, Outcome, RunRecord
from ablate.study import PlannedRun, RunSpec, StudySpec
from tests.database_templates import copying

settings.register_profile("ablate", deadline=None)  # a busy machine is no failure
settings.load_profile("ablate")

SMALL_BASE = {
    "data": {"kind": "moving_mnist", "frame_size": 16, "digits": 1, "train_clips": 8},
    "model": {"kind": "convlstm", "layers": 1, "filters": 2, "kernel_size": 3},
    "training": {"scheme": {"kind": "teacher_forced", "frames": 6}, "steps": 4, "batch": 4, "report_every": 2},
    "evaluation": {"clips": 4, "context": 3, "horizon": 3, "batch": 4, "examples": 1},
}


class Page(HTMLParser):
    """Collects what a page consists of; refuses an element that is not closed in its place."""

    def __init__(self, text):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def assert_readable(self):
        """Hold what a screen reader needs: a language, one title, headers and captions, names that lead somewhere."""
        assert self.all("html")[0]["lang"] == "en"
        assert len(self.all("h1")) == 1
        assert all(cell.get("scope") in {"row", "col"} for cell in self.all("th"))
        assert len(self.all("caption")) == len(self.all("table"))
        identities = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        assert len(identities) == len(set(identities))
        labels = {attributes["aria-labelledby"] for _, attributes in self.tags if "aria-labelledby" in attributes}
        assert labels <= set(identities)


@pytest.fixture(scope="session")
def read_page():
    """Return a function that reads a page's text."""
    return Page


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def database_templates(tmp_path_factory):
    """Return the folder of empty databases that all test processes of this session share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "databases"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def _quick_databases(monkeypatch, database_templates):
    """Copy new databases; a file of tests about their creation overrides this fixture."""
    monkeypatch.setattr(database_creation, "_make", copying(database_templates))


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "mlruns")


@pytest.fixture
def small_run() -> RunSpec:
    return RunSpec.model_validate(SMALL_BASE)


@pytest.fixture
def small_study():
    """Return a function that makes the small study, with anything in it replaced."""

    def make(**changes) -> StudySpec:
        study = {
            "name": "small",
            "question": "Does the state kernel make a ghost?",
            "base": SMALL_BASE,
            "factors": {"model.state_kernel_size": [1, 3], "model.activation": ["tanh", "relu"]},
            "seeds": [0, 1],
            "exploratory": True,
            "probes": "none",
        }
        return StudySpec.model_validate(study | changes)

    return make


@pytest.fixture
def made_record():
    """Return a function that makes the record of a point without training, with a ghost ratio of one's choice.

    The ghost ratio is defined at the steps `defined`, of three.
    """

    def make(
        planned_run: PlannedRun,
        ghost_ratio: float = 0.25,
        outcome: Outcome = "finished",
        defined: Sequence[int] = (1, 2, 3),
    ) -> RunRecord:
        values = {"ghost_ratio": ghost_ratio, "visible_share": 0.1, "signal_retention": 0.8, "mse": 40.0}
        rows = [
            (view, clip, step, metric, value if metric != "ghost_ratio" or step in defined else math.nan)
            for view in ("one_step", "rollout")
            for clip in range(2)
            for step in (1, 2, 3)
            for metric, value in values.items()
        ]
        frames = np.zeros((1, 3, 16, 16), np.uint8)
        frames[..., 4:8, 4:8] = 255
        return RunRecord(
            run=planned_run.spec.non_defaults(),
            outcome=outcome,
            scores=pd.DataFrame(rows if outcome == "finished" else [], columns=SCORE_COLUMNS),
            curve=pd.DataFrame([(2, 0.5, 0.6), (4, 0.4, 0.5)], columns=CURVE_COLUMNS),
            examples={view: Example(frames, frames, frames, np.arange(1)) for view in ("one_step", "rollout")},
            facts={"seconds": 1.5, "device": "cpu", "parameters": 10},
        )

    return make
