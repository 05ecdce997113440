"""Many simulated studies at once."""

from importlib import import_module

import pytest

from ablate.core.errors import AblateError, AnalysisError
from ablate.inference.calibration import SCENARIOS
from ablate.inference.calibration.campaign import Campaign, judgments
from ablate.inference.calibration.criteria import criteria
from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.rates import rates
from ablate.inference.calibration.scenarios import Sizes
from ablate.inference.infer import infer
from ablate.inference.settings import InferenceSettings


def campaign(levels=(2, 2), seeds=3, analyze=infer) -> Campaign:
    return Campaign(Layout.crossed(levels, seeds), Sizes(), InferenceSettings(margin=0.5, draws=999), analyze)


def refuse(_table, _settings):
    raise AnalysisError("too little")


def test_every_study_of_every_scenario_is_judged_once():
    scenarios = [SCENARIOS["no_effect"], SCENARIOS["one_cause"]]
    results = [(name, number) for name, number, _ in judgments(campaign(), scenarios, 4, workers=2)]
    assert sorted(results) == [(scenario.name, number) for scenario in scenarios for number in range(4)]


def test_a_study_can_be_judged_again_alone():
    scenario = SCENARIOS["one_cause"]
    together = {number: judgment for _, number, judgment in judgments(campaign(), [scenario], 3, workers=2)}
    assert campaign().judgment(scenario, 2) == together[2]


def test_studies_differ_in_what_their_analysis_draws():
    seeds = []

    def note(table, settings):
        seeds.append(settings.seed)
        return infer(table, settings)

    for number in range(3):
        campaign(analyze=note).judgment(SCENARIOS["no_effect"], number)
    assert len(set(seeds)) == 3


def test_a_study_that_cannot_be_analyzed_is_named():
    with pytest.raises(AnalysisError, match="study 3 of one_cause, seed 0: too little"):
        campaign(analyze=refuse).judgment(SCENARIOS["one_cause"], 3)


def test_a_campaign_that_is_left_early_ends_its_processes():
    studies = judgments(campaign(), [SCENARIOS["no_effect"]], 1_000_000, workers=2)
    next(studies)
    studies.close()
    assert next(studies, None) is None


def test_a_worker_that_dies_ends_it_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "dying.py").write_text("import os\n\ndef die(table, settings):\n    os._exit(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    studies = judgments(campaign(analyze=import_module("dying").die), [SCENARIOS["no_effect"]], 2, workers=1)
    with pytest.raises(AblateError, match="try fewer --workers"):
        next(studies)


@pytest.mark.slow
def test_what_is_promised_holds_on_24_cells_and_8_seeds():
    whole = campaign((3, 2, 2, 2), 8)
    scenarios = [SCENARIOS[name] for name in ("no_effect", "one_cause", "pure_interaction")]
    results = {
        scenario.name: rates(
            scenario.name, [judgment for _, _, judgment in judgments(whole, [scenario], 300, workers=2)]
        )
        for scenario in scenarios
    }
    checked = criteria(results, whole)
    assert len(checked) == 5
    assert [criterion for criterion in checked if not criterion.holds] == []
