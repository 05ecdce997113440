import subprocess
import sys

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from rich.console import Console
from typer.testing import CliRunner

from ablate.cli import app
from ablate.commands.logged_models import log_models
from ablate.commands.report import analyzed
from ablate.components.data.batches import as_video
from ablate.core.errors import AblateError, DataError
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.execution.tracking.mlflow_models import log_model, save_model
from ablate.execution.train_and_score import carry_out
from ablate.storage.records import RunRecord
from ablate.training.checkpoint import restore


@pytest.fixture
def trained(store, small_study):
    """Return a function that trains a run of the small study, and gives its files."""

    def train(position=0, **changes):
        planned_run = small_study(**changes).planned_runs[position]
        paths = store.study("small").run(planned_run.id)
        carry_out(planned_run, paths, lambda *_: None)
        return paths

    return train


def histories(paths, clips):
    """Return clips that neither the training nor the export has seen."""
    run, _ = restore(paths)
    frames = run.data.build(seed=7).held_out(clips, run.evaluation.context)
    return as_video(torch.from_numpy(frames))


def forecast(paths, history):
    run, model = restore(paths)
    with torch.no_grad():
        return model.forecast(history, run.evaluation.horizon)


@pytest.mark.slow
@pytest.mark.parametrize("clips", [1, 5])
def test_a_model_gives_the_forecast_of_its_checkpoint_for_any_batch(trained, tmp_path, clips):
    paths = trained()
    save_model(paths, tmp_path / "model")
    model = mlflow.pytorch.load_model(str(tmp_path / "model"))
    history = histories(paths, clips)
    with torch.no_grad():
        assert torch.allclose(model(history), forecast(paths, history), rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        {"kind": "encoder_forecaster"},
        {"kind": "convlstm", "layers": 1, "filters": 2, "normalization": {"kind": "batch"}, "peepholes": True},
        {"kind": "persistence"},
    ],
    ids=["encoder", "batch normalization", "without weights"],
)
def test_other_networks_are_models_too(trained, small_study, tmp_path, model):
    base = small_study().base.model_dump(mode="json", exclude={"seed"}) | {"model": model}
    if model["kind"] == "encoder_forecaster":
        base["training"]["scheme"] = {"kind": "rollout", "context": 3, "horizon": 3}
    paths = trained(base=base, factors={"training.steps": [2, 3]})
    save_model(paths, tmp_path / "model")
    loaded = mlflow.pytorch.load_model(str(tmp_path / "model"))
    history = histories(paths, 3)
    with torch.no_grad():
        assert torch.allclose(loaded(history), forecast(paths, history), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_model_has_a_signature_an_example_and_no_pickle_and_loads_without_this_package(trained, tmp_path):
    paths = trained()
    save_model(paths, tmp_path / "model")
    description = mlflow.models.get_model_info(str(tmp_path / "model"))
    (history,), (frames,) = description.signature.inputs, description.signature.outputs
    evaluation = restore(paths)[0].evaluation
    size = restore(paths)[0].data.frame_size
    assert history.shape == (-1, evaluation.context, 1, size, size)
    assert frames.shape == (-1, evaluation.horizon, 1, size, size)
    code = f"""
import sys
sys.modules["ablate"] = None
import mlflow
folder = {str(tmp_path / "model")!r}
example = mlflow.models.Model.load(folder).load_input_example(folder)
print(*example.shape, *mlflow.pyfunc.load_model(folder).predict(example).shape)
"""
    environment = {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    sizes = [2, evaluation.context, 1, size, size, 2, evaluation.horizon, 1, size, size]
    assert list(map(int, done.stdout.split())) == sizes


def test_a_folder_with_content_is_left_alone(trained, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="found a file or a folder with content; give the name of a new folder"):
        save_model(trained(), tmp_path)
    assert [file.name for file in tmp_path.iterdir() if file.name == "file"]


def test_a_network_that_cannot_be_exported_leaves_nothing(trained, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr("torch.export.export", refuse)
    with pytest.raises(AblateError, match=r"cannot be exported by torch .* \(RuntimeError: no such operator\)"):
        save_model(trained(), tmp_path / "out" / "model")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_model_of_one_batch_size_is_not_written(trained, tmp_path, monkeypatch):
    def guarded(history):
        raise AssertionError(f"Guard failed: history.size()[0] == 2, not {len(history)}")

    monkeypatch.setattr("mlflow.pytorch.load_model", lambda _: guarded)
    with pytest.raises(AblateError, match=r"takes no batch of another size than 2 \(Guard failed: .*, not 3\)"):
        save_model(trained(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_model_of_other_numbers_is_not_written(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("mlflow.pytorch.load_model", lambda _: torch.zeros_like)
    with pytest.raises(AblateError, match=r"forecasts other frames than its checkpoint"):
        save_model(trained(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_the_command_writes_a_model_and_says_how_to_load_it(trained, store, tmp_path):
    paths = trained()
    command = ["export", "model", paths.folder.name, str(tmp_path / "model"), "--store", str(store.root)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "mlflow.pytorch.load_model('" in result.output
    assert (tmp_path / "model" / "MLmodel").exists()


def test_a_run_that_is_not_there_has_no_model(store, tmp_path):
    result = CliRunner().invoke(app, ["export", "model", "nowhere", str(tmp_path / "m"), "--store", str(store.root)])
    assert isinstance(result.exception, DataError)
    assert result.exception.exit_code == 2


@pytest.fixture
def finished(store, small_study, made_record):
    """Return a function that finishes runs of the small study with responses of one's choice."""

    def finish(responses, train=None, **changes):
        study = small_study(**changes)
        tracker, paths = MLflowTracker(store), store.study(study.name)
        tracker.open(study)
        for position, response in responses.items():
            planned_run = study.planned_runs[position]
            files = paths.run(planned_run.id)
            if train is not None:
                train(position)
            made_record(planned_run, response).save(files)
            tracker.finish(tracker.start(planned_run, position), RunRecord.load(files, planned_run.id), files)
        return study, paths

    return finish


@pytest.mark.parametrize(("asked_for", "chosen"), [("none", []), ("best", [3]), ("cell", [0, 3])])
def test_the_best_networks_are_logged(finished, store, monkeypatch, asked_for, chosen):
    study, paths = finished({0: 0.2, 1: 0.3, 2: 0.5, 3: 0.1}, log_models=asked_for)
    logged = []
    monkeypatch.setattr("ablate.commands.logged_models.log_model", lambda *arguments: logged.append(arguments[2]))
    log_models(study, analyzed(study, store, paths), store, paths, Console(quiet=True))
    assert logged == [study.planned_runs[position].id for position in chosen]


def test_a_network_that_cannot_be_logged_is_reported(finished, store, capsys):
    study, paths = finished({0: 0.2}, log_models="best")
    log_models(study, analyzed(study, store, paths), store, paths, Console(width=400))
    assert "baseline, seed 0 has no model in MLflow: " in capsys.readouterr().out


@pytest.mark.slow
def test_a_logged_model_belongs_to_its_run_loads_by_its_address_and_is_logged_once(finished, trained, store):
    study, paths = finished({0: 0.2}, train=trained)
    files = paths.run(study.planned_runs[0].id)
    models = {log_model(store, study.name, study.planned_runs[0].id, files) for _ in range(2)}
    (id_,) = models
    assert id_ is not None
    client = MlflowClient(store.mlflow_url)
    model = client.get_logged_model(id_)
    outputs = client.get_run(str(model.source_run_id)).outputs
    assert outputs is not None
    (output,) = outputs.model_outputs
    assert (output.model_id, str(model.status)) == (id_, "READY")
    loaded = mlflow.pytorch.load_model(model.artifact_location)
    history = histories(files, 3)
    with torch.no_grad():
        assert torch.allclose(loaded(history), forecast(files, history), rtol=0, atol=1e-5)


def test_a_run_that_mlflow_does_not_show_gets_no_model(store, small_study):
    study = small_study()
    MLflowTracker(store).open(study)
    run_id = study.planned_runs[0].id
    assert log_model(store, study.name, run_id, store.study(study.name).run(run_id)) is None
    assert log_model(store, "another", run_id, store.study("another").run(run_id)) is None
