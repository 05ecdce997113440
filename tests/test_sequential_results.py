"""Verdicts, intervals and the report of a sequential study, from tables of its seeds so far."""

import numpy as np
import pytest
from scipy import stats

from ablate.analysis.sequential_looks import OVERSTATED, SequentialResult, sequential_result
from ablate.inference.infer import infer
from ablate.inference.sequential_tests import first_blocks
from ablate.inference.verdict import Verdict
from ablate.report.sequential_figure import paths_figure
from tests.sequential_tables import sequential_settings, sequential_table


@pytest.fixture(scope="module")
def strong():
    return infer(sequential_table(12, effect=1.5), sequential_settings(last=12, margin=1.0))


def result(inference, decided_after=None) -> SequentialResult:
    of_looks = sequential_result(inference, decided_after)
    assert of_looks is not None
    return of_looks


def test_before_the_first_look_nothing_has_a_verdict():
    inference = infer(sequential_table(5, effect=5.0), sequential_settings(last=12))
    assert {verdict.verdict for verdict in inference.verdicts} == {Verdict.UNDECIDED}
    assert inference.verdicts[0].reason == "There is no test of it: the first planned look is at 6 seeds."


def test_what_one_look_names_a_later_look_does_not_undo():
    table = sequential_table(12, effect=1.5)
    late = table.response.copy()
    late[(table.block >= 8) & (table.levels[:, 0] == 1)] -= 4.5  # the effect turns around after eight seeds
    turned = type(table)(table.factors, table.blocks, table.levels, table.block, late)
    for seeds in (8, 12):
        verdict = infer(first_blocks(turned, seeds), sequential_settings(last=12)).verdicts[0]
        assert verdict.verdict is Verdict.CAUSE
        assert verdict.p_adjusted is not None
        assert verdict.p_adjusted <= 0.05


def test_what_one_look_clears_a_later_look_does_not_undo():
    table = sequential_table(8, effect=0.0, noise=0.1)
    noisy = table.response + np.where(table.block == 7, 6.0 * table.levels[:, 1], 0.0)
    changed = type(table)(table.factors, table.blocks, table.levels, table.block, noisy)
    settings = sequential_settings(last=8, margin=0.5)
    early, late = (infer(first_blocks(changed, seeds), settings).verdicts[1] for seeds in (7, 8))
    assert early.verdict is Verdict.NOT_A_CAUSE
    assert late.effects[0].equivalent is False
    assert late.verdict is Verdict.NOT_A_CAUSE
    assert late.reason.startswith("The look at 6 seeds cleared it")


def test_the_verdicts_at_a_look_are_those_of_the_seeds_so_far_alone(strong):
    table = sequential_table(12, effect=1.5)
    early = infer(first_blocks(table, 8), strong.settings)
    for path, whole in zip(early.paths, strong.paths, strict=True):
        assert path.looks == whole.looks[: len(path.looks)]


def test_the_repeated_interval_is_the_t_interval_at_the_critical_value_of_the_look(strong):
    repeated = result(strong).intervals[0]
    effect = repeated.effect
    assert effect.high is not None
    assert repeated.high is not None
    error = (effect.high - effect.estimate) / stats.t.ppf(0.975, effect.freedom)
    # complete table: 11 degrees of freedom, and the two-sided critical value of twelve seeds is 2.84
    assert (repeated.high - effect.estimate) / error == pytest.approx(2.84, abs=0.01)


def test_the_report_says_when_naming_starts_where_the_study_stopped_and_that_effects_are_overstated(strong):
    sentences = result(strong, 9).sentences
    assert "A factor can be named from 7 seeds on." in sentences
    assert "Everything was decided after 9 seeds, so the study stopped there." in sentences
    assert OVERSTATED in sentences


def test_a_study_without_looks_has_no_section_on_them(strong):
    plain = infer(sequential_table(8), strong.settings.model_copy(update={"looks": None}))
    assert sequential_result(plain, None) is None


def test_the_chart_has_a_panel_for_each_factor_and_says_when_it_was_named(strong):
    factors = [path for path in result(strong).paths if path.is_factor]
    text = paths_figure(factors)
    assert f"A: named at {strong.paths[0].named_at}" in text
    assert text.count('id="axes_') == 3


def test_missing_runs_leave_a_path_at_every_look():
    table = sequential_table(9, effect=1.5)
    response = table.response.copy()
    response[np.random.default_rng(0).random(len(response)) < 0.2] = np.nan
    holed = type(table)(table.factors, table.blocks, table.levels, table.block, response)
    inference = infer(holed, sequential_settings(last=9))
    assert all([look.seeds for look in path.looks] == [6, 7, 8, 9] for path in inference.paths)
    assert inference.verdicts[0].verdict is Verdict.CAUSE
