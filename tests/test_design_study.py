"""Designs as a study file writes them."""

import pytest

from ablate.core.errors import SpecError
from ablate.study import study_file

STUDY = """
name: designs
question: Which?
base: {model: {kind: convlstm, state_kernel_size: 3, activation: tanh}, loss: {kind: ssim, window: 7}}
factors:
  model.state_kernel_size: [3, 1, 5]
  model.activation: [tanh, relu]
  loss: {levels: [{kind: ssim, window: 7}, {kind: bce}], labels: [ssim, bce]}
  loss.window: [7, 9]
seeds: 2
"""
WHEN = "only_when: {loss.window: {loss: [ssim]}}"


@pytest.fixture
def load(tmp_path):
    def load(design):
        (tmp_path / "study.yaml").write_text(STUDY + f"design: {design}\n")
        return study_file.load(tmp_path / "study.yaml")

    return load


def test_an_inactive_factor_is_left_out_of_runs_without_its_field(load):
    study = load(f"{{kind: full_factorial, {WHEN}}}")
    assert len(study.cells) == 3 * 2 * (2 + 1)
    for cell in study.cells:
        assert cell.spec.loss.kind == cell.levels["loss"]
        assert cell.levels["loss.window"] == str(getattr(cell.spec.loss, "window", 7))


def test_an_inactive_factor_has_its_level_in_runs_with_its_field(load):
    study = load("{kind: full_factorial, only_when: {loss.window: {loss: [ssim], model.activation: [relu]}}}")
    windows = {(cell.levels["model.activation"], getattr(cell.spec.loss, "window", None)) for cell in study.cells}
    assert windows == {("tanh", 7), ("tanh", None), ("relu", 7), ("relu", 9), ("relu", None)}


@pytest.mark.parametrize(
    "design",
    [
        f"{{kind: d_optimal, size: 9, {WHEN}, forbid: [{{model.state_kernel_size: 5, loss: bce}}]}}",
        f"{{kind: foldover, of: {{kind: full_factorial, {WHEN}}}, factors: [model.activation]}}",
        f"{{kind: augment, of: {{kind: d_optimal, {WHEN}}}, add: 2, interactions: none}}",
        f"{{kind: augment, of: {{kind: d_optimal, {WHEN}}}, add: 3, interactions: [[loss, model.activation]]}}",
    ],
)
def test_a_design_is_read_back_from_the_file_that_is_written(load, tmp_path, design):
    study = load(design)
    (tmp_path / "again.yaml").write_text(study_file.dump(study))
    again = study_file.load(tmp_path / "again.yaml")
    assert again == study
    assert [run.id for run in again.planned_runs] == [run.id for run in study.planned_runs]


def test_an_augmented_design_adds_runs_to_those_of_the_inner_design(load):
    first = f"{{kind: d_optimal, {WHEN}}}"
    before = load(first).planned_runs
    after = load(f"{{kind: augment, of: {first}, add: 3, interactions: [[loss, model.activation]]}}").planned_runs
    assert [planned_run.id for planned_run in after[: len(before)]] == [planned_run.id for planned_run in before]
    assert len(after) == len(before) + 3 * 2


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ("{kind: d_optimal, size: 0}", r"design.size: found 0; must be greater than or equal to 1"),
        ("{kind: d_optimal, sise: 9}", r"design.sise: unknown key \(did you mean 'size'\?\)"),
        ("{kind: d_optimal, interactions: some}", "design.interactions: found \"some\"; must be 'all' or 'none'"),
        ("{kind: d_optimal, interactions: [[loss]]}", r"design.interactions\[0\]"),
        (
            "{kind: full_factorial, forbid: [{loss: mse}]}",
            "design.forbid: 'loss' has no level 'mse'; allowed: bce, ssim",
        ),
        (
            "{kind: leave_one_out, complete: {los: bce}}",
            r"design.complete: unknown factor 'los' \(did you mean 'loss'\?\)",
        ),
        (
            "{kind: foldover, of: {kind: d_optimal, forbid: [{loss: mse}]}}",
            "design.of.forbid: 'loss' has no level 'mse'",
        ),
        (
            "{kind: foldover, of: {kind: d_optimal, forbid: [{loss: bce}]}}",
            "design.of: level 'bce' of 'loss' can never",
        ),
        ("{kind: foldover}", "design.of: missing"),
        ("{kind: foldover, of: {kind: augment}}", "design.of.kind: unknown kind 'augment'"),
        ("{kind: augment, of: {kind: one_at_a_time}}", "design.add: missing"),
    ],
)
def test_a_mistake_is_reported_at_its_place(load, design, message):
    with pytest.raises(SpecError, match=r"study.yaml:11:\d+: " + message):
        load(design)
