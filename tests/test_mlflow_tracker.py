import json
import subprocess
import sys
from dataclasses import replace

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from ablate.core.errors import AblateError, DataError
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.execution.tracking.mlflow_book import study_and_run
from ablate.execution.tracking.mlflow_experiment import study_addresses
from ablate.execution.tracking.mlflow_findings import log_findings
from ablate.execution.tracking.run_description import commit
from ablate.storage.findings import Finding, MetricChange
from ablate.storage.paths import Store
from ablate.storage.records import SCORE_COLUMNS, RunRecord


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One store for all tests, since MLflow takes seconds to make a database; every test has its own study."""
    return Store(tmp_path_factory.mktemp("store of all"))


@pytest.fixture
def client(store):
    return MlflowClient(f"sqlite:///{store.mlflow_database}")


@pytest.fixture
def study(small_study, request):
    name = request.node.name.partition("[")[0].removeprefix("test_").replace("_", "-")
    return small_study(name=name[:60])


@pytest.fixture
def tracker(store, study):
    tracker = MLflowTracker(store)
    tracker.open(study)
    return tracker


@pytest.fixture
def finished(store, study, tracker, made_record, client):
    """Return a function that finishes the study's first point with a record of one's choice, and reads the run."""

    def finish(change=lambda record: record):
        planned_run = study.planned_runs[0]
        paths = store.study(study.name).run(planned_run.id)
        record = change(made_record(planned_run))
        record.save(paths)
        paths.frame_grid("rollout").write_bytes(b"\x89PNG")
        run_id = tracker.start(planned_run, 0)
        tracker.finish(run_id, record, paths)
        return client.get_run(run_id)

    return finish


def with_scores(rows):
    def change(record):
        scores = pd.DataFrame(rows, columns=SCORE_COLUMNS)
        return RunRecord(record.run, record.outcome, scores, record.curve, record.examples, record.facts)

    return change


def experiment(client, study):
    return client.get_experiment_by_name(study.name)


def test_runs_are_children_of_the_study_with_short_names(finished, client, study):
    run = finished()
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["ablate.role"] == "study"
    assert parent.info.run_name == study.name
    assert run.info.run_name == "base · s0"
    assert run.data.tags["ablate.title"] == study.planned_runs[0].title


def test_every_tag_of_this_project_has_its_prefix(finished, client):
    run = finished()
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    for tags in (run.data.tags, parent.data.tags):
        assert {key.partition(".")[0] for key in tags} == {"ablate", "mlflow"}


def test_factors_cell_and_seed_are_tags(finished):
    tags = finished().data.tags
    assert (tags["ablate.factor.model.activation"], tags["ablate.cell"], tags["ablate.seed"]) == ("tanh", "base", "0")


def test_the_resolved_run_and_its_levels_are_parameters(finished):
    params = finished().data.params
    assert params["model.kernel_size"] == "3"
    assert params["training.optimizer.learning_rate"] == "0.001"
    assert params["evaluation.views.rollout.forecast"] == "rollout"
    assert params["seed"] == "0"
    assert params["factor.model.activation"] == "tanh"


def test_a_very_long_setting_is_cut_to_what_mlflow_takes(tracker, small_study, client):
    planned_run = replace(small_study().planned_runs[0], levels={"model.activation": "x" * 7000})
    run_id = tracker.start(planned_run, 0)
    assert client.get_run(run_id).data.params["factor.model.activation"] == "x" * 6000


def test_means_leave_out_what_is_undefined(finished):
    rows = [("rollout", 0, 1, "psnr", 0.2), ("rollout", 0, 2, "psnr", None), ("rollout", 1, 1, "psnr", 0.4)]
    rows += [("rollout", 0, 1, "trail_decay", None)]
    metrics = finished(with_scores(rows)).data.metrics
    assert metrics["rollout/psnr"] == pytest.approx(0.3)
    assert "rollout/trail_decay" not in metrics


def test_the_metric_of_the_response_is_a_chart_over_forecast_steps(finished, client):
    rows = [("rollout", clip, step, "ghost_ratio", step * 10 + clip) for clip in (0, 2) for step in (1, 2, 3)]
    run = finished(with_scores(rows))
    history = client.get_metric_history(run.info.run_id, "rollout_per_step/ghost_ratio")
    assert [(metric.step, metric.value) for metric in history] == [(1, 11), (2, 21), (3, 31)]


def test_other_metrics_by_step_and_other_views_are_in_a_file_alone(finished, client, tmp_path):
    rows = [("rollout", 0, step, name, step / 10) for name in ("ghost_ratio", "mse") for step in (1, 2)]
    rows += [("one_step", 0, step, name, step / 5) for name in ("ghost_ratio", "mse") for step in (1, 2)]
    run = finished(with_scores(rows))
    assert run.data.metrics["rollout/mse"] == pytest.approx(0.15)
    assert run.data.metrics["ghost_ratio_by_view/one_step"] == pytest.approx(0.3)
    assert not {"rollout_per_step/mse", "one_step/mse", "one_step/ghost_ratio"} & run.data.metrics.keys()
    table = pd.read_csv(client.download_artifacts(run.info.run_id, "metrics.csv", str(tmp_path)))
    means = table.set_index(["view", "metric"])["mean"]
    assert list(means["one_step", "mse"]) == pytest.approx([0.3, 0.2, 0.4])
    assert list(table["step"].dropna()) == [1, 2] * 4


def test_the_trail_is_one_metric_whose_steps_are_lags(finished, client):
    rows = [("rollout", clip, 1, f"trail_lag_0{lag}", lag * 10 + clip) for clip in (0, 2) for lag in (1, 2, 3)]
    run = finished(with_scores(rows))
    history = client.get_metric_history(run.info.run_id, "rollout_trail/by_lag")
    assert [(metric.step, metric.value) for metric in history] == [(1, 11), (2, 21), (3, 31)]
    assert not any("trail_lag" in key for key in run.data.metrics)


def test_more_numbers_than_one_batch_holds_all_arrive(finished, client):
    rows = [("rollout", 0, step, "ghost_ratio", step) for step in range(1, 1203)]
    run = finished(with_scores(rows))
    assert len(client.get_metric_history(run.info.run_id, "rollout_per_step/ghost_ratio")) == 1202


def test_the_response_is_a_metric_of_its_own(finished):
    assert finished().data.metrics["response"] == pytest.approx(0.25)


def test_frames_are_steps_of_one_picture(finished, client):
    run = finished()
    images = [file.path for file in client.list_artifacts(run.info.run_id, "images") if file.path.endswith(".png")]
    assert len(images) == 3
    assert "mlflow.loggedImages" in run.data.tags


def test_facts_are_metrics_where_they_are_numbers_and_tags_where_not(finished):
    run = finished()
    assert (run.data.metrics["seconds"], run.data.metrics["parameters"]) == (1.5, 10)
    assert run.data.tags["ablate.device"] == "cpu"


def test_the_response_is_listed_first_and_a_run_has_few_metrics(finished):
    names = list(finished().data.metrics)
    assert next(name for name in names if not name.startswith("curves/")) == "response"
    assert len(names) < 30


def test_a_curve_nobody_watched_is_logged_at_the_end(finished, client):
    history = client.get_metric_history(finished().info.run_id, "curves/held_out_loss")
    assert [(metric.step, metric.value) for metric in history] == [(2, 0.6), (4, 0.5)]


def test_a_long_run_shows_its_curve_while_it_trains(tracker, study, made_record, client, monkeypatch):
    monkeypatch.setattr("ablate.execution.tracking.mlflow.CURVE_SECONDS", 0.0)
    planned_run = study.planned_runs[0]
    run_id = tracker.start(planned_run, 0)
    tracker.curve(run_id, made_record(planned_run).curve)
    assert [metric.value for metric in client.get_metric_history(run_id, "curves/loss")] == [0.5, 0.4]


def test_a_curve_that_was_watched_is_not_logged_twice(tracker, study, store, made_record, client):
    planned_run = study.planned_runs[0]
    record, paths = made_record(planned_run), store.study(study.name).run(planned_run.id)
    record.save(paths)
    run_id = tracker.start(planned_run, 0)
    tracker.curve(run_id, record.curve)
    tracker.finish(run_id, record, paths)
    assert len(client.get_metric_history(run_id, "curves/loss")) == 2


def test_the_files_of_a_run_are_its_artifacts(finished, client):
    names = {file.path for file in client.list_artifacts(finished().info.run_id)}
    assert {"record.json", "scores.parquet", "curve.csv", "frames_rollout.png"} <= names


def test_what_a_killed_writer_left_half_written_is_no_artifact(finished, client, study, store):
    folder = store.study(study.name).run(study.planned_runs[0].id).folder
    folder.mkdir(parents=True)
    (folder / ".scores.parquet.0f3a").write_text("half")
    names = {file.path for file in client.list_artifacts(finished().info.run_id)}
    assert "scores.parquet" in names
    assert not [name for name in names if name.startswith(".")]


def test_the_description_begins_with_the_finding_and_shows_the_frames(finished):
    run = finished()
    finding, *rest = run.data.tags["mlflow.note.content"].split("\n\n")
    assert finding == "**Ghost ratio: 0.25** (ratio), view `rollout`"
    assert rest[0] == f"![rollout](get-artifact?run_uuid={run.info.run_id}&path=frames_rollout.png)"
    assert "| signal_retention | 0.8 | 0.8 |" in rest[-1]


def test_an_unmeasurable_run_has_no_metric_that_sorts_and_says_why(finished):
    rows = [("rollout", clip, 1, "ghost_ratio", -1.0 if clip == 0 else None) for clip in range(4)]
    rows += [("rollout", clip, 1, "mse", 40.0) for clip in range(4)]
    run = finished(with_scores(rows))
    assert run.data.tags["ablate.outcome"] == "unmeasurable"
    assert run.data.tags["ablate.reason"].startswith("the ghost ratio is defined in 25 % of its frames (1 of 4)")
    assert not {"response", "rollout/ghost_ratio", "rollout_per_step/ghost_ratio"} & run.data.metrics.keys()
    assert run.data.metrics["response_defined_share"] == 0.25
    assert run.data.metrics["rollout/mse"] == 40.0
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("**Unmeasurable**: the ghost ratio is defined in 25 % of its frames")
    assert "| ghost_ratio | unmeasurable (defined in 25 % of the frames) |" in note.replace(" undefined |", "")


def test_a_mean_over_some_frames_says_so_in_the_description(finished):
    rows = [("rollout", clip, 1, "ghost_ratio", 0.2 if clip else None) for clip in range(4)]
    note = finished(with_scores(rows)).data.tags["mlflow.note.content"]
    assert note.startswith("**Ghost ratio: 0.2** (ratio), view `rollout`, defined in 75 % of the frames")
    assert "| ghost_ratio | 0.2 (defined in 75 % of the frames)" in note


def test_the_data_is_a_dataset_by_kind_and_digest(finished):
    (used,) = finished().inputs.dataset_inputs
    assert used.dataset.name == "moving_mnist"
    assert len(used.dataset.digest) == 16


def test_a_failed_run_keeps_its_log_and_says_why(tracker, study, store, client):
    paths = store.study(study.name).run(study.planned_runs[0].id)
    paths.folder.mkdir(parents=True)
    paths.log.write_text("Traceback")
    run_id = tracker.start(study.planned_runs[0], 0)
    tracker.fail(run_id, "ValueError: planned", paths)
    assert [file.path for file in client.list_artifacts(run_id)] == ["error.log"]
    tags = client.get_run(run_id).data.tags
    assert (tags["ablate.error"], tags["mlflow.note.content"]) == (
        "ValueError: planned",
        "**Failed**: ValueError: planned",
    )


def test_the_report_belongs_to_the_parent_run(tracker, study, store, client):
    paths = store.study(study.name)
    paths.folder.mkdir(parents=True)
    paths.report_html.write_text("<html>")
    tracker.close(paths, "the kernels", complete=True)
    (parent,) = client.search_runs([experiment(client, study).experiment_id], "tags.`ablate.role` = 'study'")
    assert [file.path for file in client.list_artifacts(parent.info.run_id)] == ["report.html"]


@pytest.mark.usefixtures("tracker")
def test_artifacts_stay_in_the_store_whatever_the_current_folder(client, study, store):
    location = experiment(client, study).artifact_location
    assert location == (store.mlflow_artifacts / study.name).as_uri()


@pytest.mark.usefixtures("tracker")
def test_a_deleted_experiment_comes_back(client, study, store):
    client.delete_experiment(experiment(client, study).experiment_id)
    MLflowTracker(store).open(study)
    assert experiment(client, study).lifecycle_stage == "active"


def test_the_users_own_mlflow_is_left_alone(finished):
    before = mlflow.get_tracking_uri()
    finished()
    assert mlflow.get_tracking_uri() == before
    assert mlflow.active_run() is None


@pytest.mark.usefixtures("tracker")
def test_the_experiment_has_an_address_that_opens_its_table(store, study, client):
    uri = f"sqlite:///{store.mlflow_database}"
    id_ = experiment(client, study).experiment_id
    (parent,) = client.search_runs([id_])
    shown = study_addresses(uri, study)
    assert shown.runs == f"{uri}/#/experiments/{id_}/runs?workflowType=machine_learning&viewStateShareKey=ablate"
    assert shown.parent == f"{uri}/#/experiments/{id_}/runs/{parent.info.run_id}?workflowType=machine_learning"


@pytest.mark.usefixtures("tracker")
def test_the_table_has_factors_seed_response_and_quality_and_begins_with_the_best(study, client):
    view = json.loads(experiment(client, study).tags["mlflow.sharedViewState.ablate"])
    assert view["selectedColumns"] == [
        "params.`state_kernel_size`",
        "params.`activation`",
        "params.`seed`",
        "metrics.`response`",
        "metrics.`rollout/signal_retention`",
        "metrics.`rollout/mse`",
        "metrics.`rollout/ssim`",
        "tags.`ablate.outcome`",
    ]
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`response`", True)


def test_the_columns_of_the_table_are_there(finished, study, client):
    run = finished()
    view = json.loads(experiment(client, study).tags["mlflow.sharedViewState.ablate"])
    names = {f"params.`{name}`" for name in run.data.params} | {f"metrics.`{name}`" for name in run.data.metrics}
    names |= {f"tags.`{name}`" for name in run.data.tags}
    assert set(view["selectedColumns"]) - names <= {"metrics.`rollout/mse`", "metrics.`rollout/ssim`"}  # not measured


@pytest.mark.usefixtures("tracker")
def test_a_store_of_an_older_version_shows_the_columns_that_its_runs_have(store, study, client):
    client.create_run(experiment(client, study).experiment_id, tags={"role": "run"})
    MLflowTracker(store).open(study)
    view = json.loads(experiment(client, study).tags["mlflow.sharedViewState.ablate"])
    assert view["selectedColumns"][0] == "params.`factor.model.state_kernel_size`"


@pytest.mark.usefixtures("tracker")
def test_an_experiment_of_an_older_version_gets_its_table_when_it_is_opened(store, study, client):
    client.delete_experiment_tag(experiment(client, study).experiment_id, "mlflow.sharedViewState.ablate")
    assert study_addresses(f"sqlite:///{store.mlflow_database}", study).runs.endswith("&viewStateShareKey=ablate")
    assert "mlflow.sharedViewState.ablate" in experiment(client, study).tags


@pytest.mark.usefixtures("tracker")
def test_a_study_that_never_ran_has_no_address(store, small_study):
    with pytest.raises(AblateError, match="no study 'other' has been run"):
        study_addresses(f"sqlite:///{store.mlflow_database}", small_study(name="other"))


def test_a_file_that_is_no_database_is_named(tmp_path, study):
    (tmp_path / "mlflow.db").write_text("not a database, and long enough to be taken for one" * 100)
    with pytest.raises(
        AblateError, match=r"mlflow\.db cannot be used .* move it away; then give the same command again"
    ):
        MLflowTracker(Store(tmp_path)).open(study)


def git(folder, *arguments):
    return run("git", "-C", str(folder), *arguments).stdout


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True)  # written in this file


def test_a_new_store_is_made_in_silence(tmp_path):
    code = f"""
from pathlib import Path
from ablate.storage.paths import Store
from ablate.study import StudySpec
from ablate.execution.tracking.mlflow import MLflowTracker
study = dict(name="a", question="b", seeds=[0], factors={{"training.steps": [1, 2]}})
MLflowTracker(Store(Path({str(tmp_path)!r}))).open(StudySpec.model_validate(study))
"""
    done = run(sys.executable, "-c", code)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_commit_is_known_in_a_checkout_alone(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "file.py").touch()
    (tmp_path / "installed").mkdir()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "package")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first")
    assert commit(tmp_path / "package") == git(tmp_path, "rev-parse", "HEAD").strip()
    assert commit(tmp_path / "installed") is None


PROBED = Finding(
    probe="memory",
    title="What the cell remembers",
    intervention="Reset it.",
    sentences=("It went.",),
    numbers={"share": 0.5, "leaks": True, "worst layer": "layers.0", "unknown": float("nan")},
    changes=(MetricChange("decayed by 50 %", "ghost_ratio", 0.3, 0.1, -0.2, -0.25, -0.15, 8),),
)


def probed(run, store, study):
    """Log findings to a finished run, and return the id of the run they went to."""
    paths = store.study(study.name).run(run.data.tags["ablate.run"])
    for file in (paths.findings, paths.findings_page):
        file.write_text("found")
    return log_findings(store, study.name, run.data.tags["ablate.run"], [PROBED], paths)


def test_findings_become_metrics_of_the_run_that_was_probed(finished, store, study, client):
    run = finished()
    metrics = client.get_run(probed(run, store, study)).data.metrics
    told = {name: value for name, value in metrics.items() if name.startswith("probe/")}
    assert told == {
        "probe/memory/share": 0.5,
        "probe/memory/leaks": 1.0,
        "probe/memory/decayed by 50 _/ghost_ratio": -0.2,
    }


def test_findings_are_artifacts_of_the_run(finished, store, study, client):
    run_id = probed(finished(), store, study)
    assert {"probes.json", "probes.html"} <= {file.path for file in client.list_artifacts(run_id)}


@pytest.mark.usefixtures("tracker")
def test_findings_of_a_point_that_no_run_shows_are_logged_nowhere(store, study):
    paths = store.study(study.name).run(study.planned_runs[1].id)
    assert log_findings(store, study.name, study.planned_runs[1].id, [PROBED], paths) is None


def test_a_run_is_known_by_its_study_and_run(finished, store, study):
    assert study_and_run(store, finished().info.run_id) == (study.name, study.planned_runs[0].id)


def test_the_run_of_a_whole_study_is_no_net(finished, store):
    with pytest.raises(DataError, match="whole study"):
        study_and_run(store, finished().data.tags["mlflow.parentRunId"])


@pytest.mark.usefixtures("tracker")
def test_a_run_that_is_not_there_is_told_with_its_database(store):
    with pytest.raises(DataError, match=r"no run 'nowhere' in .*mlflow\.db"):
        study_and_run(store, "nowhere")
