"""`ablate plan`, from its arguments to its files, and what `ablate run` makes of a plan."""

import json

import pytest
from typer.testing import CliRunner

from ablate.cli import app
from ablate.core.errors import DataError, SpecError
from ablate.planning import planner
from ablate.planning.preregistered_plan import read
from ablate.study.study_file import dump


@pytest.fixture(autouse=True)
def _compares_few_numbers_of_seeds(monkeypatch):
    """Simulate the power with four numbers of seeds instead of fifteen: a plan then takes a tenth of a second."""
    monkeypatch.setattr(planner, "COMPARED_SEEDS", (2, 4, 6, 8))


@pytest.fixture
def file(tmp_path, small_study):
    """Return a function that writes the small study, and the file's path."""

    def write(**changes):
        (tmp_path / "small.yaml").write_text(dump(small_study(**changes)))
        return tmp_path / "small.yaml"

    return write


def ablate(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_the_plan_is_shown_and_nothing_is_created(file, tmp_path):
    done = ablate("plan", file(), "--store", tmp_path / "mlruns")
    assert done.exit_code == 0, done.exception
    assert "4 cells x 2 seeds = 8 runs" in done.stdout
    assert "model.activation" in done.stdout
    assert "digest" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]


def test_an_undecidable_study_is_refused_after_its_plan_was_shown_and_written(file, tmp_path):
    done = ablate("plan", file(exploratory=False), "--json", tmp_path / "plan.json", "--html", tmp_path / "plan.html")
    assert isinstance(done.exception, SpecError)
    assert done.exception.exit_code == 2
    assert "seeds: 6 (24 runs)" in str(done.exception)
    assert "Refused" in done.stdout
    assert json.loads((tmp_path / "plan.json").read_text())["refused"] is True
    assert (tmp_path / "plan.html").exists()


def test_an_override_changes_the_plan(file):
    assert ablate("plan", file(exploratory=False), "--set", "seeds=6").exit_code == 0


def test_the_option_sd_gives_effects_in_the_unit_of_the_response(file):
    assert "1 SD = 0.05" in " ".join(ablate("plan", file(), "--sd", "0.05").stdout.split())


@pytest.mark.parametrize("sd", ["0", "-1", "inf", "nan"])
def test_a_deviation_must_be_positive_and_finite(file, sd):
    done = ablate("plan", file(), f"--sd={sd}")
    assert isinstance(done.exception, SpecError)
    assert "--sd" in str(done.exception)


def test_a_missing_pilot_is_an_error_of_one_line(file, tmp_path):
    done = ablate("plan", file(), "--pilot", tmp_path / "none.csv")
    assert isinstance(done.exception, DataError)
    assert "none.csv" in str(done.exception)


def test_finished_runs_give_the_deviation(file, small_study, made_record, store):
    for number, planned_run in enumerate(small_study().planned_runs):
        made_record(planned_run, 0.1 * (number % 3)).save(store.study("small").run(planned_run.id))
    done = ablate("plan", file(), "--store", store.root)
    assert "from 8 runs of this study, 3 degrees of freedom" in " ".join(done.stdout.split())


def test_the_json_holds_the_expected_duration(file, tmp_path):
    ablate("plan", file(), "--json", tmp_path / "plan.json")
    assert json.loads((tmp_path / "plan.json").read_text())["seconds"] > 0


def test_an_undecidable_study_is_not_run_and_creates_nothing(file, tmp_path):
    done = ablate("run", file(exploratory=False), "--store", tmp_path / "mlruns")
    assert isinstance(done.exception, SpecError)
    assert "exploratory: true" in str(done.exception)
    assert not (tmp_path / "mlruns").exists()


def test_a_run_preregisters_its_plan_and_a_later_plan_lists_the_deviations(file, small_study, made_record, store):
    for planned_run in small_study().planned_runs:  # what has a record is taken in without training
        made_record(planned_run).save(store.study("small").run(planned_run.id))
    assert ablate("run", file(), "--store", store.root).exit_code == 0
    frozen = read(store.study("small"))
    assert frozen is not None
    assert frozen.plan["analysis.alpha"] == 0.05
    said = " ".join(ablate("plan", file(analysis={"alpha": 0.1}), "--store", store.root).stdout.split())
    assert "Deviation from the preregistered plan: analysis.alpha was changed from 0.05 to 0.1" in said
