"""`ablate upgrade`: the names and defaults of today, and everything else of the file as it was."""

import pytest
from typer.testing import CliRunner

from ablate.cli import app
from ablate.study.schema import NewDefault, Removal, Rename, Step
from ablate.study.upgraded_text import upgraded_text
from tests.stored_results import STORED

OLD = """\
# The head comment stays.
name: x   # so does this one
question: "Why?"
response: {measure: ghost_ratio}  # renamed

base:
  data: {kind: moving_mnist, canvas: 24,   binarise: 128}
  model:
    # a comment in a block
    'normalisation': {kind: none}
    kind: copy_last
factors:
  model.normalisation: {title: normalisation, levels: [{kind: none}, {kind: batch}]}
  loss:
  - kind: bce
  - kind: mse
seeds: 2
analysis: {interactions: [[model.normalisation, loss]], interval: "studentised"}
"""
NEW = """\
# The head comment stays.
schema: 2
name: x   # so does this one
question: "Why?"
response: {metric: ghost_ratio}  # renamed

base:
  data: {kind: moving_mnist, frame_size: 24,   binarize: 128}
  model:
    # a comment in a block
    'normalization': {kind: none}
    kind: persistence
factors:
  model.normalization: {title: normalisation, levels: [{kind: none}, {kind: batch}]}
  loss:
  - kind: bce
  - kind: mse
seeds: 2
analysis: {interactions: [[model.normalization, loss]], interval: "studentized"}
"""


@pytest.fixture
def upgrade(tmp_path):
    def run(text):
        file = tmp_path / "study.yaml"
        file.write_text(text)
        result = CliRunner().invoke(app, ["upgrade", str(file)])
        assert result.exit_code == 0, result.output
        return file.read_text(), result.output

    return run


@pytest.fixture
def change(tmp_path):
    """Return a function that rewrites a text of schema 1 by changes of a run that schema 2 is said to bring."""

    def rewrite(text, *changes):
        file = tmp_path / "study.yaml"
        file.write_text(text)
        return upgraded_text(file, {2: Step(run=changes)})[0].removeprefix("schema: 2\n")

    return rewrite


def test_names_change_and_comments_and_layout_stay(upgrade):
    assert upgrade(OLD)[0] == NEW


def test_every_new_name_is_printed(upgrade):
    output = upgrade(OLD)[1]
    for line in ("measure is metric now", "canvas is frame_size now", "copy_last is persistence now"):
        assert line in output


def test_a_file_of_today_stays_as_it_is(upgrade):
    text, output = upgrade(NEW)
    assert text == NEW
    assert "is up to date" in output


def test_a_file_with_old_names_and_a_number_is_rewritten_too(upgrade):
    assert upgrade("schema: 2\nbase: {data: {canvas: 24}}\n")[0] == "schema: 2\nbase: {data: {frame_size: 24}}\n"


@pytest.mark.parametrize("name", ["case", "ghost", "ghost_cpu", "quick"])
def test_only_the_names_of_a_shipped_study_change(name, upgrade):
    before = (STORED / "studies_schema_1" / f"{name}.yaml").read_text()
    after = upgrade(before)[0]
    unchanged = set(before.splitlines()) & set(after.splitlines())
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    assert all(line in unchanged for line in before.splitlines() if line.startswith("#"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("base: {loss: {kind: bce}}\n", "base: {training: {steps: 600}, loss: {kind: bce}}\n"),
        ("base:\n  training:\n    batch: 8\n", "base:\n  training:\n    steps: 600\n    batch: 8\n"),
        ("base:\n  training: {batch: 8}  # small\n", "base:\n  training: {steps: 600, batch: 8}  # small\n"),
        ("base: {training: {}}\n", "base: {training: {steps: 600}}\n"),
        ("base: {training: {steps: 5}}\n", "base: {training: {steps: 5}}\n"),
        ("name: x\n", "base: {training: {steps: 600}}\nname: x\n"),
    ],
)
def test_a_default_of_then_is_written_out(before, after, change):
    assert change(before, NewDefault("training.steps", 600)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("base: {model: {peepholes: false, filters: 8}}\n", "base: {model: {filters: 8}}\n"),
        ("base: {model: {filters: 8, peepholes: false}}\n", "base: {model: {filters: 8}}\n"),
        ("base: {model: {peepholes: false}}\n", "base: {model: {}}\n"),
        (
            "base:\n  model:\n    peepholes: false  # gone\n    filters: 8  # kept\n",
            "base:\n  model:\n    filters: 8  # kept\n",
        ),
        (
            "base:\n  model:\n    filters: 8\n    peepholes: false\nname: x\n",
            "base:\n  model:\n    filters: 8\nname: x\n",
        ),
        ("base:\n  model:\n    peepholes: false\nname: x\n", "base:\n  model:\n    {}\nname: x\n"),
    ],
)
def test_a_removed_field_at_its_default_goes_with_its_line(before, after, change):
    assert change(before, Removal("model.peepholes", default=False)) == after


def test_several_changes_of_one_line_are_made_together(change):
    changes = (
        Rename("model.filters", "channels"),
        Removal("model.peepholes", default=False),
        NewDefault("model.layers", 4),
    )
    before = "base: {model: {filters: 8, peepholes: false}}\n"
    assert change(before, *changes) == "base: {model: {layers: 4, channels: 8}}\n"


@pytest.mark.parametrize("text", ["a: [1\n", "- 1\n", "", "a: !!python/object:os.system x\n"])
def test_what_is_no_study_file_is_refused_and_left_alone(text, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(text)
    result = CliRunner().invoke(app, ["upgrade", str(file)])
    assert result.exit_code != 0
    assert file.read_text() == text


def test_a_missing_file_is_refused(tmp_path):
    assert CliRunner().invoke(app, ["upgrade", str(tmp_path / "none.yaml")]).exit_code != 0


def test_line_ends_and_the_mark_of_utf_8_stay(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_bytes(b"\xef\xbb\xbf# note\r\nname: x\r\nbase: {data: {canvas: 24}}\r\n")
    CliRunner().invoke(app, ["upgrade", str(file)])
    after = b"\xef\xbb\xbf# note\r\nschema: 2\r\nname: x\r\nbase: {data: {frame_size: 24}}\r\n"
    assert file.read_bytes() == after


def test_a_link_stays_a_link_and_the_mode_stays(tmp_path):
    file, link = tmp_path / "study.yaml", tmp_path / "link.yaml"
    file.write_text("base: {data: {canvas: 24}}\n")
    file.chmod(0o640)
    link.symlink_to(file)
    CliRunner().invoke(app, ["upgrade", str(link)])
    assert link.is_symlink()
    assert "frame_size" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640


def test_an_old_and_a_new_name_together_are_refused(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("base: {data: {canvas: 16, frame_size: 24}}\n")
    result = CliRunner().invoke(app, ["upgrade", str(file)])
    assert "study.yaml:1:15: base.data.canvas: is the old name of 'frame_size', and both are given" in str(
        result.exception
    )
    assert file.read_text() == "base: {data: {canvas: 16, frame_size: 24}}\n"


def test_a_value_in_a_block_of_text_is_rewritten(upgrade):
    assert upgrade("base:\n  model:\n    kind: >-\n      copy_last\nname: x\n")[0] == (
        "schema: 2\nbase:\n  model:\n    kind: persistence\nname: x\n"
    )
