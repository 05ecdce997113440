"""Commands on forecasts and trained networks."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ablate.commands.console import refuse_overwriting
from ablate.commands.options import (
    DEFAULT_STORE,
    Binarize,
    ForecastArray,
    HistoryArray,
    HTMLOutput,
    JSONOutput,
    KerasModel,
    Prediction,
    RunOrCheckpoint,
    StoreFolder,
    TargetArray,
    TorchModel,
    TorchWeights,
    VideoOutput,
)
from ablate.storage.paths import Store


def score(
    *,
    forecast: ForecastArray,
    target: TargetArray,
    history: HistoryArray = None,
    step_first: Annotated[bool, typer.Option("--step-first", help="The arrays have shape (step, clip, H, W).")] = False,
    json: JSONOutput = None,
    html: HTMLOutput = None,
    video: VideoOutput = None,
) -> None:
    """Score any forecasts: ghost ratio and trail, quality metrics, and temporal alignment with the target.

    The arrays are .npy files of shape (clip, step, H, W), with or without an axis of one channel, either uint8 or
    floats in [0, 1]. Without a history the first step has no past, so its ghost ratio is undefined.
    """
    from ablate.commands import score as command

    refuse_overwriting({"--json": json, "--html": html, "--video": video}, forecast, target, history)
    files = command.ForecastFiles(forecast, target, history, step_first)
    command.score(files, command.ScoreFiles(json, html, video), Console())


def probe(
    target: RunOrCheckpoint,
    store: StoreFolder = DEFAULT_STORE,
    clips: Annotated[int, typer.Option(min=2, max=1000, help="Number of held-out clips.")] = 24,
) -> None:
    """Probe a trained network by interventions: memory, look-ahead leakage, receptive field.

    The run is given by its id in MLflow, its id in the report, or its checkpoint. The findings are logged to the run
    in MLflow, written into the folder of its checkpoint, and shown by the next `ablate report`.
    """
    from ablate.commands import probe as command

    command.probe(target, Store.here(store), clips, Console())


def export_model(
    target: RunOrCheckpoint,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder to write.", show_default=False)],
    store: StoreFolder = DEFAULT_STORE,
) -> None:
    """Write a trained network as an MLflow model, with signature and input example.

    Any program loads it with mlflow.pytorch.load_model, without this project. It holds no pickled object. The run is
    given by its id in MLflow, its id in the report, or its checkpoint.
    """
    from ablate.commands import export as command

    command.export_model(target, folder, Store.here(store), Console())


def diagnose(
    *,
    target: TorchModel = None,
    checkpoint: TorchWeights = None,
    keras: KerasModel = None,
    frame_size: Annotated[int, typer.Option(min=16, max=128, help="Height and width of the frames in pixels.")] = 64,
    digits: Annotated[int, typer.Option(min=1, max=4, help="Number of digits in a clip.")] = 2,
    binarize: Binarize = None,
    context: Annotated[int, typer.Option(min=1, help="Number of true frames before the forecast.")] = 10,
    horizon: Annotated[int, typer.Option(min=1, help="Number of forecast steps.")] = 10,
    clips: Annotated[int, typer.Option(min=2, max=1000, help="Number of generated clips.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated clips.")] = 0,
    predicts: Prediction = None,
    logits: Annotated[bool, typer.Option("--logits", help="The model returns logits, not brightness.")] = False,
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Write the diagnosis as a web page.")] = Path(
        "diagnosis.html"
    ),
    json: JSONOutput = None,
) -> None:
    """Diagnose your own model on generated clips: scores, look-ahead leakage, alignment, receptive field, advice.

    All code in FILE.py runs, so name only files that you trust. The model takes frames of shape (batch, time, 1, H, W)
    in [0, 1]. A .keras file is read in safe mode, which runs no code from the file.
    """
    from ablate.commands import diagnose as command
    from ablate.diagnosis.diagnose import DiagnosisSettings

    settings = DiagnosisSettings(
        frame_size=frame_size,
        digits=digits,
        binarize=binarize,
        context=context,
        horizon=horizon,
        clips=clips,
        seed=seed,
        predicts=predicts.value if predicts else None,
        logits=logits,
    )
    source = command.ModelSource(target, checkpoint, keras)
    refuse_overwriting({"--json": json, "--html": html}, *source.files)
    command.diagnose(source, settings, command.DiagnosisFiles(json, html), Console())
