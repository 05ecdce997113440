"""The one owner of a study: hands runs to the executor, and records each result exactly once."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

import pandas as pd

from ablate.analysis.unmeasurable import DIVERGED, FINISHED, UNMEASURABLE
from ablate.execution.bookkeeping import INTERRUPTED, Attempt, Bookkeeping
from ablate.execution.executors.executor import Event, Executor, Failed, Finished, Progressed, Started, Task
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.progress import Display, RunProgress, StudyProgress
from ablate.execution.seed_order import SeedOrder, run_order
from ablate.execution.signals import listening
from ablate.execution.tracking.tracker import Tracker
from ablate.measurement.metrics import METRICS
from ablate.storage.exclusions import excluded_runs
from ablate.storage.failed_attempts import FailedAttempt, FailedAttempts, FailureKind
from ablate.storage.paths import Store
from ablate.storage.records import CURVE_COLUMNS
from ablate.study import PlannedRun, StudySpec
from ablate.study.stored_runs import study_paths

POLL_SECONDS = 0.5
UNDEFINED = (UNMEASURABLE, "undefined")  # the second word is that of earlier versions
NOT_NEEDED = "not needed"
"""Outcome of an attempt at a run of a later seed than those after which its study was decided."""
Decide = Callable[[int], bool]
"""Returns whether a sequential study stops after this number of seeds, each run of which has ended."""


@dataclass
class Tally:
    """How a study's runs ended. `failed` has a line for every run that ended without a result, by run id.

    `settled` runs came to their end; `unmeasurable` and `diverged` count those of them that have no response.

    `planned` does not count the `excluded` runs, which are neither trained nor analyzed. `decided_after` is the number
    of seeds after which a sequential study stopped; the runs of later seeds without a result are not needed.
    """

    planned: int
    settled: int = 0
    unmeasurable: int = 0
    diverged: int = 0
    excluded: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    out_of_time: bool = False
    decided_after: int | None = None

    @property
    def measured(self) -> int:
        """Runs with a response."""
        return self.settled - self.unmeasurable - self.diverged

    @property
    def not_needed(self) -> int:
        """Runs without a result that a decided study does not need."""
        return 0 if self.decided_after is None else self.planned - self.settled - len(self.failed)

    @property
    def open(self) -> int:
        """Runs that are needed, and have neither a result nor a failure yet."""
        return 0 if self.decided_after is not None else self.planned - self.settled - len(self.failed)


@final
class Driver:
    """Carries out every planned run without a record. The records on disk decide; Optuna and MLflow follow them.

    A sequential study runs seed by seed. With `decide`, the driver asks after each seed from the first look on whether
    the study stops, once every run up to that seed has ended. A decision is asked for again at every start, from the
    first look on, so it depends on the records alone.
    """

    def __init__(
        self,
        study: StudySpec,
        store: Store,
        tracker: Tracker,
        executor: Executor,
        display: Display,
        decide: Decide | None = None,
    ) -> None:
        self._study, self._executor, self._display = study, executor, display
        self._paths = study_paths(store, study)
        self._excluded = excluded_runs(self._paths)
        self._runs = {run.id: run for run in study.planned_runs if run.id not in self._excluded}
        self._ledger = Ledger.open(store, study)
        self._books = Bookkeeping(study, self._paths, self._ledger, tracker)
        self._attempts: dict[str, Attempt] = {}
        self._failures = FailedAttempts()
        self._tally = Tally(len(self._runs), excluded=len(study.planned_runs) - len(self._runs))
        self._standing = StudyProgress(len(self._runs), 0, executor.slots, METRICS[study.response.metric].title)
        self._decide, self._seed_order, self._looked_at = decide, SeedOrder(study, (), 1), 0

    def run(self) -> Tally:
        """Carry the study out as far as possible, and return how far that was."""
        self._books.open()
        self._queue()
        with self._display, listening() as interruption:
            try:
                while not interruption.requested and self._fill():
                    for event in self._executor.events(POLL_SECONDS):
                        self._take(event)
                    self._stop_overdue()
                    self._display.update(self._standing)
            finally:
                self._executor.close()
                self._abandon()
        self._books.reconcile()
        self._tally.interrupted = interruption.requested
        return self._tally

    def _queue(self) -> None:
        """Queue every run without a record on disk, in the study's random order."""
        self._count_settled()
        open_runs = [run for run in run_order(self._study) if run.id in self._runs and not self._has_record(run.id)]
        if self._decide is None or self._study.looks is None:
            self._ledger.enqueue(open_runs)
            return
        self._seed_order = SeedOrder(self._study, open_runs, self._study.looks.first)
        self._ledger.enqueue([])
        self._look()

    def _count_settled(self) -> None:
        """Count the runs with a record on disk."""
        outcomes = self._ledger.settled()
        settled = [id_ for id_ in self._runs if self._has_record(id_)]
        self._tally.settled = self._standing.done = len(settled)
        for id_ in settled:
            self._count(outcomes.get(id_, FINISHED))

    def _fill(self) -> bool:
        """Keep every slot busy while there is time. Return whether an attempt is running."""
        while len(self._attempts) < self._executor.slots and not self._is_decided and not self._out_of_time():
            if (queued := self._ledger.next()) is not None:
                trial, id_ = queued
                self._begin(trial, self._runs[id_])
            elif (planned_run := self._seed_order.next_run()) is not None:
                self._ledger.add(planned_run)
            else:
                break
        return bool(self._attempts)

    @property
    def _is_decided(self) -> bool:
        return self._tally.decided_after is not None

    def _look(self) -> None:
        """Ask at every look that is complete now and was not asked about before whether the study stops."""
        if self._decide is None or self._study.looks is None or self._is_decided:
            return
        for seeds in range(max(self._looked_at + 1, self._study.looks.first), self._seed_order.complete + 1):
            self._looked_at = seeds
            if self._decide(seeds):
                self._stop_after(seeds)
                return

    def _stop_after(self, seeds: int) -> None:
        """Stop the runs of later seeds; they are neither failed nor missing."""
        self._tally.decided_after = seeds
        for id_ in list(self._attempts):
            self._executor.cancel(id_)
            if self._has_record(id_):
                self._settle(self._attempts.pop(id_))
        self._abandon(NOT_NEEDED)
        self._ledger.withdraw(NOT_NEEDED)
        later = [id_ for id_ in self._tally.failed if self._seed_order.seed_number(self._runs[id_]) > seeds]
        for id_ in later:
            del self._tally.failed[id_]
        self._standing.failed = len(self._tally.failed)
        self._standing.stop_after(seeds, self._tally.not_needed)
        self._display.say(self._standing.stopped)

    def _out_of_time(self) -> bool:
        minutes = self._study.budget.minutes
        if minutes is not None and time.monotonic() - self._standing.started > minutes * 60:
            self._tally.out_of_time = self._tally.open > len(self._attempts)
            return True
        return False

    def _stop_overdue(self) -> None:
        """Stop runs that take too long; a run that ended at that moment keeps its result."""
        minutes = self._study.budget.run_minutes
        now = time.monotonic()
        for id_, attempt in list(self._attempts.items()):
            if minutes is None or attempt.started is None or now - attempt.started < minutes * 60:
                continue
            self._executor.cancel(id_)
            del self._attempts[id_]
            if self._has_record(id_):
                self._settle(attempt)
            else:
                self._fail(attempt, "timeout", f"stopped after {minutes:g} minutes (budget.run_minutes)")

    def _begin(self, trial: int, planned_run: PlannedRun) -> None:
        self._attempts[planned_run.id] = self._books.begin(trial, planned_run)
        self._standing.running[planned_run.id] = RunProgress(planned_run.title, planned_run.spec.training.steps)
        self._executor.submit(Task(planned_run, self._paths.run(planned_run.id).folder))

    def _take(self, event: Event) -> None:
        if event.run_id not in self._attempts:  # stopped by an event just before: the study was decided
            return
        match event:
            case Started(id_):
                self._attempts[id_].started = time.monotonic()
            case Progressed(id_, step, loss, held_out_loss):
                running = self._standing.running[id_]
                running.step, running.loss = step, loss
                if not math.isnan(held_out_loss):
                    row = pd.DataFrame([(step, loss, held_out_loss)], columns=CURVE_COLUMNS)
                    self._books.curve(self._attempts[id_], row)
            case Finished(id_):
                self._settle(self._attempts.pop(id_))
            case Failed(id_, kind, message):
                self._fail(self._attempts.pop(id_), kind, message)

    def _settle(self, attempt: Attempt) -> None:
        planned_run = attempt.planned_run
        record, measured = self._books.settle(attempt)
        self._tally.settled += 1
        self._count(measured.outcome)
        is_finished = measured.outcome == FINISHED
        self._standing.last = f"{measured.response:.3f}" if is_finished else measured.outcome
        how = f"{self._standing.response} {self._standing.last}" if is_finished else measured.outcome
        reason, _, _ = measured.reason.partition(";")  # the rest is in the report
        self._ended(planned_run, f"{how}: {reason}" if reason else how, record.facts)

    def _count(self, outcome: str) -> None:
        """Count a run that came to its end without a response."""
        self._tally.unmeasurable += outcome in UNDEFINED
        self._tally.diverged += outcome == DIVERGED
        self._standing.unmeasurable, self._standing.diverged = self._tally.unmeasurable, self._tally.diverged

    def _fail(self, attempt: Attempt, kind: FailureKind, message: str) -> None:
        planned_run, paths = attempt.planned_run, self._paths.run(attempt.planned_run.id)
        again = self._failures.note(planned_run.id, FailedAttempt(attempt.trial, kind, message), paths)
        if not paths.log.exists():  # a worker that was killed could not write one
            paths.log.write_text(message)
        self._books.fail(attempt, kind, message)
        if again:
            self._standing.running.pop(planned_run.id)
            self._ledger.add(planned_run)
            self._display.say(f"{planned_run.title}  {message}; tried again")
            return
        self._tally.failed[planned_run.id] = f"{planned_run.title}: {message}"
        self._standing.failed += 1
        self._ended(planned_run, f"FAILED: {message} (details: {paths.log}); the study goes on", {})

    def _ended(self, planned_run: PlannedRun, how: str, facts: Mapping[str, str | int | float]) -> None:
        self._standing.running.pop(planned_run.id, None)
        self._standing.done += 1
        self._standing.finished_here += 1
        took = f"  {facts['seconds']:.0f} s" if "seconds" in facts else ""
        self._display.say(f"{self._standing.done}/{self._standing.total}  {planned_run.title}  {how}{took}")
        self._seed_order.end(planned_run)
        self._look()

    def _abandon(self, outcome: str = INTERRUPTED) -> None:
        """End the attempts that have not ended."""
        for id_, attempt in self._attempts.items():
            self._books.stop(attempt, outcome)
            self._standing.running.pop(id_, None)
        self._attempts.clear()

    def _has_record(self, id_: str) -> bool:
        return self._paths.run(id_).record.exists()
