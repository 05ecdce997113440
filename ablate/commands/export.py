"""`ablate export model`: a trained network as an MLflow model in a folder."""

from pathlib import Path

from rich.console import Console

from ablate.commands.console import say, say_written
from ablate.commands.probe import trained_run
from ablate.execution.databases import refuse_unusable
from ablate.execution.tracking.mlflow_models import save_model
from ablate.storage.paths import Store


def export_model(target: str, folder: Path, store: Store, console: Console) -> None:
    """Write the trained network of a run into a new folder, and say how to load it.

    Raises DataError where there is no such run or network, or the folder has content.
    """
    refuse_unusable(store)
    with console.status("exporting the network"):
        network = save_model(trained_run(target, store), folder)
    say_written(folder, console)
    shape = ", ".join(map(str, network.example.shape[1:]))
    for line in (
        f"load it: mlflow.pytorch.load_model({str(folder)!r})",
        f"it takes frames in [0, 1] of shape (batch, {shape}) and forecasts the next {network.module.horizon}",
    ):
        say(line, console)
