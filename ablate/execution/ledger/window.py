"""The page of a study in the Optuna dashboard: its note, plots and files, written whenever its report is written."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final
from uuid import NAMESPACE_URL, uuid5

import optuna
from optuna.artifacts import ArtifactMeta
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from ablate.core.plain import plain
from ablate.execution.ledger.layout import OF_REPORT, response_title, trial_run_id
from ablate.execution.ledger.notes import NOTED_TRIALS, renewed_note, trial_note
from ablate.execution.ledger.rewriting import name_response
from ablate.execution.ledger.storage import WholeFiles, trial_storage, usable
from ablate.storage.paths import Store, StudyPaths, without_password
from ablate.study import StudySpec

ARTIFACT, PLOT = "artifacts:", "dashboard:plot_data:"
"""Where Optuna and its dashboard look for artifacts and plots among the system attributes of a study."""
PLOT_OF_ABLATE = "ablate-"  # all others are of somebody else
DELETED = "null"  # the dashboard writes it in place of an artifact that it deletes
MEDIA_TYPES = {".csv": "text/csv", ".html": "text/html", ".png": "image/png"}
BELOW = "*Every report replaces the text above, and keeps the text below this line.*"
SEED_IS_RANKED = (
    "Trials of an earlier version have the seed as a parameter, so the importance that Optuna computes ranks it. The "
    "importance that ablate computes does not."
)
NOTHING_TO_DRAW = {"data": [], "layout": {"title": {"text": "The last report has no such chart."}}}


@dataclass(frozen=True)
class StudyPage:
    """What the dashboard shows of a study beside its trials.

    `note` is Markdown. `answer` is a sentence, which the page shows with the address of the `report`. `plots` are
    figures in Plotly's JSON by identifiers that stay the same. `files` appear under Artifacts; a file that does not
    exist is removed there.
    """

    note: str
    answer: str
    report: Path
    plots: Mapping[str, Mapping[str, Any]]
    files: Sequence[Path]


@final
class PlainFigure:
    """A figure in Plotly's JSON, in the form that the dashboard takes; so nobody needs plotly."""

    def __init__(self, figure: Mapping[str, Any]) -> None:
        self._figure = figure

    def to_json(self) -> str:
        """Return the figure as JSON text; a number that is not finite becomes null, which draws nothing."""
        return json.dumps(plain(self._figure), allow_nan=False)


def show_page(store: Store, study: StudySpec, paths: StudyPaths, page: StudyPage) -> bool:
    """Write a study's page into Optuna's database, and the notes that its trials lack; nothing is ever there twice.

    Returns whether Optuna has the study: none is created. The caller holds the study's lock. Raises AblateError where
    the database cannot be used.
    """
    if store.optuna is None and not store.optuna_database.exists():
        return False
    with usable(without_password(store.optuna_url)):
        storage = trial_storage(store)
        if study.name not in optuna.get_all_study_names(storage):
            return False
        trials = optuna.load_study(study_name=study.name, storage=storage)
        name_response(trials, [response_title(study)])
        for name, fact in zip(OF_REPORT, (page.answer, str(page.report)), strict=True):
            trials.set_user_attr(name, fact)
        _write_note(trials, page.note)
        _write_plots(trials, storage, page.plots)
        _attach_files(trials, storage, WholeFiles(store.optuna_artifacts), page.files)
        _note_trials(trials, storage, study, paths)
    return True


def _write_note(trials: optuna.Study, note: str) -> None:
    """Replace the note of the last report; the text that people wrote below it, or instead of it, stays."""
    from optuna_dashboard import get_note, save_note  # noqa: PLC0415  # it takes 2 s

    former = get_note(trials)
    _, line, below = former.partition(BELOW)
    if any("seed" in trial.params for trial in trials.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))):
        note += f"\n\n{SEED_IS_RANKED}"
    below = (below if line else former).strip()
    renewed = f"{note}\n\n---\n\n{BELOW}\n" + (f"\n{below}\n" if below else "")
    if renewed != former:
        save_note(trials, renewed)


def _write_plots(trials: optuna.Study, storage: BaseStorage, plots: Mapping[str, Mapping[str, Any]]) -> None:
    from optuna_dashboard import save_plotly_graph_object  # noqa: PLC0415  # it takes 2 s

    attributes = storage.get_study_system_attrs(storage.get_study_id_from_name(trials.study_name))
    former = {key.removeprefix(PLOT).rpartition(":")[0] for key in attributes if key.startswith(PLOT)}
    outdated = {plot: NOTHING_TO_DRAW for plot in former if plot.startswith(PLOT_OF_ABLATE) and plot not in plots}
    for plot, figure in {**plots, **outdated}.items():
        save_plotly_graph_object(trials, PlainFigure(figure), graph_object_id=plot)


def _attach_files(trials: optuna.Study, storage: BaseStorage, artifacts: WholeFiles, files: Sequence[Path]) -> None:
    """Attach each file under an identifier of its own, so that the file of a later report replaces it."""
    study_id = storage.get_study_id_from_name(trials.study_name)
    attributes = storage.get_study_system_attrs(study_id)
    for file in files:
        identifier = str(uuid5(NAMESPACE_URL, f"{trials.study_name}/{file.name}"))
        if file.exists():
            with file.open("rb") as content:
                artifacts.write(identifier, content)
            artifact = json.dumps(asdict(ArtifactMeta(identifier, file.name, MEDIA_TYPES[file.suffix], None)))
        else:
            artifact = DELETED
            with suppress(ArtifactNotFound):
                artifacts.remove(identifier)
        if attributes.get(ARTIFACT + identifier, DELETED) != artifact:
            storage.set_study_system_attr(study_id, ARTIFACT + identifier, artifact)


def _note_trials(trials: optuna.Study, storage: BaseStorage, study: StudySpec, paths: StudyPaths) -> None:
    """Write the notes that ended trials lack: of an earlier version, or of a response that was another one then."""
    from optuna_dashboard import save_note  # noqa: PLC0415  # it takes 2 s
    from optuna_dashboard._note import get_note_from_system_attrs  # noqa: PLC0415  # reads all notes at once

    planned_runs = {planned_run.id: planned_run for planned_run in study.planned_runs}
    attributes = storage.get_study_system_attrs(storage.get_study_id_from_name(trials.study_name))
    for trial in trials.get_trials(deepcopy=False)[:NOTED_TRIALS]:
        if not trial.state.is_finished() or (planned_run := planned_runs.get(trial_run_id(trial, paths))) is None:
            continue
        folder = paths.run(planned_run.id).folder
        note = trial_note(planned_run, study.response, trial.value, trial.user_attrs, folder)
        former = get_note_from_system_attrs(attributes, trial._trial_id)["body"]  # noqa: SLF001  # notes know no other id
        if note is not None and (renewed := renewed_note(former, planned_run, note)) != former:
            save_note(optuna.Trial(trials, trial._trial_id), renewed)  # noqa: SLF001  # as above
