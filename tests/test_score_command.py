import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from ablate.cli import app, main
from ablate.components.data import MovingMNIST

CONTEXT, STEPS = 5, 6


@pytest.fixture(scope="module")
def frames():
    return MovingMNIST(frame_size=32).build(seed=0).held_out(6, CONTEXT + STEPS + 2)


@pytest.fixture
def files(tmp_path, frames):
    """Return a function that writes a forecast beside the truth and its history, and the arguments that name them."""

    def write(forecast, history=frames[:, :CONTEXT], target=frames[:, CONTEXT : CONTEXT + STEPS]):
        arguments = []
        for option, array in (("--forecast", forecast), ("--target", target), ("--history", history)):
            path = tmp_path / f"{option[2:]}.npy"
            np.save(path, array)
            arguments += [option, str(path)]
        return arguments

    return write


@pytest.fixture
def scored(tmp_path, files):
    """Return a function that scores a forecast by the command, and returns its JSON."""

    def score(forecast, *options, **arrays):
        done = CliRunner().invoke(
            app, ["score", *files(forecast, **arrays), *options, "--json", str(tmp_path / "out.json")]
        )
        assert done.exit_code == 0, done.output
        return json.loads((tmp_path / "out.json").read_text())

    return score


def truth_of(frames, late=0):
    return frames[:, CONTEXT - late : CONTEXT + STEPS - late]


def test_the_json_has_what_it_promises(scored, frames):
    found = scored(truth_of(frames))
    assert found["ghost_ratio"]["mean"] == 0
    assert len(found["ghost_ratio"]["per_step"]) == STEPS
    assert found["mse"]["mean"] == 0
    assert found["trail"]["lag"] == list(range(1, 13))
    assert len(found["trail"]["excess"]) == 12
    assert found["trail"]["decay_steps"] is None
    assert found["visible_share"] == 0
    assert found["alignment"]["best_offset"] == 0
    assert found["copies_input"] is False
    assert (found["clips"], found["undefined"]) == (6, 0)
    assert {"signal_retention", "mae", "psnr", "ssim", "conventions"} <= set(found)


@pytest.mark.parametrize("late", [-2, -1, 1, 2])
def test_panels_of_other_times_are_told_by_their_offset(scored, frames, late):
    assert scored(truth_of(frames, late))["alignment"]["best_offset"] == late


def test_a_forecast_that_holds_its_last_frame_is_told_to_copy(scored, frames):
    assert scored(np.repeat(frames[:, CONTEXT - 1 : CONTEXT], STEPS, axis=1))["copies_input"] is True


def test_a_blank_forecast_has_no_ghost_ratio(scored, frames):
    found = scored(np.zeros_like(truth_of(frames)))
    assert found["ghost_ratio"]["mean"] is None
    assert found["undefined"] == 6 * STEPS


def test_arrays_with_steps_first_score_the_same(scored, frames):
    forecast = np.maximum(truth_of(frames), truth_of(frames, 2) // 3)
    swapped = {"target": truth_of(frames).swapaxes(0, 1), "history": frames[:, :CONTEXT].swapaxes(0, 1)}
    assert scored(forecast.swapaxes(0, 1), "--step-first", **swapped) == scored(forecast)


def test_the_page_and_the_video_are_written(scored, frames, tmp_path):
    page, video = tmp_path / "out.html", tmp_path / "out.gif"
    scored(truth_of(frames, 1), "--html", str(page), "--video", str(video))
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert video.read_bytes().startswith(b"GIF89a")


def test_shapes_that_disagree_exit_with_2_and_one_line(files, frames, tmp_path):
    arguments = files(truth_of(frames)[:, :3])
    script = [sys.executable, "-c", "from ablate.cli import main; main()", "score", *arguments]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "forecast.npy" in done.stderr


def test_a_video_of_another_kind_exits_with_2_before_anything_is_scored(files, frames, tmp_path, monkeypatch, capsys):
    arguments = files(truth_of(frames))
    monkeypatch.setattr("sys.argv", ["ablate", "score", *arguments, "--video", str(tmp_path / "clip.avi")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "an animation must be a .gif or a .mp4" in capsys.readouterr().err
