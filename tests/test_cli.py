import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ablate.cli import main
from ablate.study.study_file import dump
from tests.contained import ablate


@pytest.fixture
def study(tmp_path, small_study):
    def write(**changes) -> Path:
        file: Path = tmp_path / "small.yaml"
        response = {"metric": "mse"}  # after four steps of training no digit stands out
        file.write_text(dump(small_study(**{"response": response, **changes})))
        return file

    return write


def test_help_loads_neither_torch_nor_mlflow(tmp_path):
    script = (
        "import sys, ablate.cli; print([m for m in ('torch', 'mlflow', 'optuna', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mistake_in_the_study_exits_with_2_and_creates_nothing(tmp_path, study):
    file = study()
    file.write_text(file.read_text().replace("kernel_size", "kernal_size", 1))
    done = ablate("run", file, cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_missing_study_exits_with_2(tmp_path):
    done = ablate("check", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr


def test_check_lists_cells_and_runs_and_creates_nothing(tmp_path, study):
    done = ablate("check", study(), cwd=tmp_path)
    assert done.returncode == 0
    assert "4 cells x 2 seeds = 8 runs" in done.stdout
    assert not (tmp_path / "mlruns").exists()


def test_an_override_changes_the_base_run(tmp_path, study):
    done = ablate("check", study(), "--set", "seeds=[0]", "--set", "model.filters=3", cwd=tmp_path)
    assert "4 cells x 1 seeds = 4 runs" in done.stdout


def test_report_before_any_run_is_one_clear_line(tmp_path, study):
    done = ablate("report", study(), cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "ablate run" in done.stderr


def test_run_leaves_a_report_and_a_second_run_trains_nothing(tmp_path, study):
    file = study(seeds=[0])
    first = ablate("run", file, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "mlruns" / "studies" / "small"
    assert (folder / "report.html").exists()
    columns = (folder / "runs.csv").read_text().splitlines()[0].split(",")
    assert {"seed", "outcome", "ghost_ratio", "mse"} <= set(columns)
    assert "4 of 4 runs have a result" in first.stdout
    second = ablate("run", file, cwd=tmp_path)
    assert second.returncode == 0
    assert "1/4" not in second.stdout


def test_a_study_in_which_nothing_could_be_measured_exits_with_1_and_says_what_to_change(tmp_path, study):
    done = ablate("run", study(seeds=[0], response={"metric": "ghost_ratio"}), cwd=tmp_path)
    assert done.returncode == 1
    assert "unmeasurable: the ghost ratio is defined in 0 % of its frames (0 of 12)" in done.stdout
    assert "Nothing could be measured: no run has a ghost ratio (4 of 4 unmeasurable)" in done.stdout
    assert "train longer (base.training.steps)" in done.stdout
    assert "0 of 4 runs have a result, 4 unmeasurable, 0 failed, 0 open" in done.stdout
    folder = tmp_path / "mlruns" / "studies" / "small"
    report = (folder / "report.html").read_text()
    assert "Forecasts of unmeasurable runs" in report
    assert not (folder / "comparison.png").exists()
    assert "unmeasurable" in (folder / "runs.csv").read_text()


@pytest.mark.skipif(sys.platform == "darwin", reason="has the device that is missing elsewhere")
def test_a_failing_cell_exits_with_1_and_the_others_have_results(tmp_path, study):
    done = ablate("run", study(seeds=[0], factors={"training.device": ["cpu", "mps"]}), cwd=tmp_path)
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "1 of 2 runs have a result" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_ctrl_c_exits_with_130_and_the_same_command_goes_on(tmp_path, study, small_study):
    base = small_study().base.model_dump(mode="json", exclude={"seed"})
    base["training"] |= {"steps": 400, "report_every": 20}
    file = study(seeds=[0], base=base)
    command = [sys.executable, "-c", "from ablate.cli import main; main()", "run", str(file), "--workers", "1"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "1/4" not in (line := process.stdout.readline()):
        assert line, "the study ended before a run did"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command continues the study" in out
    again = ablate("run", file, "--set", "training.steps=400", cwd=tmp_path)
    assert again.returncode == 0
    assert "4 of 4 runs have a result" in again.stdout
    assert "1/4" not in again.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_an_unexpected_error_is_one_line(tmp_path, study):
    (tmp_path / "mlruns").write_text("a file where a folder should be")
    done = ablate("run", study(), cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_finished_study_has_its_extreme_nets_probed_and_shown(tmp_path, study):
    file = study(seeds=[0], probes="extremes")
    done = ablate("run", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    runs = tmp_path / "mlruns" / "studies" / "small" / "runs"
    probed = {path.parent.name for path in runs.glob("*/probes.json")}
    assert 1 <= len(probed) <= 2
    report = (tmp_path / "mlruns" / "studies" / "small" / "report.html").read_text()
    assert "Probes of trained networks" in report
    assert all(f"runs/{planned_run}/probes.html" in report for planned_run in probed)


def test_a_probe_that_fails_keeps_the_report(tmp_path, study, monkeypatch, capsys):
    def broken(*_):
        raise RuntimeError("no memory left")

    monkeypatch.setattr("ablate.commands.run.probe_run", broken)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["ablate", "run", str(study(seeds=[0], probes="extremes")), "--workers", "1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "could not be probed: RuntimeError: no memory left" in capsys.readouterr().out
    assert (tmp_path / "mlruns" / "studies" / "small" / "report.html").exists()
