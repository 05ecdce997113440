"""The page of a plan, and its charts."""

import re

import pytest

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
        assert f"{test.min_attainable_p:.2g}" in page.text
        assert f"{test.minimum_detectable_effect:.2f} SD = {0.05 * test.minimum_detectable_effect:.3g}" in page.text


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


def test_the_loss_of_power_with_one_more_seed_is_on_the_page(planned, page):
    assert f"With up to {planned.whole_seeds_from - 1} seeds the tests permute single runs" in page.text
    assert f"At {planned.whole_seeds_from} seeds a line may rise" in page.text


def test_a_page_without_a_loss_of_power_does_not_mention_one(small_study, read_page):
    alone = plan(small_study(factors=FACTORS, seeds=3, design={"kind": "one_at_a_time"}))
    assert "a line may rise" not in read_page(plan_page(alone, "", "")).text


def test_tests_with_equal_power_share_a_line(small_study):
    groups = group_by_power(plan(small_study(factors=MANY, seeds=1 + 4, design={"kind": "one_at_a_time"})))
    assert [group.label for group in groups] == ["model.activation, model.gate_activation and 5 more"]


def test_charts_of_many_factors_can_be_drawn(small_study):
    many = plan(small_study(factors=MANY, seeds=5))
    for draw in (power_figure, design_figure, correlation_figure):
        assert draw(many).startswith("<?xml")
