import math

import numpy as np
import pytest
from scipy import stats

from ablate.diagnosis.probes.metric_changes import change_sentences, paired_change
from ablate.storage.findings import MetricChange

NAN = math.nan
CLIPS = 10


def condition(
    name="no memory",
    *,
    ghost=(0.5, 0.2, 0.05),
    clips=CLIPS,
    signal=(0.8, 0.8),
    error=(30.0, 30.0),
    likeness=(0.5, 0.6),
):
    """Return the changes of one condition; `ghost` is its value before and after, and half its interval."""
    before, after, half = ghost
    difference = after - before

    def plain(metric, ends):
        change = ends[1] - ends[0]
        return MetricChange(name, metric, ends[0], ends[1], change, change, change, CLIPS)

    return (
        MetricChange(name, "ghost_ratio", before, after, difference, difference - half, difference + half, clips),
        plain("signal_retention", signal),
        plain("mse", error),
        plain("ssim", likeness),
    )


def sentence(**fields):
    (found,) = change_sentences(condition(**fields), CLIPS)
    return found


def test_the_change_and_its_interval_are_those_of_a_paired_t_test():
    random = np.random.default_rng(0)
    before, after = random.random((8, 5)), random.random((8, 5))
    change = paired_change("c", "mse", before, after)
    test = stats.ttest_rel(after.mean(1), before.mean(1))
    assert change.difference == pytest.approx(after.mean() - before.mean())
    assert (change.low, change.high) == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert change.clips == 8


def test_a_frame_counts_only_where_it_is_defined_before_and_after():
    before = np.array([[1.0, 9.0, 3.0], [1.0, 1.0, 1.0]])
    after = np.array([[2.0, NAN, 6.0], [3.0, 3.0, 3.0]])
    change = paired_change("c", "ghost_ratio", before, after)
    assert (change.before, change.after) == ((2 + 1) / 2, (4 + 3) / 2)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_clip_that_is_undefined_either_way_is_left_out_and_not_counted(swapped):
    whole = np.array([[1.0, 1.0], [2.0, 2.0], [7.0, 7.0]])
    gaps = np.array([[2.0, 2.0], [4.0, 4.0], [NAN, NAN]])
    change = paired_change("c", "ghost_ratio", *((gaps, whole) if swapped else (whole, gaps)))
    assert change.clips == 2
    assert abs(change.difference) == 1.5


def test_a_measure_without_any_defined_clip_is_undefined():
    change = paired_change("c", "ghost_ratio", np.full((3, 2), NAN), np.ones((3, 2)))
    assert change.clips == 0
    assert all(map(math.isnan, (change.before, change.after, change.difference, change.low, change.high)))


def test_a_fall_is_told_with_its_ends_its_interval_and_its_clips():
    assert sentence() == (
        "With no memory, the ghost ratio falls from 0.500 to 0.200: -0.300 [-0.350, -0.250], n = 10 clips."
    )


def test_a_rise_is_told_as_one():
    assert "rises from 0.200 to 0.500" in sentence(ghost=(0.2, 0.5, 0.05))


def test_a_change_whose_interval_holds_zero_is_no_change():
    said_of_it = sentence(ghost=(0.5, 0.4, 0.2))
    assert "these clips show no change of the ghost ratio: -0.100 [-0.300, +0.100]" in said_of_it
    assert "falls" not in said_of_it


def test_a_change_too_small_to_matter_stays():
    assert "stays at 0.495, within 0.01" in sentence(ghost=(0.5, 0.495, 0.001))


@pytest.mark.parametrize("lost", [{"error": (30.0, 60.0)}, {"signal": (0.8, 0.4)}])
def test_a_ghost_that_went_with_the_whole_forecast_is_no_evidence(lost):
    said_of_it = sentence(**lost)
    assert "the forecast collapses" in said_of_it
    assert "its ghost is no evidence" in said_of_it
    assert f"{dict(lost).get('error', (30.0, 30.0))[1]:.1f}" in said_of_it


@pytest.mark.parametrize("kept", [{"error": (30.0, 35.0)}, {"signal": (0.8, 0.7)}, {"error": (30.0, 5.0)}])
def test_a_forecast_that_is_nearly_as_good_or_better_is_still_one(kept):
    assert "collapses" not in sentence(**kept)


@pytest.mark.parametrize(("clips", "speaks"), [(0, False), (1, False), (4, False), (5, True), (10, True)])
def test_a_ghost_ratio_of_few_clips_does_not_speak_for_them(clips, speaks):
    said_of_it = sentence(clips=clips)
    assert ("falls" in said_of_it) == speaks
    assert (f"too few clips have a ghost ratio to compare ({clips} of 10)" in said_of_it) != speaks


def test_one_clip_has_no_interval_and_does_not_speak():
    (found,) = change_sentences(condition(clips=1, ghost=(0.5, 0.2, NAN)), 2)
    assert "too few clips have a ghost ratio to compare (1 of 2)" in found


@pytest.mark.parametrize("clips", [0, CLIPS])
def test_a_forecast_that_did_not_move_at_all_is_said_to_be_the_same(clips):
    before = (NAN, NAN, NAN) if clips == 0 else (0.5, 0.5, 0.0)
    unmoved = sentence(ghost=before, clips=clips, error=(30.0, 30.0), likeness=(0.5, 0.5))
    assert unmoved == "With no memory, the forecast stays exactly the same."


def test_a_forecast_without_a_number_is_not_said_to_be_the_same():
    assert "exactly" not in sentence(ghost=(NAN, NAN, NAN), clips=0, error=(30.0, NAN), likeness=(0.5, NAN))


def test_what_moved_the_ghost_comes_first_and_what_lost_the_forecast_last():
    changes = (
        *condition("lost", error=(30.0, 90.0)),
        *condition("nothing", ghost=(0.5, 0.49, 0.1)),
        *condition("first"),
        *condition("second"),
    )
    order = [found.removeprefix("With ").split(",")[0] for found in change_sentences(changes, CLIPS)]
    assert order == ["first", "second", "nothing", "lost"]


def test_the_share_of_frames_that_were_compared_is_told_where_it_is_small():
    before = np.array([[0.5, NAN, 0.5, 0.5], [0.6, 0.6, NAN, NAN]])
    change = paired_change("no memory", "ghost_ratio", before, np.full((2, 4), 0.1))
    assert change.share == 5 / 8
    few = (change, *condition()[1:])
    assert "n = 2 clips and 62 % of the frames" in change_sentences(few, 2)[0]
    assert "of the frames" not in sentence()
