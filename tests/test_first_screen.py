"""A report from a store of records, opened in a browser: its first 800 pixels answer the question of the study."""

import json
import math
import re
import shutil
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from rich.console import Console

from ablate.commands.report import report
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.storage.paths import Store
from ablate.storage.records import GHOST_DEFINITION, Example
from ablate.study import study_file
from ablate.study.stored_runs import study_paths

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FIRST = {"width": 1200, "height": 800}
PHONE = {"width": 390, "height": 844}
FACTS = {
    GHOST_DEFINITION: DEFINITION,
    "ablate": "0.2.0",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "torch": "2.9.0",
    "python": "3.11.7",
    "device": "cpu",
}
KERNEL, LOSS = "model.kernel_size", "loss"
EFFECT = 0.24  # of kernel "1" instead of "3"
CHANCE = np.random.default_rng(5).normal(0, 0.004, size=(3, 8))  # of every cell and seed; no two seeds are alike
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")


def study_of(small_study, **changes):
    settings = {
        "factors": {
            KERNEL: {"title": "kernel", "levels": [1, 3]},
            LOSS: {"title": "loss", "levels": [{"kind": "bce"}, {"kind": "mse"}]},
        },
        "design": {"kind": "one_at_a_time"},
        "seeds": 7,
        "exploratory": False,
        "analysis": {"margin": 0.05},
        "question": "Do the kernel and the loss cause the ghost?",
    }
    return small_study(**(settings | changes))


def no_more_facts(_):
    return {}


def moving(brightness, ghost):
    """Return frames of a square that moves right: history, target, and a forecast with a ghost on its path."""
    clip = np.zeros((1, 9, 16, 16), np.uint8)
    for time in range(9):
        clip[0, time, 6:10, time : time + 4] = 255
    history, target = clip[:, :3], clip[:, 3:]
    path = np.maximum.accumulate(clip, axis=1)[:, 2:-1]
    forecast = np.maximum(target * brightness, path * brightness * ghost).astype(np.uint8)
    return Example(history, target, forecast, np.arange(1))


@pytest.fixture(scope="module")
def stores():
    """The stores of this file by what is in them, so that each is made once."""
    return {}


@pytest.fixture
def made_store(small_study, made_record, stores, tmp_path_factory):
    """Return a function that fills a store with records of a study, writes its report, and returns its paths."""

    def make(missing=(), brightness=1.0, facts=no_more_facts, **changes):
        key = repr((missing, brightness, facts, changes))
        if key not in stores:
            stores[key] = make_anew(tmp_path_factory.mktemp("store"), missing, brightness, facts, changes)
        return stores[key]

    def make_anew(folder, missing, brightness, facts, changes):
        study = study_of(small_study, **changes)
        file = folder / "small.yaml"
        file.write_text(study_file.dump(study))
        store = Store(folder / "mlruns")
        paths = study_paths(store, study)
        for position, run in enumerate(study.planned_runs):
            if run.id in missing or position in missing:
                continue
            kernel, loss = run.levels[KERNEL] == "1", run.levels[LOSS] == "mse"
            ghost = 0.1 + EFFECT * kernel + CHANCE[kernel + 2 * loss, run.seed]
            example = moving(brightness, ghost)
            own = {"seconds": 6.0, "ended_at": f"2026-03-04T05:06:{6 + 2 * position:02d}+00:00"}
            record = made_record(run, ghost)
            record = replace(
                record,
                examples={"one_step": example, "rollout": example},
                facts={
                    name: fact
                    for name, fact in (record.facts | FACTS | own | facts(position)).items()
                    if fact is not None
                },
            )
            record.save(paths.run(run.id))
        report(file, (), store.root, Console(file=StringIO()))
        return paths

    return make


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Return a function that opens a report in a window, with what it requested and what it complained of."""
    tabs = []

    def open_page(paths, size, scheme="light"):
        tab = browser.new_page(viewport=size, color_scheme=scheme)
        tabs.append(tab)
        requested, complaints = [], []
        tab.on("request", lambda request: requested.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(paths.report_html.as_uri())
        return tab, requested, complaints

    yield open_page
    for tab in tabs:
        tab.close()


def bottom(tab, selector):
    box = tab.locator(selector).first.bounding_box()
    assert box is not None, f"{selector} is not shown"
    return box["y"] + box["height"]


@needs_chromium
def test_the_first_800_pixels_hold_sentences_plot_filmstrips_and_what_was_trained(made_store, opened):
    tab, _, _ = opened(made_store(), FIRST)
    sentences = tab.locator(".first .answer li")
    assert sentences.count() == 2
    assert re.match(
        r'. kernel is a cause: "1" instead of "3" changes the ghost ratio by \+0\.2\d+ \[\+0\.\d+, \+0\.\d+\], '
        r"n = 7 seeds\.",
        sentences.first.inner_text(),
    )
    assert "loss is not a cause" in sentences.last.inner_text()
    for selector in (".answer li:last-child", ".effects svg", ".strips", ".trained", ".steps"):
        assert bottom(tab, selector) <= FIRST["height"], selector


@needs_chromium
def test_every_link_lands_and_leads_from_sentence_to_effect_to_runs_to_pictures(made_store, opened):
    tab, _, _ = opened(made_store(), FIRST)
    links = tab.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
    assert len(links) > 40
    for link in set(links):
        assert link.startswith("#")
        assert tab.locator(f"[id='{link[1:]}']").count() == 1, link
    tab.locator(".first .answer a").first.click()
    assert tab.locator("tr:target").inner_text().startswith("kernel")
    tab.locator("tr:target a.runs-link").click()
    caption = tab.locator("caption:target")
    assert 'kernel: "1" vs "3"' in caption.inner_text()
    tab.locator("table:has(caption:target) td a").first.click()
    row = tab.locator("tr:target")
    assert row.locator("img").count() == 2
    box = row.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < FIRST["height"]


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [FIRST, PHONE], ids=["wide", "phone"])
def test_the_page_makes_no_request_and_no_complaint_and_never_scrolls_sideways(made_store, opened, size, scheme):
    paths = made_store()
    tab, requested, complaints = opened(paths, size, scheme)
    assert tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert complaints == []
    assert [url for url in requested if not url.startswith("data:")] == [paths.report_html.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert tab.evaluate("document.querySelector('.first').getBoundingClientRect().right") <= size["width"]


@needs_chromium
def test_the_first_screen_is_whole_inside_a_sandboxed_frame_as_in_mlflow(made_store, opened):
    # Chromium refuses every link inside such a frame, also those within the page: nothing may depend on them.
    paths = made_store()
    tab, _, complaints = opened(paths, FIRST)
    tab.goto("about:blank")
    tab.evaluate(
        """text => { const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts';
        frame.width = 1180; frame.height = 780; document.body.append(frame);
        frame.src = URL.createObjectURL(new Blob([text], {type: 'text/html'})); }""",
        paths.report_html.read_text(),
    )
    frame = tab.frame_locator("iframe")
    for selector in (".answer li:last-child", ".effects svg", ".strips", ".trained", ".steps"):
        box = frame.locator(selector).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= FIRST["height"], selector
    assert complaints == []


@needs_chromium
def test_the_contents_stay_in_sight_beside_the_page(made_store, opened):
    tab, _, _ = opened(made_store(), FIRST)
    tab.locator("nav a[href='#runs']").click()
    box = tab.locator("nav").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["x"] + box["width"] < tab.locator("#runs").bounding_box()["x"]


def first_screen_of(paths):
    return json.loads(paths.report_json.read_text())["first_screen"]


def test_sentences_are_in_the_order_of_size_with_the_numbers_of_the_effects(made_store):
    paths = made_store()
    kernel, loss = first_screen_of(paths)["sentences"]
    assert (kernel["factor"], kernel["verdict"], loss["verdict"]) == (KERNEL, "cause", "not a cause")
    expected = EFFECT + np.mean(CHANCE[1, :7] - CHANCE[0, :7])  # paired by seed
    assert kernel["effect"]["estimate"] == pytest.approx(expected, abs=1e-9)
    text = f'kernel is a cause: "1" instead of "3" changes the ghost ratio by {expected:+.3f} ['
    assert kernel["text"].startswith(text)
    assert kernel["text"].endswith("], n = 7 seeds.")
    assert text.replace("[", "\\[") in paths.report_markdown.read_text()


def test_an_exploratory_study_has_the_same_numbers_under_another_heading(made_store, read_page):
    decided = first_screen_of(made_store())["sentences"]
    paths = made_store(name="trial", exploratory=True)
    sentences = first_screen_of(paths)["sentences"]
    assert [sentence["effect"]["estimate"] for sentence in sentences] == pytest.approx(
        [sentence["effect"]["estimate"] for sentence in decided]
    )
    assert all(sentence["verdict"] is None for sentence in sentences)
    assert sentences[0]["text"].startswith('kernel: "1" instead of "3" changes the ghost ratio by +0.2')
    text = read_page(paths.report_html.read_text()).text
    assert "Exploratory: estimates, no verdicts" in text
    assert "is a cause" not in text


def test_the_trained_line_comes_from_the_records(made_store):
    paths = made_store()
    trained = first_screen_of(paths)["trained"]
    # 21 runs of 6 s that end 2 s apart: from 0 s to 6 + 20 * 2 s.
    assert trained["sentence"] == (
        "Trained: 21 networks, 16x16, one digit, 1 layer x 2 filters, 4 steps, CPU, 46 s; 2026-03-04; "
        "ablate 0.2.0 (commit 0123456789)."
    )
    assert trained["elapsed"] == pytest.approx(46)
    assert trained["last_result"] == "2026-03-04T05:06:46+00:00"
    assert trained["sentence"] in paths.report_html.read_text().replace("&#34;", '"')


def test_several_devices_and_versions_are_all_named(made_store):
    def facts(position):
        return {"device": "cuda", "device_name": "H100", "ablate": "0.1.0"} if position == 3 else {}

    trained = first_screen_of(made_store(facts=facts))["trained"]
    assert ", CPU and CUDA (H100), " in trained["sentence"]
    assert "ablate 0.2.0 (commit 0123456789) and 0.1.0 (commit 0123456789)." in trained["sentence"]


def test_records_without_a_time_have_no_date_and_the_time_of_all_runs(made_store):
    paths = made_store(facts=lambda _: {"ended_at": None})
    trained = first_screen_of(paths)["trained"]
    assert "CPU, 2 min for all runs together; date not recorded;" in trained["sentence"]


def test_the_filmstrips_show_runs_of_one_seed_that_differ_in_the_cause_alone(made_store):
    paths = made_store()
    runs = {run["run_id"]: run for run in json.loads(paths.report_json.read_text())["runs"]}
    level, baseline = (runs[run_id] for run_id in first_screen_of(paths)["pictured_runs"])
    assert level["seed"] == baseline["seed"]
    assert (level["levels"], baseline["levels"]) == (
        {KERNEL: "1", LOSS: "bce"},
        {KERNEL: "3", LOSS: "bce"},
    )
    differences = sorted(
        next(run["response"] for run in runs.values() if run["seed"] == seed and run["levels"] == level["levels"])
        - next(run["response"] for run in runs.values() if run["seed"] == seed and run["levels"] == baseline["levels"])
        for seed in range(7)
    )
    assert level["response"] - baseline["response"] == pytest.approx(differences[3])


def test_a_dim_forecast_is_shown_again_with_its_maximum_beside_it(made_store, read_page):
    text = read_page(made_store(brightness=0.2).report_html.read_text()).text
    assert "the same, stretched: white = 0.20, its maximum" in text
    assert "stretched" not in read_page(made_store(name="bright").report_html.read_text()).text


def test_the_next_steps_are_commands_with_their_cost(made_store):
    steps = first_screen_of(made_store(missing=(0, 1)))["next_steps"]
    # 19 runs that end 2 s apart, the first after 6 s: 42 s, or 2.2 s a run; two are missing.
    assert steps[0]["cost"] == "about 4 s at the pace of this study"
    assert re.fullmatch(r"ablate run \S+small\.yaml --store \S+", steps[0]["command"])
    assert any(re.match(r"ablate probe [0-9a-f]{16} --store ", step["command"]) for step in steps)
    assert any(step["command"].startswith("ablate ui ") for step in steps)


def test_undecided_factors_need_a_new_study_with_new_seeds(made_store):
    paths = made_store(analysis={"margin": 0.0021})
    analysis = json.loads(paths.report_json.read_text())
    needed = {v["title"]: v["more_seeds_needed"] for v in analysis["verdicts"] if v["verdict"] == "undecided"}
    steps = [step for step in first_screen_of(paths)["next_steps"] if "new seeds" in step["purpose"]]
    total = max((7 + more for more in needed.values() if more), default=math.nan)
    assert needed
    assert f"{total} new seeds ({total * 3} runs)" in steps[0]["purpose"]
    assert "'seeds=[7,8," in steps[0]["command"]
    assert "name=small-2" in steps[0]["command"]


def test_a_report_written_twice_has_equal_bytes(made_store):
    paths = made_store()
    store = paths.folder.parents[1]
    names = (paths.report_html, paths.report_markdown, paths.report_json)
    before = [file.read_bytes() for file in names]
    report(store.parent / "small.yaml", (), store, Console(file=StringIO()))
    assert [file.read_bytes() for file in names] == before
