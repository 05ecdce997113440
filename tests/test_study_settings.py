"""What a study file asks of the inference."""

import pytest
from pydantic import ValidationError

from ablate.inference.factor_levels import FactorLevels


def test_the_analysis_block_is_handed_on(small_study):
    settings = small_study(analysis={"alpha": 0.1, "margin": 0.02, "interval": "bca", "seed": 7}).settings
    assert (settings.alpha, settings.margin, settings.interval, settings.seed) == (0.1, 0.02, "bca", 7)


def test_pairs_are_all_none_or_those_that_are_named(small_study):
    pair = ["model.state_kernel_size", "model.activation"]
    studies = [small_study(analysis={"interactions": choice}).settings for choice in ("all", "none", [pair])]
    assert [settings.interactions for settings in studies] == ["all", "none", [pair]]


def test_the_measure_says_which_direction_is_better_and_its_bounds(small_study):
    settings = small_study(response={"metric": "ssim"}).settings
    assert (settings.higher_is_better, settings.bounds) == (True, (-1.0, 1.0))


def test_factors_have_their_titles_baselines_and_order(small_study):
    factors = {"model.state_kernel_size": {"levels": [1, 3], "title": "kernel", "ordered": True}}
    assert small_study(factors=factors).factor_levels == (
        FactorLevels("model.state_kernel_size", "kernel", ("1", "3"), "1", ordered=True),
    )


THREE = {
    "model.activation": ["tanh", "relu"],
    "model.gate_activation": ["sigmoid", "hard_sigmoid"],
    "model.head": ["frame", "conv3d"],
}
PAIR = ["model.activation", "model.head"]
NAMING = {"kind": "d_optimal", "size": 6, "interactions": [PAIR]}


@pytest.mark.parametrize(
    ("design", "pairs"),
    [
        ({"kind": "full_factorial"}, "all"),
        ({"kind": "one_at_a_time"}, "all"),
        (NAMING, [PAIR]),
        ({"kind": "d_optimal"}, []),
        ({"kind": "foldover", "of": NAMING}, [PAIR]),
        ({"kind": "augment", "of": {"kind": "one_at_a_time"}, "add": 2, "interactions": [PAIR]}, [PAIR]),
    ],
)
def test_without_a_word_on_pairs_those_that_the_design_is_chosen_for_are_tested(small_study, design, pairs):
    assert small_study(factors=THREE, design=design).settings.interactions == pairs


def test_pairs_named_in_the_study_are_tested_whatever_the_design_names(small_study):
    studies = {"factors": THREE, "design": NAMING}
    assert small_study(**studies, analysis={"interactions": "all"}).settings.interactions == "all"
    assert small_study(**studies, analysis={"interactions": "none"}).settings.interactions == "none"


def test_a_pair_named_twice_is_told(small_study):
    with pytest.raises(ValueError, match=r"analysis.interactions\[1\]: .* is listed twice"):
        small_study(factors=THREE, analysis={"interactions": [PAIR, PAIR[::-1]]})


def test_a_judged_metric_has_its_direction_and_bounds_and_no_margin(small_study):
    spec = small_study(analysis={"margin": 0.1, "judged_metrics": ["ssim"]})
    settings = spec.judged_settings["ssim"]
    assert (settings.margin, settings.higher_is_better) == (None, True)
    assert spec.settings.margin == 0.1


@pytest.mark.parametrize(
    ("judged", "message"),
    [(["sssim"], "did you mean 'ssim'"), (["ghost_ratio"], "judged already"), (["ssim", "ssim"], "judged already")],
)
def test_a_judged_metric_is_known_and_named_once(small_study, judged, message):
    with pytest.raises(ValidationError, match=message):
        small_study(analysis={"judged_metrics": judged})
