"""`ablate ui`: the MLflow UI and the Optuna dashboard of a study."""

import signal
from pathlib import Path

from rich.console import Console

from ablate.commands.console import say
from ablate.commands.servers import Doors, servers
from ablate.execution.databases import refuse_unusable
from ablate.storage.paths import Store
from ablate.study import study_file


def show(file: Path, root: Path, doors: Doors, console: Console) -> None:
    """Serve the MLflow UI and the Optuna dashboard until Ctrl-C."""
    study, store = study_file.load(file), Store.here(root)
    refuse_unusable(store)
    if doors.open_to_others:
        say(
            f"{doors.host} is open to other machines: whoever reaches it may read, change and delete", console, "yellow"
        )
    with console.status("starting both servers"), servers(store, study.name, doors) as addresses:
        for name, address in zip(("MLflow UI", "Optuna dashboard"), addresses, strict=True):
            say(f"{name:17} {address}", console)
        console.print("Ctrl-C stops both.")
        signal.pause()
