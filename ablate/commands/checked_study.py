"""What a loaded study still needs: data that its runs can use. A base that no run has is worth a warning."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from ablate.commands.console import say
from ablate.study import Cell, StudySpec, study_file
from ablate.study.data_check import data_faults


def refuse_unusable_data(study: StudySpec, cells: Iterable[Cell], file: Path, overrides: Sequence[str]) -> None:
    """Raise SpecError, with a line for each mistake, for data that these cells cannot use."""
    if faults := data_faults(study, cells):
        raise study_file.at_its_place(file, overrides, faults)


def warn_of_base(study: StudySpec, file: Path, overrides: Sequence[str], console: Console) -> None:
    """Warn of each value of the base run that is none of its factor's levels."""
    if faults := study.base_outside_levels:
        for line in str(study_file.at_its_place(file, overrides, faults)).splitlines():
            say(f"warning: {line}", console, "yellow")
