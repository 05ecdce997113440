"""Options of the last minor version: translated, with a warning that names the new option."""

import io
from typing import Any

import pytest
import typer
from rich.console import Console

from ablate.cli import app
from ablate.commands.old_options import REMOVED, RENAMED, current_options


def translated(command, *arguments):
    warnings = io.StringIO()
    return list(current_options(command, arguments, Console(file=warnings))), warnings.getvalue().splitlines()


@pytest.mark.parametrize(
    ("written", "expected"),
    [(["--pred", "f.npy"], ["--forecast", "f.npy"]), (["--pred=f.npy"], ["--forecast=f.npy"])],
)
def test_a_renamed_option_becomes_the_new_one_and_gives_one_warning(written, expected):
    arguments, warnings = translated("score", *written)
    assert arguments == expected
    assert warnings == ["warning: --pred is now --forecast; the next minor version will refuse --pred"]


def test_a_removed_option_is_left_out_with_one_warning():
    arguments, warnings = translated("analyze", "runs.csv", "--importances", "--average")
    assert arguments == ["runs.csv", "--average"]
    assert len(warnings) == 1
    assert "--importances was removed" in warnings[0]


def test_options_of_today_and_of_other_commands_stay_as_they_are():
    assert translated("score", "--forecast", "f.npy") == (["--forecast", "f.npy"], [])
    assert translated("run", "--pred", "f.npy") == (["--pred", "f.npy"], [])


def test_arguments_after_two_dashes_are_no_options():
    assert translated("score", "--", "--pred") == (["--", "--pred"], [])


def options_of(command):
    group: Any = typer.main.get_command(app)
    return {option for parameter in group.commands[command].params for option in parameter.opts}


@pytest.mark.parametrize("command", RENAMED)
def test_a_new_name_is_an_option_of_its_command_and_an_old_one_is_not(command):
    options = options_of(command)
    assert set(RENAMED[command].values()) <= options
    assert not set(RENAMED[command]) & options


@pytest.mark.parametrize("command", REMOVED)
def test_a_removed_option_is_no_option_of_its_command(command):
    assert not set(REMOVED[command]) & options_of(command)
