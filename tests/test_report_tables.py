"""The three forms of a report say the same numbers, and the page is well formed."""

import json
from html.parser import HTMLParser
from itertools import product

import pandas as pd
import pytest

from ablate.analysis import StudyResponse, StudyTable, analyze
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.settings import InferenceSettings
from ablate.measurement.metrics import Metric
from ablate.measurement.run_mean import step_sums
from ablate.report import write
from ablate.storage.paths import Store
from ablate.storage.records import SCORE_COLUMNS

VOID = {"meta", "img", "br", "hr", "source"}
FAILURE = "ValueError: too dark"
GHOST = Metric("ghost_ratio", "ghost ratio", "ratio", -2.0, 20.0, higher_is_better=False)
FACTORS = (
    FactorLevels("model.kernel", "state kernel", ("3", "1"), "3"),
    FactorLevels("loss", "loss", ("bce", "mse"), "bce"),
)


class Page(HTMLParser):
    """The words of every table cell; refuses an element that is not closed in its place."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: ARG002  # the parser's own signature
        if tag in {"td", "th"}:
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    rows, sums = [], {}
    for kernel, loss, seed in product(("3", "1"), ("bce", "mse"), (0, 1)):
        run_id, failed = f"{kernel}-{loss}-{seed}", (kernel, loss, seed) == ("3", "mse", 1)
        rows.append((run_id, kernel, loss, seed, "failed" if failed else "finished", FAILURE if failed else ""))
        if not failed:
            ghost = 0.1 + 0.31 * (kernel == "1") + 0.01 * seed + 0.05 * (loss == "mse")
            scores = pd.DataFrame([("rollout", 0, 1, "ghost_ratio", ghost)], columns=SCORE_COLUMNS)
            sums[run_id] = step_sums(scores)
    study = StudyTable(
        question="Does the kernel matter?",
        exploratory=True,
        factors=FACTORS,
        response=StudyResponse(GHOST, "rollout", 1, 1),
        runs=pd.DataFrame(rows, columns=["run_id", "model.kernel", "loss", "seed", "outcome", "message"]),
        sums=sums,
    )
    written = Store(tmp_path_factory.mktemp("store")).study("small")
    write(analyze(study, InferenceSettings()), written, "ablate run studies/small.yaml")
    return written


@pytest.fixture
def page(paths) -> Page:
    return Page(paths.report_html.read_text())


def test_every_element_of_the_page_is_closed(page):
    assert page.open == []


def effects(paths):
    return [
        effect for verdict in json.loads(paths.report_json.read_text())["verdicts"] for effect in verdict["effects"]
    ]


def test_json_has_the_planted_effect(paths):
    (effect,) = (one for one in effects(paths) if one["contrast"] == "1 - 3")
    assert effect["estimate"] == pytest.approx(0.31)


def test_both_tables_have_the_numbers_of_the_json(page, paths):
    markdown = paths.report_markdown.read_text()
    shown = [f"{effect['estimate']:+.3f}" for effect in effects(paths)]
    assert set(shown) <= set(page.cells)
    assert all(number in markdown for number in shown)


def test_a_failed_run_is_named_with_its_error_message(page, paths):
    assert {"3-mse-1", FAILURE} <= set(page.cells)
    assert FAILURE in paths.report_markdown.read_text()


def test_the_summary_fits_the_8000_characters_that_mlflow_keeps(paths):
    assert len(paths.report_markdown.read_text()) < 8_000
