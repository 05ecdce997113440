import html
import json

import pytest
from typer.testing import CliRunner

from ablate.cli import app, main

SOURCE = "def last_frame(frames):\n    return frames[:, -1:]\n"
SMALL = ["--frame-size", "24", "--digits", "1", "--context", "4", "--horizon", "3", "--clips", "4"]


@pytest.fixture
def model(tmp_path):
    (tmp_path / "copy.py").write_text(SOURCE)
    return f"{tmp_path / 'copy.py'}:last_frame"


@pytest.fixture
def diagnosed(tmp_path, model):
    """Return what the command printed, its JSON and its page."""
    page, numbers = tmp_path / "d.html", tmp_path / "d.json"
    done = CliRunner().invoke(app, ["diagnose", model, *SMALL, "--html", str(page), "--json", str(numbers)])
    assert done.exit_code == 0, done.output
    return done.output, json.loads(numbers.read_text()), page.read_text()


def test_a_model_that_copies_is_told_so_in_words_numbers_and_page(diagnosed):
    said, numbers, page = diagnosed
    assert "repeats the last known frame" in said
    assert numbers["copies"] == "last_known_frame"
    assert numbers["findings"]["leak"]["numbers"]["looks_ahead"] == 0
    assert html.escape(numbers["advice"][0], quote=False) in html.unescape(page)


def test_the_page_names_the_command_with_every_setting(diagnosed, model):
    assert f"ablate diagnose {model} {' '.join(SMALL)}" in html.unescape(diagnosed[2])


@pytest.mark.parametrize("arguments", [[], ["m.py:build", "--keras", "m.keras"], ["nowhere.py:build"]])
def test_anything_but_one_model_exits_with_2_and_one_line(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["ablate", "diagnose", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
