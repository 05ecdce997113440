"""Preregistration: a study's plan is fixed at its first start, and every later change of it is listed.

The plan is never overwritten: a changed study shows as deviations from it. What plan.json holds is compared with what
Optuna and MLflow recorded, so that a plan that was deleted, edited or exchanged is listed too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ablate.core.errors import DataError, SpecError
from ablate.inference.kind_of_test import kind_of_test
from ablate.planning.books import Book, broken_seals
from ablate.planning.planned_table import planned_family, planned_table
from ablate.planning.preregistered_plan import (
    PAIR,
    PlanChange,
    PreregisteredPlan,
    Settings,
    Value,
    digest,
    flat,
    read,
    write,
)
from ablate.storage.exclusions import exclusions
from ablate.storage.paths import StudyPaths
from ablate.study import StudySpec

LEFT_OUT: dict[str, Any] = {
    "name": True,
    "budget": True,
    "resources": True,
    "probes": True,
    "log_models": True,
    "base": {"seed"},
    "analysis": {"sd", "seed_sd"},
}
"""Settings that change no result and no verdict."""
LOOKS = {
    "looks.at": "after each seed",
    "looks.spending": "linear: alpha x seeds / all seeds",
    "looks.stop": "with --until-decided, once every factor and every pair that the study names has a verdict",
}
"""What a study with a range of seeds fixes beside the range, before its first result."""
OLDER_TEST = "permutation tests with the Holm adjustment"
"""The tests of every version whose plans name none."""
FLOOR, OLDER_FLOOR = "response.measurable_from", 0.0
"""A setting that older plans do not name: their versions took the mean of any defined frame as the response."""
NAMES = (".labels", ".title")
"""Settings of a factor that plans of an older version do not hold."""


def preregister(paths: StudyPaths, study: StudySpec, books: Sequence[Book] = ()) -> None:
    """Write the plan to the study's folder at its first start; at a later start, add what has changed since the last.

    `books` hold what was recorded at earlier starts. A plan.json that is damaged is moved aside. Where that happened,
    or there is no plan although runs were started, the plan is written with a note of that.
    """
    settings, now = preregistered_settings(study), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    try:
        plan = read(paths)
    except DataError as error:
        paths.plan.replace(paths.damaged_plan)
        note = f"The first plan is lost: {error}. The plan was preregistered again on {now}; the damaged file was kept."
        write(paths, PreregisteredPlan(now, digest(settings), settings, note=note))
        return
    if plan is None:
        evidence = _earlier_starts(paths, books)
        late = f"{_no_plan(evidence)} The plan was written on {now}, after the first run." if evidence else None
        write(paths, PreregisteredPlan(now, digest(settings), settings, note=late))
    elif changes := tuple(_changes(plan, study, f"since the start of {now}")):
        write(paths, replace(plan, changes=(*plan.changes, *changes)))


def deviations(paths: StudyPaths, study: StudySpec, books: Sequence[Book] = ()) -> tuple[str, ...]:
    """Return a sentence for every way in which the study differs, or differed, from its preregistered plan.

    These are changed settings, runs that were excluded after results were seen, a plan that is missing or damaged, and
    files that do not match what `books` hold. Raises DataError where exclusions.jsonl is damaged; never raises for what
    is in plan.json.
    """
    return (
        *_plan_deviations(paths, study, books),
        *broken_seals(paths, books),
        *(exclusion.sentence for exclusion in exclusions(paths) if exclusion.is_after_results),
    )


def plan_differences(plan: PreregisteredPlan, study: StudySpec) -> tuple[PlanChange, ...]:
    """Return every setting in which a study differs from the latest settings of a plan."""
    return tuple(change for change in _changes(plan, study, "now") if not change.is_new_setting)


def planned_test(study: StudySpec) -> str:
    """Return the kind of test that the study's runs get if none is lost, and its adjustment over the family."""
    kind = kind_of_test(planned_table(study, len(study.seeds)))
    return f"{kind.value.replace('_', ' ')} with the {kind.adjustment} adjustment"


def preregistered_settings(study: StudySpec) -> Settings:
    """Return what is fixed before the first result.

    That is the question, the response, the base run, factors, design, seeds, the settings of the analysis, every
    hypothesis that is tested and how, and whether the study is exploratory. A sequential study fixes its looks too.
    """
    tested = planned_family(study, len(study.seeds)).tested
    hypotheses: list[Any] = [PAIR.join(hypothesis.factors) for hypothesis in tested]
    settings = study.model_dump(mode="json", exclude=LEFT_OUT)
    tests: dict[str, Value] = {"hypotheses": hypotheses, "family": len(tested), "test": planned_test(study)}
    looks = LOOKS if study.looks is not None else {}
    return dict(flat(settings)) | tests | looks


def _plan_deviations(paths: StudyPaths, study: StudySpec, books: Sequence[Book]) -> Iterator[str]:
    try:
        plan = read(paths)
    except DataError as error:
        yield f"The preregistered plan is lost: {error}. The next `ablate run` preregisters the study again."
        return
    if plan is None:
        if evidence := _earlier_starts(paths, books):
            yield _no_plan(evidence)
        return
    if plan.note:
        yield plan.note
    for change in (*plan.changes, *_changes(plan, study, "since the latest start")):
        if not change.is_new_setting:
            yield change.sentence


def _earlier_starts(paths: StudyPaths, books: Sequence[Book]) -> list[str]:
    """Return what shows that the study was started before: runs on disk, and books with runs or a plan's digest."""
    stored = len(paths.attempted)
    runs = [f"{stored} {'run' if stored == 1 else 'runs'} on disk"] if stored else []
    entries = " and ".join(book.name for book in books if book.has_runs or book.seals)
    return runs + ([f"entries in {entries}"] if entries else [])


def _no_plan(evidence: Sequence[str]) -> str:
    return (
        f"No preregistered plan was found, but the study has {' and '.join(evidence)}. Its settings may have been "
        "chosen after the first results."
    )


def _changes(plan: PreregisteredPlan, study: StudySpec, since: str) -> Iterator[PlanChange]:
    """Yield the changes from the latest settings of a plan to those of a study.

    A setting that the plan does not have and that is at its default is no change: the field is newer than the plan. A
    plan that names no test, or no share of frames from which a run is measurable, was made by a version with the older
    ones.
    """
    try:
        before = {"test": OLDER_TEST, FLOOR: OLDER_FLOOR, **plan.latest}
    except SpecError as error:
        yield PlanChange("the version of Ablate", "one with another field", f"this one ({error})", since)
        return
    after = preregistered_settings(study)
    chosen = {key for key, _ in flat(study.non_defaults())} | {"hypotheses", "family"}
    for key in dict.fromkeys((*before, *after)):
        is_newer_default = key not in before and key not in chosen
        if _is_newer_name(key, before):
            yield PlanChange(key, None, after[key], since, is_new_setting=True)
        elif before.get(key) != after.get(key) and not is_newer_default:
            yield PlanChange(key, before.get(key), after.get(key), since)


def _is_newer_name(key: str, before: Settings) -> bool:
    """Return whether a plan has a factor, but not this name of it or of its levels: older versions held no names."""
    factor, dot, name = key.rpartition(".")
    return key not in before and dot + name in NAMES and f"{factor}.levels" in before
