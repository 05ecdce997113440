import json

import pytest
import torch
from typer.testing import CliRunner

from ablate.cli import app, main
from ablate.storage.findings import load
from ablate.storage.paths import RunPaths
from ablate.study.study_file import dump
from ablate.training.fit import initial_model


@pytest.fixture
def run_folder(tmp_path, small_run):
    paths = RunPaths(tmp_path / "run")
    paths.folder.mkdir()
    paths.run_yaml.write_text(dump(small_run))
    torch.save(initial_model(small_run, torch.device("cpu")).state_dict(), paths.checkpoint)
    return paths


def probe(*arguments):
    done = CliRunner().invoke(app, ["probe", *map(str, arguments), "--clips", "4"])
    assert done.exit_code == 0, done.output
    return done.output


def test_every_probe_that_applies_leaves_a_finding(run_folder, tmp_path):
    probe(run_folder.checkpoint, "--store", tmp_path / "mlruns")
    asked = [finding.probe for finding in load(run_folder.findings)]
    assert {"leak", "positions", "receptive_field", "memory", "forget_gate", "feeding", "gates", "cell_growth"} <= set(
        asked
    )


def test_what_the_probes_say_is_printed_and_on_the_page(run_folder, tmp_path):
    said = probe(run_folder.folder, "--store", tmp_path / "mlruns")
    (first, *_) = json.loads(run_folder.findings.read_text())
    assert first["sentences"][0] in said
    assert first["title"] in run_folder.findings_page.read_text()


def test_a_checkpoint_of_no_study_says_that_it_is_logged_nowhere(run_folder, tmp_path):
    assert "not logged" in probe(run_folder.checkpoint, "--store", tmp_path / "mlruns")


@pytest.mark.parametrize("target", ["nowhere.pt", "0" * 16, "0" * 32, "../../etc"])
def test_what_names_no_run_exits_with_2(tmp_path, monkeypatch, capsys, target):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["ablate", "probe", target])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert target in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
