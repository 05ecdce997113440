"""Both books of a study, read as anybody may read them: without its lock, and without creating anything."""

from ablate.execution.ledger.book import optuna_book
from ablate.execution.tracking.mlflow_book import mlflow_book
from ablate.planning.books import Book
from ablate.storage.paths import Store


def read_books(store: Store, study: str) -> tuple[Book, ...]:
    """Return what Optuna and MLflow hold of a study; a book that cannot be read says why.

    Records are compared with Optuna, which holds all their digests within a second. MLflow takes about 25 ms for each
    run, so it is asked only where Optuna holds none.
    """
    trials = optuna_book(store, study)
    return trials, mlflow_book(store, study, with_records=not trials.records)
