"""Wrong data is named at its line before anything is created, and so is a base that no run has."""

import numpy as np
import pytest
from rich.console import Console

from ablate.commands.check import check
from ablate.commands.checked_study import warn_of_base
from ablate.commands.run import Execution, run
from ablate.core.errors import DesignError, SpecError
from ablate.study import study_file
from ablate.study.data_check import data_faults

CLIPS = np.random.default_rng(0).integers(0, 256, (20, 12, 64, 64), np.uint8)
STUDY = """\
name: small
question: Does it start?
exploratory: true
probes: none
base:
  data: {{kind: moving_mnist_file, path: clips.npy, train_clips: 8, verify_md5: false}}
  model: {{kind: convlstm, layers: 1, filters: 2, activation: tanh}}
  training: {{scheme: {{kind: teacher_forced, frames: 6}}, steps: 4, batch: 4}}
  evaluation: {{clips: 4, context: 3, horizon: 3, examples: 1}}
factors:
  {factors}
seeds: [0]
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes the study and its clips, and works in their folder."""
    monkeypatch.chdir(tmp_path)

    def written(clips=CLIPS, factors="model.activation: [tanh, relu]"):
        if clips is not None:
            np.save(tmp_path / "clips.npy", clips)
        file = tmp_path / "study.yaml"
        file.write_text(STUDY.format(factors=factors))
        return file

    return written


@pytest.fixture
def console():
    return Console(record=True, width=200, force_terminal=False)


def refusal(file, overrides, console):
    with pytest.raises(SpecError) as error:
        check(file, overrides, console)
    return str(error.value)


@pytest.mark.parametrize(
    ("clips", "problem"),
    [
        (None, "clips.npy: No such file or directory"),
        (CLIPS[:, :, :32], "holds uint8 of shape (20, 12, 32, 64); Moving MNIST is uint8 of shape (20, clips, 64, 64)"),
        (CLIPS.astype(np.float32) / 255, "np.rint(255 * array).astype(np.uint8) converts values from 0 to 1"),
        (CLIPS.swapaxes(0, 1), "its axes are in another order: np.transpose(array, (1, 0, 2, 3)) puts frames before"),
        (CLIPS.transpose(2, 3, 0, 1), "np.transpose(array, (2, 3, 0, 1)) puts frames before clips"),
        (CLIPS[:, :, None], "np.squeeze removes its axes of length 1"),
    ],
)
def test_a_file_that_is_missing_or_of_another_format_is_named_at_its_line(write, console, clips, problem):
    file = write(clips)
    message = refusal(file, [], console)
    assert message.startswith(f"{file}:6:35: base.data.path: the data cannot be used: ")
    assert problem in message


def test_the_advice_makes_clips_of_the_array(write, console):
    write(CLIPS.swapaxes(0, 1).astype(np.float32)[:, :, None] / 255)
    advised = np.rint(255 * np.transpose(np.squeeze(np.load("clips.npy")), (1, 0, 2, 3))).astype(np.uint8)
    np.testing.assert_array_equal(advised, CLIPS)
    check(write(advised), [], console)


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("evaluation.clips=5", "base.evaluation.clips: found 4 held-out clips in clips.npy, but this needs 5"),
        ("training.batch=5", "base.training.batch: found 4 held-out clips in clips.npy, but this needs 5"),
        ("data.train_clips=12", "base.data.train_clips: the data cannot be used: clips.npy: found 12 clips"),
        ("evaluation.views={a: {first: 3, count: 2}}", "base.evaluation.views.a: found 4 held-out clips"),
        (
            "evaluation.views={a: {clips: training, first: 8}}",
            "base.evaluation.views.a.first: found 8, but there are 8",
        ),
    ],
)
def test_too_few_clips_are_named_at_the_setting_that_asks_for_more(write, console, override, problem):
    changes = [override, *(["response.view=a"] if "views" in override else [])]
    assert f"--set {override}: {problem}" in refusal(write(), changes, console)


def test_as_many_clips_as_there_are_suffice(write, console):
    check(write(), ["training.batch=4", "evaluation.clips=4"], console)


def test_data_that_a_factor_varies_is_named_at_the_level(write, console):
    file = write(factors="data.train_clips: [8, 12]")
    assert refusal(file, [], console).startswith(
        f"{file}:11:25: factors.data.train_clips[1]: the data cannot be used: clips.npy: found 12 clips"
    )


def test_a_level_that_is_another_file_is_named_at_its_line(write, console):
    file = write(factors="data.path: [clips.npy, gone.npy]")
    message = refusal(file, [], console)
    assert message.startswith(f"{file}:11:26: factors.data.path[1]: the data cannot be used: gone.npy: No such file")


def test_generated_clips_never_run_out(small_study):
    study = small_study()
    assert data_faults(study, study.cells) == []


def test_a_run_refuses_wrong_data_before_it_creates_anything(write, console, tmp_path):
    file = write(None)
    with pytest.raises(SpecError, match=r"study\.yaml:6:35: base\.data\.path"):
        run(file, [], tmp_path / "mlruns", Execution(workers=1), console)
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_a_base_that_no_run_has_is_a_warning_at_its_line(write, console):
    file = write(factors="model.activation: [relu, sigmoid]")
    warn_of_base(study_file.load(file), file, [], console)
    assert f"warning: {file}:7:50: base.model.activation: found 'tanh', which is none of the levels" in (
        text := " ".join(console.export_text().split())
    )
    assert "(relu, sigmoid): no run has it, and level 'relu' is the baseline" in text


def test_a_base_among_the_levels_is_not_worth_a_word(write, console):
    file = write()
    warn_of_base(study_file.load(file), file, [], console)
    assert console.export_text() == ""


@pytest.mark.parametrize("kind", ["one_at_a_time", "leave_one_out"])
def test_a_design_that_starts_from_the_base_refuses_one_that_is_no_level(write, kind):
    file = write(factors=f"model.activation: [relu, sigmoid]\ndesign: {{kind: {kind}}}")
    with pytest.raises((SpecError, DesignError), match=r"study\.yaml:12:1: design: .*'tanh' .* allowed: relu, sigmoid"):
        study_file.load(file)
