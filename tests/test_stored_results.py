"""Results that an earlier version stored stay valid: they are found, shown, probed, and never trained again."""

import json
import re
import shutil
from pathlib import Path

import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from ablate.analysis.outcomes import outcomes
from ablate.cli import app
from ablate.commands import ui
from ablate.core.errors import DataError, OldNamesWarning
from ablate.execution.results import study_table
from ablate.planning.preregistration import deviations
from ablate.storage.paths import Store
from ablate.study import schema, study_file
from ablate.study.stored_runs import study_paths
from tests.stored_results import STORED, unpacked

pytestmark = pytest.mark.filterwarnings("ignore::ablate.core.errors.OldNamesWarning")
RENAMED = {
    "point": "run_id",
    "model.normalisation": "model.normalization",
    "data.binarise": "data.binarize",
    "batch_pieces": "micro_batches",
}


@pytest.fixture
def finished(tmp_path):
    return unpacked("finished", tmp_path)


@pytest.fixture
def half(tmp_path):
    return unpacked("half", tmp_path)


def ablate(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


def trained_since(store, before):
    return [file.parent.name for file in store.glob("studies/*/runs/*/record.json") if file not in before]


ANY_FRAME = ("--set", "response.measurable_from=0")
"""One defined frame made a response at that time."""
HOW_IT_ENDED = ["outcome", "message"]
"""A run without any response was called finished, without a reason."""


def runs_csv(store):
    return pd.read_csv(store / "studies" / "stored" / "runs.csv").rename(columns=RENAMED).drop(columns="run_id")


def delete_checkpoints(store, count=None):
    for checkpoint in sorted(store.glob("studies/*/runs/*/checkpoint.pt"))[:count]:
        checkpoint.unlink()


def reported(store, *options):
    """Return the table of runs as it was stored, and as a report writes it today."""
    before = runs_csv(store)
    ablate("report", store.parent / "stored.yaml", "--store", store, *options)
    return before, runs_csv(store)[before.columns]


@pytest.fixture(scope="module")
def renewed(tmp_path_factory):
    """Return a store whose networks were scored again by `ablate report`, its former table, and what was printed."""
    store = unpacked("finished", tmp_path_factory.mktemp("renewed"))
    before = runs_csv(store)
    output = ablate("report", store.parent / "stored.yaml", "--store", store, *ANY_FRAME)
    return store, before, " ".join(output.split())


def test_without_checkpoints_the_report_of_a_finished_store_has_every_number_of_that_time(finished):
    delete_checkpoints(finished)
    before, after = reported(finished, *ANY_FRAME)
    pd.testing.assert_frame_equal(after.drop(columns=HOW_IT_ENDED), before.drop(columns=HOW_IT_ENDED))
    assert (after["outcome"] == "unmeasurable").tolist() == before["ghost_ratio"].isna().tolist()
    assert "The ghost metrics are of definition 1" in (finished / "studies" / "stored" / "report.html").read_text()


def test_a_stored_run_that_few_frames_define_is_unmeasurable_today(finished):
    delete_checkpoints(finished)
    before, after = reported(finished)
    few = before["undefined_share"] > 0.5
    assert 0 < few.sum() < len(few)
    assert (after["outcome"] == "unmeasurable").tolist() == few.tolist()
    assert after["ghost_ratio"].isna().tolist() == few.tolist()
    pd.testing.assert_frame_equal(after[~few], before[~few], check_dtype=False)


def test_the_report_of_a_finished_store_scores_its_networks_by_the_new_definition(renewed):
    store, before, output = renewed
    assert "10 runs were scored again" in output
    after = runs_csv(store)
    same = [column for column in before.columns if column not in ("ghost_ratio", "undefined_share", *HOW_IT_ENDED)]
    pd.testing.assert_frame_equal(after[same], before[same])
    assert (after["ghost_ratio"] != before["ghost_ratio"]).any()


def test_scores_are_computed_again_once(renewed):
    store, _, _ = renewed
    output = ablate("report", store.parent / "stored.yaml", "--store", store, *ANY_FRAME)
    assert "scored again from" not in " ".join(output.split())


def test_scores_that_were_computed_again_are_no_deviation(renewed):
    report = json.loads((renewed[0] / "studies" / "stored" / "report.json").read_text())
    assert not [sentence for sentence in report["deviations"] if "was changed after the run had ended" in sentence]


def test_new_scores_that_an_interrupt_left_beside_the_old_are_put_in_place(renewed):
    store, _, _ = renewed
    study = study_file.load(store.parent / "stored.yaml")
    files = study_paths(Store.here(store), study).run(study.planned_runs[0].id)
    files.next_files.folder.mkdir()
    files.record.rename(files.next_files.record)  # all other files were moved already
    ablate("report", store.parent / "stored.yaml", "--store", store, *ANY_FRAME)
    assert files.record.exists()
    assert not files.next_files.folder.exists()


def test_runs_of_two_definitions_are_never_mixed(finished):
    delete_checkpoints(finished, 4)
    ablate("report", finished.parent / "stored.yaml", "--store", finished, *ANY_FRAME)
    study = study_file.load(finished.parent / "stored.yaml", ANY_FRAME[1:])
    runs = study_table(study, study_paths(Store.here(finished), study)).runs
    assert (runs["outcome"] == "excluded").sum() == 4
    assert runs[runs["outcome"] == "excluded"]["message"].str.contains("of definition 1").all()


def ended_runs(output):
    """Return how many runs have ended by themselves, of a study without open and failed ones."""
    match = re.search(r"(\d+) of \d+ runs have a result(?:, (\d+) unmeasurable)?, 0 failed, 0 open", output)
    assert match is not None, output
    return int(match[1]) + int(match[2] or 0)


def test_a_finished_study_trains_nothing_again(finished):
    records = set(finished.glob("studies/*/runs/*/record.json"))
    weights = {file: file.with_name("checkpoint.pt").read_bytes() for file in records}
    output = ablate("run", finished.parent / "stored.yaml", "--store", finished, *ANY_FRAME)
    assert ended_runs(output) == 10
    assert trained_since(finished, records) == []
    assert weights == {file: file.with_name("checkpoint.pt").read_bytes() for file in records}


NEW_TEST = ["test", "response.measurable_from", "hypotheses", "family"]
"""With two seeds, the tests of today ask about no interaction; and one defined frame is no response any more."""


def changed_settings(sentences):
    return [sentence.split(" was changed")[0] for sentence in sentences]


def test_a_new_version_is_no_deviation_from_the_plan_but_for_its_tests(finished):
    study = study_file.load(finished.parent / "stored.yaml")
    said = deviations(study_paths(Store.here(finished), study), study)
    assert changed_settings(said) == NEW_TEST
    assert said[0].startswith("test was changed from permutation tests with the Holm adjustment to f test with the ")


def test_a_change_of_a_study_of_an_older_schema_is_a_deviation(finished):
    study = study_file.load(finished.parent / "stored.yaml", ["analysis.margin=0.1", "data.digits=2"])
    said = deviations(study_paths(Store.here(finished), study), study)
    assert sorted(changed_settings(said)) == sorted(["base.data.digits", "analysis.margin", *NEW_TEST])


def test_a_change_is_added_to_the_plan_of_an_older_schema(finished):
    file, paths = finished.parent / "stored.yaml", Store.here(finished).study("stored")
    before = json.loads(paths.plan.read_text())
    ablate("run", file, "--store", finished, "--set", "analysis.margin=0.1")
    after = json.loads(paths.plan.read_text())
    assert (after["plan"], after["digest"]) == (before["plan"], before["digest"])
    changes = [change["setting"] for change in after["changes"] if not change["is_new_setting"]]
    assert sorted(changes) == sorted(["analysis.margin", *NEW_TEST])
    ablate("run", file, "--store", finished, "--set", "analysis.margin=0.1")
    assert json.loads(paths.plan.read_text()) == after


def test_an_interrupted_study_goes_on_and_keeps_what_it_had(half):
    records = set(half.glob("studies/*/runs/*/record.json"))
    assert len(records) == 4
    options = ("--set", "probes=none", "--workers", 1, *ANY_FRAME)
    output = ablate("run", half.parent / "half.yaml", "--store", half, *options)
    assert ended_runs(output) == 10
    assert len(trained_since(half, records)) == 6


def test_the_books_of_an_interrupted_study_agree_in_the_end(half):
    ablate("run", half.parent / "half.yaml", "--store", half, "--set", "probes=none", "--workers", 1)
    study, store = study_file.load(half.parent / "half.yaml"), Store.here(half)
    ids = {run.id for run in study.planned_runs}
    trials = optuna.load_study(study_name="half", storage=store.optuna_url).get_trials()
    assert sorted(trial.user_attrs["run"] for trial in trials if trial.state.name in ("COMPLETE", "PRUNED")) == sorted(
        ids
    )
    client = MlflowClient(store.mlflow_url)
    experiment = client.get_experiment_by_name("half")
    assert experiment is not None
    shown = [
        run
        for role in ("role", "ablate.role")  # the first is that of older versions
        for run in client.search_runs([experiment.experiment_id], f"tags.`{role}` = 'run' and status = 'FINISHED'")
    ]
    assert len(shown) == len(ids)
    assert set(study_table(study, study_paths(store, study)).runs["outcome"]) == {"finished"}


def test_a_stored_network_is_probed_by_its_label_and_by_its_identity(finished):
    study, store = study_file.load(finished.parent / "stored.yaml"), Store.here(finished)
    paths = study_paths(store, study)
    run_id = study.planned_runs[0].id
    for name in (run_id, paths.run(run_id).folder.name):
        assert "logged to run" in ablate("probe", name, "--store", finished, "--clips", 2)


def test_a_stored_network_of_an_interrupted_study_is_probed(half):
    label = next((half / "studies" / "half" / "runs").iterdir()).name
    assert "written: " in ablate("probe", label, "--store", half, "--clips", 2)


def test_an_interrupted_study_is_reported(half):
    ablate("report", half.parent / "half.yaml", "--store", half, *ANY_FRAME)
    counts = pd.read_csv(half / "studies" / "half" / "runs.csv")["outcome"].value_counts()
    assert (counts.pop("missing"), counts.sum()) == (6, 4)
    assert set(counts.index) <= {"finished", "unmeasurable"}


@pytest.mark.parametrize(("name", "study"), [("finished", "stored"), ("half", "half")])
def test_both_servers_open_an_older_store(name, study, tmp_path):
    store = unpacked(name, tmp_path)
    with ui.servers(Store.here(store), study_file.load(store.parent / f"{study}.yaml")) as pages:
        assert pages.named.keys() == {"MLflow, runs", "MLflow, results", "Optuna dashboard"}


def test_a_record_of_another_run_is_refused_in_an_older_store(finished):
    first, second = folders_of(finished)[:2]
    shutil.copy(first / "record.json", second / "record.json")
    assert_report_refuses(finished, f"its run.yaml is not that of run {first.name}")


def test_an_older_study_file_gives_one_warning(tmp_path):
    file = shutil.copy(STORED / "studies_schema_1" / "quick.yaml", tmp_path)
    with pytest.warns(OldNamesWarning, match="'canvas' is 'frame_size' now") as warned:
        study_file.load(Path(file))
    assert len(warned) == 1


def test_a_run_of_an_older_version_is_shown_and_not_counted(finished, monkeypatch):
    removal = schema.Removal("model.initialization", default="torch")
    monkeypatch.setitem(schema.STEPS, 3, schema.Step(run=(removal,)))
    study, store = (
        study_file.load(STORED.parent.parent / "studies" / "quick.yaml", ["name=stored"]),
        Store.here(finished),
    )
    paths = study_paths(store, study)
    assert len(paths.older_runs) == 10
    table = study_table(study, paths)
    assert set(table.runs["outcome"]) == {"missing"}
    assert (
        "10 stored runs are of an older version and not counted: "
        in outcomes(table.runs.assign(response=float("nan")), {}, table.older_runs).older_sentence
    )


def folders_of(store):
    return sorted((store / "studies" / "stored" / "runs").iterdir())


def assert_report_refuses(finished, words):
    result = CliRunner().invoke(app, ["report", str(finished.parent / "stored.yaml"), "--store", str(finished)])
    assert isinstance(result.exception, DataError)
    assert words in str(result.exception)


def test_a_damaged_record_of_schema_1_is_refused_and_not_trained_again(finished):
    record = folders_of(finished)[0] / "record.json"
    record.write_text(record.read_text().replace('"outcome"', '"outcnme"'))
    assert_report_refuses(finished, f"{record.parent}: this run's record is damaged")


@pytest.mark.parametrize("damage", ["missing", "flipped", "of another run"])
def test_a_run_yaml_of_schema_1_that_is_not_that_of_its_record_is_refused(finished, damage):
    first, second = folders_of(finished)[:2]
    if damage == "missing":
        (first / "run.yaml").unlink()
    elif damage == "flipped":
        (first / "run.yaml").write_text((first / "run.yaml").read_text().replace("steps: 30", "steps: 31"))
    else:
        shutil.copy(second / "run.yaml", first / "run.yaml")
    assert_report_refuses(finished, str(first))


def test_a_folder_of_schema_1_may_have_any_name(finished):
    first = folders_of(finished)[0]
    first.rename(first.with_name("my best run"))
    study = study_file.load(finished.parent / "stored.yaml")
    table = study_table(study, study_paths(Store.here(finished), study))
    assert set(table.runs["outcome"]) == {"finished"}


def test_a_folder_without_a_run_is_ignored(finished):
    (folders_of(finished)[0].parent / "notes").mkdir()
    assert "report: " in ablate("report", finished.parent / "stored.yaml", "--store", finished)
