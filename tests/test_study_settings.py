"""What a study file asks of the inference."""

from ablate.inference.factor_levels import FactorLevels


def test_the_analysis_block_is_handed_on(small_study):
    settings = small_study(analysis={"alpha": 0.1, "margin": 0.02, "interval": "bca", "seed": 7}).settings
    assert (settings.alpha, settings.margin, settings.interval, settings.seed) == (0.1, 0.02, "bca", 7)


def test_pairs_are_all_none_or_those_that_are_named(small_study):
    pair = ["model.state_kernel_size", "model.activation"]
    asked = [small_study(analysis={"interactions": given}).settings for given in ("all", "none", [pair])]
    assert [settings.interactions for settings in asked] == [None, (), (tuple(pair),)]


def test_the_measure_says_which_direction_is_better_and_its_bounds(small_study):
    settings = small_study(response={"measure": "ssim"}).settings
    assert (settings.higher_is_better, settings.bounds) == (True, (-1.0, 1.0))


def test_factors_have_their_titles_baselines_and_order(small_study):
    factors = {"model.state_kernel_size": {"levels": [1, 3], "title": "kernel", "ordered": True}}
    assert small_study(factors=factors).factor_levels == (
        FactorLevels("model.state_kernel_size", "kernel", ("1", "3"), "1", ordered=True),
    )
