"""The page of scored forecasts: whole in itself, readable, and drawn from the summary it is given."""

import base64
import io
import math
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from ablate.measurement.metrics import METRICS, Ghost
from ablate.measurement.scoring.alignment import Alignment
from ablate.measurement.scoring.curves import StepCurve, Trail
from ablate.measurement.scoring.summary import ForecastSummary
from ablate.report.forecast_figures import offsets_figure, step_curve_figure, trail_figure
from ablate.report.forecast_page import forecast_page, shown_clips
from ablate.storage.findings import Finding
from ablate.storage.records import Example

STEPS = 3
LAGS = tuple(range(1, 13))
CHROMIUM = shutil.which("chromium")
EVIL = "<script>alert(1)</script>"


def curve(mean=0.25) -> StepCurve:
    steps = tuple(mean * step for step in (0.5, 1.0, 1.5))
    low, high = (tuple(value + end for value in steps) for end in (-0.1, 0.1))
    return StepCurve(mean, mean - 0.1, mean + 0.1, steps, low, high)


def summary(**changes) -> ForecastSummary:
    trail = tuple(0.8 * math.exp(-lag / 3) for lag in LAGS)
    default = ForecastSummary(
        clips=40,
        steps=STEPS,
        undefined=0,
        curves={name: curve() for name in METRICS if not name.startswith("trail")},
        trail=Trail(LAGS, trail, tuple(v - 0.05 for v in trail), tuple(v + 0.05 for v in trail), 3.0),
        alignment=Alignment(2, {-1: 90.0, 0: 60.0, 1: 40.0, 2: 10.5}, None),
        strongest=(17, 4),
        weakest=(33,),
        sentences=("There is a ghost.",),
    )
    return replace(default, **changes)


def undefined(**changes) -> ForecastSummary:
    nothing, nowhere = (math.nan,) * STEPS, (math.nan,) * len(LAGS)
    blank = StepCurve(math.nan, math.nan, math.nan, nothing, nothing, nothing)
    return summary(
        clips=1,
        undefined=STEPS,
        curves=dict.fromkeys(summary().curves, blank),
        trail=Trail(LAGS, nowhere, nowhere, nowhere, None),
        alignment=Alignment(0, {0: 60.0}, None),
        strongest=(),
        weakest=(),
        **changes,
    )


@pytest.fixture(scope="module")
def example() -> Example:
    """Three clips of a square that goes right; the forecast keeps its first position, the brighter the earlier."""
    frames = np.zeros((3, 5 + STEPS, 32, 64), np.uint8)
    for time in range(5 + STEPS):
        frames[:, time, 4:8, 6 * time : 6 * time + 4] = 255
    forecast = frames[:, 5:].copy()
    forecast[..., 4:8, :4] = np.array([204, 102, 0], np.uint8)[:, None, None, None]
    return Example(frames[:, :5], frames[:, 5:], forecast, np.array([17, 4, 33]))


@pytest.fixture(scope="module")
def text(example) -> str:
    return forecast_page("p.npy", summary(), example)


@pytest.fixture(scope="module")
def page(text, read_page):
    return read_page(text)


@pytest.fixture(scope="module")
def blank_page(example, read_page):
    return read_page(forecast_page("p.npy", undefined(), example))


def test_the_page_forbids_every_source_but_itself(page):
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_the_page_names_no_address_and_runs_no_script(text, read_page):
    assert not re.search(r"https?:|//[a-z]", re.sub(r"data:[^\"]*", "", text))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in read_page(text).tags}


def test_words_are_shown_and_never_become_markup(example, read_page):
    finding = Finding("leak", EVIL, EVIL, (EVIL,))
    text = forecast_page(EVIL, summary(sentences=(EVIL,)), example, [finding], [EVIL], EVIL, [EVIL])
    assert "<script" not in text
    assert read_page(text).text.count(EVIL) == 9  # the title is shown twice


def test_equal_input_gives_equal_text(text, example):
    assert forecast_page("p.npy", summary(), example) == text


def test_every_image_is_inside_the_page_and_has_a_text(page):
    images = page.all("img")
    assert len(images) == 1 + 3 + 6  # the animation, the clips, the charts
    assert all(image["src"].startswith("data:image/") and len(image["alt"]) > 20 for image in images)


def test_the_page_has_one_animation(page):
    images = page.all("img")
    assert sum(image["src"].startswith("data:image/gif") for image in images) == 1


def test_the_page_is_readable_for_a_screen_reader(example, read_page):
    page = read_page(forecast_page("p.npy", summary(), example, [Finding("leak", "a", "b", ("c",), {"d": 1})], ["do"]))
    page.assert_readable()


def test_reduced_motion_hides_the_animation(text, read_page):
    assert "@media (prefers-reduced-motion: reduce) { .animations { display: none; } }" in text
    assert "animations" in next(figure["class"] for figure in read_page(text).all("figure"))


def test_the_strongest_and_the_weakest_clips_are_named_in_their_order(page):
    words = page.text
    places = [
        words.index(f"{what}: clip {clip}, mean ghost ratio {ghost}")
        for what, clip, ghost in (
            ("Strongest ghost", 17, "0.14"),  # 0.8 on one of 5, 6 and 7 places where the square was
            ("Next strongest ghost", 4, "0.07"),
            ("Weakest ghost", 33, "0.00"),
        )
    ]
    assert places == sorted(places)


def test_a_clips_ghost_is_the_mean_of_its_ghost_ratio(example):
    frames = (part[:2] / 255 for part in (example.forecast, example.target, example.history))
    scored = Ghost().per_frame(*frames)["ghost_ratio"].mean(axis=1)
    assert [clip.ghost for clip in shown_clips(example, (17, 4))] == pytest.approx(scored.tolist(), abs=1e-6)


def test_a_clip_without_stored_frames_is_left_out(example):
    assert [clip.number for clip in shown_clips(example, (99, 4))] == [4]


def test_numbers_have_their_intervals(page):
    assert "ghost ratio 0.25 [0.15, 0.35] ratio lower" in page.text


def test_undefined_numbers_are_called_undefined(blank_page):
    words = blank_page.text
    assert "ghost ratio undefined none" in words
    assert "The trail is undefined" in words
    assert "nan" not in words.lower().split()


def test_without_a_defined_ghost_the_first_clip_is_shown(blank_page):
    assert "Without a ghost ratio: clip 17" in blank_page.text


def test_the_head_says_how_late_the_forecast_is_shown(page):
    assert "Alignment in time 2 frames late" in page.text


def test_the_head_says_how_early_the_forecast_is_shown(example, read_page):
    early = Alignment(-1, {-1: 10.0, 0: 50.0, 1: 80.0}, None)
    assert (
        "Alignment in time 1 frame early" in read_page(forecast_page("p.npy", summary(alignment=early), example)).text
    )


def test_the_head_says_that_the_forecast_has_no_offset(blank_page):
    assert "Alignment in time no offset" in blank_page.text


def test_the_offset_that_fits_best_is_marked_in_the_table(page):
    assert "+2 10.5 yes" in page.text


def test_a_forecast_without_a_history_has_its_page(example, read_page):
    bare = replace(example, history=example.history[:, :0])
    assert "clip 17" in read_page(forecast_page("p.npy", summary(), bare)).text


def test_a_page_stays_small(text):
    assert len(text) < 600_000


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: trail_figure(summary().trail),
        lambda: offsets_figure(summary().alignment),
        lambda: step_curve_figure("ssim", curve()),
    ],
)
def test_charts_are_the_same_bytes_every_time(drawn):
    assert drawn() == drawn()


def test_the_decay_is_marked_only_if_the_trail_fades():
    fading = summary().trail
    assert trail_figure(fading) != trail_figure(replace(fading, decay_steps=None))


def test_a_trail_with_gaps_is_drawn():
    gaps = (math.nan, *summary().trail.excess[1:])
    assert trail_figure(replace(summary().trail, excess=gaps, low=gaps, high=gaps)).rstrip().endswith("</svg>")


def test_the_strip_of_a_clip_is_a_png_that_fits_a_column_of_text(example):
    strip = shown_clips(example, (17,))[0].strip.removeprefix("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(strip))) as picture:
        assert picture.width < 1300


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")
@pytest.mark.parametrize("width", [1100, 400])
def test_a_browser_shows_the_page_without_requests_errors_or_horizontal_scrolling(text, tmp_path, width):
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    requests, complaints = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto((tmp_path / "page.html").as_uri())
        loaded = tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth)")
        wide = tab.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert [url for url in requests if not url.startswith("data:")] == [(tmp_path / "page.html").as_uri()]
    assert (complaints, loaded, wide) == ([], True, width)
