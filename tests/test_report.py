import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from ablate.analysis import StudyResponse, StudyTable, analyze
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict
from ablate.measurement.metrics import Metric
from ablate.measurement.run_mean import step_sums
from ablate.report import study_page, summary, write
from ablate.report.animation import write_animation
from ablate.report.frame_grid import write_frame_grid
from ablate.report.shown_inference import ShownInference
from ablate.report.study_figures import curves_figure
from ablate.report.study_page import shown_runs
from ablate.storage.findings import Finding, Image, MetricChange, save
from ablate.storage.paths import StudyPaths
from ablate.storage.records import SCORE_COLUMNS, Example

GHOST = Metric("ghost_ratio", "ghost ratio", "ratio", -2.0, 20.0, higher_is_better=False)
SIGNAL = Metric("signal_retention", "signal retention", "ratio", 0.0, 2.0, higher_is_better=None)
KERNEL = FactorLevels("model.kernel", "kernel", ("3", "1"), "3")
HEAD = FactorLevels("model.head", "output head", ("frame", "conv3d"), "frame")
COMMAND = "ablate run study.yaml"
CHROMIUM = shutil.which("chromium")


def run_sums(ghost):
    rows = [
        (view, clip, step, name, value * step)
        for view, clip, step in product(("one_step", "rollout"), (0, 1), (1, 2, 3))
        for name, value in (("ghost_ratio", ghost), ("signal_retention", 0.3))
    ]
    return step_sums(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def analysis_of(  # noqa: PLR0913  # the parts of a study that tests vary
    question="Why?",
    factors=(KERNEL, HEAD),
    seeds=(0, 1),
    unfinished=None,
    *,
    exploratory=True,
    deviations=(),
    undefined=None,
):
    """Return the analysis of a factorial in which kernel 1 adds 0.3 to the ghost ratio, the more with conv3d."""
    rows, sums = [], {}
    for levels in product(*(factor.levels for factor in factors)):
        for seed in seeds:
            run_id = "-".join([*levels, str(seed)])
            outcome, message = (unfinished or {}).get(run_id, ("finished", ""))
            names = dict(zip((factor.path for factor in factors), levels, strict=True))
            rows.append({"run_id": run_id, **names, "seed": seed, "outcome": outcome, "message": message})
            if outcome == "finished":
                kernel, head = names.get(KERNEL.path) == "1", names.get(HEAD.path) == "conv3d"
                chance = 0.0005 * ((3 * seed + 2 * kernel + head) % 4)
                sums[run_id] = run_sums(0.1 + 0.01 * seed + 0.3 * kernel + 0.2 * kernel * head + chance)
    for run_id, share in (undefined or {}).items():
        sums = with_undefined(sums, run_id, share)
    response = StudyResponse(GHOST, "rollout", 1, 3)
    table = StudyTable(
        question,
        exploratory=exploratory,
        factors=tuple(factors),
        response=response,
        runs=pd.DataFrame(rows),
        sums=sums,
        secondary=(SIGNAL,),
        deviations=deviations,
    )
    return analyze(table, InferenceSettings())


@pytest.fixture(scope="module")
def analysis():
    return analysis_of()


@pytest.fixture
def paths(tmp_path):
    return StudyPaths(tmp_path / "small")


def draw(paths, run, view="rollout"):
    files = paths.run(run.run_id)
    files.folder.mkdir(parents=True, exist_ok=True)
    frames = np.zeros((1, 2, 16, 16), np.uint8)
    write_frame_grid(files.frame_grid(view), Example(frames, frames, frames, np.arange(1)), run.run_id)
    write_animation(files.animation(view), Example(frames, frames, frames, np.arange(1)))


@pytest.fixture
def written(read_page):
    """Return a function that writes a report, and reads its page."""

    def write_and_read(analysis, paths):
        write(analysis, paths, COMMAND)
        return read_page(paths.report_html.read_text())

    return write_and_read


def test_equal_input_gives_equal_bytes(analysis, tmp_path):
    for attempt in ("a", "b"):
        paths = StudyPaths(tmp_path / attempt / "small")
        draw(paths, analysis.worst)
        write(analysis, paths, COMMAND, {"torch": "2.6"})
    for name in ("report.html", "report.md", "report.json"):
        assert (tmp_path / "a/small" / name).read_bytes() == (tmp_path / "b/small" / name).read_bytes()


def test_page_names_no_address_and_runs_no_script(analysis, paths, written):
    draw(paths, analysis.worst)
    page = written(analysis, paths)
    text = paths.report_html.read_text()
    assert not re.search(r"https?:|//[a-z]", re.sub(r"data:[^\"]*", "", text))
    assert not page.all("script")
    assert not page.all("link")


def test_page_forbids_every_source_but_itself(analysis, paths, written):
    policy = next(m["content"] for m in written(analysis, paths).all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; img-src data:;")


@pytest.mark.parametrize("place", ["question", "title", "level", "message", "deviation"])
def test_words_of_the_study_are_shown_and_never_become_markup(paths, place, written):
    evil = "<script>alert(1)</script>"
    factor = replace(KERNEL, title=evil if place == "title" else "kernel")
    if place == "level":
        factor = replace(factor, levels=(evil, "1"), baseline=evil)
    unfinished = {"1-0": ("failed", evil)} if place == "message" else None
    question, deviations = evil if place == "question" else "Why?", (evil,) if place == "deviation" else ()
    page = written(analysis_of(question, (factor,), unfinished=unfinished, deviations=deviations), paths)
    assert not page.all("script")
    assert evil in " ".join(page.words).lower()
    assert "<script" not in paths.report_markdown.read_text().lower()


def test_every_image_is_inside_the_page_and_has_a_text(analysis, paths, written):
    draw(paths, analysis.worst)
    draw(paths, analysis.best)
    images = written(analysis, paths).all("img")
    assert len(images) >= 8
    assert all(image["src"].startswith("data:image/") and len(image["alt"]) > 20 for image in images)


def test_page_is_readable_for_a_screen_reader(analysis, paths, written):
    page = written(analysis, paths)
    page.assert_readable()


def test_the_highest_response_is_shown_before_the_lowest(analysis, paths):
    draw(paths, analysis.worst)
    draw(paths, analysis.best)
    captions = [shown.caption for shown in shown_runs(analysis, paths, 2)]
    assert captions == [
        "Worst ghost ratio: 1.22 (kernel = 1, output head = conv3d, seed 1)",
        "Best ghost ratio: 0.20 (kernel = 3, output head = frame, seed 0)",
    ]


def test_animations_beyond_the_budget_stay_out_and_the_still_pictures_stay(analysis, paths, monkeypatch):
    draw(paths, analysis.worst)
    draw(paths, analysis.best)
    size = paths.run(analysis.worst.run_id).animation("rollout").stat().st_size
    monkeypatch.setattr(study_page, "ANIMATIONS", size + 10)
    shown = shown_runs(analysis, paths, 2)
    assert [run.animation is not None for run in shown] == [True, False]
    assert all(run.grid for run in shown)


def test_a_study_without_factors_shows_every_view_of_its_run(paths, written):
    analysis = analysis_of(factors=(), seeds=(0,))
    for view in ("one_step", "rollout"):
        draw(paths, analysis.worst, view)
    page = written(analysis, paths)
    assert [shown.caption for shown in shown_runs(analysis, paths, 2)] == [
        "one step: ghost ratio 0.20",
        "rollout: ghost ratio 0.20",
    ]
    assert "Effects of each factor" not in page.text


def test_a_study_with_runs_missing_failed_and_diverged_counts_and_names_them(paths, written):
    unfinished = {
        "1-frame-0": ("failed", "out of memory"),
        "1-frame-1": ("diverged", ""),
        "3-frame-1": ("missing", ""),
    }
    words = " ".join(" ".join(written(analysis_of(unfinished=unfinished), paths).words).split())
    assert "Planned: 8 runs. Finished: 5. Unmeasurable: 0. Diverged: 1. Failed: 1. Not run yet: 1." in words
    assert "out of memory" in words
    assert "Planned: 8 runs." in paths.report_markdown.read_text()


def with_undefined(sums, run_id, share):
    """Return the sums of one run with a ghost ratio that is defined in this share of its frames."""
    few = sums[run_id].copy()
    is_ghost = few["metric"] == "ghost_ratio"
    few.loc[is_ghost, ["total", "defined"]] *= share
    return sums | {run_id: few}


def test_unmeasurable_runs_are_shown_with_their_frames_and_their_reason(paths, written):
    analysis = analysis_of(undefined={"1-conv3d-1": 0.0, "3-frame-0": 0.5})
    lost = next(run for run in analysis.without_response if run.run_id == "1-conv3d-1")
    draw(paths, lost)
    page = written(analysis, paths)
    page.assert_readable()
    words = " ".join(" ".join(page.words).split())
    assert "Finished: 7. Unmeasurable: 1. Diverged: 0." in words
    assert (
        "Unmeasurable: kernel = 1, output head = conv3d, seed 1. The reason: the ghost ratio is defined in 0 % of"
        in words
    )
    assert "runs/1-conv3d-1/forecasts_rollout.html" in words
    assert "each number is a mean over the frames that happen to be defined: 50 % to 100 % of them" in words
    assert "Which factors make a run unmeasurable" in paths.report_markdown.read_text()
    assert json.loads(paths.report_json.read_text())["measurability"]["unmeasurable"] == 1


def test_an_undefined_response_is_called_undefined(paths, written):
    analysis = analysis_of(unfinished={"3-frame-0": ("failed", "x"), "3-frame-1": ("failed", "x")})
    assert "undefined" in " ".join(written(analysis, paths).words)
    assert "nan" not in " ".join(written(analysis, paths).words).lower().split()


def test_json_is_strict_and_holds_the_numbers_and_the_command(analysis, paths):
    write(analysis, paths, COMMAND, {"torch": "2.6"})
    report = json.loads(paths.report_json.read_text(), parse_constant=pytest.fail)
    assert report["reproduce"] == {"command": COMMAND, "torch": "2.6"}
    kernel = next(verdict for verdict in report["verdicts"] if verdict["factor"] == KERNEL.path)
    # The mean of steps 1, 2 and 3 is 2; what a run has by chance adds at most 0.003 to it.
    assert kernel["effects"][0]["estimate"] == pytest.approx((0.3 + 0.5) / 2 * 2, abs=0.004)


def test_summary_opens_with_the_question_and_escapes_markup():
    text = summary(analysis_of("Is *it* | `x` <b>?"))
    assert text.splitlines()[0] == "# Is \\*it\\* \\| \\`x\\` &lt;b&gt;?"


@pytest.mark.parametrize("levels", [2, 9])
def test_charts_are_the_same_bytes_every_time(levels):
    names = tuple(str(level) for level in range(levels))
    factors = (replace(KERNEL, levels=names, baseline="0", ordered=True), HEAD)
    analysis = analysis_of(factors=factors, seeds=range(6))  # fewer seeds test no interaction
    charts = (
        lambda: curves_figure(analysis.curves[: 2 * levels], ("kernel", "output head"), "ghost ratio"),
        *(
            lambda name=name: getattr(ShownInference(analysis.inference, "ghost ratio", decided=False), name)
            for name in ("effects_image", "doses_image", "interactions_image", "importance_image", "variance_image")
        ),
    )
    for chart in charts:
        first = chart()
        assert first
        assert first == chart()


@pytest.fixture(scope="module")
def decided():
    return analysis_of(seeds=range(8), exploratory=False)


def test_a_study_that_decides_shows_each_verdict_in_a_word_and_a_shape(decided, paths, written):
    page = written(decided, paths)
    for verdict in decided.inference.verdicts:
        shown = ShownInference(decided.inference, "ghost ratio", decided=True)
        assert f"{shown.mark(verdict)} {shown.word(verdict)}" in page.text
    assert {verdict.verdict for verdict in decided.inference.verdicts} > {"undecided"} or page.text.count(
        "\N{BLACK CIRCLE}"
    )


def test_a_verdict_has_its_reason(decided, paths, written):
    page, markdown = written(decided, paths), paths.report_markdown.read_text()
    shown = ShownInference(decided.inference, "ghost ratio", decided=True)
    for verdict in decided.inference.verdicts:
        word = shown.word(verdict)
        assert f"{word} {verdict.reason}" in page.text
        assert markdown.count(f"{word}. {verdict.reason}") == 1


def test_a_factor_without_two_runs_to_compare_is_in_both_tables(decided, paths, written):
    first, *others = decided.inference.verdicts
    verdicts = (
        replace(first, effects=(), verdict=Verdict.UNDECIDED, reason="These runs allow no test of it."),
        *others,
    )
    page = written(replace(decided, inference=replace(decided.inference, verdicts=verdicts)), paths)
    assert "no estimate" in page.text
    assert f"| {first.title} | undecided. These runs allow no test of it. |" in paths.report_markdown.read_text()


def test_an_exploratory_study_shows_the_same_numbers_without_verdicts(decided, paths, written):
    analysis = replace(decided, exploratory=True)
    numbers = [f"{e.estimate:+.2f}" for verdict in decided.inference.verdicts for e in verdict.effects]
    page = written(analysis, paths)
    assert page.text.index("exploratory and decides nothing") < page.text.index("The largest effect of each factor")
    assert "Exploratory: estimates, no verdicts" in page.text
    assert "Verdict" not in page.text
    assert all(number in page.text for number in numbers)
    markdown = paths.report_markdown.read_text()
    assert "| verdict |" not in markdown
    assert "is a cause" not in markdown


def test_changes_since_preregistration_come_before_the_answer(paths, written):
    page = written(analysis_of(deviations=("seeds was changed from 5 to 2.",)), paths)
    assert page.text.index("seeds was changed from 5 to 2.") < page.text.index("The largest effect of each factor")
    assert "seeds was changed from 5 to 2." in paths.report_markdown.read_text()


def test_a_page_has_its_methods(decided, paths, written):
    text = written(decided, paths).text
    for rule in (
        "signs of whole seeds",
        "p (max-T)",
        "CR2",
        "effects of seeds are removed",
        "No equivalence margin was set",
    ):
        assert rule in text.partition("Methods")[2]
    assert "Holm" not in text


def test_the_methods_of_few_seeds_name_their_f_tests(paths, written):
    methods = written(analysis_of(seeds=range(4), exploratory=False), paths).text.partition("Methods")[2]
    assert "main effects are tested by F tests against the largest of three estimates of the noise" in methods
    assert "p (Holm)" in methods


def test_pairs_that_could_not_be_tested_are_named_beside_a_verdict(paths, written):
    page = written(analysis_of(seeds=range(4), exploratory=False), paths)
    assert "Its interaction with output head could not be tested." in page.text
    assert "Its interaction with output head could not be tested." in paths.report_markdown.read_text()


def test_a_curve_that_ends_undefined_does_not_stop_the_chart(analysis):
    curves = [replace(analysis.curves[0], values=(0.1, 0.2, math.nan))] * 9
    assert curves_figure(curves, ("kernel", "output head"), "ghost ratio").rstrip().endswith("</svg>")


def test_report_loads_neither_torch_nor_optuna_nor_mlflow():
    code = "import sys, ablate.report; sys.exit(bool({'torch', 'optuna', 'mlflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")
def test_a_browser_shows_the_page_without_requests_or_errors(analysis, paths):
    draw(paths, analysis.worst)
    draw(paths, analysis.best)
    write(analysis, paths, COMMAND)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    asked, complaints = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto(paths.report_html.as_uri())
        shown = tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        browser.close()
    assert shown
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [paths.report_html.as_uri()]


HOSTILE = "<script>alert(1)</script>"
PROBED = Finding(
    probe="memory",
    title="Does the ghost live in the cell state?",
    intervention="Reset it.",
    sentences=(f"It goes when {HOSTILE} resets it.", "Second."),
    numbers={"share": 0.5},
    changes=(MetricChange("the state reset", "ghost_ratio", 0.5, 0.1, -0.4, -0.5, -0.3, 8),),
    images=(Image("gate", ((0.0, 1.0),), 0.0, 1.0),),
)


def probed(paths, run):
    paths.run(run.run_id).folder.mkdir(parents=True, exist_ok=True)
    save([PROBED], paths.run(run.run_id).findings)


def test_the_probes_of_the_worst_network_are_in_the_report(analysis, paths, written):
    probed(paths, analysis.worst)
    page = written(analysis, paths)
    assert PROBED.title in page.words
    assert PROBED.sentences[0] in page.words
    assert not page.all("script")


def test_without_probes_there_is_no_section_on_them(analysis, paths, written):
    assert "What changing a net from inside showed" not in written(analysis, paths).words


def test_probes_are_in_the_markdown_without_markup(analysis, paths):
    probed(paths, analysis.best)
    write(analysis, paths, COMMAND)
    text = paths.report_markdown.read_text()
    assert "## Probes of the best network" in text
    assert HOSTILE not in text


def test_probes_are_in_the_json_without_their_pictures(analysis, paths):
    probed(paths, analysis.worst)
    write(analysis, paths, COMMAND)
    (finding,) = json.loads(paths.report_json.read_text())["probes"][analysis.worst.run_id]
    assert finding["changes"][0]["difference"] == -0.4
    assert "images" not in finding
