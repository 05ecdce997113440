"""`ablate diagnose`: questions to somebody's own model, and advice."""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path

from rich.console import Console

from ablate.commands.console import json_text, say, write
from ablate.core.errors import DataError
from ablate.core.plain_json import plain
from ablate.diagnosis.diagnose import Settings
from ablate.diagnosis.diagnose import diagnose as diagnose_model
from ablate.diagnosis.foreign_keras import load_keras
from ablate.diagnosis.foreign_torch import ForeignModel, load_torch
from ablate.measurement.scoring.summary import document
from ablate.report.forecast_page import forecast_page


@dataclass(frozen=True)
class ModelSource:
    """Where somebody's own model comes from: FILE.py:NAME with or without weights, or a .keras file."""

    target: str | None
    checkpoint: Path | None
    keras: Path | None

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self.keras or self.target)

    @property
    def words(self) -> list[str]:
        """What names it on the command line."""
        weights = ["--checkpoint", str(self.checkpoint)] if self.checkpoint else []
        return [*(["--keras", self.name] if self.keras else [self.name]), *weights]

    def load(self) -> ForeignModel:
        """Return the model. Raises DataError unless exactly one source is given, and whatever its loading raises."""
        if (self.target is None) == (self.keras is None):
            raise DataError("give one model: FILE.py:NAME, as in my_model.py:build, or --keras MODEL.keras")
        if self.keras is not None:
            if self.checkpoint is not None:
                raise DataError("--checkpoint: a .keras file holds its own weights; leave the option out")
            return load_keras(self.keras)
        return load_torch(str(self.target), self.checkpoint)


@dataclass(frozen=True)
class DiagnosisFiles:
    """Where to write the diagnosis; None writes nothing of the kind."""

    json: Path | None
    html: Path | None


def diagnose(source: ModelSource, settings: Settings, outputs: DiagnosisFiles, console: Console) -> None:
    """Question somebody's own model on generated clips, and give advice from what was measured.

    Raises DataError where the model cannot be loaded or called, SpecError for clips that cannot be generated.
    """
    with console.status(f"diagnosing {source.name}"):
        found = diagnose_model(source.load(), settings)
    for finding in found.findings:
        for sentence in finding.sentences:
            say(sentence, console)
    for sentence in found.summary.sentences:
        say(sentence, console)
    console.print("\nAdvice", style="bold")
    for sentence in found.advice:
        say(sentence, console)
    if outputs.json:
        findings = {finding.probe: plain(finding) for finding in found.findings}
        told = {"advice": found.advice, "conventions_of_the_model": found.conventions, "findings": findings}
        write(outputs.json, json_text(document(found.summary) | told), console)
    if outputs.html:
        command = shlex.join(["ablate", "diagnose", *source.words, *_options(settings)])
        page = forecast_page(
            source.name, found.summary, found.example, found.findings, found.advice, command, found.conventions
        )
        write(outputs.html, page, console)


def _options(settings: Settings) -> list[str]:
    """Return the settings that are not the defaults, as options."""
    options: list[str] = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != field.default:
            option = "--" + field.name.replace("_", "-")
            options += [option] if value is True else [option, str(value)]
    return options
