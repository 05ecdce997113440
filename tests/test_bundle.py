"""A bundle holds what a report needs of every run, in few bytes, the same bytes for the same content."""

import hashlib
import json
import os
import zipfile
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet
from rich.console import Console

from ablate.commands.bundle import BundleOptions, bundle
from ablate.core.errors import DataError
from ablate.measurement.metrics import METRICS
from ablate.planning.preregistration import preregister
from ablate.storage.bundle_file import Bundle, write_bundle
from ablate.storage.paths import RunPaths, Store
from ablate.storage.records import SCORE_COLUMNS, RunRecord
from ablate.storage.reduction import reduced_scores
from ablate.study import study_file
from ablate.training.evaluation import score_table
from tests.contained import ablate

REPORTED = {"ghost_ratio", "signal_retention", "visible_share", "mse", "ssim"}
MOST_BYTES = 60_000  # of a run without frames
EVALUATIONS = {"quick.yaml": (48, 6, 2), "a large evaluation": (160, 10, 2)}
"""Clips, forecast steps and views."""


def scored(record, clips, steps, views=("one_step", "rollout")):
    """Return the record with a random number for every metric: the least compressible scores."""
    size = (len(views), clips, steps, len(METRICS))
    view, clip, step, metric = (axis.ravel() for axis in np.indices(size))
    values = np.random.default_rng(0).random(view.size, np.float32)
    columns = np.array(views)[view], clip, step + 1, np.array(list(METRICS))[metric], values
    return replace(record, scores=pd.DataFrame(dict(zip(SCORE_COLUMNS, columns, strict=True))))


@pytest.fixture
def study(small_study):
    return small_study()


@pytest.fixture
def filled(store, study, made_record, tmp_path):
    """A store in which six of eight runs have a record, and the study file beside it."""
    paths = store.study(study.name)
    paths.folder.mkdir(parents=True)
    paths.study_yaml.write_text(study_file.dump(study))
    (tmp_path / "study.yaml").write_text(study_file.dump(study))
    preregister(paths, study)
    for number, run in enumerate(study.planned_runs[:6]):
        files = paths.run(run.id)
        files.folder.mkdir(parents=True)
        files.run_yaml.write_text(study_file.dump(run.spec))
        files.checkpoint.write_bytes(b"weights")
        scored(made_record(run, ghost_ratio=number / 10), clips=3, steps=3).save(files)
        files.frame_grid("rollout").write_bytes(b"\x89PNG")
    return store


@pytest.fixture
def bundled(filled, tmp_path):
    """Return a function that bundles the study with options, and returns the bundle's content by name."""

    def make(**options):
        output = tmp_path / "study.zip"
        bundle(tmp_path / "study.yaml", filled.root, BundleOptions(output=output, **options), Console(quiet=True))
        with zipfile.ZipFile(output) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    return make


def unpacked(tmp_path, run_id):
    """Return the files of a run from the bundle that was made last."""
    folder = tmp_path / "unpacked"
    Bundle.open(tmp_path / "study.zip").unpack(folder)
    return RunPaths(folder / "runs" / run_id)


def of_runs(contents, name):
    return [entry for entry in contents if entry.endswith(f"/{name}")]


def test_equal_content_gives_equal_bytes(bundled, filled, tmp_path):
    bundled()
    first = (tmp_path / "study.zip").read_bytes()
    for file in filled.root.rglob("*"):
        os.utime(file, (0, 0))
    bundled()
    assert (tmp_path / "study.zip").read_bytes() == first


def test_it_holds_every_run_that_has_a_record(bundled, study):
    assert of_runs(bundled(), "record.json") == sorted(f"runs/{run.id}/record.json" for run in study.planned_runs[:6])


def test_it_holds_study_and_plan_as_they_are_in_the_store(bundled, filled, study):
    contents, paths = bundled(), filled.study(study.name)
    assert contents["study.yaml"] == paths.study_yaml.read_bytes()
    assert contents["plan.json"] == paths.plan.read_bytes()


def test_checkpoints_are_left_out_unless_they_are_requested(bundled):
    assert of_runs(bundled(), "checkpoint.pt") == []
    assert len(of_runs(bundled(checkpoints=True), "checkpoint.pt")) == 6


def test_frames_are_those_of_the_worst_and_the_best_runs(bundled, study, filled):
    paths = filled.study(study.name)
    records = {run.id: RunRecord.load(paths.run(run.id)) for run in study.planned_runs[:6]}
    ranked = sorted(records, key=lambda run_id: study.response.of(records[run_id].scores))
    pictured = {entry.split("/")[1] for entry in of_runs(bundled(frames=2), "examples.npz")}
    assert ranked[-1] in pictured
    assert len(pictured) == 2
    assert of_runs(bundled(frames=0), "examples.npz") == of_runs(bundled(frames=0), "frames_rollout.png") == []
    assert len(of_runs(bundled(frames=99), "examples.npz")) == 6


def test_scores_are_those_of_the_reports_metrics_as_float32_in_zstd(bundled, study):
    name = f"runs/{study.planned_runs[0].id}/scores.parquet"
    table = parquet.ParquetFile(BytesIO(bundled()[name]))
    assert str(table.schema_arrow.field("value").type) == "float"
    assert {table.metadata.row_group(0).column(place).compression for place in range(5)} == {"ZSTD"}
    assert set(table.read().column("metric").to_pylist()) == REPORTED


def test_metrics_that_are_judged_are_in_it(bundled, filled, small_study):
    study = small_study(analysis={"judged_metrics": ["psnr"]})
    filled.study(study.name).study_yaml.write_text(study_file.dump(study))
    name = f"runs/{study.planned_runs[0].id}/scores.parquet"
    assert set(pd.read_parquet(BytesIO(bundled()[name]))["metric"]) == REPORTED | {"psnr"}


def test_a_reduced_record_gives_the_same_response_and_says_which_record_it_is_of(bundled, filled, study, tmp_path):
    bundled()
    run = study.planned_runs[0]
    whole = RunRecord.load(filled.study(study.name).run(run.id))
    reduced = RunRecord.load(unpacked(tmp_path, run.id), run.id)
    assert study.response.of(reduced.scores) == study.response.of(whole.scores)
    assert (reduced.whole_digest, reduced.facts, reduced.run) == (whole.digest, whole.facts, whole.run)
    assert reduced.digest not in (None, whole.digest)


def test_a_diverged_run_is_in_it_without_scores(bundled, filled, study, made_record, tmp_path):
    run = study.planned_runs[0]
    made_record(run, outcome="diverged").save(filled.study(study.name).run(run.id))
    bundled()
    record = RunRecord.load(unpacked(tmp_path, run.id), run.id)
    assert (record.outcome, len(record.scores)) == ("diverged", 0)


@pytest.mark.parametrize("file", ["scores.parquet", "reduced.json", "record.json", "curve.csv"])
def test_a_reduced_record_that_was_edited_is_refused(bundled, study, tmp_path, file):
    bundled()
    run = study.planned_runs[0]
    files = unpacked(tmp_path, run.id)
    content = (files.folder / file).read_bytes()
    (files.folder / file).write_bytes(content.replace(content[-20:-10], b"0123456789"))
    with pytest.raises(DataError, match="damaged"):
        RunRecord.load(files, run.id)


def test_frames_that_a_bundle_left_out_are_no_damage(bundled, study, tmp_path):
    bundled(frames=0)
    run = study.planned_runs[0]
    assert RunRecord.load(unpacked(tmp_path, run.id), run.id).examples == {}


def test_runs_store_float32_so_that_a_bundle_holds_the_stored_values():
    view: Any = SimpleNamespace(scores=SimpleNamespace(metrics={"mse": np.full((2, 3), 0.1)}))
    table = score_table({"rollout": view})
    assert table["value"].dtype == np.float32


@pytest.mark.parametrize("size", EVALUATIONS.values(), ids=EVALUATIONS)
def test_the_scores_of_a_run_take_few_bytes_even_if_they_are_random(made_record, study, size):
    clips, steps, _ = size
    scores = reduced_scores(scored(made_record(study.planned_runs[0]), clips, steps).scores, REPORTED)
    assert len(scores) < MOST_BYTES


def test_every_file_has_its_digest_in_the_manifest(bundled):
    contents = bundled()
    manifest = json.loads(contents.pop("bundle.json"))
    assert manifest["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def test_a_bundle_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_bundle(tmp_path / "b.zip", "small", {"study.yaml": b"", "plan.json": tmp_path / "nowhere"}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_takes_no_look_at_the_results(bundled, filled, study):
    bundled()
    assert not filled.study(study.name).looks.exists()
    assert not filled.study(study.name).report_html.exists()


@pytest.mark.parametrize("missing", ["study.yaml", "runs"])
def test_without_results_there_is_nothing_to_bundle(filled, study, tmp_path, missing):
    (filled.study(study.name).folder / missing).rename(tmp_path / "gone")
    done = ablate("bundle", "study.yaml", "--store", filled.root, cwd=tmp_path)
    assert done.returncode == 2
    assert not (tmp_path / "small.bundle.zip").exists()


def test_the_command_names_the_file_after_the_study(filled, tmp_path):
    done = ablate("bundle", "study.yaml", "--store", filled.root, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 of 8 runs, frames of 4, without checkpoints" in done.stdout
    assert Bundle.open(tmp_path / "small.bundle.zip").study == "small"


def test_a_store_that_is_not_there_is_no_study(tmp_path, study):
    (tmp_path / "study.yaml").write_text(study_file.dump(study))
    with pytest.raises(DataError, match="has not been run"):
        bundle(tmp_path / "study.yaml", Store(tmp_path / "none").root, BundleOptions(), Console(quiet=True))
