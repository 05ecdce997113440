"""What probes found, drawn: every number within reach of a reader who cannot see the charts."""

import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Picture

from ablate.report.finding_figures import TILE, changes_figure, chart_figure, image_strip
from ablate.report.findings_page import findings_page, shown_findings
from ablate.report.words import finding_value
from ablate.storage.findings import Chart, Finding, Image, Line, MetricChange, load, save

COMMAND = "ablate probe 3b4391f523e10cf8"
EVIL = "<script>alert(1)</script>"
RESET = MetricChange("state reset each 4 steps", "ghost_ratio", 0.412, 0.12, -0.292, -0.35, -0.23, 24)
BLANK = MetricChange("layer 2 taken away", "ghost_ratio", 0.412, math.nan, math.nan, math.nan, math.nan, 0)
CHART = Chart(
    "Forget gate", "step", "mean", (Line("present", (1.0, 2.0), (0.5, math.nan)), Line("stale", (1.0,), (0.9,)))
)
IMAGE = Image("Gradient", ((-4.0, 0.0), (-2.0, math.nan)), -4.0, 0.0)


def finding(**changes) -> Finding:
    made = Finding(
        probe="memory",
        title="Does the ghost live in the cell state?",
        intervention="The state was reset.",
        sentences=("Resetting lowers the ghost.", "Nothing else does."),
        numbers={"reset_every": 4, "ghost": 0.12, "moves": True, "leak": None},
        changes=(RESET, BLANK, replace(RESET, metric="a loss in words")),
        charts=(CHART,),
        images=(IMAGE,),
    )
    return replace(made, **changes)


@pytest.fixture(scope="module")
def page(read_page):
    return read_page(findings_page("Run 3b43", [finding(), finding(probe="head_swap")], COMMAND))


def test_the_page_forbids_every_source_but_itself_and_runs_no_script(page):
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert not page.all("script")


def test_the_page_names_no_address():
    text = findings_page("Run 3b43", [finding()], COMMAND)
    assert not re.search(r"https?:|//[a-z]", re.sub(r"data:[^\"]*", "", text))


def test_a_change_has_all_its_numbers_in_a_table(page):
    assert "state reset each 4 steps ghost ratio 0.412 0.120 -0.292 [-0.350, -0.230] 24" in page.text


def test_a_change_much_smaller_than_its_metric_keeps_its_digits(read_page):
    small = replace(RESET, metric="loss", before=0.04, after=0.0403, difference=0.0003, low=0.0001, high=0.0005)
    assert "0.040000 0.040300 +0.000300" in read_page(findings_page("a run", [finding(changes=(small,))], COMMAND)).text


def test_a_metric_outside_the_list_keeps_its_name(page):
    assert "state reset each 4 steps a loss in words" in page.text


def test_a_chart_has_all_its_points_in_a_table(page):
    assert "step present stale 1 0.50 0.90 2 undefined" in page.text


def test_undefined_numbers_are_called_undefined(page):
    assert "layer 2 taken away ghost ratio 0.412 undefined undefined none 0" in page.text
    assert "nan" not in page.text.lower().split()


def test_every_finding_has_its_intervention_and_its_result(page):
    for words in ("Does the ghost live in the cell state?", "The state was reset.", "Resetting lowers the ghost."):
        assert page.text.count(words) == 2


def test_the_page_has_the_command(page):
    assert COMMAND in page.text


def test_ids_are_unique_and_labels_refer_to_ids(page):
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    assert {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a} <= set(identities)


def test_every_image_is_inside_the_page_and_has_a_text(page):
    images = page.all("img")
    assert len(images) == 2 * 3
    assert all(image["src"].startswith("data:image/") and len(image["alt"]) > 20 for image in images)


def test_words_never_become_markup(read_page):
    evil = finding(
        title=EVIL,
        intervention=EVIL,
        sentences=(EVIL,),
        numbers={EVIL: EVIL},
        changes=(replace(RESET, condition=EVIL, metric=EVIL),),
        charts=(Chart(EVIL, EVIL, EVIL, (Line(EVIL, (1.0,), (2.0,)),)),),
        images=(replace(IMAGE, title=EVIL),),
    )
    text = findings_page(EVIL, [evil], EVIL)
    assert "<script" not in text
    assert not read_page(text).all("script")


def test_a_finding_without_pictures_shows_none():
    shown = shown_findings([finding(numbers={}, changes=(), charts=(), images=())])[0]
    assert (shown.changes_image, shown.charts, shown.images) == (None, (), None)


def test_a_network_without_applicable_probes_says_so():
    assert "No probe applies to this network." in findings_page("a run", [], COMMAND)


def test_findings_read_back_from_disk_give_the_same_page(tmp_path):
    save([finding()], tmp_path / "findings.json")
    assert findings_page("a run", load(tmp_path / "findings.json"), COMMAND) == findings_page(
        "a run", [finding()], COMMAND
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "undefined"),
        (math.nan, "undefined"),
        (True, "yes"),
        (3, "3"),
        (0.25, "0.25"),
        (1e-5, "1e-05"),
        ("a", "a"),
    ],
)
def test_values_are_written_for_a_reader(value, words):
    assert finding_value(value) == words


@pytest.mark.parametrize("drawn", [lambda: changes_figure((RESET, BLANK)), lambda: chart_figure(CHART)])
def test_charts_are_the_same_bytes_every_time(drawn):
    assert drawn() == drawn()


def test_a_change_whose_interval_includes_zero_is_drawn_hollow():
    assert changes_figure((replace(RESET, high=-0.01),)) != changes_figure((replace(RESET, high=0.01),))


def test_a_chart_of_more_lines_than_colors_is_drawn():
    lines = tuple(Line(f"${position}$", (1.0, 2.0), (position, position + 1.0)) for position in range(9))
    assert chart_figure(replace(CHART, lines=lines)).rstrip().endswith("</svg>")


def strip(*images):
    with Picture.open(io.BytesIO(image_strip(images))) as picture:
        return np.asarray(picture.convert("L"))


def test_an_image_goes_from_black_at_its_low_end_to_white_at_its_high_end():
    picture = strip(replace(IMAGE, values=((-9.0, 0.0), (-2.0, 5.0)), title=""))
    below, quarter = 6, TILE // 4
    assert picture[below + quarter, quarter] == 0
    assert picture[below + quarter, 3 * quarter] == 255
    assert picture[below + 3 * quarter, quarter] == 128
    assert picture[below + 3 * quarter, 3 * quarter] == 255


def test_an_undefined_value_is_striped():
    picture = strip(replace(IMAGE, title=""))
    tile = picture[6 + TILE // 2 : 6 + TILE, TILE // 2 : TILE]
    assert set(np.unique(tile)) == {0, 255}
    assert 100 < tile.mean() < 155


def test_images_of_equal_values_are_drawn():
    assert strip(Image("flat", ((1.0, 1.0),), 1.0, 1.0)).size


def test_images_fill_rows():
    one, four, five = (strip(*[IMAGE] * count).shape for count in (1, 4, 5))
    assert four[0] == one[0]
    assert four[1] > 4 * one[1]
    assert five[0] > 2 * one[0] > four[0]
