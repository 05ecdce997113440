"""The self-test: causes are planted, a study goes the whole way, and exactly these causes must be found.

The packaged study switches the five switches of the model `planted`. It is run as any study is: by the driver, in
worker processes, into the ledger and the tracker; its records are read back and inferred from.
"""

import json
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
from ablate.commands.console import say
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
class Plant:
    """What a switch was made to do; without a verdict it does nothing.

    Switching it on changes the ghost ratio by `change`; for one that acts with a partner, by `change` where that one is
    on and by -`change` where it is off.
    """

    verdict: Verdict | None = None
    partners: tuple[str, ...] = ()
    change: float = 0.0

    def is_found_in(self, verdict: FactorVerdict) -> bool:
        """Tell whether a verdict says this and no more. A switch that does nothing may stay undecided."""
        if self.verdict is None:
            return not verdict.verdict.claims_effect
        return (verdict.verdict, verdict.partners) == (self.verdict, self.partners)


@dataclass(frozen=True)
class Change:
    """What switching on changes in the ghost ratio: as planted, and as measured with its interval.

    `beside` says where: a setting of the partner, or averaged over all else.
    """

    beside: str
    planted: float
    measured: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Examined:
    """One switch: what it was made to do, what the study found of it, and whether that is the same."""

    factor: str
    title: str
    planted: str
    found: str
    right: bool
    changes: tuple[Change, ...]


def examine(folder: Path | None, workers: int | None, output: Path | None, console: Console) -> int:
    """Run the packaged study, say what was planted and what was found, and return the exit code.

    0 where exactly the planted causes were found, 1 otherwise, 130 after Ctrl-C. The study lies in `folder`; None takes
    a temporary one. Raises DataError where the folder holds an earlier self-test.
    """
    room = nullcontext(folder) if folder else TemporaryDirectory(prefix="ablate-doctor-")
    with room as root, as_file(files("ablate.commands") / "doctor.yaml") as file:
        study, store = study_file.load(file), Store(Path(root).absolute())
        paths = store.study(study.name)
        if paths.folder.exists():
            raise DataError(f"--store: {paths.folder} holds an earlier self-test; name a folder without one")
        code = runs.run(file, (), store.root, runs.Where(workers=workers), console)
        if code != runs.SUCCESS:
            return code
        inference = _inferred(study, paths)
    examined = judge(inference, cast(Planted, study.base.model))
    if output:
        _write(output, examined, inference)
    _show(examined, console)
    if folder is None:
        console.print("The study and its report were thrown away; --store FOLDER keeps them.", highlight=False)
    return _conclude(examined, output, console)


def plants(model: Planted) -> dict[str, Plant]:
    """Return what every switch of the model was made to do, by its path in the run."""
    a, b = "model.partner_a", "model.partner_b"
    return {
        "model.culprit": Plant(Verdict.CAUSE, change=model.cause),
        a: Plant(Verdict.ACTS_ONLY_WITH, (b,), model.pair),
        b: Plant(Verdict.ACTS_ONLY_WITH, (a,), model.pair),
        "model.bystander_a": Plant(),
        "model.bystander_b": Plant(),
    }


def judge(inference: Inference, model: Planted) -> tuple[Examined, ...]:
    """Hold what was inferred of each of the model's switches against what it was made to do."""
    titles, planted = {factor.path: factor.title for factor in inference.factors}, plants(model)
    return tuple(
        Examined(
            factor=verdict.factor,
            title=verdict.title,
            planted=_words(planted[verdict.factor].verdict, planted[verdict.factor].partners, titles),
            found=_words(verdict.verdict, verdict.partners, titles),
            right=planted[verdict.factor].is_found_in(verdict),
            changes=_changes(verdict, planted[verdict.factor], inference, titles),
        )
        for verdict in inference.verdicts
    )


def _changes(verdict: FactorVerdict, plant: Plant, inference: Inference, titles: dict[str, str]) -> tuple[Change, ...]:
    if not plant.partners:
        effects = [effect for effect in verdict.effects if effect.level == ON]
        return tuple(_change("averaged over all else", plant.change, effect) for effect in effects)
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


def _change(beside: str, planted: float, effect: Effect | SimpleEffect) -> Change:
    return Change(beside, planted, effect.estimate, effect.low, effect.high)


def _words(verdict: Verdict | None, partners: Sequence[str], titles: dict[str, str]) -> str:
    if verdict is None:
        return "does nothing"
    return " ".join([verdict, ", ".join(titles[partner] for partner in partners)]).strip()


def _inferred(study: StudySpec, paths: StudyPaths) -> Inference:
    table = study_table(study, paths)
    runs = with_responses(table.runs, table.sums, table.response)
    return infer(RunTable.of(runs, table.factors, "seed"), study.settings)


def _write(path: Path, examined: Sequence[Examined], inference: Inference) -> None:
    told = {
        "right": all(one.right for one in examined),
        "switches": [asdict(one) for one in examined],
        "inference": inference.to_json(),
        "versions": {"ablate": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "platform": platform.platform(),
    }
    with whole_file(path) as whole:
        whole.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _show(examined: Sequence[Examined], console: Console) -> None:
    verdicts = Table(title="what was planted, and what was found", title_justify="left", box=None, pad_edge=False)
    for heading in ("switch", "planted", "found", ""):
        verdicts.add_column(heading)
    sizes = Table(title="what switching on changes in the ghost ratio", title_justify="left", box=None, pad_edge=False)
    for heading in ("switch", "where", "planted", "measured"):
        sizes.add_column(heading)
    for one in examined:
        verdicts.add_row(one.title, one.planted, one.found, "right" if one.right else "WRONG")
        for change in one.changes:
            sizes.add_row(one.title, change.beside, f"{change.planted:+.3f}", _measured(change))
    console.print("", verdicts, "", sizes, "", sep="\n")


def _measured(change: Change) -> str:
    if change.low is None or change.high is None:
        return f"{change.measured:+.3f}"
    return f"{change.measured:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"


def _conclude(examined: Sequence[Examined], output: Path | None, console: Console) -> int:
    if all(one.right for one in examined):
        console.print("All is well: exactly the planted causes were found.", style="green", highlight=False)
        return runs.SUCCESS
    wrong = ", ".join(one.title for one in examined if not one.right)
    report = output or "the file that ablate doctor --json FILE writes"
    problem = f"Not all is well: {wrong} came out wrong. Do not trust this installation; report it with {report}."
    say(problem, console, "red")
    return runs.FAILURE
