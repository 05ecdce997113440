"""Every attempt at a run as a trial of an Optuna study: asked for, begun, and ended exactly once."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Self, final

import optuna
from optuna.artifacts import upload_artifact
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from ablate.execution.ledger.facts import SETTLED, measured_facts, planned_facts, settled_state
from ablate.execution.ledger.layout import (
    corrected_trials,
    distributions,
    open_trials,
    parameters,
    study_facts,
    trial_run_id,
)
from ablate.execution.ledger.notes import NOTED_TRIALS, trial_note
from ablate.execution.ledger.storage import WholeFiles, usable
from ablate.execution.measured_run import MeasuredRun, response_definition
from ablate.execution.reconciling import Entry
from ablate.planning.books import RECORD, new_seals
from ablate.storage.paths import Store, without_password
from ablate.storage.records import RunRecord
from ablate.storage.retry import retry_unreachable
from ablate.study import PlannedRun, StudySpec
from ablate.study.stored_runs import study_paths

QUEUED = 20
EXCLUDED = "excluded"


@final
class Ledger:
    """The trials of one study. Only the driver that holds the study's lock may open it.

    A run is settled by a trial that is COMPLETE (its value is the study's response) or PRUNED (the run is unmeasurable
    or diverged, so that it has no value: it is no best trial, and takes no part in importances). FAIL leaves the run
    open for the next start.
    """

    def __init__(self, store: Store, study: StudySpec, trials: optuna.Study) -> None:
        self._store, self._study, self._trials = store, study, trials
        self._queue: dict[str, PlannedRun] = {}
        self._planned = {planned_run.id: planned_run for planned_run in study.planned_runs}
        self._distributions = distributions(study)
        self._artifacts, self._paths = WholeFiles(store.optuna_artifacts), study_paths(store, study)
        self._running: dict[int, optuna.Trial] = {}
        self.database, self.role, self.gave_up = without_password(store.optuna_url), "Optuna's database", False

    def is_unreachable(self, error: BaseException) -> bool:
        """See DatabaseClient."""
        return isinstance(error, SQLAlchemyError | StorageInternalError)

    @classmethod
    def open(cls, store: Store, study: StudySpec) -> Self:
        """Create the study's trials, or continue with those of an earlier start.

        Trials that an earlier driver left running fail as abandoned. Optuna refuses changed factors, levels and
        responses: its study is then created again, with the settled trials of the runs that are still planned.
        Raises AblateError if the database cannot be used.
        """
        with usable(without_password(store.optuna_url)):
            trials = open_trials(store, study)
            seals = new_seals(study_paths(store, study), trials.user_attrs)
            for name, fact in {**study_facts(study), **seals}.items():
                trials.set_user_attr(name, fact)
            ledger = cls(store, study, trials)
            ledger._abandon(trials.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
            return ledger

    @retry_unreachable
    def settled(self) -> Mapping[str, str]:
        """Return how each settled run ended, by its id: finished, unmeasurable or diverged. The latest trial counts."""
        trials = self._trials.get_trials(deepcopy=False, states=SETTLED)
        return {trial.user_attrs["run"]: trial.user_attrs["outcome"] for trial in trials if "run" in trial.user_attrs}

    @retry_unreachable
    def entries(self) -> list[Entry]:
        """Return the settled trials in the order of their numbers; each shows the response of today."""
        paths, definition = study_paths(self._store, self._study), response_definition(self._study)
        trials = self._trials.get_trials(deepcopy=False, states=SETTLED)
        return [
            Entry(
                id=str(trial.number),
                run=trial_run_id(trial, paths),
                digest=trial.user_attrs.get(RECORD),
                response=math.nan if trial.value is None else trial.value,
                definition=definition,
            )
            for trial in trials
        ]

    @retry_unreachable
    def correct(self, superseded: Collection[int], shown_as: Mapping[int, str]) -> None:
        """Change settled trials by their numbers. No trial may be running.

        `superseded` ones end so, since other trials show their results. `shown_as` has the ids of the runs in MLflow
        that show the other ones now.
        """
        if superseded or shown_as:
            self._trials = corrected_trials(self._store, self._study, self._trials, superseded, shown_as)

    @retry_unreachable
    def enqueue(self, planned_runs: Sequence[PlannedRun]) -> None:
        """Queue runs in their order, behind those that wait already. Other waiting runs will be withdrawn."""
        self._queue = {planned_run.id: planned_run for planned_run in planned_runs}
        self._refill()

    def add(self, planned_run: PlannedRun) -> None:
        """Queue a run behind all others, for a retry or because it may start now."""
        self._queue[planned_run.id] = planned_run

    @retry_unreachable
    def withdraw(self, outcome: str) -> None:
        """End every waiting trial with this outcome, and empty the queue."""
        self._queue.clear()
        while self._refill():
            trial = self._trials.ask(self._distributions)  # Optuna ends no trial that waits
            self._running[trial.number] = trial
            self._end(trial.number, TrialState.FAIL, {"outcome": outcome})

    @retry_unreachable
    def next(self) -> tuple[int, str] | None:
        """Begin the next queued trial and return its number and the id of its run; None when the queue is empty.

        A waiting trial of a run that is not queued any more fails as withdrawn.
        """
        while self._refill():
            trial = self._trials.ask(self._distributions)
            run_id = trial.user_attrs.get("run")
            self._running[trial.number] = trial
            if run_id in self._queue:
                del self._queue[run_id]  # it may wait twice if the database was unreachable in between
                return trial.number, run_id
            self._end(trial.number, TrialState.FAIL, {"outcome": "withdrawn"})
        return None

    def _refill(self) -> bool:
        """Keep Optuna's queue short, since Optuna reads all of it for every trial. Return whether a trial waits.

        A trial that Optuna began while the database became unreachable never reached the driver: it is queued again.
        """
        under_way = self._trials.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING))
        self._abandon(trial for trial in under_way if trial.state is TrialState.RUNNING)
        waiting = [trial.user_attrs.get("run") for trial in under_way if trial.state is TrialState.WAITING]
        missing = (planned_run for id_, planned_run in self._queue.items() if id_ not in waiting)
        added = list(islice(missing, max(QUEUED - len(waiting), 0)))
        for planned_run in added:
            self._trials.enqueue_trial(parameters(planned_run), user_attrs=planned_facts(planned_run))
        return bool(waiting or added)

    def _abandon(self, trials: Iterable[FrozenTrial]) -> None:
        """End running trials that this ledger did not begin as abandoned."""
        for stale in trials:
            number = stale.number
            if number not in self._running:
                self._running[number] = optuna.Trial(self._trials, stale._trial_id)  # noqa: SLF001  # no public way back to it
                self._end(number, TrialState.FAIL, {"outcome": "abandoned"})

    @retry_unreachable
    def settle(
        self, number: int, *, measured: MeasuredRun, record: RunRecord, run_id: str, artifacts: Sequence[Path]
    ) -> None:
        """End a trial with its record: the response if the run is measurable, the means of every view, the pictures."""
        for file in artifacts:
            upload_artifact(artifact_store=self._artifacts, file_path=str(file), study_or_trial=self._running[number])
        planned_run = self._planned[self._running[number].user_attrs["run"]]
        facts = planned_facts(planned_run) | measured_facts(self._study, measured)
        facts |= {"mlflow_run": run_id, "seconds": record.facts.get("seconds")}
        if record.digest is not None:
            facts[RECORD] = record.digest
        self._end(number, settled_state(measured), facts, measured.response)

    @retry_unreachable
    def exclude(self, reasons: Mapping[str, str]) -> None:
        """Name the runs that are excluded from the analysis, with the reasons, by run id; all others are included."""
        if dict(reasons) != self._trials.user_attrs.get(EXCLUDED, {}):
            self._trials.set_user_attr(EXCLUDED, dict(reasons))

    @retry_unreachable
    def fail(self, number: int, kind: str, message: str) -> None:
        """End a trial that has no result."""
        self._end(number, TrialState.FAIL, {"outcome": "failed", "failure": kind, "message": message})

    @retry_unreachable
    def release(self, number: int, outcome: str = "interrupted") -> None:
        """End a trial that was stopped, by the user or because its study was decided."""
        self._end(number, TrialState.FAIL, {"outcome": outcome})

    def _end(self, number: int, state: TrialState, facts: Mapping[str, Any], value: float = math.nan) -> None:
        trial, final_value = self._running[number], value if state is TrialState.COMPLETE else None
        with suppress(UpdateFinishedTrialError):  # the first answer was lost with the connection
            for name, fact in facts.items():
                trial.set_user_attr(name, fact)
            self._note(trial, final_value)
            self._trials.tell(trial, final_value, state, skip_if_finished=True)
        del self._running[number]

    def _note(self, trial: optuna.Trial, value: float | None) -> None:
        """Write the note of a trial that ends."""
        if trial.number >= NOTED_TRIALS or (planned_run := self._planned.get(trial.user_attrs.get("run", ""))) is None:
            return
        folder = self._paths.run(planned_run.id).folder
        note = trial_note(planned_run, self._study.response, value, trial.user_attrs, folder)
        if note is not None:
            from optuna_dashboard import save_note  # noqa: PLC0415  # it takes 2 s

            save_note(trial, note)
