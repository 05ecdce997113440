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

from ablate.analysis import Measured, Resampling, Response, StudyTable, analyse, answer
from ablate.analysis.extremes import best_and_worst
from ablate.errors import AnalysisError
from ablate.inference.factor_levels import FactorLevels
from ablate.records import SCORE_COLUMNS

GHOST = Measured("ghost_ratio", "ghost ratio", "ratio", higher_is_better=False)
SIGNAL = Measured("signal_retention", "signal retention", "ratio", higher_is_better=None)
KERNEL = FactorLevels("model.kernel", "state kernel", ("3", "1"), "3")
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")


def scores(ghost, signal=0.9) -> pd.DataFrame:
    rows = [("rollout", clip, step, "ghost_ratio", ghost + 0.01 * (step - 1)) for clip in (0, 1) for step in (1, 2)]
    rows += [("rollout", clip, step, "signal_retention", signal) for clip in (0, 1) for step in (1, 2)]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def ghost_of(kernel, loss, seed):
    return 0.1 + 0.31 * (kernel == "1") + 0.001 * seed * (1 + (kernel == "1")) + 0.2 * (kernel == "1") * (loss == "mse")


def study(ghost=ghost_of, seeds=(0, 1), *, exploratory=False, ended=None, signal=0.9) -> StudyTable:
    """Make a table of two factors; `ended` maps points to the outcome of those that did not finish."""
    ended = ended or {}
    rows, found = [], {}
    for kernel, loss, seed in product(KERNEL.levels, LOSS.levels, seeds):
        point = f"{kernel}-{loss}-{seed}"
        outcome = ended.get(point, "finished")
        message = "ValueError: no" if outcome == "failed" else ""
        rows.append((point, kernel, loss, seed, outcome, message))
        if outcome == "finished":
            found[point] = scores(ghost(kernel, loss, seed), signal)
    columns = ["point", KERNEL.path, LOSS.path, "seed", "outcome", "message"]
    return StudyTable(
        question="What makes it?",
        exploratory=exploratory,
        factors=(KERNEL, LOSS),
        response=Response(GHOST, "rollout", 1, 2),
        runs=pd.DataFrame(rows, columns=columns),
        scores=found,
        companions=(SIGNAL,),
    )


def test_effects_and_interaction_of_a_study_are_those_planted():
    found = analyse(study(), Resampling())
    values = {effect.factor: effect.estimate.value for effect in found.effects}
    assert values == pytest.approx({"model.kernel": 0.31 + 0.1 + 0.0005, "loss": 0.1})
    assert found.interactions[0].estimate.value == pytest.approx(0.2)


def test_the_result_is_plain_json():
    assert (
        json.loads(json.dumps(analyse(study(), Resampling()).to_json(), allow_nan=False))["effects"][0]["level"] == "1"
    )


def test_undefined_numbers_become_null():
    found = analyse(study(ghost=lambda kernel, *_: math.nan if kernel == "1" else 0.1), Resampling())
    cells = found.to_json()["cells"]
    assert [cell["mean"] for cell in cells] == pytest.approx([0.105, 0.105, None, None])


def test_every_end_of_a_run_is_counted():
    ended = {"3-bce-0": "failed", "3-mse-0": "diverged", "1-bce-0": "missing"}
    found = analyse(study(ended=ended), Resampling()).outcomes
    assert (found.planned, found.finished, found.failed, found.diverged, found.missing) == (8, 5, 1, 1, 1)


def test_runs_without_a_response_are_named_with_their_message():
    ended = {"3-bce-0": "failed", "3-mse-0": "diverged", "1-bce-0": "missing"}
    found = analyse(study(ended=ended), Resampling()).without_response
    assert [(run.point, run.outcome, run.message) for run in found] == [
        ("3-bce-0", "failed", "ValueError: no"),
        ("3-mse-0", "diverged", ""),
    ]


def test_a_cell_has_the_spread_of_its_seeds():
    cell = analyse(study(seeds=(0, 10)), Resampling()).cells[2]
    assert cell.levels == {"model.kernel": "1", "loss": "bce"}
    assert (cell.least, cell.mean, cell.largest) == pytest.approx((0.415, 0.425, 0.435))


def test_curves_run_over_the_steps_of_every_cell():
    curve = analyse(study(seeds=(0,)), Resampling()).curves[0]
    assert curve.steps == (1, 2)
    assert list(curve.values) == pytest.approx([0.1, 0.11])


def test_a_run_that_went_blank_is_not_the_best_however_little_ghost_it_has():
    runs = pd.DataFrame(
        {"point": ["blank", "sharp", "ghostly"], "seed": 0, "response": [0.0, 0.1, 0.5], "mse": [90.0, 20.0, 30.0]}
    ).assign(outcome="finished")
    best, worst = best_and_worst(runs, [], GHOST, [])
    assert (best.point, worst.point) == ("sharp", "ghostly")


def test_where_no_response_is_defined_a_finished_run_can_still_be_looked_at():
    runs = pd.DataFrame({"point": ["lost", "grey"], "outcome": ["failed", "finished"], "seed": 0, "response": np.nan})
    best, worst = best_and_worst(runs, [], GHOST, [])
    assert (best.point, worst.point) == ("grey", "grey")


def test_best_and_worst_follow_the_direction_of_the_measure():
    table = study()
    found = analyse(table, Resampling())
    assert (found.best.levels["model.kernel"], found.worst.point) == ("3", "1-mse-1")
    better = replace(table.response, measure=replace(GHOST, higher_is_better=True))
    assert analyse(replace(table, response=better), Resampling()).best.point == "1-mse-1"


def test_nothing_to_analyse_is_refused_in_one_line():
    with pytest.raises(AnalysisError, match="no run of this study has a result yet"):
        analyse(replace(study(), scores={}), Resampling())


def test_a_table_without_a_factors_column_is_refused():
    table = study()
    with pytest.raises(AnalysisError, match=r"lacks the columns \['loss'\]"):
        replace(table, runs=table.runs.drop(columns="loss"))


def test_a_study_without_factors_says_what_its_one_cell_gave():
    table = study(seeds=(0,))
    alone = replace(table, factors=(), runs=table.runs.head(1), scores={"3-bce-0": table.scores["3-bce-0"]})
    found = analyse(alone, Resampling())
    assert len(found.cells) == 1
    assert "varies nothing" in answer(found)[0]


def test_equal_tables_give_equal_results():
    table = study(seeds=range(8))
    assert analyse(table, Resampling()) == analyse(table, Resampling())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seeds": (0, 1)}, "at most 50 %"),
        ({"seeds": (0,)}, "With one seed there are no intervals"),
        ({"ended": {"3-bce-0": "missing"}}, "1 of 8 runs have not run yet"),
        ({"ended": {"3-bce-0": "diverged"}}, "1 diverged"),
        ({"ended": {"3-bce-0": "failed"}}, "matched runs were dropped"),
        ({"signal": 0.3}, "keep less than 50 %"),
        ({"ghost": lambda kernel, *_: math.nan if kernel == "1" else 0.1}, "undefined in 50 % of all frames"),
    ],
)
def test_what_weakens_the_numbers_is_said(changes, expected):
    assert expected in " ".join(analyse(study(**changes), Resampling()).warnings)


def test_a_sound_study_is_not_warned_about():
    assert analyse(study(seeds=range(8)), Resampling()).warnings == ()


def test_the_answer_gives_the_difference_its_interval_and_what_it_rests_on():
    # By seed: 0.31 + 0.2 / 2 + 0.001 s for s = 0 and 1; two seeds' interval is their range.
    first = answer(analyse(study(), Resampling()))[0]
    expected = (
        "State kernel 1 instead of 3 raises the ghost ratio by 0.411 [0.410, 0.411] (2 seeds, 4 of 4 pairs agree)."
    )
    assert first == expected


def test_two_seeds_are_said_to_agree_by_chance_every_second_time():
    assert "chance alone does that at least 1 time in 2" in " ".join(answer(analyse(study(), Resampling())))


def test_an_interval_around_zero_leaves_the_direction_open():
    said = answer(
        analyse(study(ghost=lambda kernel, _, seed: 0.3 + (0.1 * seed - 0.05) * (kernel == "1")), Resampling())
    )
    assert any("leaves the direction open" in sentence and "state kernel 1" in sentence for sentence in said)
    assert not any("raises" in sentence or "lowers" in sentence for sentence in said)


def test_a_lowering_turns_its_interval_round():
    said = answer(
        analyse(study(ghost=lambda kernel, _, seed: 0.9 - (0.2 + 0.1 * seed) * (kernel == "1")), Resampling())
    )[0]
    assert "lowers the ghost ratio by 0.250 [0.200, 0.300]" in said


@pytest.mark.parametrize("exploratory", [True, False])
def test_the_answer_never_claims_a_cause(exploratory):
    said = " ".join(answer(analyse(study(exploratory=exploratory), Resampling()))).lower()
    assert "cause" not in said
    assert ("exploratory" in said) == exploratory


def test_the_largest_interaction_is_said():
    said = " ".join(answer(analyse(study(), Resampling())))
    assert "state kernel 1 changes in the ghost ratio is higher by 0.200" in said


def test_analysis_loads_neither_torch_nor_optuna_nor_mlflow():
    program = "import sys, ablate.analysis; print(sorted({'torch', 'optuna', 'mlflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # our own line
    assert done.stdout.strip() == "[]"


def with_alignment(offsets, copies):
    table = study()
    return replace(table, runs=table.runs.assign(best_offset=offsets, copies=copies))


def cautions_about_time(offsets, copies):
    said = analyse(with_alignment(offsets, copies), Resampling()).warnings
    return [one for one in said if "another moment" in one or "repeats a frame" in one]


def test_forecasts_that_are_shown_at_the_wrong_time_are_told():
    (said,) = cautions_about_time([2, 2, -1, 0, 0, 0, 0, None], ["nothing"] * 8)
    assert "3 of 7 runs" in said
    assert "1 early, 2 late" in said


def test_forecasts_that_repeat_their_input_are_told():
    (said,) = cautions_about_time([0] * 8, ["previous_frame", *["nothing"] * 6, None])
    assert "1 of 7 runs" in said


def test_forecasts_in_their_place_raise_no_caution():
    assert not cautions_about_time([0] * 8, ["nothing"] * 8)
