"""The page of a plan, and its charts."""

import re

import pytest

from ablate.planning import planner
from ablate.planning.plan import RunDeviation
from ablate.planning.planner import plan
from ablate.report.plan_figures import correlation_figure, design_figure, group_by_power, power_figure
from ablate.report.plan_page import plan_page

FACTORS = {
    "model.activation": {"levels": ["tanh", "relu"], "title": "<activation>"},
    "model.filters": {"levels": [2, 3, 4], "title": "filters"},
}
MANY = {
    "model.activation": ["tanh", "relu"],
    "model.gate_activation": ["sigmoid", "hard_sigmoid"],
    "model.head": ["frame", "conv3d"],
    "model.layers": [1, 2],
    "model.filters": [2, 3],
    "model.kernel_size": [3, 5],
    "model.forget_bias": [1.0, 0.0],
}


@pytest.fixture(autouse=True)
def _compares_few_numbers_of_seeds(monkeypatch):
    """Simulate the power with four numbers of seeds instead of fifteen: a plan then takes a tenth of a second."""
    monkeypatch.setattr(planner, "COMPARED_SEEDS", (2, 4, 6, 8))


@pytest.fixture
def planned(small_study):
    return plan(small_study(factors=FACTORS, seeds=3, exploratory=False), RunDeviation(0.05, "given"))


@pytest.fixture
def page(planned, read_page):
    return read_page(plan_page(planned, "about 3 s", "ablate plan small.yaml"))


def test_a_screen_reader_has_what_it_needs(page):
    page.assert_readable()
    assert all(image["alt"] for image in page.all("img"))


def test_the_page_needs_nothing_beside_itself(planned):
    text = plan_page(planned, "about 3 s", "ablate plan small.yaml")
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []


def test_titles_are_shown_as_they_are(page):
    assert "<activation> x filters" in page.text


def test_every_test_has_its_numbers_in_a_table(page, planned):
    for test in planned.tests:
        assert test.title in page.text
        size = test.minimum_detectable_effect
        assert (f"{size:.2f} SD = {0.05 * size:.3g}" if size else "none") in page.text


def test_the_digest_and_the_command_are_on_the_page(page, planned):
    assert planned.digest in page.text
    assert "ablate plan small.yaml" in page.text


def test_equal_plans_give_equal_pages(planned):
    assert plan_page(planned, "", "") == plan_page(planned, "", "")


def test_a_refused_plan_has_a_banner(small_study, read_page):
    refused = plan(small_study(factors=FACTORS, seeds=1, exploratory=False))
    assert "ablate run will not start it" in read_page(plan_page(refused, "", "")).text


def test_a_study_without_factors_has_a_page(small_study, read_page):
    page = read_page(plan_page(plan(small_study(factors={})), "", ""))
    page.assert_readable()
    assert page.all("img") == []
    assert "1 cell x 2 seeds = 2 runs" in page.text
    assert "D-efficiency" not in page.text


def test_a_plan_of_few_seeds_has_a_banner_and_marks_them(page):
    assert "With 3 seeds, a cause is a cause in these seeds only" in page.text
    assert "4 *" in page.text
    assert "6 *" not in page.text


def test_a_plan_of_six_seeds_has_no_banner(small_study, read_page):
    confirmatory = plan(small_study(factors=FACTORS, seeds=6, exploratory=False))
    assert "Few seeds." not in read_page(plan_page(confirmatory, "", "")).text


def test_the_chance_of_not_a_cause_is_a_column_if_it_is_known(small_study, read_page):
    with_margin = small_study(factors=FACTORS, seeds=6, analysis={"margin": 0.1, "sd": 0.1})
    assert "“Not a cause” without effect" in read_page(plan_page(plan(with_margin), "", "")).text
    without = plan(small_study(factors=FACTORS, seeds=6))
    assert "“Not a cause” without effect" not in read_page(plan_page(without, "", "")).text


def test_tests_with_equal_power_share_a_line(small_study):
    groups = group_by_power(plan(small_study(factors=MANY, seeds=1 + 4, design={"kind": "one_at_a_time"})))
    assert [group.label for group in groups] == ["model.activation, model.gate_activation and 5 more"]


def test_charts_of_many_factors_can_be_drawn(small_study):
    many = plan(small_study(factors=MANY, seeds=5))
    for draw in (power_figure, design_figure, correlation_figure):
        assert draw(many).startswith("<?xml")
