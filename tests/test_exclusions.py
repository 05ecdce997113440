"""Runs that a user excludes from the analysis: their file, the options of the command, and what shows them."""

import json
import shlex

import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from ablate.cli import app
from ablate.commands.exclusions import ExclusionOptions, requested_exclusions
from ablate.core.errors import DataError, SpecError
from ablate.storage.exclusions import Exclusion, add_exclusions, excluded_runs, exclusion_chain, exclusions
from ablate.storage.paths import Store
from ablate.storage.records import RecordHead
from ablate.study import StudySpec
from tests.conftest import SMALL_BASE


@pytest.fixture
def paths(store):
    return store.study("small")


def exclusion(run, change="exclude", because="a bad node"):
    return Exclusion(run, "a title", change, because, "2026-01-01 10:00 UTC", 1)


def test_the_latest_line_of_a_run_counts(paths):
    add_exclusions(paths, [exclusion("a"), exclusion("b")])
    add_exclusions(paths, [exclusion("a", "include"), exclusion("b", because="another reason")])
    assert excluded_runs(paths) == {"b": "another reason"}
    assert [line.run for line in exclusions(paths)] == ["a", "b", "a", "b"]


def test_lines_are_only_added(paths):
    add_exclusions(paths, [exclusion("a")])
    first = paths.exclusions.read_text()
    add_exclusions(paths, [exclusion("a", "include")])
    assert paths.exclusions.read_text().startswith(first)


def test_every_line_lengthens_the_chain_and_keeps_its_links(paths):
    assert exclusion_chain(paths) == ()
    add_exclusions(paths, [exclusion("a")])
    (first,) = exclusion_chain(paths)
    add_exclusions(paths, [exclusion("b")])
    assert exclusion_chain(paths)[0] == first
    assert len(set(exclusion_chain(paths))) == 2


@pytest.mark.parametrize("damage", [b"{}\n", b"\xff\n", b'{"run": "a"}\n', b"exclude a\n"])
def test_a_damaged_file_is_refused_and_not_taken_for_no_exclusions(paths, damage):
    paths.folder.mkdir(parents=True)
    paths.exclusions.write_bytes(damage)
    with pytest.raises(DataError, match=r"exclusions\.jsonl is damaged"):
        excluded_runs(paths)


def requested(study, paths, exclude=(), include=(), because=("why",)):
    return requested_exclusions(ExclusionOptions(exclude, include, because), study, paths)


@pytest.mark.parametrize(
    "name", [lambda id_: id_, lambda id_: id_[:8], lambda id_: f"mlruns/studies/small/runs/{id_}/"]
)
def test_a_run_is_named_by_its_id_its_beginning_or_its_folder(small_study, paths, name):
    study = small_study()
    run = study.planned_runs[5]
    (exclusion,) = requested(study, paths, [name(run.id)])
    assert (exclusion.run, exclusion.title, exclusion.because) == (run.id, run.title, "why")


def test_an_unknown_run_is_refused_with_the_closest_ids(small_study, paths):
    run = small_study().planned_runs[3]
    wrong = run.id[:-2] + "zz"
    with pytest.raises(SpecError, match=rf"has no run '{wrong}'; closest: {run.id} \({run.title}\), "):
        requested(small_study(), paths, [wrong])


def test_a_beginning_of_two_ids_is_refused(small_study, paths):
    study = small_study(seeds=20)
    with pytest.raises(SpecError, match=r"runs begin with '\w'.*give more characters"):
        requested(study, paths, [study.planned_runs[0].id[0]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exclude": [0], "because": ()}, "need a reason"),
        ({"because": ("why",)}, "add --exclude RUN"),
        ({"exclude": [0], "because": ("  ",)}, "found 0 characters"),
        ({"exclude": [0], "because": ("x" * 501,)}, "found 501 characters"),
        ({"exclude": [0, 1, 2], "because": ("a", "b")}, "2 reasons for 3 runs"),
        ({"exclude": [0], "include": [1], "because": ("a", "b")}, "in two commands"),
        ({"exclude": [0, 0]}, "named twice"),
        ({"include": [0]}, "is not excluded; excluded are: none"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(small_study, paths, options, message):
    ids = [run.id for run in small_study().planned_runs]
    named = {key: [ids[at] for at in options.get(key, ())] for key in ("exclude", "include")}
    with pytest.raises(SpecError, match=message):
        requested(small_study(), paths, **named, because=options.get("because", ("why",)))


def test_each_run_has_the_reason_at_its_place(small_study, paths):
    ids = [run.id for run in small_study().planned_runs[:2]]
    reasons = [exclusion.because for exclusion in requested(small_study(), paths, ids, because=("first", "second"))]
    assert reasons == ["first", "second"]


def test_an_exclusion_that_is_in_force_is_not_written_again(small_study, paths):
    run = small_study().planned_runs[0]
    add_exclusions(paths, requested(small_study(), paths, [run.id]))
    assert requested(small_study(), paths, [run.id]) == ()
    assert len(requested(small_study(), paths, [run.id], because=("another reason",))) == 1


STUDY = {
    "name": "small",
    "question": "Does the state kernel make a ghost?",
    "base": SMALL_BASE,
    "response": {"metric": "mse"},
    "factors": {"model.state_kernel_size": [1, 3]},
    "seeds": 2,
    "exploratory": True,
    "probes": "none",
}


@pytest.fixture
def ablate(tmp_path):
    """Return a function that runs a command on the small study in its store."""
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(STUDY))

    def ablate(command, *options):
        words = [command, str(file), "--store", str(tmp_path / "mlruns"), *options]
        result = CliRunner().invoke(app, [*words, *(["--workers", "1"] if command == "run" else [])])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    return ablate


def test_an_excluded_run_is_left_out_listed_and_marked_in_both_books(ablate, tmp_path):
    ablate("run")
    store = Store(tmp_path / "mlruns")
    paths = store.study("small")
    run_id = pd.read_csv(paths.runs_csv)["run_id"][1]
    record = paths.run(run_id).record.stat().st_mtime_ns
    output = ablate("run", "--exclude", run_id[:10], "--because", "the node was broken")
    sentence = f"({run_id}) was excluded from the analysis on "
    assert "Deviation from the preregistered plan: The run " in output
    assert sentence in output
    assert "3 of 3 runs have a result, 0 failed, 0 open, 1 more excluded" in output
    assert sentence in ablate("report")
    report = paths.report_markdown.read_text()
    assert "Finished: 3. Unmeasurable: 0. Diverged: 0. Failed: 0. Excluded: 1." in report
    assert "Reason: the node was broken" in paths.report_html.read_text()
    assert shlex.join(["--exclude", run_id, "--because", "the node was broken"]) in report
    rows = pd.read_csv(paths.runs_csv).set_index("run_id")
    assert rows["outcome"].to_dict() == {id_: "excluded" if id_ == run_id else "finished" for id_ in rows.index}
    assert rows["mse"].isna().to_dict() == {id_: id_ == run_id for id_ in rows.index}
    assert (len(json.loads(paths.report_json.read_text())["failed"]), record) == (
        1,
        paths.run(run_id).record.stat().st_mtime_ns,
    )
    assert marked(store) == ({run_id: "the node was broken"}, {run_id: "the node was broken"})
    output = ablate("run", "--include", run_id, "--because", "it was fine")
    assert "4 of 4 runs have a result, 0 failed, 0 open;" in output
    assert "was included in the analysis again on" in output
    assert marked(store) == ({}, {})


def test_a_plan_lists_exclusions(ablate, tmp_path):
    paths = Store(tmp_path / "mlruns").study("small")
    add_exclusions(paths, [exclusion(planned_ids()[0])])
    assert f"({planned_ids()[0]}) was excluded from the analysis on" in ablate("plan")


def marked(store):
    """Return the excluded runs with their reasons, as Optuna and as MLflow show them."""
    trials = optuna.load_study(study_name="small", storage=store.optuna_url)
    client = MlflowClient(store.mlflow_url)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.`ablate.excluded` LIKE '%'")
    return trials.user_attrs["excluded"], {
        run.data.tags["ablate.run"]: run.data.tags["ablate.excluded"] for run in runs
    }


def test_a_run_that_is_excluded_before_it_ran_is_not_trained(ablate, tmp_path):
    paths = Store(tmp_path / "mlruns").study("small")
    with pytest.raises(AssertionError):  # there is no table of ids yet: an unknown one names the closest
        ablate("run", "--exclude", "0" * 16, "--because", "why")
    assert not paths.folder.exists()
    output = ablate("run", "--exclude", planned_ids()[2], "--because", "too long")
    assert "3 of 3 runs have a result, 0 failed, 0 open, 1 more excluded" in output
    assert "Deviation" not in output
    assert "excluded from the analysis on" in output
    assert not paths.run(planned_ids()[2]).folder.exists()


def planned_ids():
    return [run.id for run in StudySpec.model_validate(STUDY).planned_runs]


def test_deleted_exclusions_and_a_changed_record_are_listed(ablate, tmp_path):
    ablate("run")
    paths = Store(tmp_path / "mlruns").study("small")
    first, second = (paths.run(id_) for id_ in planned_ids()[:2])
    ablate("run", "--exclude", first.folder.name, "--because", "why")
    paths.exclusions.unlink()
    assert "exclusions.jsonl was edited or removed" in ablate("report")
    head = json.loads(second.record.read_text())
    head["facts"]["seconds"] = 1.0
    write_again(second, head)
    assert f"({second.folder.name}) was changed after the run had ended" in ablate("report")
    assert f"({second.folder.name}) was changed after the run had ended" in ablate("run")
    optuna.delete_study(study_name="small", storage=Store(tmp_path / "mlruns").optuna_url)
    assert "its digest is not the one that MLflow recorded" in ablate("report")


def write_again(files, head):
    """Write a changed head of a record with a digest that matches it."""
    RecordHead(head["schema"], head["run"], head["outcome"], head["facts"], head["files"]).save(files)


def test_a_deleted_plan_is_listed_for_ever(ablate, tmp_path):
    ablate("run")
    paths = Store(tmp_path / "mlruns").study("small")
    paths.plan.unlink()
    changed = ("--set", "analysis.alpha=0.1")
    missing = "No preregistered plan was found, but the study has 4 runs on disk and entries in Optuna and MLflow."
    assert missing in ablate("report", *changed)
    for _ in range(2):
        output = ablate("run", *changed)
        assert missing in output
        assert "The plan was written on 20" in output
        assert "The preregistered plan was exchanged" in output
