"""`ablate diagnose`: scores, probes and advice for a foreign model."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from ablate.commands.console import json_text, say, write
from ablate.core.errors import DataError
from ablate.core.plain import plain
from ablate.diagnosis.diagnose import DiagnosisSettings
from ablate.diagnosis.diagnose import diagnose as diagnose_model
from ablate.diagnosis.foreign_torch import ForeignModel, file_and_name, load_torch
from ablate.measurement.scoring.summary import document
from ablate.report.forecast_page import forecast_page


@dataclass(frozen=True)
class ModelSource:
    """Where a foreign model comes from: FILE.py:NAME with or without weights, or a .keras file."""

    target: str | None
    checkpoint: Path | None
    keras: Path | None

    @property
    def name(self) -> str:
        """The model's name on the page."""
        return str(self.keras or self.target)

    @property
    def arguments(self) -> list[str]:
        """The arguments that name it on the command line."""
        weights = ["--checkpoint", str(self.checkpoint)] if self.checkpoint else []
        return [*(["--keras", self.name] if self.keras else [self.name]), *weights]

    @property
    def files(self) -> Sequence[Path]:
        """The files that loading it reads."""
        code = file_and_name(self.target)[0] if self.target else None
        return [file for file in (code, self.checkpoint, self.keras) if file is not None]

    def load(self) -> ForeignModel:
        """Return the model. Raises DataError unless exactly one source is given, and the errors of loading."""
        if (self.target is None) == (self.keras is None):
            raise DataError("give one model: FILE.py:NAME, as in my_model.py:build, or --keras MODEL.keras")
        if self.keras is not None:
            if self.checkpoint is not None:
                raise DataError("--checkpoint: a .keras file contains its weights; leave the option out")
            from ablate.diagnosis.foreign_keras import load_keras  # noqa: PLC0415  # imports Keras, an extra

            return load_keras(self.keras)
        return load_torch(str(self.target), self.checkpoint)


@dataclass(frozen=True)
class DiagnosisFiles:
    """Output files of a diagnosis; None writes no such file."""

    json: Path | None
    html: Path | None


def diagnose(source: ModelSource, settings: DiagnosisSettings, outputs: DiagnosisFiles, console: Console) -> None:
    """Score and probe a foreign model on generated clips, print advice, and write the files.

    Raises DataError where the model cannot be loaded or called, SpecError for clips that cannot be generated.
    """
    with console.status(f"diagnosing {source.name}"):
        diagnosis = diagnose_model(source.load(), settings)
    for finding in diagnosis.findings:
        for sentence in finding.sentences:
            say(sentence, console)
    for sentence in diagnosis.summary.sentences:
        say(sentence, console)
    console.print("\nAdvice", style="bold")
    for sentence in diagnosis.advice:
        say(sentence, console)
    if outputs.json:
        numbers = document(diagnosis.summary) | {
            "advice": diagnosis.advice,
            "conventions_of_the_model": diagnosis.conventions,
            "findings": {finding.probe: plain(finding) for finding in diagnosis.findings},
        }
        write(outputs.json, json_text(numbers), console)
    if outputs.html:
        page = forecast_page(
            source.name,
            diagnosis.summary,
            diagnosis.example,
            diagnosis.findings,
            diagnosis.advice,
            shlex.join(["ablate", "diagnose", *source.arguments, *_options(settings)]),
            diagnosis.conventions,
        )
        write(outputs.html, page, console)


def _options(settings: DiagnosisSettings) -> list[str]:
    """Return the settings that differ from the defaults, as options."""
    defaults = asdict(DiagnosisSettings())
    options: list[str] = []
    for name, value in asdict(settings).items():
        if value != defaults[name]:
            option = "--" + name.replace("_", "-")
            options += [option] if value is True else [option, str(value)]
    return options
