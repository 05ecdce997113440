"""The Optuna study of a study: its levels and its value, and the trials that an earlier layout settled."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ablate.core.errors import DataError
from ablate.execution.database_creation import create_database
from ablate.execution.ledger.facts import SETTLED, measured_facts, planned_facts, settled_state
from ablate.execution.ledger.rewriting import LAYOUT, name_response, new_study, restore_interrupted, rewrite
from ablate.execution.ledger.storage import OPTUNA_SCHEMA, trial_storage
from ablate.execution.measured_run import measured_run
from ablate.measurement.metrics import METRICS
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.storage.paths import Store, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun, StudySpec
from ablate.study.stored_runs import study_paths

ONLY_CELL = {"cell": ["only cell"]}
"""Parameter of a study without factors: the dashboard fails where no trial has a parameter."""
OF_REPORT = ("answer", "report")
"""Attributes of a study that its report sets. The dashboard shows the first five at once."""


def open_trials(store: Store, study: StudySpec) -> optuna.Study:
    """Return the Optuna study in the layout of today, with the trials that an earlier layout settled."""
    create_database(OPTUNA_SCHEMA, store.optuna_url, is_shared=store.optuna is not None)
    storage = trial_storage(store)
    restore_interrupted(storage, study.name)
    direction, title = _direction(study), response_title(study)
    if study.name not in optuna.get_all_study_names(storage):
        attributes = {**study_facts(study), **dict.fromkeys(OF_REPORT, "no report yet"), LAYOUT: _layout(study)}
        return new_study(storage, study.name, direction, title, attributes)
    trials = optuna.load_study(study_name=study.name, storage=storage, sampler=optuna.samplers.RandomSampler())
    if trials.user_attrs.get(LAYOUT) == _layout(study):
        name_response(trials, [title])  # that of an earlier version has another name
        return trials
    carried = list(_carried_over(trials, study, study_paths(store, study)))
    return rewrite(storage, study.name, carried, direction, title, {LAYOUT: _layout(study)})


def corrected_trials(
    store: Store, study: StudySpec, trials: optuna.Study, superseded: Collection[int], shown_as: Mapping[int, str]
) -> optuna.Study:
    """Return the Optuna study with some settled trials changed, by number.

    Superseded ones have no value and settle nothing any more; the others name the run in MLflow that shows them now.
    """
    rewritten = trials.get_trials()
    for trial in rewritten:
        if trial.number in shown_as:
            trial.user_attrs = trial.user_attrs | {"mlflow_run": shown_as[trial.number]}
        if trial.number in superseded:
            trial.state, trial.value = TrialState.FAIL, None
            trial.user_attrs = trial.user_attrs | {"outcome": "superseded"}
    return rewrite(trial_storage(store), study.name, rewritten, trials.direction, response_title(study), {})


def _carried_over(trials: optuna.Study, study: StudySpec, paths: StudyPaths) -> Iterator[FrozenTrial]:
    """Yield the settled trials, as of today's study, of the planned runs with a record that can be read."""
    planned_runs = {run.id: run for run in study.planned_runs}
    for trial in trials.get_trials(states=SETTLED):
        planned_run = planned_runs.get(trial_run_id(trial, paths))
        if planned_run is None or not paths.run(planned_run.id).record.exists():
            continue
        try:
            record = RunRecord.load(paths.run(planned_run.id), planned_run.id, pictures=False)
        except DataError:  # whoever reads it reports it; until then the run has no trial
            continue
        measured = measured_run(study, record)
        trial.state = settled_state(measured)
        trial.value = measured.response if trial.state is TrialState.COMPLETE else None
        outdated = {"reason", *(f"{view}/{metric}" for view, metric in record.metric_means)}
        facts = {name: fact for name, fact in trial.user_attrs.items() if name not in outdated}
        trial.user_attrs = facts | planned_facts(planned_run) | measured_facts(study, measured)
        trial.params, trial.distributions = parameters(planned_run), distributions(study)
        yield trial


def trial_run_id(trial: FrozenTrial, paths: StudyPaths) -> str:
    """Return the identity of a trial's run; empty for a trial that somebody else added to the study.

    Schema 1 kept it, as it was then, in the attribute `point`.
    """
    label = trial.user_attrs.get("point", trial.user_attrs.get("run", ""))
    return paths.run_id(label)


def _layout(study: StudySpec) -> dict[str, Any]:
    """Return what Optuna does not allow to change: the levels, and the meaning of a trial's value."""
    levels = {path: factor.level_names() for path, factor in study.factors.items()}
    response = study.response.non_defaults() | {"measurable_from": study.response.measurable_from}
    return {"levels": levels, "response": response, "ghost_definition": DEFINITION}


def _direction(study: StudySpec) -> StudyDirection:
    is_maximized = METRICS[study.response.metric].higher_is_better
    return StudyDirection.MAXIMIZE if is_maximized else StudyDirection.MINIMIZE


def distributions(study: StudySpec) -> dict[str, BaseDistribution]:
    """Return the levels that each parameter of a trial can have: the factors.

    The seed is no parameter: Optuna would rank it by importance, above every factor. Trials of earlier versions have it
    as a parameter, and stay beside those of today in one Optuna study.
    """
    levels = {path: factor.level_names() for path, factor in study.factors.items()}
    return {path: CategoricalDistribution(names) for path, names in (levels or ONLY_CELL).items()}


def parameters(planned_run: PlannedRun) -> dict[str, str]:
    """Return the parameters of a run's trial: its level of each factor."""
    return dict(planned_run.levels) or {name: levels[0] for name, levels in ONLY_CELL.items()}


def study_facts(study: StudySpec) -> dict[str, str]:
    """Return what a study asks, by which response, and with which runs."""
    plan = f"{study.design.kind}: {len(study.cells)} cells x {len(study.seeds)} seeds"
    return {"question": study.question, "response": response_title(study), "plan": plan}


def response_title(study: StudySpec) -> str:
    """Return the name of a trial's value: metric, view and steps."""
    response = study.response
    last = response.last_step or study.base.evaluation.horizon
    steps = f"step {last}" if response.first_step == last else f"steps {response.first_step} to {last}"
    return f"{METRICS[response.metric].title} ({response.view}, {steps})"
