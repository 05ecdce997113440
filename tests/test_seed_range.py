"""A range of seeds: what a study file may say, what it means, and that it is part of the plan."""

import pytest

from ablate.core.errors import SpecError
from ablate.inference.settings import Looks
from ablate.planning.preregistration import deviations, preregister, preregistered_settings
from ablate.study import study_file

RANGE = {"from": 6, "to": 12}
TEXT = """\
name: sequential
question: Does it?
seeds: {from: 6, to: 12}
base:
  model: {kind: convlstm, layers: 1, filters: 2}
factors:
  model.layers: [1, 2]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(TEXT)
    return path


def test_a_range_plans_the_runs_of_all_its_seeds(small_study):
    ranged, listed = small_study(seeds=RANGE), small_study(seeds=12)
    assert ranged.planned_runs == listed.planned_runs
    assert (len(ranged.seeds), list(ranged.seeds), ranged.seeds[-1]) == (12, list(range(12)), 11)


def test_a_range_plans_looks_and_a_list_of_seeds_plans_none(small_study):
    assert small_study(seeds=RANGE).settings.looks == Looks(first=6, last=12)
    assert small_study(seeds=12).settings.looks is None


def test_a_range_is_written_back_in_the_words_of_the_file(file):
    study = study_file.load(file)
    file.write_text(study_file.dump(study))
    assert study_file.load(file) == study
    assert study.non_defaults()["seeds"] == RANGE


def test_an_override_extends_a_range(file):
    assert study_file.load(file, ["seeds.to=14"]).looks == Looks(first=6, last=14)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("{from: 9, to: 8}", "seeds: found from: 9 and to: 8; 'from' must be at most 'to'"),
        ("{from: 6}", "seeds.to: missing"),
        ("{from: 1, to: 8}", "seeds.from: found 1; must be greater than or equal to 2"),
        ("{from: 6, to: 1001}", "seeds.to: found 1001; must be less than or equal to 1000"),
        ("{from: 6, to: 8.5}", "seeds.to: found 8.5; must be a valid integer"),
        ("{from: 6, to: 8, til: 9}", "seeds.til: unknown key; allowed: from, to"),
    ],
)
def test_a_range_that_is_wrong_is_refused_at_its_place(file, seeds, message):
    with pytest.raises(SpecError) as caught:
        study_file.load(file, [f"seeds={seeds}"])
    assert message in str(caught.value)


def test_looks_spending_and_stopping_rule_are_preregistered(small_study):
    settings = preregistered_settings(small_study(seeds=RANGE))
    assert {name: settings[name] for name in settings if name.startswith(("seeds", "looks"))} == {
        "seeds.from": 6,
        "seeds.to": 12,
        "looks.at": "after each seed",
        "looks.spending": "linear: alpha x seeds / all seeds",
        "looks.stop": "with --until-decided, once every factor and every pair that the study names has a verdict",
    }


def test_an_extended_range_is_a_deviation_from_the_plan(small_study, store):
    preregister(store.study("small"), small_study(seeds=RANGE))
    assert deviations(store.study("small"), small_study(seeds=RANGE)) == ()
    (sentence,) = deviations(store.study("small"), small_study(seeds={"from": 6, "to": 14}))
    assert sentence.startswith("seeds.to was changed from 12 to 14")
