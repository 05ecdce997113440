from dataclasses import replace

import pytest

from ablate.diagnosis.advice import advise
from ablate.measurement.scoring.alignment import Alignment
from ablate.measurement.scoring.curves import StepCurve, Trail
from ablate.measurement.scoring.summary import ForecastSummary
from ablate.storage.findings import Finding

NAN = float("nan")


def curve(mean, low, high):
    return StepCurve(mean, low, high, (mean,), (low,), (high,))


WELL = ForecastSummary(
    clips=8,
    steps=5,
    undefined=3,
    curves={"ghost_ratio": curve(0.01, -0.01, 0.03), "signal_retention": curve(0.95, 0.9, 0.99)},
    trail=Trail((1, 2), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), None),
    alignment=Alignment(0, {-1: 60.0, 0: 30.0, 1: 61.0, 2: 90.0}, None),
    strongest=(1,),
    weakest=(2,),
    sentences=(),
)


def found(probe, **numbers):
    return Finding(probe, "", "", (), numbers)


LEAK = {"looks_ahead": 0, "largest_move": 0.0, "depends_on_other_clips": False, "largest_move_by_other_clips": 0.0}
NO_LEAK = found("leak", **LEAK)


def with_curve(name, *values):
    return replace(WELL, curves={**WELL.curves, name: curve(*values)})


def test_where_nothing_is_wrong_it_says_so_and_on_which_numbers():
    (advice,) = advise(WELL, [NO_LEAK])
    assert advice.startswith("No measurement calls for a change")
    assert "0.01 [-0.01, 0.03]" in advice
    assert "leak" in advice


FOUND = [
    (found("leak", **LEAK | {"looks_ahead": 1, "largest_move": 0.43}), "the model sees 1 frame ahead", "0.43"),
    (
        found("leak", **LEAK | {"depends_on_other_clips": True, "largest_move_by_other_clips": 0.21}),
        "other clips of the batch",
        "0.21",
    ),
    (found("leak", **LEAK | {"looks_ahead": None, "largest_move_by_chance": 0.3}), "Disable randomness", "0.3"),
    (
        found("positions", difference_low=0.1, loss_inside=0.0123, loss_at_end=0.2345),
        "its loss at the last position, 0.2345",
        "0.0123",
    ),
    (found("receptive_field", carries_down_and_right=0, carries_up_and_left=2, speed=3.24), "0 pixels", "3.2 pixels"),
]


@pytest.mark.parametrize(("finding", "told", "number"), FOUND, ids=[told for _, told, _ in FOUND])
def test_each_finding_that_matters_gives_one_advice_with_its_number(finding, told, number):
    (advice,) = advise(WELL, [finding])
    assert told in advice
    assert number in advice


@pytest.mark.parametrize(
    "finding",
    [
        found("positions", difference_low=-0.1, loss_inside=0.1, loss_at_end=0.2),
        found("positions", difference_low=NAN, loss_inside=0.1, loss_at_end=0.2),
        found("positions", difference_low=0.001, loss_inside=0.1, loss_at_end=0.104),
        found("receptive_field", carries_down_and_right=4, carries_up_and_left=4, speed=3.24),
        found("receptive_field", carries_down_and_right=None, carries_up_and_left=None, speed=3.24),
        found("receptive_field", carries_down_and_right=1, carries_up_and_left=1, speed=NAN),
    ],
)
def test_what_is_undecided_undefined_or_well_gives_none(finding):
    assert "No measurement" in advise(WELL, [finding])[0]


SCORED = [
    (replace(WELL, alignment=Alignment(2, {0: 100.0, 2: 30.0}, None)), "by 2 frames: it is compared late", "30.0"),
    (replace(WELL, alignment=Alignment(-1, {0: 100.0, -1: 30.0}, None)), "by 1 frame: it is compared early", "100.0"),
    (replace(WELL, alignment=Alignment(2, {0: 20.5, 2: 18.3}, None)), "it runs late by about 2 frames", "18.3"),
    (replace(WELL, alignment=Alignment(0, {0: 77.0}, "last_known_frame")), "repeats the last known frame", "77.0"),
    (replace(WELL, alignment=Alignment(0, {0: 77.0}, "previous_frame")), "repeats the frame before", "77.0"),
    (with_curve("ghost_ratio", 0.4, 0.3, 0.5), "There is a ghost", "0.40 [0.30, 0.50]"),
    (with_curve("signal_retention", 0.2, 0.1, 0.3), "digits fade", "3 of 40"),
    (replace(WELL, undefined=21), "Look at the frames first", "21 of 40"),
]


@pytest.mark.parametrize(("summary", "told", "number"), SCORED, ids=[told for _, told, _ in SCORED])
def test_each_score_that_matters_gives_one_advice_with_its_number(summary, told, number):
    (advice,) = advise(summary, [NO_LEAK])
    assert told in advice
    assert number in advice


LAGS = (1, 2, 3)


@pytest.mark.parametrize(
    ("trail", "told"),
    [
        (Trail(LAGS, (0.5, 0.4, 0.3), (0.4, 0.3, 0.2), (0.6, 0.5, 0.4), 3.5), "fades to 1/e in 3.5 steps"),
        (Trail(LAGS, (0.4, 0.4, 0.4), (0.3, 0.3, 0.3), (0.5, 0.5, 0.5), None), "does not fade"),
        (Trail(LAGS, (0.1, 0.0, 0.1), (-0.1, -0.1, -0.1), (0.3, 0.1, 0.3), None), "where they were. Find"),
    ],
)
def test_a_ghost_is_told_with_how_long_its_trail_lasts(trail, told):
    ghost = with_curve("ghost_ratio", 0.4, 0.3, 0.5)
    assert told in advise(replace(ghost, trail=trail), [])[0]


def test_a_ghost_whose_interval_is_undefined_or_reaches_down_is_none():
    for low in (NAN, 0.04):
        assert "No measurement" in advise(with_curve("ghost_ratio", 0.1, low, 0.2), [])[0]


def test_the_most_urgent_comes_first():
    leaking = FOUND[0][0]
    assert [line[:4] for line in advise(with_curve("ghost_ratio", 0.4, 0.3, 0.5), [leaking])] == ["Remo", "Ther"]


def test_a_forecast_that_lags_is_still_asked_for_its_ghost():
    lagging = replace(with_curve("ghost_ratio", 0.4, 0.3, 0.5), alignment=Alignment(2, {0: 20.5, 2: 18.3}, None))
    assert any("There is a ghost" in advice for advice in advise(lagging, [NO_LEAK]))


@pytest.mark.parametrize("alignment", [Alignment(1, {0: 9.0, 1: 3.0}, None), Alignment(0, {0: 9.0}, "previous_frame")])
def test_a_forecast_shown_at_the_wrong_time_is_not_called_faded_or_a_ghost(alignment):
    (advice,) = advise(replace(with_curve("signal_retention", 0.2, 0.1, 0.3), alignment=alignment), [NO_LEAK])
    assert "fade" not in advice
