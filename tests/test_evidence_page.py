"""The page of any table of runs."""

import re
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict
from ablate.report.shown_inference import ShownInference, mark
from ablate.report.study_page import evidence_page

KERNEL = FactorLevels("kernel", "kernel", ("1", "3", "5"), "3", ordered=True)
ACTIVATION = FactorLevels("activation", "activation", ("tanh", "relu"), "tanh")
NORM = FactorLevels("norm", "norm", ("none", "batch"), "none")
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
FACTORS = (KERNEL, ACTIVATION, NORM, LOSS)
CHROMIUM = shutil.which("chromium")
HOSTILE = "<script>alert(1)</script>"


def table(factors=FACTORS):
    """Kernel is a cause by its dose, activation and norm act only together, loss does nothing; two runs diverged."""
    noise, rows = np.random.default_rng(5), []
    for places in product(*(range(len(factor.levels)) for factor in factors)):
        kernel, activation, norm, _ = places
        for seed in range(6):
            ghost = 0.8 - 0.15 * kernel + (0.12 if activation == norm else -0.12) + noise.normal(0, 0.03)
            lost = places == (0, 1, 0, 0) and seed < 2
            levels = {factor.path: factor.levels[place] for factor, place in zip(factors, places, strict=True)}
            error = 40 + 50 * ghost + noise.normal(0, 3)
            rows.append(levels | {"seed": seed, "response": np.nan if lost else ghost, "mse": error})
            rows[-1]["outcome"] = "diverged" if lost else "finished"
    return RunTable.of(pd.DataFrame(rows), factors, "seed", mediators=["mse"])


@pytest.fixture(scope="module")
def inference():
    return infer(table(), InferenceSettings(margin=0.05))


@pytest.fixture(scope="module")
def text(inference):
    return evidence_page(inference, "ghost ratio", "runs.csv")


def test_the_planted_verdicts_are_on_the_page_in_words_and_shapes(text, read_page):
    words = read_page(text).text
    for said in (
        f"{mark(Verdict.CAUSE)} cause",
        f"{mark(Verdict.ACTS_ONLY_WITH)} acts only with norm",
        f"{mark(Verdict.NOT_A_CAUSE)} not a cause",
    ):
        assert said in words


def test_a_verdict_has_its_reason(text, inference, read_page):
    words, shown = read_page(text).text, ShownInference(inference, "ghost ratio", decided=True)
    for verdict in inference.verdicts:
        assert f"{shown.word(verdict)} {verdict.reason}" in words


def test_the_page_is_readable_for_a_screen_reader(text, read_page):
    read_page(text).assert_readable()


def test_every_chart_is_inside_the_page_and_has_a_text(text, read_page):
    images = read_page(text).all("img")
    assert len(images) == 5
    assert all(image["src"].startswith("data:image/svg") and len(image["alt"]) > 20 for image in images)


def test_the_page_forbids_every_source_but_itself(text, read_page):
    page = read_page(text)
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert not re.search(r"https?:|//[a-z]", re.sub(r"data:[^\"]*", "", text))


def test_equal_inferences_give_equal_bytes(inference, text):
    assert evidence_page(inference, "ghost ratio", "runs.csv") == text


@pytest.mark.parametrize("place", ["title", "factor", "level", "response", "file", "warning"])
def test_words_are_shown_and_never_become_markup(inference, place, read_page):
    verdict = inference.verdicts[0]
    if place == "title":
        inference = replace(inference, verdicts=(replace(verdict, title=HOSTILE),))
    if place == "factor":
        factors = [replace(factor, title=HOSTILE) for factor in inference.factors]
        inference = replace(inference, factors=tuple(factors))
    if place == "level":
        effects = [replace(effect, level=HOSTILE) for effect in verdict.effects if effect.trend is None]
        factors = [replace(KERNEL, levels=(HOSTILE, "3")), *inference.factors[1:]]
        changed = replace(verdict, effects=tuple(effects))
        inference = replace(inference, verdicts=(changed,), factors=tuple(factors), interactions=())
    if place == "warning":
        inference = replace(inference, warnings=(HOSTILE,))
    response, title = HOSTILE if place == "response" else "ghost ratio", HOSTILE if place == "file" else "runs.csv"
    page = read_page(evidence_page(inference, response, title))
    assert not page.all("script")
    assert HOSTILE in page.text.lower()


def test_an_inference_with_estimates_only_has_a_page(inference, read_page):
    bare = replace(
        inference, interactions=(), importance=(), variance=None, mediation=(), failure_rates=(), missing_cells=()
    )
    effect = replace(inference.verdicts[0].effects[0], low=None, high=None, p=None, p_adjusted=None, standardized=None)
    lone = replace(inference.verdicts[0], verdict=Verdict.UNDECIDED, effects=(effect,), p_adjusted=None)
    page = read_page(evidence_page(replace(bare, verdicts=(lone,)), "ghost ratio", "runs.csv"))
    page.assert_readable()
    assert f"{mark(Verdict.UNDECIDED)} undecided" in page.text
    assert "Where the variance lies" not in page.text


def test_effects_at_equal_squared_error_have_its_title(text, read_page):
    assert "at equal squared error" in read_page(text).text


def test_failed_runs_are_named_and_counted_by_level(text, read_page):
    words = read_page(text).text
    assert "kernel = 1, activation = relu, norm = none, loss = bce 0 diverged" in words
    assert "Cells without a response in some seed: 1" in words


def test_interactions_come_with_the_smallest_p_first(inference):
    shown = ShownInference(inference, "ghost ratio", decided=True)
    assert shown.interactions[0].factors == ("activation", "norm")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")
@pytest.mark.parametrize("width", [390, 1100])
def test_the_page_is_no_wider_than_the_window(text, tmp_path, width):
    file, complaints = tmp_path / "page.html", []
    file.write_text(text)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto(file.as_uri())
        wide = tab.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert wide == width
    assert complaints == []
