"""Findings and failed attempts on disk: read back as they were written, damaged ones refused or skipped."""

import json
import math
import tarfile
from pathlib import Path

import pytest

from ablate.core.errors import DataError
from ablate.core.plain import plain
from ablate.storage.failed_attempts import FailedAttempt, FailedAttempts, failed_attempts
from ablate.storage.findings import Chart, Finding, Image, Line, MetricChange, load, save
from ablate.storage.paths import RunPaths

STORED = Path(__file__).parent / "stored" / "finished.tar.xz"
FINDING = Finding(
    probe="memory",
    title="Does the ghost live in the cell state?",
    intervention="The state was reset.",
    sentences=("Resetting lowers the ghost.",),
    numbers={"count": 4, "ratio": 1.0, "moves": True, "kind": "frame", "leak": None},
    changes=(MetricChange("reset", "ghost_ratio", 0.4, math.nan, math.nan, math.nan, math.nan, 0),),
    charts=(Chart("Gate", "step", "mean", (Line("present", (1.0, 2.0), (0.5, math.nan)),)),),
    images=(Image("Gradient", ((-4.0, math.nan),), -4.0, 0.0),),
)


def test_a_finding_is_read_back_as_it_was_written(tmp_path):
    save([FINDING], tmp_path / "probes.json")
    (stored,) = load(tmp_path / "probes.json")
    assert repr(stored) == repr(FINDING)  # NaN equals nothing, its repr does
    assert [type(number) for number in stored.numbers.values()] == [int, float, bool, str, type(None)]


def test_an_undefined_number_is_null_on_disk(tmp_path):
    save([FINDING], tmp_path / "probes.json")
    (finding,) = json.loads((tmp_path / "probes.json").read_text())
    assert finding["changes"][0]["after"] is None
    assert finding["charts"][0]["lines"][0]["y"] == [0.5, None]
    assert finding["images"][0]["values"] == [[-4.0, None]]


def test_findings_of_version_0_1_are_read_with_every_number(tmp_path):
    with tarfile.open(STORED) as archive:
        names = [name for name in archive.getnames() if name.endswith("probes.json")]
        archive.extractall(tmp_path, filter="data")
    assert len(names) == 2
    for name in names:
        written = json.loads((tmp_path / name).read_text())
        for old, new in zip(written, plain(load(tmp_path / name)), strict=True):
            old["intervention"] = old.pop("asks")
            for change in old["changes"]:
                change["metric"] = change.pop("measure")
            assert new == old


@pytest.mark.parametrize("text", ["", "[{}]", '[{"probe": 3}]', "\x00"])
def test_damaged_findings_name_the_file_and_what_to_do(tmp_path, text):
    (tmp_path / "probes.json").write_text(text)
    with pytest.raises(DataError, match=r"probes\.json: these probe results are damaged .* ablate probe"):
        load(tmp_path / "probes.json")


def test_failed_attempts_are_read_back_in_their_order(tmp_path):
    paths, attempts = RunPaths(tmp_path), FailedAttempts()
    written = (FailedAttempt(3, "timeout", "stopped after 2 minutes"), FailedAttempt(4, "exception", "ValueError: é\n"))
    for attempt in written:
        attempts.note("point", attempt, paths)
    assert failed_attempts(paths) == written


@pytest.mark.parametrize("line", ['{"trial": 9, "ki', '{"trial": 9, "kind": "unknown", "message": ""}', "", "\xff"])
def test_a_line_that_is_no_failed_attempt_is_skipped(tmp_path, line):
    paths = RunPaths(tmp_path)
    FailedAttempts().note("point", FailedAttempt(3, "timeout", "late"), paths)
    with paths.failed_attempts.open("a", encoding="latin-1") as file:
        file.write(line)
    assert failed_attempts(paths) == (FailedAttempt(3, "timeout", "late"),)
