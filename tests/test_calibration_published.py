"""The published calibration: what its tables hold, when a limit is held, and how a campaign goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from ablate.cli import app
from ablate.core.errors import AnalysisError, SpecError
from ablate.inference.calibration.published import judged_file
from ablate.inference.calibration.published.campaign import BLOCK, PublishedCampaign, StudyBlock, blocks_to_judge
from ablate.inference.calibration.published.catalog import PUBLISHED
from ablate.inference.calibration.published.judged_file import JudgedFile
from ablate.inference.calibration.published.limits import Limit
from ablate.inference.calibration.published.losses import LowestDiverge, SeedWithoutLevel
from ablate.inference.calibration.published.noises import (
    DriftNoise,
    LogNormalNoise,
    NoisyLevel,
    OutlierNoise,
    QuietBaseline,
    RepeatedSeeds,
    StudentNoise,
)
from ablate.inference.calibration.published.planted import (
    AdditiveEffects,
    CrossedPair,
    OneContext,
    SwingingEffects,
    ThreeFactorXOR,
)
from ablate.inference.calibration.published.results import ScenarioResult, falling_power, violated_limits
from ablate.inference.calibration.published.runs import (
    ConditionalRuns,
    CrossedRuns,
    HalfFractionRuns,
    OneAtATimeRuns,
    RandomSearchRuns,
)
from ablate.inference.calibration.published.scenario import GrowingStudy
from ablate.inference.calibration.rates import Rate, Rates, rate, rates
from ablate.inference.infer import infer

CAMPAIGN = PublishedCampaign(partial(infer, described=False), draws=199)
WIDE = CrossedRuns((2, 3), 4_000)


def generator(seed=0):
    return np.random.default_rng(seed)


def noise_of(noise, runs=WIDE):
    return noise.of_runs(runs.draw(generator()), generator(1))


def published(*arguments):
    return CliRunner().invoke(app, ["calibrate", "--published", *map(str, arguments)], env={"COLUMNS": "140"})


# What the tables hold


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_table_can_be_drawn_again_and_another_number_is_another_table(name):
    scenario = PUBLISHED[name]
    first, again, following = scenario.table(1, 3), scenario.table(1, 3), scenario.table(1, 4)
    assert np.array_equal(first.table.response, again.table.response, equal_nan=True)
    assert first.seed == again.seed != following.seed
    assert not np.array_equal(first.table.response, following.table.response, equal_nan=True)


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_table_has_a_cell_twice_with_a_seed(name):
    table = PUBLISHED[name].table(0, 0).table
    rows = np.column_stack([table.levels, table.block])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_every_table_without_effects_has_3000_studies_and_every_other_1000_or_more():
    for scenario in PUBLISHED.values():
        has_effects = bool(scenario.table(0, 0).truth.active)
        least = 1_000 if has_effects or scenario.name == "cleared_idle" else 3_000
        assert scenario.studies >= least, scenario.name


def test_a_random_search_has_its_rows_spread_over_the_seeds():
    runs = RandomSearchRuns((2,) * 6, 60, 20).draw(generator())
    assert runs.levels.shape == (60, 6)
    assert 15 <= runs.blocks <= 20
    assert abs(runs.levels.mean() - 0.5) < 0.1


def test_independent_runs_have_a_seed_each():
    assert RandomSearchRuns((2, 3), 40, None).draw(generator()).block.tolist() == list(range(40))


def test_a_half_fraction_separates_main_effects_and_pairs():
    cells = 2.0 * HalfFractionRuns((2,) * 5, 1).draw(generator()).levels - 1
    pairs = [cells[:, a] * cells[:, b] for a, b in combinations(range(5), 2)]
    columns = np.column_stack([np.ones(16), cells, *pairs])
    assert columns.T @ columns == pytest.approx(16 * np.eye(16))


def test_one_at_a_time_changes_one_factor_of_the_baseline():
    levels = OneAtATimeRuns((3, 2, 2), 2).draw(generator()).levels
    assert len(levels) == 2 * 5
    assert ((levels > 0).sum(axis=1) <= 1).all()


def test_a_conditional_factor_varies_only_under_its_condition():
    levels = ConditionalRuns(1).draw(generator()).levels
    assert (levels[levels[:, 0] == 0, 1] == 0).all()


@pytest.mark.parametrize("noise", [LogNormalNoise(), DriftNoise(), NoisyLevel(1.0)])
def test_noise_has_mean_0_and_standard_deviation_1(noise):
    drawn = noise_of(noise)
    assert drawn.mean() == pytest.approx(0, abs=0.05)
    assert drawn.std() == pytest.approx(1, abs=0.1)


def test_the_quartiles_of_heavy_tails_are_students():
    expected = stats.t.ppf([0.25, 0.75], 3) / np.sqrt(3)
    assert np.quantile(noise_of(StudentNoise()), [0.25, 0.75]) == pytest.approx(expected, abs=0.03)


def test_drift_has_its_correlation():
    drawn = noise_of(DriftNoise(0.8))
    assert np.corrcoef(drawn[1:], drawn[:-1])[0, 1] == pytest.approx(0.8, abs=0.02)


def test_one_level_is_noisier():
    levels, drawn = WIDE.draw(generator()).levels[:, 0], noise_of(NoisyLevel(3.0))
    assert drawn[levels == 1].std() / drawn[levels == 0].std() == pytest.approx(3, rel=0.05)


def test_a_quiet_baseline_hardly_varies_and_every_cell_has_mean_0():
    levels, drawn = WIDE.draw(generator()).levels, noise_of(QuietBaseline())
    is_base = (levels == 0).all(axis=1)
    assert drawn[is_base].std() == pytest.approx(0.1, rel=0.1)
    assert stats.skew(drawn[~is_base]) > 2
    assert drawn[~is_base].mean() == pytest.approx(0, abs=0.05)


def test_outliers_are_a_twentieth_of_the_runs():
    assert np.mean(np.abs(noise_of(OutlierNoise())) > 5) == pytest.approx(0.05 * 2 * stats.norm.sf(0.5), rel=0.15)


def test_repeated_seeds_are_equal_copies():
    runs = CrossedRuns((2, 2), 10).draw(generator())
    by_seed = RepeatedSeeds(5).draw(runs, generator(3)).reshape(10, 4)
    assert (by_seed[:5] == by_seed[5:]).all()
    assert len(np.unique(by_seed[:, 0])) == 5


def test_the_lowest_responses_of_a_level_are_lost():
    runs = CrossedRuns((2, 2), 50).draw(generator())
    response = generator(2).normal(size=200)
    lost = LowestDiverge(0.2).draw(runs, response, generator())
    at_level = runs.levels[:, 0] == 1
    assert lost.sum() == 20
    assert not lost[~at_level].any()
    assert response[lost].max() < response[at_level & ~lost].min()


def test_one_seed_loses_a_level():
    runs = CrossedRuns((3, 2), 5).draw(generator())
    lost = SeedWithoutLevel().draw(runs, np.zeros(30), generator())
    assert lost.sum() == 2
    assert len(np.unique(runs.block[lost])) == 1
    assert (runs.levels[lost, 0] == 2).all()


def test_additive_effects_rise_evenly_and_have_known_means():
    runs = CrossedRuns((3, 2), 1).draw(generator())
    means, truth = AdditiveEffects(((0, 2.0),), margin=0.5).plant(runs, generator())
    assert means.tolist() == [0, 0, 1, 1, 2, 2]
    assert truth.level_means is not None
    assert truth.level_means[0].tolist() == [0, 1, 2]
    assert truth.causes == truth.relevant == frozenset({0})


def marginal_means(effects, runs):
    drawn = runs.draw(generator())
    means = effects.plant(drawn, generator())[0]
    return [
        [means[drawn.levels[:, f] == level].mean() for level in range(count)] for f, count in enumerate(drawn.counts)
    ]


def test_xor_and_a_crossed_pair_have_no_effect_on_average():
    for effects in (ThreeFactorXOR(4.0), CrossedPair(1.0)):
        for by_level in marginal_means(effects, CrossedRuns((2, 2, 2), 1)):
            assert by_level == pytest.approx([0, 0])


def test_xor_swings_by_4_where_any_one_level_changes():
    runs = CrossedRuns((2, 2, 2), 1).draw(generator())
    means = ThreeFactorXOR(4.0).plant(runs, generator())[0].reshape(2, 2, 2)
    for axis in range(3):
        assert np.abs(np.diff(means, axis=axis)) == pytest.approx(4)


def test_one_context_of_six_moves_the_mean_by_a_sixth():
    by_level = marginal_means(OneContext(2.0), CrossedRuns((2, 3, 2), 1))[0]
    assert by_level[1] - by_level[0] == pytest.approx(2 / 6)


def test_swings_differ_between_seeds_and_vanish_on_average():
    runs = CrossedRuns((2,), 20_000).draw(generator())
    means = SwingingEffects(((0, 0.5),)).plant(runs, generator())[0].reshape(-1, 2)
    difference = means[:, 1] - means[:, 0]
    assert difference.std() == pytest.approx(0.5, rel=0.03)
    assert difference.mean() == pytest.approx(0, abs=0.02)


def test_the_curve_of_power_takes_the_first_seeds_of_the_same_tables():
    fewer, more = (PUBLISHED[f"power_small_{seeds:02}"].table(0, 5).table for seeds in (6, 7))
    assert len(fewer.blocks) == 6
    first = more.block < 6
    assert fewer.response.tolist() == more.response[first].tolist()


# When a limit is held


def share(count, of):
    result = rate(np.array([1] * count + [0] * (of - count)), np.ones(of, int))
    assert result is not None
    return result


@pytest.mark.parametrize(("count", "holds"), [(150, True), (165, True), (175, False), (100, True)])
def test_a_limit_from_above_is_violated_where_the_whole_interval_is_beyond_it(count, holds):
    limit, simulated = Limit("false_alarms", most=0.05), share(count, 3_000)
    known = stats.binomtest(count, 3_000).proportion_ci(0.95, "exact")
    assert (known.low <= 0.05) is holds
    assert limit.is_held(simulated) is holds


def test_a_limit_from_below_and_a_range():
    power, covered = Limit("detected", least=0.4), Limit("coverage", 0.93, 0.97)
    assert not power.is_held(share(300, 1_000))
    assert power.is_held(share(390, 1_000))
    assert power.is_held(share(900, 1_000))
    assert not covered.is_held(share(2_700, 3_000))
    assert not covered.is_held(share(2_970, 3_000))
    assert covered.is_held(share(2_850, 3_000))
    assert (power.words, covered.words) == ("≥ 40", "93 to 97")


def result_with(name, **simulated):
    empty = rates(name, [])
    return ScenarioResult(PUBLISHED[name], replace(empty, studies=100, **simulated))


def test_a_rate_that_counts_nothing_violates_no_limit():
    assert violated_limits(PUBLISHED["designed"], rates("designed", [])) == ()


def test_a_second_run_counts():
    bad, good = share(300, 3_000), share(600, 12_000)
    first, rerun = (replace(rates("designed", []), false_mains=simulated) for simulated in (bad, good))
    assert ScenarioResult(PUBLISHED["designed"], first).violated
    assert not ScenarioResult(PUBLISHED["designed"], first, rerun).violated


def test_power_that_falls_with_one_more_seed_is_told():
    def curve(*counts):
        names = [f"power_small_{seeds:02}" for seeds in range(6, 6 + len(counts))]
        return {
            name: result_with(name, detected=share(count, 1_000)) for name, count in zip(names, counts, strict=True)
        }

    assert falling_power(curve(500, 490, 600)) == []
    (sentence,) = falling_power(curve(500, 700, 330))
    assert "falls from 70.0 to 33.0 % with 8 seeds" in sentence


# Judging, interrupting, going on


def small(name="designed_small", **changes):
    return replace(PUBLISHED[name], **changes)


def test_a_block_judges_its_tables_one_by_one():
    judgments = CAMPAIGN.judged(StudyBlock(small(), 0, 2, 3))
    assert judgments == [CAMPAIGN.judgment(small(), 0, number) for number in (2, 3, 4)]


def refuse(_table, _settings):
    raise AnalysisError("equal copies")


def test_a_table_that_is_refused_claims_nothing_where_that_is_allowed_and_else_is_named():
    judgment = PublishedCampaign(refuse).judgment(PUBLISHED["equal_copies"], 0, 0)
    assert (judgment.refused, judgment.false_alarm, judgment.undecided) == (True, False, 3)
    with pytest.raises(AnalysisError, match="table 4 of designed_small, seed 0: equal copies"):
        PublishedCampaign(refuse).judgment(small(), 0, 4)


def test_seeds_are_added_until_something_is_named():
    judgment = CAMPAIGN.judgment(PUBLISHED["until_named"], 0, 0)
    assert judgment.seeds == 12 or judgment.false_alarm


def test_a_planned_study_counts_the_seeds_at_which_it_names_its_cause():
    strong = replace(PUBLISHED["looks_found"], runs=CrossedRuns((2, 2), 9), effects=AdditiveEffects(((0, 8.0),)))
    judgment = CAMPAIGN.judgment(replace(strong, growth=GrowingStudy(6, 9)), 0, 0)
    assert judgment.detected
    assert 6 <= judgment.seeds < 9


def test_only_blocks_with_unjudged_tables_are_judged():
    judged = dict.fromkeys(range(BLOCK), CAMPAIGN.judgment(small(), 0, 0))
    blocks = blocks_to_judge([small()], {"designed_small": 2 * BLOCK + 10}, 0, {"designed_small": judged})
    assert [(block.first, block.count) for block in blocks] == [(BLOCK, BLOCK), (2 * BLOCK, 10)]


@pytest.fixture
def file(tmp_path):
    return JudgedFile(tmp_path / "judged.jsonl", 199)


def test_judged_tables_are_read_back(file):
    block = StudyBlock(small(), 7, 10, 2)
    judgments = CAMPAIGN.judged(block)
    file.append(block, judgments)
    tables, outdated = file.read([small()])
    assert tables == {("designed_small", 7): {10: judgments[0], 11: judgments[1]}}
    assert outdated == 0


def test_a_line_that_was_cut_off_is_passed_over(file, tmp_path):
    block = StudyBlock(small(), 0, 0, 1)
    judgments = CAMPAIGN.judged(block)
    file.append(block, judgments)
    path = tmp_path / "judged.jsonl"
    path.write_text(path.read_text() + '{"scenario":"designed_sm')
    file.append(replace(block, first=1), judgments)
    assert set(file.read([small()])[0]["designed_small", 0]) == {0, 1}


def test_tables_that_other_code_or_settings_judged_are_left_out(file, tmp_path, monkeypatch):
    block = StudyBlock(small(), 0, 0, 2)
    file.append(block, CAMPAIGN.judged(block))
    assert JudgedFile(tmp_path / "judged.jsonl", 999).read([small()]) == ({}, 2)
    assert file.read([small(margin=0.3)]) == ({}, 2)
    assert file.read([small(limits=(), title="new words")])[1] == 0
    monkeypatch.setattr(judged_file, "code_digest", lambda: "another")
    assert file.read([small()]) == ({}, 2)


def test_comments_and_docstrings_are_no_other_code():
    plain = judged_file._without_docstrings("def f(x):\n    return x + 1\n")
    assert judged_file._without_docstrings('def f(x):\n    """Words."""\n    return x + 1  # why\n') == plain
    assert judged_file._without_docstrings("def f(x):\n    return x + 2\n") != plain


def test_a_file_of_something_else_is_refused(tmp_path):
    for text in ("a,b\n1,2\n", '{"a": 1}\n'):
        (tmp_path / "table.csv").write_text(text)
        with pytest.raises(SpecError, match="give another file"):
            JudgedFile(tmp_path / "table.csv", 199).read([small()])


def test_the_command_shows_rates_limits_and_writes_them(tmp_path):
    done = published("--scenario", "designed_small", "--studies", 60, "--workers", 1, "--json", tmp_path / "p.json")
    assert done.exit_code == 0
    assert "3 of 3 limits hold." in done.output
    (scenario,) = json.loads((tmp_path / "p.json").read_text())["scenarios"]
    assert (scenario["name"], scenario["rates"]["studies"], scenario["holds"]) == ("designed_small", 60, True)
    assert [limit["rate"] for limit in scenario["limits"]] == ["false_mains", "false_alarms", "coverage"]


def test_a_star_takes_all_scenarios_with_that_beginning(tmp_path):
    published("--scenario", "few_steady_*", "--studies", 2, "--workers", 1, "--json", tmp_path / "p.json")
    names = [scenario["name"] for scenario in json.loads((tmp_path / "p.json").read_text())["scenarios"]]
    assert names == [f"few_steady_{seeds}" for seeds in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scenario", "serch"], "did you mean 'search'"),
        (["--levels", "2x2"], "leave out --published"),
        (["--seeds", "3"], "leave out --published"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, words):
    error = published(*arguments).exception
    assert isinstance(error, SpecError)
    assert words in str(error)


def test_a_file_of_judged_tables_needs_published_scenarios(tmp_path):
    error = CliRunner().invoke(app, ["calibrate", "--judged", str(tmp_path / "j")]).exception
    assert isinstance(error, SpecError)


def test_an_interrupted_campaign_goes_on_where_it_was(tmp_path):
    options = ["--published", "--scenario", "designed_small", "--judged", "j.jsonl", "--json", "p.json", "--no-repeat"]
    command = [sys.executable, "-m", "ablate", "calibrate", *options, "--workers", "1", "--studies"]
    process = subprocess.Popen([*command, "1000000"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=os.environ)
    deadline = time.monotonic() + 200
    while not (tmp_path / "j.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    before = (tmp_path / "j.jsonl").read_text()
    judged = BLOCK * len(before.splitlines())
    subprocess.run([*command, str(judged)], cwd=tmp_path, check=False, env=os.environ, stdout=subprocess.DEVNULL)
    assert (tmp_path / "j.jsonl").read_text() == before
    (scenario,) = json.loads((tmp_path / "p.json").read_text())["scenarios"]
    assert scenario["rates"]["studies"] == judged


def simulated_rate(name, studies, rate_name):
    result = rates(name, CAMPAIGN.judged(StudyBlock(PUBLISHED[name], 11, 0, studies)))
    simulated = getattr(result, rate_name)
    assert isinstance(result, Rates)
    assert isinstance(simulated, Rate)
    return simulated


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["designed_small", "missing_30", "one_at_a_time", "search_mains", "independent_mains", "few_swing_3", "xor_12"],
)
def test_limits_hold_in_400_tables(name):
    result = rates(name, CAMPAIGN.judged(StudyBlock(PUBLISHED[name], 11, 0, 400)))
    assert violated_limits(PUBLISHED[name], result) == ()


@pytest.mark.slow
def test_a_search_of_60_rows_finds_what_was_measured():
    assert simulated_rate("search_found_15", 200, "detected").high >= 0.88
