"""Whether a study can reach any verdict, and what would let it: numbers worked by hand."""

import pytest

from ablate.core.errors import SpecError
from ablate.planning.decidability import aliased_mains, decidability, refuse_undecidable

TWO = {"model.activation": ["tanh", "relu"], "model.gate_activation": ["sigmoid", "hard_sigmoid"]}
THREE = {**TWO, "model.head": ["frame", "conv3d"]}
FIVE = {**THREE, "model.forget_bias": [0.0, 1.0], "model.layers": [1, 2]}
HALF = {"kind": "d_optimal", "size": 4}
RESTRICTED = {"kind": "d_optimal", "size": 5, "forbid": [{"model.activation": "relu", "model.head": "conv3d"}]}


@pytest.fixture
def study(small_study):
    """Return a function that makes a confirmatory study of two factors, one at a time."""

    def make(**changes):
        usual = {"factors": TWO, "design": {"kind": "one_at_a_time"}, "exploratory": False}
        return small_study(**usual | changes)

    return make


def test_two_seeds_give_no_verdict_and_six_are_recommended(study):
    with pytest.raises(SpecError) as refused:
        refuse_undecidable(study(seeds=2))
    assert "two seeds give no verdict" in str(refused.value)
    assert "seeds: 6 (18 runs)" in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("seeds", [3, 4, 5, 6, 7, 12])
@pytest.mark.parametrize("kind", ["full_factorial", "one_at_a_time", "leave_one_out"])
def test_from_three_seeds_on_a_study_is_not_refused(study, kind, seeds):
    refuse_undecidable(study(seeds=seeds, design={"kind": kind}))


@pytest.mark.parametrize("seeds", [3, 5])
def test_one_factor_alone_has_no_error_term_below_six_seeds(study, seeds):
    """Two cells: the interaction of the factor with the seeds is all the noise there is."""
    alone = {"model.activation": ["tanh", "relu"]}
    result = decidability(study(factors=alone, seeds=seeds))
    assert result.obstacle is not None
    assert "too few runs to estimate how effects vary between seeds" in result.obstacle
    assert result.remedies == ("seeds: 6 (12 runs)",)
    assert decidability(study(factors=alone, seeds=6)).obstacle is None


@pytest.mark.parametrize(("alpha", "fewest"), [(0.05, 6), (0.02, 7), (0.01, 8), (0.001, 11)])
def test_a_stricter_alpha_requires_more_seeds(study, alpha, fewest):
    """2^(1-n) for n seeds: 0.031, 0.016, 0.0078, and for eleven 0.00098."""
    changes = {"analysis": {"alpha": alpha}}
    assert decidability(study(seeds=fewest, **changes)).obstacle is None
    if fewest > 6:
        result = decidability(study(seeds=fewest - 1, **changes))
        assert result.obstacle is not None
        assert f"is {2.0 ** (2 - fewest):.2g}, and alpha is {alpha:g}" in result.obstacle
        assert f"seeds: {fewest} ({3 * fewest} runs)" in result.remedies


def test_many_hypotheses_require_no_more_seeds_than_one(study):
    """The maximum over a family has the same smallest p as one hypothesis: Holm's procedure multiplied it by 15."""
    assert decidability(study(factors=FIVE, seeds=6, design={"kind": "full_factorial"})).obstacle is None


def test_a_half_fraction_is_refused_with_any_number_of_seeds(study):
    """2^(3-1): each main effect is an interaction of the other two (Box and Hunter 1961)."""
    result = decidability(study(factors=THREE, seeds=20, design=HALF))
    assert result.obstacle is not None
    assert "aliases every main effect" in result.obstacle
    assert not any(remedy.startswith("seeds") for remedy in result.remedies)
    assert result.remedies[-1] == "design: {kind: full_factorial} with seeds: 6 (48 runs)"
    with pytest.raises(SpecError, match="aliases every main effect"):
        refuse_undecidable(study(factors=THREE, seeds=20, design=HALF))


def test_a_foldover_frees_the_main_effects_of_a_fraction(study):
    """A foldover of 2^(5-2) in 8 cells has resolution IV: no main effect is aliased with an interaction."""
    fraction = study(factors=FIVE, seeds=6, design={"kind": "d_optimal", "size": 8})
    offered = decidability(fraction).remedies[0]
    assert offered == "design: {kind: foldover, of: {kind: d_optimal, size: 8}} with seeds: 6 (96 runs)"
    folded = study(factors=FIVE, seeds=6, design={"kind": "foldover", "of": {"kind": "d_optimal", "size": 8}})
    assert decidability(folded).obstacle is None
    assert aliased_mains(folded) == ()


def test_a_design_for_all_interactions_is_offered_for_an_aliased_one(study):
    """16 parameters, one and a half cells for each: 24 of 32."""
    remedies = decidability(study(factors=FIVE, seeds=6, design={"kind": "d_optimal", "size": 8})).remedies
    assert "design: {kind: d_optimal, interactions: all} with seeds: 6 (144 runs)" in remedies


def test_an_aliased_main_effect_beside_separable_ones_refuses_nothing(study):
    """Cells of two factors fully crossed, the third equal to the first: one pair of aliases, one free factor."""
    copied = {"kind": "full_factorial", "forbid": [
        {"model.activation": "relu", "model.head": "frame"},
        {"model.activation": "tanh", "model.head": "conv3d"},
    ]}  # fmt: skip
    mixed = study(factors=THREE, seeds=6, design=copied)
    assert [hypothesis.factors for hypothesis in aliased_mains(mixed)] == [("model.activation",), ("model.head",)]
    assert decidability(mixed).obstacle is None


def test_the_crossed_design_is_not_offered_to_itself(study):
    remedies = decidability(study(seeds=2, design={"kind": "full_factorial"})).remedies
    assert remedies == ("seeds: 6 (24 runs)",)


def test_the_offered_crossed_design_keeps_the_restrictions(study):
    """Of 8 cells 6 are left."""
    offered = decidability(study(factors=THREE, seeds=1, design=RESTRICTED)).remedies[-1]
    assert offered.startswith("design: {kind: full_factorial, forbid: [{model.activation: relu, model.head: conv3d}]}")
    assert offered.endswith("with seeds: 6 (36 runs)")


@pytest.mark.parametrize(
    "built_on",
    [{"kind": "augment", "add": 1, "interactions": "none"}, {"kind": "foldover", "factors": ["model.gate_activation"]}],
    ids=lambda design: design["kind"],
)
def test_the_offered_crossed_design_keeps_the_restrictions_of_an_inner_design(study, built_on):
    """Of 16 cells 12 are left."""
    limited = study(factors={**THREE, "model.layers": [1, 2]}, seeds=1, design={**built_on, "of": RESTRICTED})
    assert decidability(limited).remedies[-1].endswith("with seeds: 6 (72 runs)")


def test_one_seed_reaches_no_verdict(study):
    result = decidability(study(factors=THREE, seeds=1, design={"kind": "full_factorial"}))
    assert result.obstacle is not None
    assert "one seed" in result.obstacle
    assert result.remedies == ("seeds: 6 (48 runs)",)


def test_a_study_without_factors_reaches_no_verdict(study):
    result = decidability(study(factors={}, design={"kind": "full_factorial"}))
    assert result.obstacle == "no factor varies"


def test_an_exploratory_study_is_not_refused(study):
    refuse_undecidable(study(seeds=2, exploratory=True))


def test_deprecated_permutations_are_no_remedy(study):
    few = study(seeds=7, analysis={"alpha": 0.01, "permutations": 999})
    assert not any("permutations" in remedy for remedy in decidability(few).remedies)
