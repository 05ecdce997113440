import math

import pandas as pd
import pytest
import torch

from ablate.study import changed
from ablate.training.evaluation import evaluate, score_table
from ablate.training.fit import fit, initial_model

CPU = torch.device("cpu")


@pytest.fixture
def run(small_run):
    return small_run


def train(run):
    return fit(run, run.data.build(run.seed), CPU, lambda *_: None)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_the_same_spec_and_seed_give_bit_identical_weights(run):
    assert torch.equal(weights(train(run).model), weights(train(run).model))


@pytest.fixture
def _compiled(monkeypatch):
    monkeypatch.setattr("ablate.components.models.fast.switch.MIN_PIXELS", 0)


@pytest.mark.slow
@pytest.mark.usefixtures("_compiled")
def test_compiled_training_repeats_itself_to_the_bit(run):
    assert torch.equal(weights(train(run).model), weights(train(run).model))


@pytest.mark.slow
def test_compiled_training_follows_uncompiled_training(run, monkeypatch):
    plain = train(run).curve["loss"].to_numpy()
    monkeypatch.setattr("ablate.components.models.fast.switch.MIN_PIXELS", 0)
    assert train(run).curve["loss"].to_numpy() == pytest.approx(plain, rel=1e-3)


def test_the_same_spec_and_seed_give_bit_identical_scores(run):
    tables = []
    for _ in range(2):
        source = run.data.build(run.seed)
        tables.append(score_table(evaluate(train(run).model, run, source, CPU)))
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)


def test_earlier_draws_do_not_change_the_result(run):
    first = weights(train(run).model)
    torch.rand(7)
    assert torch.equal(first, weights(train(run).model))


def test_another_seed_gives_other_weights(run):
    assert not torch.equal(weights(initial_model(run, CPU)), weights(initial_model(changed(run, {"seed": 1}), CPU)))


def test_cells_of_one_seed_see_the_same_batches_and_start_from_the_same_weights(run):
    mse_run = changed(run, {"loss": {"kind": "mse"}})
    assert torch.equal(weights(initial_model(run, CPU)), weights(initial_model(mse_run, CPU)))


def test_training_lowers_the_loss(run):
    longer = changed(run, {"training.steps": 60, "training.optimizer.learning_rate": 0.02, "training.report_every": 20})
    curve = train(longer).curve
    assert curve["held_out_loss"].iloc[-1] < curve["held_out_loss"].iloc[0]


def test_the_curve_has_a_point_every_report_and_at_the_end(run):
    curve = train(changed(run, {"training.steps": 5})).curve
    assert curve["step"].tolist() == [2, 4, 5]


def test_a_run_whose_weights_explode_has_diverged(run):
    wild = changed(run, {"training.optimizer.learning_rate": 1e30, "model.activation": "relu"})
    assert train(wild).diverged


def test_clipping_bounds_the_first_step_of_plain_descent(run):
    unclipped, clipped = run, changed(run, {"training.clip_norm": 1e-12, "training.steps": 1})
    moved = (weights(train(clipped).model) - weights(initial_model(unclipped, CPU))).abs().max().item()
    # Adam moves a weight by lr * g / (|g| + epsilon); a gradient far below epsilon moves it far below lr
    assert moved < clipped.training.optimizer.learning_rate * 1e-3


def test_a_baseline_is_not_trained(run):
    persistence = changed(run, {"model": {"kind": "persistence"}})
    assert train(persistence).curve.empty


def test_a_view_of_training_clips_has_no_more_clips_than_exist(run):
    view = {"training": {"clips": "training", "count": 50}}
    wide = changed(run, {"evaluation.views": view})
    scores = score_table(evaluate(initial_model(wide, CPU).eval(), wide, wide.data.build(0), CPU))
    assert scores["clip"].max() == 7


def test_persistence_scores_as_computed_by_hand(run):
    persistence = changed(run, {"model": {"kind": "persistence"}})
    source = persistence.data.build(0)
    scores = score_table(evaluate(initial_model(persistence, CPU), persistence, source, CPU))
    clips = source.held_out(4, 6) / 255
    expected = ((clips[:, 5] - clips[:, 2]) ** 2).sum(axis=(1, 2)).mean()
    at = scores.query("view == 'rollout' and metric == 'mse' and step == 3")
    assert math.isclose(at["value"].mean(), expected, rel_tol=1e-5)


def test_a_target_offset_scores_against_earlier_targets(run):
    late = {"late": {"forecast": "rollout", "target_offset": -2}}
    persistence = changed(run, {"model": {"kind": "persistence"}, "evaluation.views": late})
    source = persistence.data.build(0)
    scores = score_table(evaluate(initial_model(persistence, CPU), persistence, source, CPU))
    clips = source.held_out(4, 6) / 255
    expected = ((clips[:, 1] - clips[:, 2]) ** 2).sum(axis=(1, 2)).mean()
    assert math.isclose(scores.query("metric == 'mse' and step == 1")["value"].mean(), expected, rel_tol=1e-5)
