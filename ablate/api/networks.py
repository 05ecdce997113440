"""`ablate.score` and `ablate.diagnose`: forecasts in arrays, and models in memory."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import pandas as pd
from jaxtyping import Float

from ablate.api.frames import scores_frame, steps_frame
from ablate.api.notebook import as_html, as_text
from ablate.api.wording import PythonWords
from ablate.commands.score import ScoredForecasts, score_arrays
from ablate.core.arrays import Clips
from ablate.core.errors import DataError, SpecError
from ablate.measurement.scoring.brightness import as_brightness, as_ink, check_brightness
from ablate.measurement.scoring.forecast_files import NamedArray, checked_forecasts, clips_of
from ablate.measurement.scoring.summary import document

if TYPE_CHECKING:
    from ablate.diagnosis.diagnose import Diagnosis, DiagnosisSettings
    from ablate.diagnosis.foreign_torch import ForeignModel

LIMITS = {"frame_size": (16, 128), "digits": (1, 4), "binarize": (1, 255), "clips": (2, 1_000)}
"""Smallest and largest value of a setting, as `ablate diagnose` has them."""
LEAST = {"context": 1, "horizon": 1, "seed": 0}
PREDICTIONS = (None, "next", "future")


@final
@dataclass(frozen=True, repr=False, eq=False)
class ForecastScoring:
    """The scores of forecasts: tables over clips, and sentences. `scored` holds all of it."""

    scored: ScoredForecasts

    @property
    def scores(self) -> pd.DataFrame:
        """One row per metric: mean, 95 % confidence interval over clips, and the share of frames that define it."""
        return scores_frame(self.scored.summary.curves)

    @property
    def per_step(self) -> pd.DataFrame:
        """One row per forecast step, and the mean of each metric at it."""
        return steps_frame(self.scored.summary.curves)

    @property
    def metrics(self) -> Mapping[str, Float[np.ndarray, "clip step"]]:
        """Every metric of every clip and step, by name; NaN where it is undefined."""
        return self.scored.scores.metrics

    @property
    def best_offset(self) -> int:
        """Frames by which the forecast is late (above 0) or early (below 0); 0 if it is in time."""
        return self.scored.summary.alignment.best_offset

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the numbers show, the most important first."""
        return self.scored.summary.sentences

    def to_json(self) -> dict[str, Any]:
        """Return what `ablate score --json` writes, as plain values."""
        return document(self.scored.summary)

    def __repr__(self) -> str:
        return as_text(self._title, self.sentences)

    def _repr_html_(self) -> str:
        return as_html(self._title, self.sentences, {"Means over clips": self.scores})

    @property
    def _title(self) -> str:
        return f"Scores of {self.scored.summary.clips} clips x {self.scored.summary.steps} steps"


@final
@dataclass(frozen=True, repr=False, eq=False)
class ModelDiagnosis:
    """What scores and probes show of a model, and advice. `diagnosis` holds all of it."""

    diagnosis: "Diagnosis"

    @property
    def advice(self) -> tuple[str, ...]:
        """What to change, the most urgent first, each with its evidence."""
        return self.diagnosis.advice

    @property
    def findings(self) -> pd.DataFrame:
        """One row per number that a probe measured: probe, quantity, value."""
        rows = [
            (finding.probe, quantity, value)
            for finding in self.diagnosis.findings
            for quantity, value in finding.numbers.items()
        ]
        return pd.DataFrame(rows, columns=["probe", "quantity", "value"])

    @property
    def scores(self) -> pd.DataFrame:
        """One row per metric of the rollout, as in ForecastScoring."""
        return scores_frame(self.diagnosis.summary.curves)

    @property
    def conventions(self) -> tuple[str, ...]:
        """How the model takes and returns frames."""
        return self.diagnosis.conventions

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the probes and the scores show."""
        probed = (sentence for finding in self.diagnosis.findings for sentence in finding.sentences)
        return (*probed, *self.diagnosis.summary.sentences)

    def __repr__(self) -> str:
        return as_text(self._title, (*self.sentences, *(f"Advice: {sentence}" for sentence in self.advice)))

    def _repr_html_(self) -> str:
        tables = {"Means over clips": self.scores}
        return as_html(self._title, (*self.conventions, *self.sentences, *self.advice), tables)

    @property
    def _title(self) -> str:
        return f"Diagnosis on {self.diagnosis.summary.clips} clips"


def score(forecast: Any, target: Any, history: Any = None, *, step_first: bool = False) -> ForecastScoring:
    """Score any forecasts: ghost ratio and trail, quality metrics, and temporal alignment with the target.

    Each is a NumPy array, a torch tensor, or the path of a .npy file, of shape (clip, step, height, width), with or
    without an axis of one channel: integers from 0 to 255, floats in [0, 1], or booleans. `forecast` and `target` have
    one shape. `history` are the true frames before the first step; without it the ghost ratio of the first step is
    undefined. With `step_first` the arrays have shape (step, clip, height, width).

    Raises AblateError, which names the argument or the file, for arrays that are no frames.
    """
    with PythonWords():
        past = None if history is None else _named("history", history)
        arrays = checked_forecasts(_named("forecast", forecast), _named("target", target), past, step_first=step_first)
        return ForecastScoring(score_arrays(arrays))


def diagnose(  # noqa: PLR0913  # as many arguments as the command has options
    model: Callable[..., Any] | str | os.PathLike[str],
    clips: Any = 16,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    frame_size: int = 64,
    digits: int = 2,
    binarize: int | None = None,
    context: int = 10,
    horizon: int = 10,
    seed: int = 0,
    predicts: Literal["next", "future"] | None = None,
    logits: bool = False,
) -> ModelDiagnosis:
    """Diagnose a model: scores, look-ahead leakage, alignment, receptive field, advice.

    `model` is a torch module, a function on frames, a Keras model on the torch backend, "file.py:name", whose code
    runs, or the path of a .keras file, whose code does not. It takes frames of shape (batch, time, 1, height, width) in
    [0, 1]. A module is used in inference mode, and is afterwards in the mode that it was in.

    `clips` is the number of generated clips of Moving MNIST, with `digits` digits on frames of `frame_size` pixels a
    side, black and white from the ink `binarize` on, drawn from `seed`; or an array (clip, frame, height, width) of
    your own clips. The model sees `context` true frames and forecasts `horizon` steps. `checkpoint` is a file of
    weights for a torch module. `predicts` says what a model returns whose output has as many frames as its input: the
    "next" frame at every position, or the "future"; None determines it. With `logits` a sigmoid is applied.

    Raises AblateError where the model cannot be loaded or called, and for clips that cannot be used.
    """
    with PythonWords():
        from ablate.diagnosis.diagnose import DiagnosisSettings  # noqa: PLC0415  # loads torch
        from ablate.diagnosis.diagnose import diagnose as diagnose_model  # noqa: PLC0415  # as above

        if predicts not in PREDICTIONS:
            raise SpecError(f"predicts: found {predicts!r}; must be 'next', 'future' or None")
        count = int(clips) if isinstance(clips, Integral) else 16
        numbers = {"frame_size": frame_size, "digits": digits, "binarize": binarize, "context": context}
        numbers |= {"horizon": horizon, "clips": count, "seed": seed}
        _refuse_outside(numbers)
        settings = DiagnosisSettings(frame_size, digits, binarize, context, horizon, count, seed, predicts, logits)
        frames = None if isinstance(clips, Integral) else _clips(clips, settings)
        with _in_inference(model, checkpoint) as foreign:
            return ModelDiagnosis(diagnose_model(foreign, settings, frames))


def _named(name: str, array: Any) -> NamedArray:
    if isinstance(array, str | os.PathLike):
        return NamedArray.of_file(Path(array))
    return NamedArray.of_array(name, array)


def _refuse_outside(numbers: Mapping[str, Any]) -> None:
    """Raise SpecError for a number that `ablate diagnose` would refuse."""
    for name, value in numbers.items():
        low, high = LIMITS.get(name, (LEAST.get(name, 0), None))
        if value is None and name == "binarize":
            continue
        if not isinstance(value, Integral) or int(value) < low or (high is not None and int(value) > high):
            allowed = f"from {low} to {high}" if high is not None else f"of at least {low}"
            raise SpecError(f"{name}: found {value!r}; must be a whole number {allowed}")


def _clips(clips: Any, settings: "DiagnosisSettings") -> Clips:
    """Return the user's clips as uint8. Raises DataError for an array that is no clips, or too short ones."""
    frames = clips_of(_named("clips", clips))
    check_brightness("clips", frames, forecast=False)
    needed = settings.context + settings.horizon
    if frames.shape[1] < needed:
        raise DataError(
            f"clips: found {frames.shape[1]} frames a clip; must be at least {needed}: context {settings.context} and "
            f"horizon {settings.horizon}"
        )
    if len(frames) < LIMITS["clips"][0]:
        raise DataError(f"clips: found {len(frames)} clip; must be at least {LIMITS['clips'][0]}")
    return as_ink(as_brightness(frames))


@contextmanager
def _in_inference(
    model: Callable[..., Any] | str | os.PathLike[str], checkpoint: str | os.PathLike[str] | None
) -> Iterator["ForeignModel"]:
    """Yield the model in inference mode, and restore the mode of a module afterwards."""
    from torch import nn  # noqa: PLC0415  # loads torch

    from ablate.commands.diagnose import ModelSource  # noqa: PLC0415  # as above
    from ablate.diagnosis.foreign_torch import fill, model_of  # noqa: PLC0415  # as above

    weights = None if checkpoint is None else Path(checkpoint)
    if isinstance(model, str | os.PathLike):
        is_keras = os.fspath(model).endswith(".keras")
        source = (None, weights, Path(model)) if is_keras else (os.fspath(model), weights, None)
        yield ModelSource(*source).load()
        return
    if not callable(model):
        raise DataError(
            f"model: found {type(model).__name__}; must be a torch module, a function on frames, 'file.py:name', or "
            "the path of a .keras file"
        )
    if _is_keras(model):
        from ablate.diagnosis.foreign_keras import on_channels_second  # noqa: PLC0415  # imports Keras, an extra

        yield on_channels_second(model)
        return
    module = model_of(model, "model")
    if not isinstance(module, nn.Module):
        if weights is not None:
            raise DataError(f"checkpoint: needs a torch.nn.Module to load it into, found {type(module).__name__}")
        yield module
        return
    if weights is not None:
        fill(module, weights)
    modes = {part: part.training for part in module.modules()}
    try:
        yield _on_its_device(module.eval())
    finally:
        for part, mode in modes.items():
            part.training = mode


def _on_its_device(module: Any) -> "ForeignModel":
    """Return a callable that moves frames to the device and the precision of the module's parameters."""
    parameter = next(iter(module.parameters()), None)
    if parameter is None:
        return module  # type: ignore[no-any-return]  # a module is a callable on frames

    def call(frames: Any) -> Any:
        return module(frames.to(parameter.device, parameter.dtype))

    return call


def _is_keras(model: Any) -> bool:
    """Return whether a model is one of Keras; on the torch backend it is a torch module as well."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)
