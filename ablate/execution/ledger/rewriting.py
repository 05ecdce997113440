"""The trials of a study are written anew, since Optuna changes neither a finished trial nor the levels of a study.

A whole copy of the study exists meanwhile. A driver that is killed leaves it behind, and the next start restores the
study from it.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

COPY, WHOLE = "{} (copy while it is rewritten)", "whole"
LAYOUT = "layout"
"""Name of the attribute that a study gets last: one without it may be incomplete."""
METRIC_NAMES = "study:metric_names"
NOTE_OF_TRIAL = re.compile(r"dashboard:(\d+):")
"""Keys under which the dashboard keeps the notes of trials, by the trial's id in the database."""


def new_study(
    storage: BaseStorage, name: str, direction: StudyDirection, metric_name: str, attributes: Mapping[str, Any]
) -> optuna.Study:
    """Create a study without trials; the attribute LAYOUT is set last."""
    study = create(storage, name, direction, [metric_name])
    _set_attributes(study, attributes)
    return study


def rewrite(
    storage: BaseStorage,
    name: str,
    trials: Sequence[FrozenTrial],
    direction: StudyDirection,
    metric_name: str,
    attributes: Mapping[str, Any],
) -> optuna.Study:
    """Replace the trials of a study by these, which get numbers from 0 on; return the study.

    Notes, plots and artifacts stay. `attributes` are added to those of the study.
    """
    copy = COPY.format(name)
    optuna.copy_study(from_study_name=name, from_storage=storage, to_storage=storage, to_study_name=copy)
    source = optuna.load_study(study_name=copy, storage=storage)
    source.set_user_attr(WHOLE, True)  # noqa: FBT003  # the value of an attribute
    former = {trial.number: trial._trial_id for trial in optuna.load_study(study_name=name, storage=storage).trials}  # noqa: SLF001  # the notes know no other id
    numbers = [trial.number for trial in trials]
    optuna.delete_study(study_name=name, storage=storage)
    study = create(storage, name, direction, [metric_name])
    study.add_trials(trials)
    written = [trial._trial_id for trial in study.trials]  # noqa: SLF001  # as above
    ids = {str(former[number]): str(id_) for number, id_ in zip(numbers, written, strict=True)}
    _set_system_attributes(study, storage, dict(_system_attributes(source, storage, ids)))
    _set_attributes(study, {**source.user_attrs, **attributes})
    optuna.delete_study(study_name=copy, storage=storage)
    return study


def restore_interrupted(storage: BaseStorage, name: str) -> None:
    """Restore a study from the copy that a killed driver left, or delete a copy that is of no use."""
    copy, names = COPY.format(name), optuna.get_all_study_names(storage)
    if copy not in names:
        return
    source = optuna.load_study(study_name=copy, storage=storage)
    is_complete = name in names and LAYOUT in optuna.load_study(study_name=name, storage=storage).user_attrs
    if source.user_attrs.get(WHOLE) and not is_complete:
        if name in names:
            optuna.delete_study(study_name=name, storage=storage)
        trials = source.trials
        study = create(storage, name, source.direction, source.metric_names)
        study.add_trials(trials)
        _set_system_attributes(study, storage, dict(_system_attributes(source, storage, {})))
        _set_attributes(study, source.user_attrs)
    optuna.delete_study(study_name=copy, storage=storage)


def create(
    storage: BaseStorage, name: str, direction: StudyDirection, metric_names: Sequence[str] | None
) -> optuna.Study:
    """Create a study without trials and without attributes."""
    sampler = optuna.samplers.RandomSampler()  # never used: every queued trial has all its values
    study = optuna.create_study(study_name=name, storage=storage, sampler=sampler, direction=direction)
    name_response(study, metric_names)
    return study


def name_response(study: optuna.Study, metric_names: Sequence[str] | None) -> None:
    """Let the axes of the dashboard's plots have this name; None leaves them as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if metric_names and study.metric_names != list(metric_names):
            study.set_metric_names(list(metric_names))


def _set_attributes(study: optuna.Study, attributes: Mapping[str, Any]) -> None:
    """Set the attributes of a study, LAYOUT the last."""
    for attribute, value in sorted(attributes.items(), key=lambda attribute: attribute[0] == LAYOUT):
        if attribute != WHOLE:
            study.set_user_attr(attribute, value)


def _system_attributes(source: optuna.Study, storage: BaseStorage, ids: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield what the dashboard keeps of a study: notes of trials under their new ids, of those in `ids` alone."""
    for key, value in storage.get_study_system_attrs(source._study_id).items():  # noqa: SLF001  # no public way to them
        note = NOTE_OF_TRIAL.match(key)
        if note is None and key != METRIC_NAMES:
            yield key, value
        elif note is not None and note[1] in ids:
            yield f"dashboard:{ids[note[1]]}:{key[note.end() :]}", value


def _set_system_attributes(study: optuna.Study, storage: BaseStorage, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        storage.set_study_system_attr(study._study_id, key, value)  # noqa: SLF001  # no public way to them
