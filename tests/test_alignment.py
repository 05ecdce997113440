import numpy as np
import pytest
from scipy import ndimage

from ablate.components.data import MovingMNIST
from ablate.measurement.scoring.alignment import align, misfits

BEFORE, STEPS = 8, 10


@pytest.fixture(scope="module")
def frames():
    clips = MovingMNIST(frame_size=48).build(seed=0).held_out(12, BEFORE + STEPS + 5)
    return clips.astype(np.float32) / 255


def shown(frames, late=0):
    """Return what a panel that is so many frames late shows."""
    return frames[:, BEFORE - late : BEFORE + STEPS - late]


def aligned(forecast, frames, before=BEFORE):
    return align(forecast, shown(frames), frames[:, BEFORE - before : BEFORE])


def square_at(columns):
    """Return one clip of a square of 4 pixels that stands in these columns."""
    frames = np.zeros((1, len(columns), 16, 40))
    for time, column in enumerate(columns):
        frames[0, time, 4:8, column : column + 4] = 1
    return frames


def test_the_error_of_an_offset_is_the_sum_of_squares():
    path = square_at(range(0, 32, 2))  # two pixels a step: 2 x 2 columns of 4 pixels differ for each step apart
    alignment = align(path[:, 5:11], path[:, 6:12], path[:, :6])
    assert alignment.mse_by_offset[1] == 0
    assert alignment.mse_by_offset[0] == 16
    assert alignment.mse_by_offset[-1] == alignment.mse_by_offset[3] == 32
    assert alignment.best_offset == 1


def test_all_offsets_are_compared_over_the_same_steps(frames):
    errors = misfits(shown(frames), shown(frames), frames[:, :BEFORE])
    assert errors.offsets == (-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5)
    assert errors.steps == STEPS - 5


@pytest.mark.parametrize("late", [-5, -3, -2, -1, 0, 1, 2, 3, 5])
def test_the_offset_of_a_displaced_panel_is_found(frames, late):
    assert aligned(shown(frames, late), frames).best_offset == late


@pytest.mark.parametrize("late", [-2, 2])
def test_the_offset_is_found_without_a_history_too(frames, late):
    assert aligned(shown(frames, late), frames, before=0).best_offset == late


@pytest.mark.parametrize("late", [-1, 2])
def test_a_blurred_forecast_has_the_offset_of_its_panels(frames, late):
    blurred = ndimage.gaussian_filter(shown(frames, late), (0, 0, 1, 1))
    assert aligned(blurred, frames).best_offset == late


@pytest.mark.parametrize("brightness", [0.0, 0.2, 1.0])
def test_a_forecast_of_one_brightness_fits_no_other_time(frames, brightness):
    alignment = aligned(np.full_like(shown(frames), brightness), frames)
    assert alignment.best_offset == 0
    assert alignment.copies is None


@pytest.mark.parametrize(
    "still",
    [
        lambda target: 0 * target,
        lambda target: 0 * target + 0.2,
        lambda target: target[:, 2:6].mean(1, keepdims=True) + 0 * target,
    ],
    ids=["blank", "gray", "mean"],
)
def test_a_still_picture_fits_no_other_time_on_any_single_clip(frames, still):
    offsets = [aligned(still(shown(clip)), clip).best_offset for clip in np.split(frames, len(frames))]
    assert set(offsets) == {0}


def test_a_blank_forecast_has_smaller_errors_at_other_times_on_single_clips(frames):
    errors = [aligned(0 * shown(clip), clip).mse_by_offset for clip in np.split(frames, len(frames))]
    assert any(min(each.values()) < 0.95 * each[0] for each in errors)


@pytest.mark.parametrize("late", [-2, -1, 1, 2, 3])
def test_the_offset_is_found_in_any_single_clip(frames, late):
    offsets = [aligned(shown(clip, late), clip).best_offset for clip in np.split(frames, len(frames))]
    assert set(offsets) == {late}


def test_one_step_has_one_offset_without_a_history(frames):
    one = shown(frames)[:, :1]
    assert dict(align(one, one, frames[:, :0]).mse_by_offset) == {0: 0}


def held(frames):
    return np.repeat(frames[:, BEFORE - 1 : BEFORE], STEPS, axis=1)


@pytest.mark.parametrize(
    "flaw",
    [lambda f: f, lambda f: 0.5 * f, lambda f: ndimage.gaussian_filter(f, (0, 0, 1, 1)), lambda f: 0.1 + 0.8 * f],
    ids=["clean", "dim", "blurred", "hazy"],
)
@pytest.mark.parametrize(("copy", "name"), [(held, "last_known_frame"), (lambda f: shown(f, 1), "previous_frame")])
def test_a_repeated_input_is_named(frames, copy, name, flaw):
    assert aligned(flaw(copy(frames)), frames).copies == name


def test_a_repeated_input_is_named_without_a_history(frames):
    assert aligned(shown(frames, 1), frames, before=0).copies == "previous_frame"


def with_ghost(frames):
    return np.maximum(shown(frames), 0.3 * np.maximum.accumulate(frames, axis=1)[:, BEFORE - 1 : BEFORE + STEPS - 1])


@pytest.mark.parametrize(
    "forecast",
    [shown, with_ghost, lambda f: ndimage.gaussian_filter(shown(f), (0, 0, 2, 2)), lambda f: 0.5 * shown(f)],
    ids=["target", "ghost", "blur", "dim"],
)
def test_an_aligned_forecast_is_neither_displaced_nor_a_copy(frames, forecast):
    alignment = aligned(forecast(frames), frames)
    assert alignment.best_offset == 0
    assert alignment.copies is None


def test_a_clip_without_movement_is_no_copy():
    still = square_at([3] * (BEFORE + STEPS))
    dim = 0.5 * still[:, BEFORE:]
    assert align(dim, still[:, BEFORE:], still[:, :BEFORE]).copies is None


def test_a_forecast_two_frames_late_is_displaced_and_no_copy(frames):
    assert aligned(shown(frames, 2), frames).copies is None


def test_chunks_of_clips_add_up(frames):
    forecast, target, history = with_ghost(frames), shown(frames), frames[:, :BEFORE]
    parts = [misfits(forecast[at], target[at], history[at]) for at in (slice(0, 5), slice(5, 12))]
    together, whole = (parts[0] + parts[1]).alignment, align(forecast, target, history)
    assert together.mse_by_offset == pytest.approx(whole.mse_by_offset)
    assert (together.best_offset, together.copies) == (whole.best_offset, whole.copies)


def test_a_displaced_panel_differs_from_a_late_forecast(frames):
    lagging = 0.5 * shown(frames) + 0.6 * shown(frames, 1)
    assert aligned(shown(frames, 1), frames).misplaced
    assert aligned(lagging, frames).best_offset == 1
    assert not aligned(lagging, frames).misplaced
