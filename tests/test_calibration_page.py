"""The page of the published calibration is made of the results; no figure in it is typed by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ablate.inference.calibration.published.catalog import PUBLISHED
from ablate.inference.calibration.published.results import ScenarioResult, published_json
from ablate.inference.calibration.rates import rate, rates
from benchmarks.calibration_figures import limits_figure, power_figure
from benchmarks.calibration_page import SECTION, group_table, summary, with_tables

DOCS = Path(__file__).parents[1] / "docs"


def share(count, of):
    return rate(np.array([1] * count + [0] * (of - count)), np.ones(of, int))


def result(name, rerun=None, **simulated):
    first = replace(rates(name, []), studies=3_000, mean_seeds=8.0, **simulated)
    again = replace(first, studies=12_000, **rerun) if rerun else None
    return ScenarioResult(PUBLISHED[name], first, again)


@pytest.fixture(scope="module")
def document():
    few = [
        result("search", false_mains=share(140, 3_000), false_alarms=share(190, 3_000), coverage=share(950, 1_000)),
        result("few_pair_3", false_mains=share(500, 3_000), rerun={"false_mains": share(1_000, 12_000)}),
        result("designed", false_mains=share(600, 3_000)),
        result("looks_null", false_alarms=share(150, 3_000)),
        *(result(f"power_small_{seeds:02}", detected=share(50 * seeds, 1_000)) for seeds in range(3, 15)),
    ]
    return json.loads(json.dumps(published_json(few, 0, 999)))


def test_a_row_has_rates_intervals_and_limits_of_both_runs(document):
    table = group_table([document, document], "Random searches with shared seeds")
    row = next(line for line in table.splitlines() if line.startswith("| `search`"))
    assert "4.7 (3.9" in row
    assert row.count("6.3 (5.5") == 2
    assert "**≤ 7**" in row
    assert "Weak spot (`search`): With all pairs" in table


def test_a_second_run_is_marked_and_counts(document):
    row = group_table([document], "Two to five seeds").splitlines()[2]
    assert "12,000†" in row
    assert "8.3 (" in row


def test_the_summary_names_what_is_violated(document):
    text = summary([document])
    assert "Base seed 0: 9 of 10 limits hold, in 16 scenarios" in text
    assert "`designed`: false factor 20.0 (" in text


def test_a_study_that_grows_shows_its_seeds(document):
    table = group_table([document], "Studies that stop when they know")
    assert table.splitlines()[0].endswith("| seeds used |")
    assert table.splitlines()[2].endswith("| 8.0 |")


def test_only_what_stands_between_the_marks_is_replaced(document):
    page = "Before\n<!-- calibration: Two to five seeds -->\nold 9.9\n<!-- end -->\nafter\n"
    written = with_tables(page, [document])
    assert written.startswith("Before\n<!-- calibration: Two to five seeds -->\n")
    assert written.endswith("<!-- end -->\nafter\n")
    assert "old" not in written
    assert with_tables(written, [document]) == written


def test_a_group_that_the_results_do_not_have_is_refused(document):
    with pytest.raises(KeyError, match="no group of the results"):
        with_tables("<!-- calibration: Nothing -->\n<!-- end -->", [document])


def test_the_page_marks_every_group():
    marked = {match["name"] for match in SECTION.finditer((DOCS / "calibration.md").read_text(encoding="utf-8"))}
    assert {scenario.group for scenario in PUBLISHED.values()} <= marked


def test_the_figures_show_scenarios_and_layouts(document):
    assert "few_pair_3" in limits_figure([document, document])
    assert "0.8 SD, 2x2x2 cells" in power_figure(document)


@pytest.mark.skipif(not (DOCS / "calibration-0.json").exists(), reason="no published results yet")
def test_the_page_is_made_of_the_published_results():
    files = sorted(DOCS.glob("calibration-*.json"))
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    page = (DOCS / "calibration.md").read_text(encoding="utf-8")
    assert with_tables(page, documents) == page
