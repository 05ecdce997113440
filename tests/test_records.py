"""What a run leaves on disk: whole, or told to be damaged."""

import hashlib
import json
import os

import pytest

from ablate.core.errors import DataError
from ablate.storage.atomic import sweep, whole_file
from ablate.storage.paths import RunPaths
from ablate.storage.records import SCHEMA, RunRecord


@pytest.fixture
def saved(tmp_path, small_study, made_record):
    paths = RunPaths(tmp_path / "run")
    made_record(small_study().planned_runs[0]).save(paths)
    return paths


@pytest.mark.parametrize("part", ["record", "scores", "curve", "examples"])
@pytest.mark.parametrize("content", [b"", b"\xff{}", b"PK\x03\x04 cut"])
def test_a_damaged_record_is_told_with_what_to_do(saved, part, content):
    getattr(saved, part).write_bytes(content)
    with pytest.raises(DataError, match="delete the folder and run the study again"):
        RunRecord.load(saved)


def test_a_record_that_lacks_a_file_is_damaged(saved):
    saved.scores.unlink()
    with pytest.raises(DataError, match="damaged"):
        RunRecord.load(saved)


@pytest.mark.parametrize("part", ["record", "scores", "curve", "examples"])
def test_one_flipped_bit_anywhere_is_noticed(saved, part):
    file = getattr(saved, part)
    content = file.read_bytes()
    for position in range(0, len(content), max(1, len(content) // 50)):
        damaged = bytearray(content)
        damaged[position] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(DataError, match="damaged"):
            RunRecord.load(saved)
    file.write_bytes(content)
    assert RunRecord.load(saved)


@pytest.mark.parametrize("part", ["scores", "curve", "examples"])
def test_a_file_of_another_run_is_noticed(saved, tmp_path, small_study, made_record, part):
    another = RunPaths(tmp_path / "another")
    made_record(small_study().planned_runs[1], ghost_ratio=0.5).save(another)
    getattr(another, part).write_bytes(getattr(another, part).read_bytes() + b"\n")
    getattr(saved, part).write_bytes(getattr(another, part).read_bytes())
    with pytest.raises(DataError, match="does not match"):
        RunRecord.load(saved)


def test_a_record_of_another_run_is_refused(saved, small_study):
    first, second = small_study().planned_runs[:2]
    assert RunRecord.load(saved, first.id).run_id == first.id
    with pytest.raises(DataError, match=f"it is of run {first.id}, not of run {second.id}"):
        RunRecord.load(saved, second.id)


def test_where_there_is_no_record_there_is_none_to_be_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        RunRecord.load(RunPaths(tmp_path))


def test_frames_are_left_on_the_disk_where_nobody_asks_for_them(saved):
    assert RunRecord.load(saved, pictures=False).examples == {}
    assert RunRecord.load(saved).examples


def test_what_a_killed_process_left_half_written_is_swept_away_and_nothing_else(saved):
    kept = {*saved.folder.iterdir(), saved.training_state}
    saved.training_state.write_bytes(b"kept")
    whole_file(saved.record).__enter__().write_text("half")
    sweep(saved.folder)
    assert set(saved.folder.iterdir()) == kept


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda _: flushed.append((tmp_path / "file").exists()))
    with whole_file(tmp_path / "file") as path:
        path.write_text("whole")
    assert flushed == [False, True]


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head | {"schema": SCHEMA + 1},
        lambda head: head | {"schema": 1},
        lambda head: head | {"schema": [2]},
        lambda head: head | {"facts": [1]},
        lambda head: {key: value for key, value in head.items() if key != "schema"} | {"point": "run"},
    ],
)
def test_a_head_of_another_form_is_damaged(saved, change):
    head = json.loads(saved.record.read_text())
    del head["digest"]
    head = change(head)
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()
    saved.record.write_text(json.dumps(head | {"digest": digest}))
    with pytest.raises(DataError, match="damaged"):
        RunRecord.load(saved)
