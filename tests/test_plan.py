"""The plan of a study: its counts, its smallest p-values and what it cannot show, worked by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from ablate.design import OneAtATime
from ablate.design.aliasing import term_correlations
from ablate.planning import planner
from ablate.planning.decidability import Decidability
from ablate.planning.plan import RunDeviation
from ablate.planning.planner import plan
from ablate.planning.sentences import effect, sentences
from ablate.study import study_file

THREE = {
    "model.activation": {"levels": ["tanh", "relu"], "title": "activation"},
    "model.gate_activation": {"levels": ["sigmoid", "hard_sigmoid"], "title": "gate"},
    "model.head": {"levels": ["frame", "conv3d"], "title": "head"},
}
MIXED = {"model.activation": ["tanh", "relu"], "model.filters": [2, 3, 4]}
STUDIES = sorted((Path(__file__).parent.parent / "studies").glob("*.yaml"))


@pytest.fixture
def crossed(small_study):
    """Return the plan of 2 x 2 x 2 cells in two seeds."""
    return plan(small_study(factors=THREE, exploratory=False))


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_a_shipped_study_can_be_planned(file):
    found = plan(study_file.load(file))
    assert found.runs == len(study_file.load(file).planned_runs)
    json.dumps(found.to_json(), allow_nan=False)


def test_the_degrees_of_freedom_add_up(crossed):
    assert (crossed.freedom.total, crossed.freedom.seeds, crossed.freedom.residual) == (15, 1, 8)
    assert list(crossed.freedom.terms.values()) == [1] * 6


def test_a_factor_of_three_levels_has_two_degrees_and_so_has_its_interaction(small_study):
    found = plan(small_study(factors=MIXED, seeds=3))
    assert found.freedom.terms == {"model.activation": 1, "model.filters": 2, "model.activation x model.filters": 2}
    assert found.freedom.residual == 17 - 2 - 5


def test_minimum_attainable_p_and_its_holm_adjustment_match_those_by_hand(crossed):
    """Sign flips of 8 sets of a main effect, and of 4 of an interaction; Holm multiplies by 6 and then by 3."""
    assert [test.min_attainable_p for test in crossed.tests] == [2**-7] * 3 + [2**-3] * 3
    assert [test.min_attainable_p_adjusted for test in crossed.tests] == pytest.approx(
        [6 * 2**-7] * 3 + [3 * 2**-3] * 3
    )
    assert [test.sets for test in crossed.tests] == [8] * 3 + [4] * 3


def test_three_levels_have_six_permutations(small_study):
    """2 cells with each filter count, in 3 seeds: 6 sets of 3 runs, and the first may stay as it is."""
    found = plan(small_study(factors=MIXED, seeds=3))
    assert found.tests[1].min_attainable_p == pytest.approx(6.0**-5)


def test_power_rises_from_the_level_with_the_effect(crossed):
    power = crossed.tests[0].power
    assert power[0] == pytest.approx(2**-7)
    assert np.all(np.diff(power) > 0)
    assert len(power) == len(crossed.effect_sizes)


def test_an_interaction_that_cannot_pass_the_first_step_has_no_power(crossed):
    assert crossed.tests[3].minimum_detectable_effect is None
    assert set(crossed.tests[3].power) == {0.0}


def test_the_minimum_detectable_effect_shrinks_with_more_seeds(crossed):
    by_seeds = {other.seeds: other.minimum_detectable_effect[0] for other in crossed.seed_options}
    assert by_seeds[2] > by_seeds[3] > by_seeds[5]
    assert by_seeds[10] > by_seeds[12] > by_seeds[20]


def test_the_loss_of_power_with_one_more_seed_is_stated(crossed):
    """Six hypotheses require 0.05 / 6: eight seeds reach it with 2^-7, seven do not with 2^-6."""
    by_seeds = {other.seeds: other for other in crossed.seed_options}
    assert crossed.whole_seeds_from == crossed.to_json()["whole_seeds_from"] == 8
    assert (set(by_seeds[7].units), set(by_seeds[8].units)) == ({"run"}, {"block"})
    before, after = by_seeds[7].minimum_detectable_effect[0], by_seeds[8].minimum_detectable_effect[0]
    assert before < after
    (said,) = (sentence for sentence in sentences(crossed) if "whole seeds" in sentence)
    assert said.startswith("With up to 7 seeds the tests permute single runs, and assume that effects are equal in")
    assert f"effect of activation is {before:.2f} SD with 7 seeds, {after:.2f} SD with 8 seeds" in said
    assert by_seeds[10].minimum_detectable_effect[0] <= before < by_seeds[9].minimum_detectable_effect[0]
    assert said.endswith(f"and with 10 seeds at most {before:.2f} SD again.")


def test_the_change_to_whole_seeds_is_compared_between_the_usual_numbers_of_seeds(small_study):
    """Fifteen hypotheses require 0.005 / 15 = 0.00033: thirteen seeds reach 2^-12 = 0.00024."""
    factors = {**THREE, "model.layers": [1, 2], "model.forget_bias": [0.0, 1.0]}
    found = plan(small_study(factors=factors, seeds=2, analysis={"alpha": 0.005}))
    assert found.whole_seeds_from == 13
    assert {12, 13} <= {other.seeds for other in found.seed_options}


def test_one_at_a_time_permutes_whole_seeds_with_any_number_of_seeds(small_study):
    found = plan(small_study(factors=THREE, design={"kind": "one_at_a_time"}))
    assert found.whole_seeds_from is None
    assert not any("permute" in sentence for sentence in sentences(found))


def test_a_plan_without_tests_does_not_mention_the_unit_of_effects(small_study):
    said = " ".join(sentences(plan(small_study(factors={}))))
    assert "No hypothesis is tested." in said
    assert "SD" not in said


def test_the_studys_number_of_seeds_is_among_those_compared(small_study):
    found = plan(small_study(factors=THREE, seeds=14))
    own = next(other for other in found.seed_options if other.seeds == 14)
    assert own.runs == found.runs == 112
    assert own.minimum_detectable_effect == tuple(test.minimum_detectable_effect for test in found.tests)


def test_one_at_a_time_estimates_no_interaction_and_aliases_main_effects(small_study):
    found = plan(small_study(factors=THREE, seeds=8, design={"kind": "one_at_a_time"}))
    assert len(found.not_estimable) == 3
    assert any("no interaction can be seen" in sentence for sentence in sentences(found))
    assert any("activation is aliased with activation x gate" in alias for alias in found.confounding.aliases)


@pytest.mark.parametrize("interactions", ["design", "all", "none"])
@pytest.mark.parametrize("design", ["one_at_a_time", "leave_one_out"])
def test_the_caveat_of_a_design_is_stated_whatever_is_tested(small_study, design, interactions):
    found = plan(small_study(factors=THREE, design={"kind": design}, analysis={"interactions": interactions}))
    said = [sentence for sentence in sentences(found) if found.caveat in sentence]
    assert [sentence.split(":")[0] for sentence in said] == [design.replace("_", " ").capitalize()]
    assert "no interaction can be seen" in found.to_json()["caveat"]


def test_only_the_pairs_that_a_design_names_are_tested(small_study):
    pair = ["model.activation", "model.head"]
    design = {"kind": "d_optimal", "size": 6, "interactions": [pair]}
    found = plan(small_study(factors=THREE, seeds=4, design=design))
    assert [test.title for test in found.tests] == ["activation", "gate", "head", "activation x head"]
    assert found.not_estimable == ()


def test_a_crossed_design_is_orthogonal_and_has_no_aliases(crossed):
    assert crossed.confounding.d_efficiency == pytest.approx(1)
    assert crossed.confounding.aliases == ()
    assert np.array(crossed.confounding.correlations) == pytest.approx(np.eye(6), abs=1e-6)


def test_a_half_fraction_confounds_each_main_effect_with_an_interaction():
    """2^(3-1) with C = AB: A is BC, B is AC, C is AB, and nothing else is correlated (Box and Hunter 1961)."""
    half = np.array([(a, b, a ^ b) for a in (0, 1) for b in (0, 1)])
    terms, correlations = term_correlations(half, [2, 2, 2])
    partner: dict[tuple[int, ...], tuple[int, int]] = {(0,): (1, 2), (1,): (0, 2), (2,): (0, 1)}
    for one, main in enumerate(terms[:3]):
        expected = [float(other in {main, partner[main]}) for other in terms]
        assert correlations[one] == pytest.approx(expected, abs=1e-9)


def test_a_linear_model_estimates_an_orthogonal_fraction_as_matched_runs_would(small_study):
    """Twelve orthogonal cells (Plackett and Burman 1946) in 2 seeds: a difference of two means of 12 has 2 / 12."""
    factors = {**THREE, "model.forget_bias": [0.0, 1.0], "model.layers": [1, 2]}
    design = {"kind": "d_optimal", "size": 12}
    found = plan(small_study(factors=factors, design=design, analysis={"interactions": "none"}))
    test = found.tests[0]
    assert (test.method, test.denominator_df) == ("linear", 23 - 1 - 5)
    assert found.confounding.d_efficiency == pytest.approx(1)
    from statsmodels.stats.power import TTestIndPower  # noqa: PLC0415  # slow to load

    # two groups of 12 have 22 degrees of freedom, this model 17: the power lies just below
    own = np.interp(1.5, found.effect_sizes, test.power)
    assert TTestIndPower().power(1.5, 10, test.level) < own < TTestIndPower().power(1.5, 12, test.level)


def test_a_deviation_gives_effects_in_the_unit_of_the_response(small_study):
    found = plan(small_study(factors=THREE), RunDeviation(0.05, "given"))
    assert effect(found, 2.0) == "2.00 SD = 0.1"
    assert effect(found, None) == "none"


def test_the_deviation_stated_in_the_study_is_the_default(small_study):
    found = plan(small_study(factors=THREE, analysis={"sd": 0.2}))
    assert found.sd == RunDeviation(0.2, "stated in the study")


def test_the_json_holds_every_number(crossed):
    told = json.loads(json.dumps(crossed.to_json(), allow_nan=False))
    assert told["runs"] == 16
    assert told["family"] == 6
    assert told["first_step_level"] == pytest.approx(0.05 / 6)
    assert told["refused"] is False
    assert len(told["tests"]) == 6
    assert set(told["tests"][0]) >= {
        "factors",
        "unit",
        "sets",
        "min_attainable_p",
        "min_attainable_p_adjusted",
        "minimum_detectable_effect",
        "power",
    }
    assert len(told["digest"]) == 64


def test_the_digest_does_not_change_with_the_words_of_a_plan(small_study, monkeypatch):
    study = small_study(factors=THREE, seeds=2, design={"kind": "one_at_a_time"}, exploratory=False)
    before = plan(study)
    monkeypatch.setattr(OneAtATime, "caveat", "another caveat")
    monkeypatch.setattr(planner, "in_words", lambda *_: "another alias")
    monkeypatch.setattr(planner, "decidability", lambda _: Decidability("another obstacle", ("another remedy",)))
    after = plan(study)
    assert after.digest == before.digest
    assert set(sentences(after)).isdisjoint(sentences(before)[:1])


def test_a_refused_plan_says_so_first(small_study):
    found = plan(small_study(factors=THREE, seeds=1, exploratory=False))
    assert found.refused
    assert sentences(found)[0].startswith("Refused: the study cannot reject any hypothesis")
