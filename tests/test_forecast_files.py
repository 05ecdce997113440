import numpy as np
import pytest
import torch

from ablate.core.errors import DataError
from ablate.measurement.scoring.brightness import as_brightness
from ablate.measurement.scoring.forecast_files import read_forecasts

SHAPE = (3, 4, 16, 12)
FRAMES = np.random.default_rng(0).random(SHAPE).astype(np.float32)


@pytest.fixture
def read(tmp_path):
    """Return a function that saves a forecast (and truth and history), and reads them back."""

    def read(forecast, target=FRAMES, history=None, *, step_first=False):
        paths = {name: tmp_path / f"{name}.npy" for name in ("p", "y", "h")}
        for name, array in (("p", forecast), ("y", target), ("h", history)):
            if array is not None:
                np.save(paths[name], array)
        return read_forecasts(paths["p"], paths["y"], None if history is None else paths["h"], step_first=step_first)

    return read


@pytest.mark.parametrize(
    "array",
    [FRAMES, FRAMES[..., None], FRAMES[:, :, None], FRAMES.astype(np.float64), FRAMES > 0.5],
    ids=["plain", "channel last", "channel third", "float64", "boolean"],
)
def test_these_layouts_and_types_are_accepted(read, array):
    assert read(array).forecast.shape == SHAPE


def test_steps_first_are_swapped(read):
    swapped = FRAMES.swapaxes(0, 1)
    np.testing.assert_array_equal(read(swapped, swapped, step_first=True).forecast, FRAMES)


def test_files_are_mapped_not_loaded(read):
    assert isinstance(read(FRAMES).forecast, np.memmap)


def test_without_a_history_it_has_no_frames(read):
    assert read(FRAMES).history.shape == (3, 0, 16, 12)


def test_a_history_may_have_other_frames(read):
    assert read(FRAMES, history=FRAMES[:, :2]).history.shape == (3, 2, 16, 12)


def test_a_forecast_may_overshoot_a_little(read):
    assert read(1.4 * FRAMES - 0.2).forecast.shape == SHAPE


def test_integers_of_any_kind_are_0_to_255(read):
    ink = (255 * FRAMES).astype(np.int64)
    assert read(ink).forecast.dtype == np.int64
    np.testing.assert_array_equal(as_brightness(ink), as_brightness(ink.astype(np.uint8)))


def test_an_archive_of_one_array_is_accepted(tmp_path):
    np.savez_compressed(tmp_path / "p.npz", forecast=FRAMES)
    arrays = read_forecasts(tmp_path / "p.npz", tmp_path / "p.npz", None, step_first=False)
    np.testing.assert_array_equal(arrays.forecast, FRAMES)


NAN = FRAMES.copy()
NAN[1, 2, 3, 4] = NAN[2] = np.nan


@pytest.mark.parametrize(
    ("forecast", "message"),
    [
        (FRAMES[:2], r"found the shape \(2, 4, 16, 12\); must be that of .*y.npy, \(3, 4, 16, 12\)$"),
        (FRAMES.swapaxes(0, 1), r".*one of the two has its steps first: .*swapaxes \(--step-first"),
        (FRAMES[0], r"found the shape \(4, 16, 12\); must be \(clip, step, height, width\).*--step-first"),
        (FRAMES[..., None, None], r"found the shape \(3, 4, 16, 12, 1, 1\); must be"),
        (np.stack([FRAMES] * 3, axis=-1), r"found the shape \(3, 4, 16, 12, 3\), with several channels; must be"),
        (FRAMES[:0], r"found the shape \(0, 4, 16, 12\); every axis"),
        (FRAMES[:, :0], r"found the shape \(3, 0, 16, 12\); every axis"),
        (FRAMES[:, :, :8], r"found frames of 8 x 12 pixels; must be at least 11"),
        (FRAMES.astype(np.complex64), r"found values of type complex64; must be integers from 0 to 255, floats"),
    ],
)
def test_an_error_on_a_forecast_names_the_file_and_what_was_found(read, forecast, message):
    with pytest.raises(DataError, match=rf"p.npy: {message}"):
        read(forecast)


@pytest.mark.parametrize(
    ("forecast", "message"),
    [
        (255 * FRAMES, r"found values from .*: divide by 255"),
        (260 * FRAMES - 3, r"found values from .*: divide by 255"),
        (20 * FRAMES - 10, r"found values from .*: apply a sigmoid"),
        (NAN, r"found NaN or infinity in 769 of 2304 values, first in clip 1, frame 2, row 3, column 4"),
        (np.where(FRAMES > 0.99, np.inf, FRAMES), r"found NaN or infinity"),
        ((2550 * FRAMES).astype(np.int32), r"found integers from \d to 25\d\d; .*save as uint8"),
        ((255 * FRAMES).astype(np.int16) - 1, r"found integers from -1 to"),
        ((FRAMES > 0.5).astype(np.uint8), r"found integers from 0 to 1; .*as booleans"),
    ],
    ids=["0 to 255", "0 to 255 overshot", "logits", "NaN", "infinity", "too large", "negative", "mask"],
)
def test_an_error_on_brightness_says_how_to_fix_it(read, forecast, message):
    with pytest.raises(DataError, match=rf"p.npy: {message}"):
        read(forecast)


def test_a_blank_forecast_of_integers_is_accepted(read):
    assert read(np.zeros(SHAPE, np.uint8)).forecast.max() == 0


def test_a_target_outside_0_to_1_is_refused(read):
    with pytest.raises(DataError, match=r"y.npy: found values from -0.0998 to 0.9; .*clip them"):
        read(FRAMES, FRAMES - 0.1)


def test_a_normalized_target_is_refused(read):
    with pytest.raises(DataError, match=r"y.npy: found values from .* undo their normalization"):
        read(FRAMES, 2 * FRAMES - 1)


def test_a_history_outside_0_to_1_is_refused(read):
    with pytest.raises(DataError, match=r"h.npy: found values from .* divide by 255"):
        read(FRAMES, history=255 * FRAMES)


def test_a_history_with_its_steps_first_gets_the_option_named(read):
    steps_first = FRAMES.swapaxes(0, 1)
    with pytest.raises(DataError, match=r"h.npy: .*if all files have their steps first, use --step-first$"):
        read(steps_first, steps_first, steps_first[:2])


def test_a_history_of_other_clips_is_refused(read):
    with pytest.raises(DataError, match=r"h.npy: found the shape \(2, 4, 16, 12\); must have the clips"):
        read(FRAMES, history=FRAMES[:2])


def header_of(shape):
    return str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        b"PK",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x01\x00" + len(header_of((10**9,) * 4)).to_bytes(2, "little") + header_of((10**9,) * 4),
    ],
    ids=["empty", "text", "no archive", "cut", "gigantic"],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "p.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"p.npy: not a .npy file") as caught:
        read_forecasts(tmp_path / "p.npy", tmp_path / "p.npy", None, step_first=False)
    assert "\n" not in str(caught.value)


def test_pickled_objects_are_refused(read):
    with pytest.raises(DataError, match=r"p.npy: not a .npy file of plain numbers"):
        read(np.array([{}], dtype=object))


def test_an_archive_is_refused(tmp_path):
    np.savez(tmp_path / "p.npz", a=FRAMES, b=FRAMES)
    with pytest.raises(DataError, match=r"p.npz: found an archive of 2 arrays; must hold one"):
        read_forecasts(tmp_path / "p.npz", tmp_path / "p.npz", None, step_first=False)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"p.npy: there is no such file"):
        read_forecasts(tmp_path / "p.npy", tmp_path / "p.npy", None, step_first=False)


def test_uint8_becomes_brightness():
    assert as_brightness(np.array([[[[0, 51, 255]]]], np.uint8)).ravel() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.bool]
)
def test_tensors_of_every_precision_are_accepted(dtype):
    frames = torch.ones(1, 1, 2, 2).to(dtype)
    arrays = as_brightness(frames)
    assert arrays.max() == (np.float32(1 / 255) if dtype == torch.uint8 else 1)
    assert arrays.dtype == (np.float64 if dtype == torch.float64 else np.float32)


def test_half_precision_becomes_single():
    arrays = as_brightness(np.full((1, 1, 2, 2), 0.25, np.float16))
    assert arrays.dtype == np.float32
    assert (arrays == 0.25).all()


def test_a_tensor_with_a_gradient_is_accepted():
    assert as_brightness(torch.ones(1, 1, 2, 2, requires_grad=True)).sum() == 4
