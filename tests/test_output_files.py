"""No command writes over what it reads."""

import pytest
from typer.testing import CliRunner

from ablate.cli import app
from ablate.commands.console import refuse_overwriting
from ablate.core.errors import SpecError

TABLE = "kernel,seed,ghost\n1,0,0.1\n3,0,0.2\n1,1,0.1\n3,1,0.3\n"


def test_other_files_and_none_are_let_through(tmp_path):
    refuse_overwriting({"--json": tmp_path / "a", "--html": tmp_path / "b", "--svg": None}, tmp_path / "c", None)


def test_an_input_is_not_written_over_whatever_it_is_called(tmp_path):
    (tmp_path / "runs.csv").write_text(TABLE)
    (tmp_path / "link.csv").symlink_to(tmp_path / "runs.csv")
    for name in ("runs.csv", "link.csv", "../" + tmp_path.name + "/runs.csv"):
        with pytest.raises(SpecError, match=r"--html: .*runs.csv is read|--html: .*link.csv is read"):
            refuse_overwriting({"--html": tmp_path / name}, tmp_path / "runs.csv")


def test_two_options_do_not_write_one_file(tmp_path):
    with pytest.raises(SpecError, match=r"--html: .* is written by --json too; name another file"):
        refuse_overwriting({"--json": tmp_path / "a", "--html": tmp_path / "a"})


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(SpecError, match="is a folder; name a file in it"):
        refuse_overwriting({"--json": tmp_path})


@pytest.mark.parametrize(
    "words",
    [
        ["analyze", "--response", "ghost", "--factors", "kernel", "--block", "seed", "--json", "read", "read"],
        ["plan", "read", "--html", "read"],
        ["calibrate", "read", "--svg", "read"],
        ["score", "--forecast", "read", "--target", "other.npy", "--json", "read"],
        ["score", "--forecast", "other.npy", "--target", "read", "--video", "read"],
        ["diagnose", "read:build", "--html", "read"],
        ["diagnose", "--keras", "read", "--json", "read"],
    ],
    ids=" ".join,
)
def test_a_command_leaves_its_input_as_it_is(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "read").write_text(TABLE)
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, SpecError)
    assert (tmp_path / "read").read_text() == TABLE
