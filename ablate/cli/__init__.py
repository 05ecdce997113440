"""The `ablate` command: options, help texts and exit codes. Each command is a function in commands/."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

from ablate.cli import installation, networks, studies, tables
from ablate.commands.console import exit_code_of, show_old_names
from ablate.commands.old_options import CommandsWithOldOptions

app = typer.Typer(
    cls=CommandsWithOldOptions,
    help="Find the causes of ghosts in ConvLSTM forecasts by designed ablation studies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Commands for data that is not part of the package.", no_args_is_help=True)
app.add_typer(data_app, name="data")
export_app = typer.Typer(help="Trained networks for other programs.", no_args_is_help=True)
app.add_typer(export_app, name="export")

COMMANDS = (
    studies.run,
    studies.check,
    studies.plan,
    studies.report,
    studies.ui,
    studies.bundle,
    studies.merge,
    networks.score,
    networks.probe,
    networks.diagnose,
    tables.analyze,
    tables.calibrate,
    installation.doctor,
    installation.upgrade,
    installation.schema,
)
"""In the order of `ablate --help`."""
for command in COMMANDS:
    app.command()(command)
data_app.command()(installation.fetch)
export_app.command("model")(networks.export_model)


def main() -> NoReturn:
    """Run the command; every error becomes one message and an exit code."""
    show_old_names(Console(stderr=True))
    sys.exit(exit_code_of(app))
