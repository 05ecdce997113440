"""What Optuna holds of a study, read without the study's lock and without creating anything."""

import optuna

from ablate.core.errors import AblateError
from ablate.execution.ledger.facts import SETTLED
from ablate.execution.ledger.storage import UNUSABLE, trial_storage
from ablate.planning.books import RECORD, SEALS, Book
from ablate.storage.paths import Store


def optuna_book(store: Store, name: str) -> Book:
    """Return what Optuna holds of a study; nothing is created where there is no such study."""
    if store.optuna is None and not store.optuna_database.exists():
        return Book("Optuna")
    try:
        storage = trial_storage(store)
        if name not in optuna.get_all_study_names(storage):
            return Book("Optuna")
        trials = optuna.load_study(study_name=name, storage=storage)
        attempts = trials.get_trials(deepcopy=False)
        settled = [trial.user_attrs for trial in attempts if trial.state in SETTLED]
        records = {facts["run"]: facts.get(RECORD) for facts in settled if "run" in facts}  # the latest trial counts
        return Book("Optuna", seals(trials), bool(attempts), {id_: seal for id_, seal in records.items() if seal})
    except (*UNUSABLE, AblateError) as error:
        return Book("Optuna", problem=str(error).partition("\n")[0])


def seals(trials: optuna.Study) -> dict[str, str]:
    """Return the seals that were laid on the plan of a study, by their names."""
    return {name: value for name, value in trials.user_attrs.items() if name in SEALS}
