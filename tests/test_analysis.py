"""The whole way from a study's table to what it found."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from ablate.analysis import StudyResponse, StudyTable, analyze, answer
from ablate.analysis.outcomes import best_and_worst
from ablate.core.errors import AnalysisError, TableError
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.settings import InferenceSettings
from ablate.measurement.metrics import Metric
from ablate.measurement.run_mean import step_sums
from ablate.storage.records import SCORE_COLUMNS

GHOST = Metric("ghost_ratio", "ghost ratio", "ratio", -2.0, 20.0, higher_is_better=False)
SIGNAL = Metric("signal_retention", "signal retention", "ratio", 0.0, 2.0, higher_is_better=None)
ERROR = Metric("mse", "squared error", "squared brightness", 0.0, math.inf, higher_is_better=False)
KERNEL = FactorLevels("model.kernel", "state kernel", ("3", "1"), "3")
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
SETTINGS = InferenceSettings()


def sums(ghost, signal=0.9, squared_error=None) -> pd.DataFrame:
    rows = [("rollout", clip, step, "ghost_ratio", ghost + 0.01 * (step - 1)) for clip in (0, 1) for step in (1, 2)]
    rows += [("rollout", clip, step, "signal_retention", signal) for clip in (0, 1) for step in (1, 2)]
    if squared_error is not None:
        rows += [("rollout", clip, step, "mse", squared_error) for clip in (0, 1) for step in (1, 2)]
    return step_sums(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def ghost_of(kernel, loss, seed):
    return 0.1 + 0.31 * (kernel == "1") + 0.001 * seed * (1 + (kernel == "1")) + 0.2 * (kernel == "1") * (loss == "mse")


def study(ghost=ghost_of, seeds=(0, 1), *, exploratory=False, ended=None, signal=0.9, squared_error=None) -> StudyTable:
    """Make a table of two factors; `ended` maps points to the outcome of those that did not finish."""
    ended = ended or {}
    rows, scores = [], {}
    for kernel, loss, seed in product(KERNEL.levels, LOSS.levels, seeds):
        run_id = f"{kernel}-{loss}-{seed}"
        outcome = ended.get(run_id, "finished")
        message = "ValueError: no" if outcome == "failed" else ""
        rows.append((run_id, kernel, loss, seed, outcome, message))
        if outcome == "finished":
            error = squared_error and squared_error(kernel, loss, seed) + seed * (len(loss) + len(kernel))
            scores[run_id] = sums(ghost(kernel, loss, seed), signal, error)
    columns = ["run_id", KERNEL.path, LOSS.path, "seed", "outcome", "message"]
    return StudyTable(
        question="What makes it?",
        exploratory=exploratory,
        factors=(KERNEL, LOSS),
        response=StudyResponse(GHOST, "rollout", 1, 2),
        runs=pd.DataFrame(rows, columns=columns),
        sums=scores,
        secondary=(SIGNAL, ERROR) if squared_error else (SIGNAL,),
    )


def estimates(analysis):
    return {effect.factor: effect.estimate for verdict in analysis.inference.verdicts for effect in verdict.effects}


def test_effects_and_interaction_of_a_study_are_those_planted():
    analysis = analyze(study(seeds=range(6)), SETTINGS)
    assert estimates(analysis) == pytest.approx({"model.kernel": 0.31 + 0.1 + 0.0025, "loss": 0.1})
    (at_3, at_1) = analysis.inference.interactions[0].means
    assert (at_1[1] - at_1[0]) - (at_3[1] - at_3[0]) == pytest.approx(0.2)


def test_the_result_is_plain_json():
    document = json.loads(json.dumps(analyze(study(), SETTINGS).to_json(), allow_nan=False))
    assert document["cells"][0]["levels"] == {"model.kernel": "3", "loss": "bce"}


def test_the_json_of_the_inference_is_part_of_the_json():
    analysis = analyze(study(), SETTINGS)
    inferred = json.loads(json.dumps(analysis.inference.to_json()))
    assert {key: analysis.to_json()[key] for key in inferred} == inferred


def test_the_json_has_every_warning():
    analysis = analyze(study(signal=0.3), SETTINGS)
    assert analysis.to_json()["warnings"] == list(analysis.warnings)
    assert set(analysis.inference.warnings) < set(analysis.warnings)


def test_the_squared_error_is_a_mediator():
    table = study(seeds=range(6), squared_error=lambda kernel, *_: 30 + 10 * (kernel == "1"))
    assert {one.mediator for one in analyze(table, SETTINGS).inference.mediation} == {"mse"}


def test_a_finished_run_without_a_response_is_a_failed_run_of_the_inference():
    analysis = analyze(study(ghost=lambda kernel, *_: math.nan if kernel == "1" else 0.1), SETTINGS)
    assert {run.outcome for run in analysis.inference.failed} == {"unmeasurable"}


def test_a_run_that_has_not_run_yet_has_not_failed():
    analysis = analyze(study(ended={"3-bce-0": "missing"}), SETTINGS)
    assert analysis.inference.failed == ()
    assert analysis.inference.missing_cells[0].blocks == ("0",)


def test_deviations_from_the_plan_are_in_the_json():
    deviations = ("seeds was changed from 5 to 3.",)
    assert analyze(replace(study(), deviations=deviations), SETTINGS).to_json()["deviations"] == list(deviations)


def test_undefined_numbers_become_null():
    analysis = analyze(study(ghost=lambda kernel, *_: math.nan if kernel == "1" else 0.1), SETTINGS)
    cells = analysis.to_json()["cells"]
    assert [cell["mean"] for cell in cells] == pytest.approx([0.105, 0.105, None, None])


def test_every_outcome_of_a_run_is_counted():
    ended = {"3-bce-0": "failed", "3-mse-0": "diverged", "1-bce-0": "missing"}
    counts = analyze(study(ended=ended), SETTINGS).outcomes
    assert (counts.planned, counts.finished, counts.failed, counts.diverged, counts.missing) == (8, 5, 1, 1, 1)


def test_runs_without_a_response_are_named_with_their_message():
    ended = {"3-bce-0": "failed", "3-mse-0": "diverged", "1-bce-0": "missing"}
    runs = analyze(study(ended=ended), SETTINGS).without_response
    assert [(run.run_id, run.outcome, run.message) for run in runs] == [
        ("3-bce-0", "failed", "ValueError: no"),
        ("3-mse-0", "diverged", ""),
    ]


def test_a_cell_has_the_spread_of_its_seeds():
    cell = analyze(study(seeds=(0, 10)), SETTINGS).cells[2]
    assert cell.levels == {"model.kernel": "1", "loss": "bce"}
    assert (cell.lowest, cell.mean, cell.highest) == pytest.approx((0.415, 0.425, 0.435))


def test_every_cell_has_a_curve_over_the_steps():
    curve = analyze(study(seeds=(0,)), SETTINGS).curves[0]
    assert curve.steps == (1, 2)
    assert list(curve.values) == pytest.approx([0.1, 0.11])


def test_a_blank_forecast_is_not_the_best_run():
    runs = pd.DataFrame(
        {"run_id": ["blank", "sharp", "ghostly"], "seed": 0, "response": [0.0, 0.1, 0.5], "mse": [90.0, 20.0, 30.0]}
    ).assign(outcome="finished")
    best, worst = best_and_worst(runs, [], GHOST, [])
    assert best is not None
    assert worst is not None
    assert (best.run_id, worst.run_id) == ("sharp", "ghostly")


def test_without_any_response_there_is_no_best_run():
    runs = pd.DataFrame({"run_id": ["lost", "gray"], "outcome": ["failed", "finished"], "seed": 0, "response": np.nan})
    assert best_and_worst(runs, [], GHOST, []) == (None, None)


def test_best_and_worst_follow_the_direction_of_the_metric():
    table = study()
    analysis = analyze(table, SETTINGS)
    assert analysis.best is not None
    assert analysis.worst is not None
    assert (analysis.best.levels["model.kernel"], analysis.worst.run_id) == ("3", "1-mse-1")
    better = replace(table.response, metric=replace(GHOST, higher_is_better=True))
    best = analyze(replace(table, response=better), SETTINGS).best
    assert best is not None
    assert best.run_id == "1-mse-1"


def test_nothing_to_analyze_is_refused_in_one_line():
    with pytest.raises(AnalysisError, match="no run of this study has a result yet"):
        analyze(replace(study(), sums={}), SETTINGS)


def test_a_table_without_a_factors_column_is_refused():
    table = study()
    with pytest.raises(TableError, match=r"lacks the columns \['loss'\]"):
        replace(table, runs=table.runs.drop(columns="loss"))


def test_a_study_without_factors_says_its_mean_response():
    table = study(seeds=(0,))
    alone = replace(table, factors=(), runs=table.runs.head(1), sums={"3-bce-0": table.sums["3-bce-0"]})
    analysis = analyze(alone, SETTINGS)
    assert len(analysis.cells) == 1
    assert "The study has no factors" in answer(analysis)[0]


def test_equal_tables_give_equal_results():
    table = study(seeds=range(8))
    assert analyze(table, SETTINGS) == analyze(table, SETTINGS)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ended": {"3-bce-0": "missing"}}, "1 of 8 runs have not run yet"),
        ({"ended": {"3-bce-0": "diverged"}}, "1 of 8 runs were lost because of their response (1 diverged)"),
        ({"ended": {"3-bce-0": "failed"}}, "1 of 8 runs were lost for other reasons (1 failed)"),
        ({"signal": 0.3}, "keep less than 50 %"),
        ({"ghost": lambda kernel, *_: math.nan if kernel == "1" else 0.1}, "4 of 8 runs are unmeasurable"),
    ],
)
def test_limits_of_the_numbers_are_caveats(changes, expected):
    assert expected in " ".join(analyze(study(**changes), SETTINGS).warnings)


def test_caveats_of_the_inference_are_caveats_of_the_study():
    analysis = analyze(study(seeds=(0,)), SETTINGS)
    assert analysis.inference.warnings
    assert set(analysis.inference.warnings) <= set(analysis.warnings)
    assert len(set(analysis.warnings)) == len(analysis.warnings)


def noisy(kernel, loss, seed):
    noise = np.random.default_rng([len(loss + kernel), loss == "mse", kernel == "1", seed]).normal(0, 0.02)
    return 0.3 + 0.3 * (kernel == "1") + noise


def test_a_study_that_can_decide_names_its_cause_and_what_is_not_a_cause():
    analysis = analyze(study(noisy, seeds=range(10)), SETTINGS.model_copy(update={"margin": 0.05}))
    sentences = answer(analysis)
    assert sentences[0] == "state kernel is a cause of the ghost ratio; loss is not a cause."
    assert sentences[1].startswith('state kernel is a cause: "1" instead of "3" raises the ghost ratio by 0.')
    assert sentences[1].endswith("10 seeds).")


def test_an_exploratory_study_decides_nothing():
    analysis = analyze(study(noisy, seeds=range(10), exploratory=True), SETTINGS.model_copy(update={"margin": 0.05}))
    assert {verdict.verdict for verdict in analysis.inference.verdicts} == {"undecided"}
    assert {verdict["verdict"] for verdict in analysis.to_json()["verdicts"]} == {"undecided"}
    sentences = answer(analysis)
    assert "exploratory" in sentences[0]
    assert "ablate plan" in sentences[0]
    assert "cause" not in " ".join(sentences)


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_decide_nothing(seeds):
    analysis = analyze(study(seeds=range(seeds)), SETTINGS)
    assert {verdict.verdict for verdict in analysis.inference.verdicts} == {"undecided"}


def test_three_seeds_show_a_cause_in_these_seeds():
    sentences = answer(analyze(study(noisy, seeds=range(3)), SETTINGS))
    assert sentences[0] == "state kernel is a cause of the ghost ratio in these seeds; loss is undecided."
    assert "Its interaction with loss could not be tested." in sentences[1]


def test_analysis_loads_neither_torch_nor_optuna_nor_mlflow():
    program = "import sys, ablate.analysis; print(sorted({'torch', 'optuna', 'mlflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # our own line
    assert done.stdout.strip() == "[]"


def with_alignment(offsets, copies):
    table = study()
    return replace(table, runs=table.runs.assign(best_offset=offsets, copies=copies))


def caveats_on_alignment(offsets, copies):
    sentences = analyze(with_alignment(offsets, copies), SETTINGS).warnings
    return [sentence for sentence in sentences if "another step" in sentence or "repeats a frame" in sentence]


def test_misaligned_forecasts_are_a_caveat():
    (caveat,) = caveats_on_alignment([2, 2, -1, 0, 0, 0, 0, None], ["nothing"] * 8)
    assert "3 of 7 runs" in caveat
    assert "1 early, 2 late" in caveat


def test_forecasts_that_repeat_their_input_are_a_caveat():
    (caveat,) = caveats_on_alignment([0] * 8, ["previous_frame", *["nothing"] * 6, None])
    assert "1 of 7 runs" in caveat


def test_aligned_forecasts_are_no_caveat():
    assert not caveats_on_alignment([0] * 8, ["nothing"] * 8)


def test_gradient_accumulation_is_a_caveat():
    table = study()
    table_with_pieces = replace(table, runs=table.runs.assign(micro_batches=[1, 4, 2, 1, 1, 1, 1, np.nan]))
    caveats = " ".join(analyze(table_with_pieces, SETTINGS).warnings)
    assert "In 2 of 7 runs a whole batch did not fit in memory: gradients were accumulated" in caveats
    assert "up to 4 micro-batches" in caveats
    assert "micro-batches" not in " ".join(analyze(table, SETTINGS).warnings)
