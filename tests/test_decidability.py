"""Whether a study can reject anything, and what would let it: numbers worked by hand."""

import pytest

from ablate.core.errors import SpecError
from ablate.planning.decidability import decidability, refuse_undecidable

TWO = {"model.activation": ["tanh", "relu"], "model.gate_activation": ["sigmoid", "hard_sigmoid"]}
THREE = {**TWO, "model.head": ["frame", "conv3d"]}
RESTRICTED = {"kind": "d_optimal", "size": 5, "forbid": [{"model.activation": "relu", "model.head": "conv3d"}]}


@pytest.fixture
def study(small_study):
    """Return a function that makes a confirmatory study of two factors, one at a time."""

    def make(**changes):
        usual = {"factors": TWO, "design": {"kind": "one_at_a_time"}, "exploratory": False}
        return small_study(**usual | changes)

    return make


@pytest.mark.parametrize("seeds", [2, 4, 6])
def test_too_few_seeds_one_at_a_time_cannot_reject(study, seeds):
    with pytest.raises(SpecError) as refused:
        refuse_undecidable(study(seeds=seeds))
    said = str(refused.value)
    assert f"is {2.0 ** (1 - seeds):.2g}" in said  # the sign flip of n seeds
    assert "0.025 or less (alpha 0.05 over 2 hypotheses)" in said
    assert refused.value.exit_code == 2


def test_seven_seeds_are_recommended_and_are_enough(study):
    """2^(1-6) = 0.031 is above 0.05 / 2, and 2^(1-7) = 0.016 is below it."""
    assert "seeds: 7 (21 runs)" in decidability(study(seeds=2)).remedies
    assert decidability(study(seeds=7)).obstacle is None
    refuse_undecidable(study(seeds=7))


@pytest.mark.parametrize("kind", ["full_factorial", "one_at_a_time", "leave_one_out", "d_optimal"])
@pytest.mark.parametrize("factors", [TWO, THREE, {**TWO, "model.filters": [2, 3, 4]}], ids=["2", "3", "3 levels"])
def test_the_recommended_number_of_seeds_is_the_smallest_and_larger_numbers_are_enough_too(study, factors, kind):
    """Also where the tests change from single runs to whole seeds, whose minimum p-value is larger at first."""
    asked = {"factors": factors, "design": {"kind": kind}}
    wanted = next(remedy for remedy in decidability(study(**asked, seeds=1)).remedies if remedy.startswith("seeds: "))
    fewest = int(wanted.split()[1])
    assert all(decidability(study(**asked, seeds=seeds)).obstacle for seeds in range(1, fewest))
    assert not any(decidability(study(**asked, seeds=seeds)).obstacle for seeds in range(fewest, fewest + 12))


def test_the_crossed_design_is_offered_with_the_seeds_that_it_needs(study):
    """Crossed, each factor has 2 matched sets a seed: 2^(1-2n) over a family of 3 requires n = 4, 2^-7 <= 0.0167."""
    assert "design: {kind: full_factorial} with seeds: 4 (16 runs)" in decidability(study(seeds=2)).remedies
    assert decidability(study(seeds=4, design={"kind": "full_factorial"})).obstacle is None
    assert decidability(study(seeds=3, design={"kind": "full_factorial"})).obstacle is not None


def test_the_crossed_design_is_not_offered_to_itself(study):
    remedies = decidability(study(seeds=2, design={"kind": "full_factorial"})).remedies
    assert not any("full_factorial" in remedy for remedy in remedies)


def test_the_offered_crossed_design_keeps_the_restrictions(study):
    """Of 8 cells 6 are left. The gate has 3 sets a seed: over a family of 5, 2^-5 is too much and 2^-8 is not."""
    offered = decidability(study(factors=THREE, seeds=1, design=RESTRICTED)).remedies[1]
    assert offered == "design: {kind: full_factorial} with seeds: 3 (18 runs)"


@pytest.mark.parametrize(
    "built_on",
    [{"kind": "augment", "add": 1, "interactions": "none"}, {"kind": "foldover", "factors": ["model.gate_activation"]}],
    ids=lambda design: design["kind"],
)
def test_the_offered_crossed_design_keeps_the_restrictions_of_an_inner_design(study, built_on):
    """Of 16 cells 12 are left, in two seeds 24 runs."""
    limited = study(factors={**THREE, "model.layers": [1, 2]}, seeds=1, design={**built_on, "of": RESTRICTED})
    assert "design: {kind: full_factorial} with seeds: 2 (24 runs)" in decidability(limited).remedies


def test_eight_cells_in_two_seeds_can_reject_main_effects(study):
    """Each main effect has 8 matched sets, 2^-7 = 0.0078, and the family of 6 requires 0.0083."""
    assert decidability(study(factors=THREE, seeds=2, design={"kind": "full_factorial"})).obstacle is None


def test_a_larger_family_requires_a_smaller_p(study):
    """Without interactions 3 hypotheses require 0.0167, at alpha 0.01 for 0.0033: 2^-7 is too much."""
    crossed = {"factors": THREE, "seeds": 2, "design": {"kind": "full_factorial"}}
    assert decidability(study(**crossed, analysis={"interactions": "none"})).obstacle is None
    assert decidability(study(**crossed, analysis={"interactions": "none", "alpha": 0.01})).obstacle is not None


def test_one_seed_rejects_nothing(study):
    found = decidability(study(factors=THREE, seeds=1, design={"kind": "full_factorial"}))
    assert found.obstacle is not None
    assert "one seed" in found.obstacle
    assert found.remedies == ("seeds: 2 (16 runs)",)


def test_a_study_without_factors_rejects_nothing(study):
    found = decidability(study(factors={}, design={"kind": "full_factorial"}))
    assert found.obstacle == "no factor varies"


def test_an_exploratory_study_is_not_refused(study):
    refuse_undecidable(study(seeds=2, exploratory=True))


def test_more_permutations_are_recommended_if_they_are_enough(study):
    """The residuals of a fraction are shuffled: 999 draws reach 0.001, and 0.001 / 5 requires 4,999."""
    factors = {**THREE, "model.forget_bias": [0.0, 1.0], "model.layers": [1, 2]}
    analysis = {"alpha": 0.001, "permutations": 999, "interactions": "none"}
    found = decidability(study(factors=factors, seeds=2, design={"kind": "d_optimal", "size": 12}, analysis=analysis))
    assert found.obstacle is not None
    assert "is 0.001," in found.obstacle
    assert "analysis: {permutations: 4999}" in found.remedies
