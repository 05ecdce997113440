"""What every level of every factor makes of the base run by itself."""

from collections.abc import Mapping

from ablate.core.errors import Fault, SpecError
from ablate.study.change import changed, unknown_path
from ablate.study.factor import Factor
from ablate.study.run import RunSpec


def level_runs(base: RunSpec, factors: Mapping[str, Factor]) -> dict[str, list[RunSpec | None]]:
    """Return the base run with each level alone, by path; None where a level only fits together with others.

    Raises SpecError with every path that does not exist, every level that does not fit its path, and every
    level that is written otherwise but means the same as another.
    """
    runs: dict[str, list[RunSpec | None]] = {}
    faults: list[Fault] = []
    for path, factor in factors.items():
        if problem := _problem_with_path(base, path):
            faults.append(Fault(("factors", path), problem))
            continue
        runs[path] = []
        for position in range(len(factor.levels)):
            try:
                runs[path].append(_alone(base, path, factor, position))
            except SpecError as error:
                faults.extend(error.faults)
        faults.extend(_repeated(path, factor, runs[path]))
    if faults:
        raise SpecError.of(faults)
    return runs


def _problem_with_path(base: RunSpec, path: str) -> str | None:
    if path == "seed":
        return "seeds are set by 'seeds', and are no factor"
    return unknown_path(base, path)


def _alone(base: RunSpec, path: str, factor: Factor, position: int) -> RunSpec | None:
    try:
        return changed(base, {path: factor.levels[position]})
    except SpecError as error:
        place = tuple(path.split("."))
        if all(place[: len(fault.loc)] == fault.loc != place for fault in error.faults):
            return None  # a block around it objects, and other factors may change that block
        placed = [_placed(fault, path, factor, position) for fault in error.faults]
        raise SpecError.of(list(dict.fromkeys(placed))) from error


def _placed(fault: Fault, path: str, factor: Factor, position: int) -> Fault:
    place, level = tuple(path.split(".")), ("factors", path, "levels", position)
    if fault.loc[: len(place)] == place:
        return Fault((*level, *fault.loc[len(place) :]), fault.text)
    block, _, last = path.rpartition(".")
    if last != "kind":
        return Fault(level, str(fault))
    blocks = ", ".join(f"{{kind: {kind}}}" for kind in factor.levels)
    return Fault(level, f"the base's keys do not suit every kind; give whole blocks, as in {block}: [{blocks}]")


def _repeated(path: str, factor: Factor, runs: list[RunSpec | None]) -> list[Fault]:
    names = factor.level_names()
    firsts: dict[str, int] = {}
    return [
        Fault(("factors", path, "levels", position), f"means the same as level {names[first]!r}; levels must differ")
        for position, run in enumerate(runs)
        if run is not None and (first := firsts.setdefault(run.identity(), position)) < position
    ]
