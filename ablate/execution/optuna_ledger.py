"""Every attempt at a run as a trial of an Optuna study. The only module that imports optuna."""

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Self, final

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from ablate.core.errors import AblateError
from ablate.execution.measured_run import MeasuredRun, measured_run
from ablate.measurement.metrics import METRICS, SECONDARY
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.planning.books import RECORD, SEALS, Book, new_seals
from ablate.storage.atomic import whole_file
from ablate.storage.paths import Store, StudyPaths, without_password
from ablate.storage.records import RunRecord
from ablate.storage.retry import retry_unreachable
from ablate.study import PlannedRun, StudySpec
from ablate.study.stored_runs import study_paths

SETTLED = (TrialState.COMPLETE, TrialState.PRUNED)
ANY_SEED = IntDistribution(0, 2**31 - 1)  # Optuna lets no distribution change, and seeds may be added
LOCK_SECONDS = 60  # the dashboard may be reading the database
QUEUED = 20
LAYOUT = "layout"
EXCLUDED = "excluded"

optuna.logging.set_verbosity(optuna.logging.WARNING)


@final
class Ledger:
    """The trials of one study. Only the driver that holds the study's lock may open it.

    A run is settled by a trial that is COMPLETE (its value is the study's response) or PRUNED (the run is unmeasurable
    or diverged, so that it has no value: it is no best trial, and takes no part in importances). FAIL leaves the run
    open for the next start.
    """

    def __init__(
        self, study: StudySpec, trials: optuna.Study, artifacts: FileSystemArtifactStore, database: str
    ) -> None:
        self._queue: dict[str, PlannedRun] = {}
        self._distributions = _distributions(study)
        self._trials, self._artifacts = trials, artifacts
        self._running: dict[int, optuna.Trial] = {}
        self.database, self.role, self.gave_up = database, "Optuna's database", False

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
        with _usable(database := without_password(store.optuna_url)):
            trials = _trials(store, study)
            trials.set_user_attr("question", study.question)
            trials.set_user_attr("response", _response_title(study))
            trials.set_user_attr("plan", f"{study.design.kind}: {len(study.cells)} cells x {len(study.seeds)} seeds")
            for name, seal in new_seals(study_paths(store, study), trials.user_attrs).items():
                trials.set_user_attr(name, seal)
            ledger = cls(study, trials, WholeFiles(store.optuna_artifacts), database)
            ledger._abandon(trials.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
            return ledger

    @retry_unreachable
    def settled(self) -> Mapping[str, str]:
        """Return how each settled run ended, by its id: finished, unmeasurable or diverged. The latest trial counts."""
        trials = self._trials.get_trials(deepcopy=False, states=SETTLED)
        return {trial.user_attrs["run"]: trial.user_attrs["outcome"] for trial in trials}

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
            self._trials.enqueue_trial(_params(planned_run), user_attrs={"run": planned_run.id})
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
        """End a trial with its record: the response if the run is measurable, the means of every view, the pictures.

        Only the secondary metrics go to Optuna, which writes each number by itself; MLflow has all metrics.
        """
        for file in artifacts:
            upload_artifact(artifact_store=self._artifacts, file_path=str(file), study_or_trial=self._running[number])
        facts = _outcome_facts(measured) | {"mlflow_run": run_id, "seconds": record.facts.get("seconds")}
        if record.digest is not None:
            facts[RECORD] = record.digest
        self._end(number, _state(measured), facts | _secondary_means(measured), measured.response)

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
        trial = self._running[number]
        with suppress(UpdateFinishedTrialError):  # the first answer was lost with the connection
            for name, fact in facts.items():
                trial.set_user_attr(name, fact)
            self._trials.tell(trial, value if state is TrialState.COMPLETE else None, state, skip_if_finished=True)
        del self._running[number]


class WholeFiles(FileSystemArtifactStore):
    """An artifact store whose files the dashboard finds complete or not at all."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Write an artifact under a temporary name, and move it to its own."""
        with whole_file(self._folder / artifact_id) as path:
            path.write_bytes(content_body.read())


def _trials(store: Store, study: StudySpec) -> optuna.Study:
    """Return the Optuna study in the layout of today, with the trials that an earlier layout settled."""
    store.root.mkdir(parents=True, exist_ok=True)
    storage = RDBStorage(store.optuna_url, engine_kwargs=_engine(store.optuna_url))
    sampler = optuna.samplers.RandomSampler()  # never used: every queued trial has all its values
    carried: list[FrozenTrial] = []
    seals: dict[str, str] = {}
    if study.name in optuna.get_all_study_names(storage):
        trials = optuna.load_study(study_name=study.name, storage=storage, sampler=sampler)
        if trials.user_attrs.get(LAYOUT) == _layout(study):
            return trials
        carried = list(_carried_over(trials, study, study_paths(store, study)))
        seals = _seals(trials)
        optuna.delete_study(study_name=study.name, storage=storage)
    is_maximized = METRICS[study.response.metric].higher_is_better
    direction = StudyDirection.MAXIMIZE if is_maximized else StudyDirection.MINIMIZE
    trials = optuna.create_study(study_name=study.name, storage=storage, sampler=sampler, direction=direction)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        trials.set_metric_names([_response_title(study)])
    trials.add_trials(carried)
    for name, value in {LAYOUT: _layout(study), **seals}.items():
        trials.set_user_attr(name, value)
    return trials


def optuna_book(store: Store, name: str) -> Book:
    """Return what Optuna holds of a study; nothing is created where there is no such study."""
    if store.optuna is None and not store.optuna_database.exists():
        return Book("Optuna")
    try:
        storage = RDBStorage(store.optuna_url, engine_kwargs=_engine(store.optuna_url))
        if name not in optuna.get_all_study_names(storage):
            return Book("Optuna")
        trials = optuna.load_study(study_name=name, storage=storage)
        attempts = trials.get_trials(deepcopy=False)
        settled = [trial.user_attrs for trial in attempts if trial.state in SETTLED]
        records = {facts["run"]: facts.get(RECORD) for facts in settled if "run" in facts}  # the latest trial counts
        return Book("Optuna", _seals(trials), bool(attempts), {id_: seal for id_, seal in records.items() if seal})
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        return Book("Optuna", problem=str(error).partition("\n")[0])


def _seals(trials: optuna.Study) -> dict[str, str]:
    return {name: value for name, value in trials.user_attrs.items() if name in SEALS}


def _engine(url: str) -> dict[str, Any]:
    if url.startswith("sqlite:"):
        return {"connect_args": {"timeout": LOCK_SECONDS}}
    return {"pool_pre_ping": True}  # a server may have been restarted since the last call


def _carried_over(trials: optuna.Study, study: StudySpec, paths: StudyPaths) -> Iterator[FrozenTrial]:
    """Yield the settled trials with today's levels and response, without those whose run or record is gone."""
    planned_runs = {run.id: run for run in study.planned_runs}
    for trial in trials.get_trials(states=SETTLED):
        planned_run = planned_runs.get(_run_id(trial, paths))
        if planned_run is None or not paths.run(planned_run.id).record.exists():
            continue
        record = RunRecord.load(paths.run(planned_run.id), planned_run.id, pictures=False)
        measured = measured_run(study, record)
        trial.state = _state(measured)
        trial.value = measured.response if trial.state is TrialState.COMPLETE else None
        outdated = {"reason", *(f"{view}/{metric}" for view, metric in record.metric_means)}
        facts = {name: fact for name, fact in trial.user_attrs.items() if name not in outdated}
        trial.user_attrs = facts | {"run": planned_run.id} | _outcome_facts(measured) | _secondary_means(measured)
        trial.params, trial.distributions = _params(planned_run), _distributions(study)
        yield trial


def _run_id(trial: FrozenTrial, paths: StudyPaths) -> str:
    """Return the identity of a trial's run. Schema 1 kept it, as it was then, in the attribute `point`."""
    label = trial.user_attrs["point"] if "point" in trial.user_attrs else trial.user_attrs["run"]
    return paths.run_id(label)


def _layout(study: StudySpec) -> dict[str, Any]:
    """Return what Optuna does not allow to change: the levels, and the meaning of a trial's value."""
    levels = {path: factor.level_names() for path, factor in study.factors.items()}
    response = study.response.non_defaults() | {"measurable_from": study.response.measurable_from}
    return {"levels": levels, "response": response, "ghost_definition": DEFINITION}


def _distributions(study: StudySpec) -> dict[str, BaseDistribution]:
    levels = {path: CategoricalDistribution(factor.level_names()) for path, factor in study.factors.items()}
    return {**levels, "seed": ANY_SEED}


def _params(planned_run: PlannedRun) -> dict[str, Any]:
    return {**planned_run.levels, "seed": planned_run.seed}


def _response_title(study: StudySpec) -> str:
    response = study.response
    last = response.last_step or study.base.evaluation.horizon
    return f"{response.view}/{response.metric}, steps {response.first_step} to {last}"


def _state(measured: MeasuredRun) -> TrialState:
    return TrialState.COMPLETE if math.isfinite(measured.response) else TrialState.PRUNED


def _outcome_facts(measured: MeasuredRun) -> dict[str, Any]:
    """Return how a run ended, in how many of its frames the response is defined, and why it is unmeasurable."""
    facts: dict[str, Any] = {"outcome": measured.outcome}
    if not math.isnan(measured.defined_share):
        facts["defined_share"] = measured.defined_share
    return facts | ({"reason": measured.reason} if measured.reason else {})


def _secondary_means(measured: MeasuredRun) -> dict[str, float]:
    return {f"{view}/{metric}": mean for (view, metric), mean in measured.means.items() if metric in SECONDARY}


@contextmanager
def _usable(database: str) -> Iterator[None]:
    """Raise AblateError, with what to do, for a database that Optuna cannot use."""
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise AblateError(
            f"{database} cannot be used as Optuna's database ({reason}); close other programs that "
            "write to it, or move it away and run again: the results under studies/ are kept and read again"
        ) from error
