"""Blocks of code in the docs use what exists: commands, options, keys."""

import ast
import re
import tomllib
from importlib.util import find_spec

import pytest
import typer.main
from ruamel.yaml import YAML

from ablate.cli import app
from ablate.study import study_file
from tests.doc_blocks import GENERATED, PAGES, ROOT, blocks

BLOCKS = blocks()
COMMANDS = [(block, command) for block in BLOCKS for command in block.commands]
ABLATE = [(block, command) for block, command in COMMANDS if command[0] == "ablate"]
TOOLS = {"pip", "pytest", "ruff", "mypy", "lint-imports", "zensical", "python", "python3.11", "."}
"""Programs that set the project up or test it: continuous integration runs them, not a test."""


def in_words(value):
    return " ".join(value) if isinstance(value, list) else str(value)


def resolved(words):
    """Return the command that words name, and the words after it."""
    command, context = typer.main.get_command(app), None
    while hasattr(command, "resolve_command"):
        context = command.make_context("ablate", list(words), parent=context, resilient_parsing=True)
        _, command, words = command.resolve_command(context, list(words))
    return command, words


def of(language):
    return [block for block in BLOCKS if block.language == language]


def test_there_are_blocks_of_each_language():
    assert all(of(language) for language in ("sh", "python", "yaml"))


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_in_a_language_that_is_tested(block):
    assert block.language in {"sh", "python", "yaml", "text"}


@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=in_words)
def test_a_command_that_no_test_can_run_is_in_a_block_that_says_so(block, command):
    assert block.reason or command[0] in TOOLS | {"ablate"}


@pytest.mark.parametrize(("block", "command"), ABLATE, ids=in_words)
def test_a_command_has_the_arguments_and_options_that_are_written(block, command, capsys):
    function, words = resolved(command[1:])
    function.make_context(function.name, list(words))
    assert "warning" not in capsys.readouterr().err, f"{block} uses an old option"


def test_a_wrong_option_is_found():
    function, words = resolved(["run", "study.yaml", "--until-decidd"])
    with pytest.raises(Exception, match="No such option"):
        function.make_context(function.name, list(words))


INLINE = {
    f"{page.name}: {' '.join(code.split())}"
    for page in PAGES
    for code in re.findall(r"`(ablate [^`]+)`", page.read_text())
    if "--" in code and GENERATED not in page.parents
}


@pytest.mark.parametrize("place", sorted(INLINE))
def test_an_option_within_a_sentence_exists(place):
    function, words = resolved(place.split(": ", 1)[1].split()[1:])
    options = {option for parameter in function.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options


MODULES = {command[2] for _, command in COMMANDS if command[:2] == ["python", "-m"]}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_that_is_run_exists(module):
    assert find_spec(module) or (ROOT / module.replace(".", "/")).exists()


def test_the_extras_that_are_installed_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    texts = [page.read_text() for page in PAGES]
    named = {
        name
        for text in texts
        for names in re.findall(r"(?:\.|ablate-convlstm)\[([\w,]+)\]'", text)
        for name in names.split(",")
    }
    assert named
    assert named <= extras.keys()


EXAMPLE, *_ = (block for block in of("yaml") if block.page == "docs/studies.md")


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_a_study_or_a_part_of_one_loads(block, tmp_path):
    part = YAML(typ="safe").load(block.text)
    whole = part if "name" in part else YAML(typ="safe").load(EXAMPLE.text) | part
    YAML(typ="safe").dump(whole, tmp_path / "study.yaml")
    assert study_file.load(tmp_path / "study.yaml").planned_runs


def test_the_example_study_has_the_runs_of_its_design(tmp_path):
    (tmp_path / "study.yaml").write_text(EXAMPLE.text)
    assert len(study_file.load(tmp_path / "study.yaml").planned_runs) == 3 * 2 * 3


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_a_block_of_python_compiles(block):
    assert ast.parse(block.text)
