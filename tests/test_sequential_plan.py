"""What a sequential study will cost: the simulated looks against the inference, bounds, and what the plan says."""

import numpy as np
import pytest

from ablate.core.errors import SpecError
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.sequential_tests import first_blocks
from ablate.inference.verdict import Verdict
from ablate.planning.sequential_plan import sequential_plan
from ablate.planning.sequential_simulation import DesignSimulation

RANGE = {"from": 6, "to": 8}
FACTORS = {"model.filters": [2, 4, 8], "model.state_kernel_size": [1, 3], "model.activation": ["tanh", "relu"]}


@pytest.fixture
def study(small_study):
    return small_study(seeds=RANGE, factors=FACTORS, analysis={"margin": 1.5}, exploratory=False)


@pytest.fixture
def simulation(study):
    from ablate.planning.planned_table import planned_table  # noqa: PLC0415  # loads the planning room

    assert study.looks is not None
    return DesignSimulation(planned_table(study, 8), study.settings, study.looks)


@pytest.mark.parametrize("seed", range(3))
def test_the_simulated_looks_name_and_clear_what_the_inference_does(simulation, seed):
    generator = np.random.default_rng(seed)
    responses = generator.standard_normal((8, 12)) + 1.5 * simulation.moved_cells(seed)
    planned = simulation.table
    table = RunTable(planned.factors, planned.blocks, planned.levels, planned.block, responses.reshape(-1))
    inference = infer(table, simulation.settings)
    names = simulation.named_at(responses)
    for position, factor in enumerate(table.factors):
        tests = [path.named_at for path in inference.paths if factor.path in path.factors]
        expected = min((seeds for seeds in tests if seeds is not None), default=np.inf)
        assert names[position] == expected
    cleared = simulation.cleared_at(responses)
    for position, factor in enumerate(table.factors):
        looks = (seeds for seeds in (6, 7, 8) if _is_within(first_blocks(table, seeds), simulation, factor.path))
        assert cleared[position] == next(looks, np.inf)


def _is_within(table, simulation, path):
    """Whether all effects of a factor pass both one-sided tests at a look, and no context of it shows an effect."""
    from ablate.inference.contexts import context_check  # noqa: PLC0415  # beside its use

    verdict = next(verdict for verdict in infer(table, simulation.settings).verdicts if verdict.factor == path)
    position = [factor.path for factor in table.factors].index(path)
    check = context_check(table, position, simulation.settings)
    assert verdict.verdict in Verdict
    return all(effect.equivalent for effect in verdict.effects if effect.trend is None) and bool(
        check and check.is_quiet
    )


def test_an_idle_study_with_a_wide_margin_stops_early_and_one_with_a_narrow_margin_does_not(study):
    wide, narrow = (sequential_plan(study, sd, (0.0,), studies=60) for sd in (0.5, 20.0))
    assert wide is not None
    assert narrow is not None
    assert wide.effects[0].runs < 0.85 * wide.runs
    assert (narrow.effects[0].undecided, narrow.effects[0].runs) == (1.0, narrow.runs)


def test_chances_add_up_to_one_and_expected_runs_follow_from_them(study):
    plan = sequential_plan(study, 1.0, (1.0,), studies=50)
    assert plan is not None
    (simulated,) = plan.effects
    assert sum(simulated.stops.values()) + simulated.undecided == pytest.approx(1)
    seeds = sum(n * chance for n, chance in simulated.stops.items()) + 8 * simulated.undecided
    assert [simulated.seeds, simulated.runs] == pytest.approx([seeds, 12 * seeds])


def test_the_margin_is_counted_in_standard_errors_of_the_last_look(study):
    plan = sequential_plan(study, 1.0, (), studies=1)
    assert plan is not None
    # a level of the factor with three levels has 4 runs in each of 8 seeds: sqrt(2 / 32) = 0.25
    assert plan.margin_errors == pytest.approx(1.5 / 0.25)


def test_the_plan_says_where_naming_and_clearing_can_start(small_study):
    for last, start in ((12, 7), (8, 6)):
        plan = sequential_plan(small_study(seeds={"from": 6, "to": last}), None, (), studies=1)
        assert plan is not None
        assert (plan.naming_from, plan.clearing_from) == (start, None)
        assert f"a factor can be named from {start} seeds on" in plan.sentences[0]


def test_a_study_without_looks_has_no_such_plan(small_study):
    assert sequential_plan(small_study(seeds=8), 1.0) is None


def test_effects_that_cannot_be_simulated_are_refused(study, small_study):
    from ablate.commands.plan import _refuse_effects  # noqa: PLC0415  # loads matplotlib

    with pytest.raises(SpecError, match=r"--effect: found -1; must be from 0 to 100"):
        _refuse_effects(study, [0.5, -1.0])
    with pytest.raises(SpecError, match=r"--effect simulates the looks of a sequential study, and this study plans"):
        _refuse_effects(small_study(seeds=8), [0.5])
