"""Options with their help texts, the shared ones first."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_STORE = Path("mlruns")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="Study file.", show_default=False)]
Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value, for example model.filters=8. Repeatable."),
]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder of the databases, artifacts and reports.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Number of runs at a time. Default: one per core or GPU.")]
JSONOutput = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the results as JSON.")]
HTMLOutput = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the results as a web page.")]


ExcludedRuns = Annotated[
    list[str],
    typer.Option(
        "--exclude",
        metavar="RUN",
        help="Exclude a run from the analysis, by its id, the beginning of its id, or its folder. Repeatable.",
    ),
]
IncludedRuns = Annotated[
    list[str], typer.Option("--include", metavar="RUN", help="Include an excluded run again. Repeatable.")
]
ExclusionReasons = Annotated[
    list[str],
    typer.Option(
        "--because", metavar="TEXT", help="Reason of --exclude and --include, for the report: one, or one for each run."
    ),
]


class ExecutorKind(StrEnum):
    """Where runs are carried out."""

    local = "local"
    ray = "ray"


class Predicts(StrEnum):
    """What a model returns if its output has as many frames as its input."""

    next = "next"
    future = "future"


Place = Annotated[
    ExecutorKind, typer.Option(help="This machine, or the Ray cluster at RAY_ADDRESS (default: one on this machine).")
]
ForecastArray = Annotated[
    Path, typer.Option("--forecast", metavar="P.npy", help="Array of forecast frames.", show_default=False)
]
TargetArray = Annotated[
    Path, typer.Option("--target", metavar="Y.npy", help="Array of true frames at the same steps.", show_default=False)
]
HistoryArray = Annotated[
    Path | None, typer.Option("--history", metavar="H.npy", help="Array of true frames before the forecast.")
]
VideoOutput = Annotated[
    Path | None, typer.Option("--video", metavar="FILE", help="Animate the strongest ghost, as .gif or .mp4.")
]
RunOrCheckpoint = Annotated[
    str, typer.Argument(metavar="RUN_ID|CHECKPOINT", help="Id of a run, or its checkpoint.pt.", show_default=False)
]
TorchModel = Annotated[
    str | None,
    typer.Argument(metavar="[FILE.py:NAME]", help="Torch module, or function that builds one.", show_default=False),
]
TorchWeights = Annotated[
    Path | None, typer.Option("--checkpoint", metavar="W.pt", help="Weights of the torch module: a state_dict.")
]
KerasModel = Annotated[
    Path | None, typer.Option("--keras", metavar="MODEL.keras", help="Keras 3 model, in place of FILE.py:NAME.")
]
Binarize = Annotated[
    int | None, typer.Option(min=1, max=255, help="Least ink that becomes white; all other ink becomes black.")
]
Prediction = Annotated[
    Predicts | None,
    typer.Option(help="Output of the model: the next frame at every position, or the future frames after the input."),
]
Host = Annotated[
    str,
    typer.Option(help="Address to listen at. Other machines reach any address but 127.0.0.1; there is no login."),
]
StandardDeviation = Annotated[
    float | None, typer.Option(help="Expected standard deviation of a run around the mean of its cell and seed.")
]
PilotTable = Annotated[
    Path | None,
    typer.Option(
        "--pilot", metavar="RUNS.csv", help="Table of pilot runs from which the standard deviation is estimated."
    ),
]
UntilDecided = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Stop after the first seed at which everything is decided; needs seeds: {from: 6, to: 12} in the study.",
    ),
]
SimulatedEffects = Annotated[
    list[float],
    typer.Option(
        "--effect",
        help="Effect of a sequential study to simulate, in standard deviations of a run. May be repeated.",
    ),
]
WithCheckpoints = Annotated[bool, typer.Option("--checkpoints", help="Include the trained weights of every run.")]
PicturedRuns = Annotated[
    int, typer.Option("--frames", min=0, help="Number of runs with frames: the worst and the best ones.")
]
BundleOutput = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="File to write. Default: NAME.bundle.zip, here.")
]
MergedPlaces = Annotated[
    list[Path],
    typer.Argument(metavar="STORE_OR_BUNDLE...", help="Folders of stores, and files of bundles.", show_default=False),
]
TargetStore = Annotated[Path, typer.Option("--into", metavar="STORE", help="Store that gets the runs.")]
MergedStudy = Annotated[
    str | None, typer.Option("--study", metavar="NAME", help="Merge this study alone.", show_default=False)
]
