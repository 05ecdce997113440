"""What a person sees of a study in the MLflow UI: the table, the results of the study, a run with curves and frames."""

import re
import shutil
from contextlib import ExitStack

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright
from typer.testing import CliRunner

from ablate.cli import app
from ablate.commands import ui
from ablate.report.frame_grid import write_frame_grid
from ablate.storage.paths import Store
from ablate.storage.records import Example, RunRecord
from ablate.study import study_file
from ablate.study.stored_runs import study_paths

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FIRST_PORT = 23900
PATIENCE = 40_000  # milliseconds: two busy cores show MLflow's pages in ten seconds
KERNEL, ACTIVATION = "model.state_kernel_size", "model.activation"
RESPONSES = {(KERNEL, "3"): 0.4, (ACTIVATION, "relu"): 0.02}
"""What a level adds to the response of the baseline, 0.1; the second seed adds 0.01."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")]


def response_of(planned_run):
    added = (RESPONSES.get(level, 0.0) for level in planned_run.levels.items())
    return 0.1 + sum(added) + 0.01 * planned_run.seed


def with_moving_square(record):
    """Return the record with frames in which a square moves by one pixel a step."""
    frames = np.zeros((1, 3, 16, 16), np.uint8)
    for step in range(3):
        frames[:, step, 4:8, 4 + step : 8 + step] = 255
    examples = {view: Example(frames, frames, frames, np.arange(1)) for view in record.examples}
    return RunRecord(record.run, record.outcome, record.scores, record.curve, examples, record.facts)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The addresses of a study in MLflow, by what a user calls the pages; filled by the first test that needs them."""
    with ExitStack() as stack:
        yield {"stack": stack, "folder": tmp_path_factory.mktemp("window")}


@pytest.fixture
def addresses(pages, small_study, made_record):
    """Enter a study whose records are made up by `ablate run`, start `ablate ui`, and return the addresses."""
    if "addresses" not in pages:
        study = small_study(factors={KERNEL: {"title": "state kernel", "levels": [1, 3]}, ACTIVATION: ["tanh", "relu"]})
        store, file = Store(pages["folder"] / "mlruns"), pages["folder"] / "small.yaml"
        file.write_text(study_file.dump(study))
        for planned_run in study.planned_runs:
            files = study_paths(store, study).run(planned_run.id)
            record = with_moving_square(made_record(planned_run, response_of(planned_run)))
            record.save(files)
            for view, example in record.examples.items():
                write_frame_grid(files.frame_grid(view), example, planned_run.title)
        result = CliRunner().invoke(app, ["run", str(file), "--store", str(store.root)])
        assert result.exit_code == 0, result.output
        ports = ui.ServerAddresses(mlflow=FIRST_PORT, optuna=FIRST_PORT)
        pages["addresses"] = pages["stack"].enter_context(ui.servers(store, study, ports))
    return pages["addresses"]


@pytest.fixture
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1500, "height": 1400})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield page
        browser.close()


def opened(page, address):
    page.goto("about:blank")  # a change after the # alone would load nothing
    page.goto(address)
    return page


def run_page(page, addresses, name, tab=""):
    """Open the page of a run by its name in the table."""
    opened(page, addresses.runs)
    link = page.get_by_role("link", name=name, exact=True)
    run_id = re.search(r"/runs/([0-9a-f]{32})", link.get_attribute("href"))
    assert run_id is not None
    base = addresses.runs.partition("/runs?")[0]
    return opened(page, f"{base}/runs/{run_id[1]}{tab}?workflowType=machine_learning")


def test_the_table_opens_sorted_with_factors_seed_response_and_quality(page, addresses):
    opened(page, addresses.runs)
    expect(page.get_by_text("9 matching runs")).to_be_visible()
    headings = ["state kernel", "activation", "seed", "response", "rollout/signal_retention"]
    places = [page.locator(f".ag-header-cell[col-id*='`{heading}`']").bounding_box()["x"] for heading in headings]
    assert places == sorted(places)
    names = page.get_by_role("link", name=re.compile(r" · s\d$"))
    expect(names).to_have_text(
        [
            *("base · s0", "base · s1", "relu · s0", "relu · s1"),
            *("k3 · s0", "k3 · s1", "k3 · relu · s0", "k3 · relu · s1"),
        ]
    )
    responses = page.locator(".ag-center-cols-container [col-id='metrics.`response`']").all_inner_texts()
    values = [float(text) for text in responses if text.strip() not in ("", "-")]
    assert values == pytest.approx([0.1, 0.11, 0.12, 0.13, 0.5, 0.51, 0.52, 0.53], abs=1e-6)


def test_the_response_is_in_sight_on_a_laptop(page, addresses):
    page.set_viewport_size({"width": 1500, "height": 900})
    opened(page, addresses.runs)
    box = page.locator(".ag-header-cell[col-id='metrics.`response`']").bounding_box()
    assistant = page.get_by_text("MLflow Assistant").bounding_box()
    assert box["x"] + 60 < assistant["x"]


def test_the_results_have_effects_cell_means_settings_and_the_answer(page, addresses):
    opened(page, addresses.results)
    expect(page.get_by_text("Does the state kernel make a ghost?").first).to_be_visible()
    for metric, value in {
        "effect/state kernel: 3 - 1": "0.4",
        "effect/activation: relu - tanh": "0.02",
        "cell_mean/base": "0.105",
        "cell_mean/k3 · relu".replace("·", "_"): "0.525",
        "runs/finished": "8",
    }.items():
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=metric, exact=True))
        expect(row.get_by_role("cell").last).to_have_text(value)
    expect(page.get_by_text("ghost_ratio of view rollout, steps 1 to 3")).to_be_visible()
    expect(page.get_by_text("moving_mnist").first).to_be_visible()


def test_the_report_is_among_the_artifacts_of_the_results(page, addresses):
    address = addresses.results.replace("?", "/artifacts?")
    opened(page, address)
    page.get_by_text("report.html").first.click()
    frame = page.frame_locator("iframe").first
    expect(frame.get_by_text("Does the state kernel make a ghost?").first).to_be_visible()


def test_training_curves_come_first_and_frames_have_a_slider(page, addresses):
    run_page(page, addresses, "k3 · relu · s0", "/model-metrics")
    sections = page.locator("text=/^(curves|frames|rollout|rollout_per_step|ghost_ratio_by_view)$/")
    expect(sections.first).to_have_text("curves")
    expect(page.get_by_text("held_out_loss", exact=True).first).to_be_visible()
    expect(page.get_by_text("frames/target - forecast - ghost")).to_be_visible()


def test_a_run_says_its_finding_first_and_shows_its_frames(page, addresses):
    run_page(page, addresses, "k3 · s1")
    expect(page.get_by_text("Ghost ratio: 0.51").first).to_be_visible()
    expect(page.get_by_text("ablate.cell").first).to_be_visible()
    picture = page.locator("img[src*='frames_rollout.png']")
    expect(picture).to_be_attached()
    page.wait_for_function("document.querySelector(\"img[src*='frames_rollout.png']\").naturalWidth > 100")
