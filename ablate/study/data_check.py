"""Checks before the first run that every run finds its data: the file, its shape and type, and enough clips."""

from collections.abc import Iterable, Iterator

from ablate.core.errors import DataError, Fault, Loc
from ablate.study.run import RunSpec
from ablate.study.study import Cell, StudySpec

Setting = tuple[str, ...]
"""A path in a run, key by key."""


def data_faults(study: StudySpec, cells: Iterable[Cell]) -> list[Fault]:
    """Return what is wrong with the data of these cells, each at the setting that names it; creates nothing.

    Equal data is opened once. Only its header and size are read, and its MD5 sum if the study asks for it.
    """
    faults: dict[Fault, None] = {}
    examined: set[str] = set()
    for cell in cells:
        run = cell.spec
        needs = RunSpec(data=run.data, training=run.training, evaluation=run.evaluation).identity()
        if needs in examined:
            continue
        examined.add(needs)
        for setting, text in _problems(run):
            faults[Fault(_place(study, cell, setting), text)] = None
    return list(faults)


def _problems(run: RunSpec) -> Iterator[tuple[Setting, str]]:
    """Yield the setting at fault, and what is wrong, for the data of a run."""
    try:
        source = run.data.build(run.seed)
    except DataError as error:
        yield ("data", error.setting), f"the data cannot be used: {error}"
        return
    if source.held_out_size is not None:
        yield from _too_few_held_out(run, source.held_out_size)
    if source.training_size is not None:
        yield from _views_beyond_training(run, source.training_size)


def _too_few_held_out(run: RunSpec, size: int) -> Iterator[tuple[Setting, str]]:
    """Yield each setting that asks for more held-out clips than there are."""
    needed: dict[Setting, int] = {("training", "batch"): run.training.batch} if run.model.trainable else {}
    for name, view in run.evaluation.views.items():
        if view.clips == "held_out":
            is_counted_here = view.first > 0 or view.count is not None
            setting: Setting = ("evaluation", "views", name) if is_counted_here else ("evaluation", "clips")
            needed[setting] = view.first + (view.count or run.evaluation.clips)
    for setting, count in needed.items():
        if count > size:
            text = f"found {size} held-out clips in {run.data.describe()}, but this needs {count}"
            yield setting, f"{text}; must be at most {size}: lower it, or lower data.train_clips"


def _views_beyond_training(run: RunSpec, size: int) -> Iterator[tuple[Setting, str]]:
    """Yield each view of training clips that begins after the last one."""
    for name, view in run.evaluation.views.items():
        if view.clips == "training" and view.first >= size:
            text = f"found {view.first}, but there are {size} training clips; must be below {size}"
            yield ("evaluation", "views", name, "first"), text


def _place(study: StudySpec, cell: Cell, setting: Setting) -> Loc:
    """Return where the study sets this for a cell: in the level of a factor, else in the base run."""
    for path, factor in study.factors.items():
        keys = tuple(path.split("."))
        if setting[: len(keys)] == keys or keys[: len(setting)] == setting:
            level = factor.level_names().index(cell.levels[path])
            return ("factors", path, "levels", level, *setting[len(keys) :])
    return ("base", *setting)
