"""`ablate doctor`: a self-test that plants causes in a model, runs a study, and must find exactly these causes.

The packaged study varies the five switches of the model `planted`. It runs like any study: by the driver, in worker
processes, into the ledger and the tracker. Its records are read back and analyzed.
"""

import platform
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import torch
from rich.console import Console
from rich.table import Table

from ablate import __version__
from ablate.analysis.study_table import with_responses
from ablate.commands import run as runs
from ablate.commands.console import json_text, say
from ablate.components.models import Planted
from ablate.core.errors import DataError
from ablate.execution.results import study_table
from ablate.inference.infer import infer
from ablate.inference.inference import Effect, FactorVerdict, Inference, SimpleEffect
from ablate.inference.run_table import RunTable
from ablate.inference.verdict import Verdict
from ablate.storage.atomic import whole_file
from ablate.storage.paths import Store, StudyPaths
from ablate.study import StudySpec, study_file

ON = "on"  # the level's name in doctor.yaml


@dataclass(frozen=True)
class PlantedCause:
    """The planted effect of a switch; without a verdict the switch does nothing.

    Switching it on changes the ghost ratio by `change`. If it acts with a partner, it changes the ghost ratio by
    `change` where the partner is on and by -`change` where the partner is off.
    """

    verdict: Verdict | None = None
    partners: tuple[str, ...] = ()
    change: float = 0.0

    def matches(self, verdict: FactorVerdict) -> bool:
        """Return whether a verdict says exactly this. A switch that does nothing may stay undecided."""
        if self.verdict is None:
            return not verdict.verdict.claims_effect
        return (verdict.verdict, verdict.partners) == (self.verdict, self.partners)


@dataclass(frozen=True)
class EffectCheck:
    """The effect of a switch on the ghost ratio: planted, and measured with its confidence interval.

    `beside` is the condition: a setting of the partner, or the average over all other switches.
    """

    beside: str
    planted: float
    measured: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class FactorCheck:
    """One switch: its planted cause, the study's verdict, and whether they agree."""

    factor: str
    title: str
    planted: str
    verdict: str
    right: bool
    changes: tuple[EffectCheck, ...]


def examine(folder: Path | None, workers: int | None, output: Path | None, console: Console) -> int:
    """Run the packaged study, print the planted causes and the verdicts, and return the exit code.

    It is 0 if exactly the planted causes were found, 1 otherwise, 130 after Ctrl-C. The study is stored in `folder`;
    None takes a temporary folder. Raises DataError where the folder holds an earlier self-test.
    """
    store_folder = nullcontext(folder) if folder else TemporaryDirectory(prefix="ablate-doctor-")
    with store_folder as root, as_file(files("ablate.commands") / "doctor.yaml") as file:
        study, store = study_file.load(file), Store(Path(root).absolute())
        paths = store.study(study.name)
        if paths.folder.exists():
            raise DataError(f"--store: {paths.folder} holds an earlier self-test; name a folder without one")
        code = runs.run(file, (), store.root, runs.Execution(workers=workers), console)
        if code != runs.SUCCESS:
            return code
        inference = _inferred(study, paths)
    checks = judge(inference, cast(Planted, study.base.model))
    if output:
        _write(output, checks, inference)
    _show(checks, console)
    if folder is None:
        console.print("The study and its report were deleted; --store FOLDER keeps them.", highlight=False)
    return _conclude(checks, output, console)


def planted_causes(model: Planted) -> dict[str, PlantedCause]:
    """Return the planted cause of every switch of the model, by its path in the run."""
    a, b = "model.partner_a", "model.partner_b"
    return {
        "model.culprit": PlantedCause(Verdict.CAUSE, change=model.cause),
        a: PlantedCause(Verdict.ACTS_ONLY_WITH, (b,), model.pair),
        b: PlantedCause(Verdict.ACTS_ONLY_WITH, (a,), model.pair),
        "model.bystander_a": PlantedCause(),
        "model.bystander_b": PlantedCause(),
    }


def judge(inference: Inference, model: Planted) -> tuple[FactorCheck, ...]:
    """Compare the verdict on each switch of the model with its planted cause."""
    titles, planted = {factor.path: factor.title for factor in inference.factors}, planted_causes(model)
    return tuple(
        FactorCheck(
            factor=verdict.factor,
            title=verdict.title,
            planted=_words(planted[verdict.factor].verdict, planted[verdict.factor].partners, titles),
            verdict=_words(verdict.verdict, verdict.partners, titles),
            right=planted[verdict.factor].matches(verdict),
            changes=_changes(verdict, planted[verdict.factor], inference, titles),
        )
        for verdict in inference.verdicts
    )


def _changes(
    verdict: FactorVerdict, plant: PlantedCause, inference: Inference, titles: dict[str, str]
) -> tuple[EffectCheck, ...]:
    if not plant.partners:
        effects = [effect for effect in verdict.effects if effect.level == ON]
        return tuple(_change("average over all other switches", plant.change, effect) for effect in effects)
    partner = plant.partners[0]
    simple = [
        effect
        for interaction in inference.interactions
        for effect in interaction.simple_effects
        if (effect.factor, effect.partner, effect.level) == (verdict.factor, partner, ON)
    ]
    return tuple(
        _change(f"{titles[partner]} {effect.at}", plant.change if effect.at == ON else -plant.change, effect)
        for effect in simple
    )


def _change(beside: str, planted: float, effect: Effect | SimpleEffect) -> EffectCheck:
    return EffectCheck(beside, planted, effect.estimate, effect.low, effect.high)


def _words(verdict: Verdict | None, partners: Sequence[str], titles: dict[str, str]) -> str:
    if verdict is None:
        return "does nothing"
    return " ".join([verdict, ", ".join(titles[partner] for partner in partners)]).strip()


def _inferred(study: StudySpec, paths: StudyPaths) -> Inference:
    table = study_table(study, paths)
    runs = with_responses(table.runs, table.sums, table.response)
    return infer(RunTable.of(runs, table.factors, "seed"), study.settings)


def _write(path: Path, checks: Sequence[FactorCheck], inference: Inference) -> None:
    results = {
        "right": all(check.right for check in checks),
        "switches": [asdict(check) for check in checks],
        "inference": inference.to_json(),
        "versions": {"ablate": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "platform": platform.platform(),
    }
    with whole_file(path) as whole:
        whole.write_text(json_text(results), encoding="utf-8")


def _show(checks: Sequence[FactorCheck], console: Console) -> None:
    verdicts = Table(title="planted causes and verdicts", title_justify="left", box=None, pad_edge=False)
    for heading in ("switch", "planted", "found", ""):
        verdicts.add_column(heading)
    sizes = Table(title="effect of switching on, on the ghost ratio", title_justify="left", box=None, pad_edge=False)
    for heading in ("switch", "condition", "planted", "measured"):
        sizes.add_column(heading)
    for check in checks:
        verdicts.add_row(check.title, check.planted, check.verdict, "right" if check.right else "WRONG")
        for change in check.changes:
            sizes.add_row(check.title, change.beside, f"{change.planted:+.3f}", _measured(change))
    console.print("", verdicts, "", sizes, "", sep="\n")


def _measured(change: EffectCheck) -> str:
    if change.low is None or change.high is None:
        return f"{change.measured:+.3f}"
    return f"{change.measured:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"


def _conclude(checks: Sequence[FactorCheck], output: Path | None, console: Console) -> int:
    if all(check.right for check in checks):
        console.print("Passed: exactly the planted causes were found.", style="green", highlight=False)
        return runs.SUCCESS
    wrong = ", ".join(check.title for check in checks if not check.right)
    report = output or "the file that ablate doctor --json FILE writes"
    problem = f"Failed: the verdicts on {wrong} are wrong. Do not trust this installation; report it with {report}."
    say(problem, console, "red")
    return runs.FAILURE
