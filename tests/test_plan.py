"""The plan of a study: its counts, its smallest p-values and what it cannot show, worked by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from ablate.core.errors import SpecError
from ablate.design import OneAtATime
from ablate.design.aliasing import term_correlations
from ablate.planning import planner
from ablate.planning.decidability import Decidability
from ablate.planning.plan import RunDeviation
from ablate.planning.planner import plan
from ablate.planning.sentences import effect, sentences
from ablate.study import StudySpec, study_file
from tests.conftest import SMALL_BASE

THREE = {
    "model.activation": {"levels": ["tanh", "relu"], "title": "activation"},
    "model.gate_activation": {"levels": ["sigmoid", "hard_sigmoid"], "title": "gate"},
    "model.head": {"levels": ["frame", "conv3d"], "title": "head"},
}
MIXED = {"model.activation": ["tanh", "relu"], "model.filters": [2, 3, 4]}
STUDIES = sorted((Path(__file__).parent.parent / "studies").glob("*.yaml"))


@pytest.fixture(autouse=True)
def _compares_few_numbers_of_seeds(monkeypatch):
    """Simulate the power with four numbers of seeds instead of fifteen: a plan then takes a tenth of a second."""
    monkeypatch.setattr(planner, "COMPARED_SEEDS", (2, 4, 6, 8))


@pytest.fixture
def crossed(small_study):
    """Return the plan of 2 x 2 x 2 cells in two seeds."""
    return plan(small_study(factors=THREE, exploratory=False))


@pytest.fixture(scope="module")
def crossed_six():
    """Return the plan of 2 x 2 x 2 cells in six seeds, with all numbers of seeds that a plan compares."""
    study = {"name": "crossed", "question": "Which?", "base": SMALL_BASE, "factors": THREE, "seeds": 6}
    return plan(StudySpec.model_validate(study))


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


def test_the_minimum_attainable_p_is_one_flip_of_all(small_study):
    """2^(1-7) for seven seeds, whatever the hypothesis and the size of the family."""
    planned = plan(small_study(factors=THREE, seeds=7))
    assert {test.min_attainable_p for test in planned.tests} == {2**-6}
    by_seeds = {option.seeds: option.min_attainable_p for option in planned.seed_options}
    assert by_seeds == {2: 1.0, 4: 0.0, 6: 2**-5, 7: 2**-6, 8: 2**-7}


def test_of_more_than_seventeen_seeds_flips_are_drawn(small_study):
    """9,999 draws and the observed one: 1 / 10,000."""
    planned = plan(small_study(factors=THREE, seeds=20))
    assert {test.min_attainable_p for test in planned.tests} == {1e-4}


@pytest.mark.parametrize(
    ("seeds", "kinds", "adjustment"),
    [
        (2, [None] * 6, None),
        (4, ["f_test"] * 3 + [None] * 3, "Holm"),
        (6, ["seed_flips"] * 6, "max-T"),
    ],
)
def test_the_number_of_seeds_decides_how_hypotheses_are_tested(small_study, seeds, kinds, adjustment):
    planned = plan(small_study(factors=THREE, seeds=seeds))
    assert [test.kind for test in planned.tests] == kinds
    assert planned.adjustment == adjustment


def test_a_hypothesis_without_a_test_says_why(small_study):
    reasons = [{test.untested for test in plan(small_study(factors=THREE, seeds=seeds)).tests} for seeds in (1, 2, 3)]
    assert reasons == [{"one seed"}, {"two seeds"}, {"", "interactions need six seeds"}]


def test_below_six_seeds_the_plan_says_first_that_causes_hold_in_these_seeds(small_study):
    planned = plan(small_study(factors=THREE, seeds=4, exploratory=False))
    first = sentences(planned)[0]
    assert first.startswith('With 4 seeds, a factor can only be a "cause in these seeds"')
    assert "Six seeds (48 runs)" in first
    assert planned.is_in_these_seeds
    assert not planned.refused


def test_from_six_seeds_on_no_sentence_speaks_of_these_seeds(small_study):
    planned = plan(small_study(factors=THREE, seeds=6))
    assert not planned.is_in_these_seeds
    assert not any("these seeds" in sentence for sentence in sentences(planned))


def test_power_rises_with_the_effect(crossed_six):
    for test in crossed_six.tests:
        assert np.all(np.diff(test.power) >= 0)
        assert test.power[0] < 0.05
        assert test.power[-1] > 0.8
        assert len(test.power) == len(crossed_six.effect_sizes)


def test_an_interaction_has_no_power_below_six_seeds(small_study):
    pair = plan(small_study(factors=THREE, seeds=5)).tests[3]
    assert pair.minimum_detectable_effect is None
    assert set(pair.power) == {0.0}


def test_an_interaction_is_twice_as_hard_to_see_as_a_main_effect(crossed_six):
    """A difference of differences of means of 2 runs a seed, instead of a difference of means of 4."""
    main, pair = crossed_six.tests[0], crossed_six.tests[3]
    assert main.minimum_detectable_effect is not None
    assert pair.minimum_detectable_effect == pytest.approx(2 * main.minimum_detectable_effect, rel=0.08)


def test_the_minimum_detectable_effect_never_grows_with_a_seed_from_six_on(crossed_six):
    for place in range(len(crossed_six.tests)):
        sizes = [option.minimum_detectable_effect[place] for option in crossed_six.seed_options if option.seeds >= 6]
        assert np.all(np.diff(sizes) <= 0)


def test_two_seeds_detect_nothing(crossed_six):
    assert set(crossed_six.seed_options[0].minimum_detectable_effect) == {None}


def test_fewer_than_six_seeds_are_marked(crossed_six):
    marked = [option.seeds for option in crossed_six.seed_options if option.is_in_these_seeds]
    assert marked == [2, 3, 4, 5]
    assert [option.seeds for option in crossed_six.seed_options] == [*range(2, 15), 16, 20]


def test_one_at_a_time_is_planned_without_interactions(small_study):
    planned = plan(small_study(factors=THREE, seeds=6, design={"kind": "one_at_a_time"}))
    assert [test.title for test in planned.tests] == ["activation", "gate", "head"]


def test_the_trend_of_an_ordered_factor_is_a_hypothesis_too(small_study):
    ordered = {"model.filters": {"levels": [2, 3, 4], "ordered": True, "title": "filters"}, "model.layers": [1, 2]}
    planned = plan(small_study(factors=ordered, seeds=6))
    assert [(test.title, test.width, test.is_trend) for test in planned.tests] == [
        ("filters", 2, False),
        ("model.layers", 1, False),
        ("filters, linear trend", 1, True),
        ("filters x model.layers", 2, False),
    ]
    assert any("2 main effects, 1 linear trend and 1 interaction" in sentence for sentence in sentences(planned))


def test_the_deprecated_settings_change_nothing(small_study):
    old = {"permutations": 999, "interval": "bca", "resamples": 100}
    with_old, without = (plan(small_study(factors=THREE, seeds=6, analysis=a)) for a in (old, {}))
    assert with_old.tests == without.tests


@pytest.mark.parametrize(
    ("floor", "expected"),
    [
        (0.5, "at least 50 % of its frames define the ghost ratio (response.measurable_from)"),
        (0, "one of its frames defines the ghost ratio"),
    ],
)
def test_a_plan_says_which_runs_count(small_study, floor, expected):
    said = " ".join(sentences(plan(small_study(response={"measurable_from": floor}))))
    assert f"A run counts if {expected}" in said


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
    assert not any("undecided" in sentence for sentence in sentences(found))
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
    design = {"kind": "d_optimal", "size": 8, "interactions": [pair]}
    found = plan(small_study(factors=THREE, seeds=6, design=design))
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


def test_a_deviation_gives_effects_in_the_unit_of_the_response(small_study):
    found = plan(small_study(factors=THREE), RunDeviation(0.05, "given"))
    assert effect(found, 2.0) == "2.00 SD = 0.1"
    assert effect(found, None) == "none"


def test_the_deviation_stated_in_the_study_is_the_default(small_study):
    found = plan(small_study(factors=THREE, analysis={"sd": 0.2}))
    assert found.sd == RunDeviation(0.2, "stated in the study")


def test_the_json_holds_every_number(crossed_six):
    tree = json.loads(json.dumps(crossed_six.to_json(), allow_nan=False))
    assert (tree["runs"], tree["family"], tree["adjustment"]) == (48, 6, "max-T")
    assert (tree["refused"], tree["in_these_seeds"]) == (False, False)
    assert tree["tests"][0]["kind"] == "seed_flips"
    assert set(tree["tests"][0]) >= {"factors", "min_attainable_p", "minimum_detectable_effect", "power", "not_a_cause"}
    assert len(tree["digest"]) == 64


@pytest.mark.parametrize("seeds", [2, 6])
def test_a_half_fraction_is_refused_and_says_why(small_study, seeds):
    half = small_study(factors=THREE, seeds=seeds, exploratory=False, design={"kind": "d_optimal", "size": 4})
    planned = plan(half)
    assert planned.refused
    assert planned.tests == ()
    assert "aliases every main effect" in sentences(planned)[0]


def test_a_main_effect_that_is_aliased_stays_undecided(small_study):
    copied = [{"model.activation": "relu", "model.head": "frame"}, {"model.activation": "tanh", "model.head": "conv3d"}]
    planned = plan(small_study(factors=THREE, seeds=6, design={"kind": "full_factorial", "forbid": copied}))
    assert "gate" in [test.title for test in planned.tests]
    assert any("they stay undecided: activation, head" in sentence for sentence in sentences(planned))


def test_the_spread_of_effects_between_seeds_lowers_the_power(small_study):
    equal = plan(small_study(factors=THREE, seeds=8, analysis={"sd": 0.1})).tests[0]
    differing = plan(small_study(factors=THREE, seeds=8, analysis={"sd": 0.1, "seed_sd": 0.1})).tests[0]
    assert equal.minimum_detectable_effect is not None
    assert differing.minimum_detectable_effect is not None
    # one seed shows an effect with the variance 1/2; between seeds it adds 1
    assert differing.minimum_detectable_effect / equal.minimum_detectable_effect == pytest.approx(np.sqrt(3), rel=0.1)


def test_the_stated_spread_between_seeds_replaces_that_of_a_pilot(small_study):
    planned = plan(small_study(factors=THREE, analysis={"seed_sd": 0.02}), RunDeviation(0.05, "a pilot", 0.3))
    assert planned.sd == RunDeviation(0.05, "a pilot", 0.02)
    assert any("standard deviation of 0.02" in sentence for sentence in sentences(planned))


def test_a_spread_between_seeds_without_the_deviation_of_a_run_is_an_error(small_study):
    with pytest.raises(SpecError, match=r"analysis\.seed_sd: found 0\.02 without .* --pilot"):
        plan(small_study(factors=THREE, analysis={"seed_sd": 0.02}))


def test_the_chance_of_not_a_cause_needs_a_margin_a_deviation_and_six_seeds(small_study):
    def chances(seeds, **analysis):
        return [test.not_a_cause for test in plan(small_study(factors=THREE, seeds=seeds, analysis=analysis)).tests]

    assert set(chances(8, margin=0.1)) == set(chances(8, sd=0.1)) == set(chances(5, margin=0.1, sd=0.1)) == {None}
    known = chances(8, margin=0.1, sd=0.1)
    assert all(0.5 < chance < 0.95 for chance in known[:3])
    assert known[3:] == [None] * 3


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
    assert sentences(found)[0].startswith("Refused: the study cannot reach any verdict")
