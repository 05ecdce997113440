"""What Optuna and MLflow hold of a study's plan, exclusions and records, compared with what lies on disk.

Both books get seals: the digest of the plan at the first start, and the latest links of the chains over plan.json,
exclusions.jsonl and looks.json. A file that was edited or shortened no longer holds the link of its seal. A seal that
does not match is never replaced, so that the difference shows in every later report.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ablate.core.errors import DataError
from ablate.planning.preregistered_plan import PreregisteredPlan, read
from ablate.storage.exclusions import exclusion_chain
from ablate.storage.looks import recorded_looks
from ablate.storage.paths import StudyPaths

PLAN, PLAN_CHAIN, EXCLUSION_CHAIN, LOOK_CHAIN = "plan.digest", "plan.chain", "exclusions.chain", "looks.chain"
SEALS = (PLAN, PLAN_CHAIN, EXCLUSION_CHAIN, LOOK_CHAIN)
"""Names of the seals: attributes of Optuna's study, tags of MLflow's parent run."""
RECORD = "record.digest"
"""Name of a record's digest: an attribute of its trial in Optuna, a tag of its run in MLflow."""
DIGEST_CHARACTERS = 12  # characters of a digest in a sentence; the whole digest is in plan.json


@dataclass(frozen=True)
class Book:
    """What Optuna or MLflow holds of a study.

    `seals` are those of SEALS that it has. `records` has the digest of the record with which each run was settled, by
    run id. `problem` says why the book could not be read, None if it was.
    """

    name: str
    seals: Mapping[str, str] = field(default_factory=dict)
    has_runs: bool = False
    records: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


def new_seals(paths: StudyPaths, seals: Mapping[str, str]) -> dict[str, str]:
    """Return the seals that a book must get at a start, where it holds `seals` so far."""
    plan = _plan(paths)
    chains = {
        PLAN_CHAIN: plan.chain if plan else (),
        EXCLUSION_CHAIN: exclusion_chain(paths),
        LOOK_CHAIN: _look_chain(paths),
    }
    new = {PLAN: plan.digest} if plan and PLAN not in seals else {}
    extended = {
        name: chain[-1] for name, chain in chains.items() if chain and (name not in seals or seals[name] in chain)
    }
    return new | extended


def broken_seals(paths: StudyPaths, books: Sequence[Book]) -> Iterator[str]:
    """Yield a sentence for every seal that plan.json or exclusions.jsonl does not match."""
    if (plan := _plan(paths)) is not None:
        if holders := [book for book in books if book.seals.get(PLAN, plan.digest) != plan.digest]:
            former = holders[0].seals[PLAN]
            yield (
                f"The preregistered plan was exchanged: {_names(holders)} recorded the digest "
                f"{former[:DIGEST_CHARACTERS]} at the first start, and the plan in plan.json has the digest "
                f"{plan.digest[:DIGEST_CHARACTERS]}."
            )
        if holders := _without_link(PLAN_CHAIN, plan.chain, books):
            yield (
                f"plan.json was edited: it does not hold all that {_names(holders)} recorded of the plan and its "
                "changes at an earlier start."
            )
    if holders := _without_link(EXCLUSION_CHAIN, exclusion_chain(paths), books):
        yield (
            f"exclusions.jsonl was edited or removed: it does not hold all the exclusions that {_names(holders)} "
            "recorded at an earlier start."
        )
    if holders := _without_link(LOOK_CHAIN, _look_chain(paths), books):
        yield (
            f"looks.json was edited or removed: it does not hold all the looks at the results that {_names(holders)} "
            "recorded at an earlier start."
        )


def changed_records(
    records: Mapping[str, str | None],
    titles: Mapping[str, str],
    books: Sequence[Book],
    scored_before: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield a sentence for every record whose digest is not the one with which its run was settled.

    `records` has the digest of each record on disk by run id, `titles` the title of each run, and `scored_before` the
    digest that a record had before its scores were computed again.
    """
    for run_id, digest in records.items():
        known = (digest, scored_before.get(run_id, digest))
        if holders := [book for book in books if book.records.get(run_id, digest) not in known]:
            yield (
                f'The record of the run "{titles[run_id]}" ({run_id}) was changed after the run had ended: its digest '
                f"is not the one that {_names(holders)} recorded."
            )


def unchecked(records: Mapping[str, str | None], books: Sequence[Book]) -> Iterator[str]:
    """Yield a sentence on every book that cannot be read, and one on the records that no book protects."""
    for book in books:
        if book.problem is not None:
            yield f"{book.name} could not be read ({book.problem}), so plan and records were not compared with it."
    if books and (count := sum(not any(run_id in book.records for book in books) for run_id in records)):
        runs, their = ("1 run", "its") if count == 1 else (f"{count} runs", "their")
        yield (
            f"Neither Optuna nor MLflow holds the digest of the results of {runs}, as for runs that an older version "
            f"stored. A change of {their} scores on disk may not be noticed."
        )


def _plan(paths: StudyPaths) -> PreregisteredPlan | None:
    try:
        return read(paths)
    except DataError:
        return None  # a damaged plan is reported by itself


def _look_chain(paths: StudyPaths) -> tuple[str, ...]:
    """Return a link for every recorded look. Raises DataError where looks.json is damaged."""
    links: list[str] = []
    for look in recorded_looks(paths):
        links.append(_sha256("".join(links[-1:]) + look.model_dump_json()))
    return tuple(links)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _without_link(name: str, chain: Sequence[str], books: Sequence[Book]) -> list[Book]:
    return [book for book in books if name in book.seals and book.seals[name] not in chain]


def _names(books: Sequence[Book]) -> str:
    return " and ".join(book.name for book in books)
