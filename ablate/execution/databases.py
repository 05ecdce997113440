"""The databases of a store: those that the environment names are checked, and missing ones are created."""

import socket
from urllib.parse import urlsplit

from sqlalchemy import NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ablate.core.errors import AblateError, SpecError
from ablate.execution.database_creation import create_database
from ablate.execution.ledger.storage import OPTUNA_SCHEMA
from ablate.execution.tracking.mlflow_client import MLFLOW_SCHEMA
from ablate.storage.paths import MLFLOW, OPTUNA, Store, without_password

POSTGRES, SQLITE, SERVERS = "postgresql+psycopg", "sqlite", {"http": 80, "https": 443}
ANSWER_SECONDS = 10


def refuse_unusable(store: Store) -> None:
    """Check every database that the environment names.

    Raises SpecError for an address of another kind or one address for both, AblateError where a database does not
    answer.
    """
    for variable, url in ((OPTUNA, store.optuna), (MLFLOW, store.mlflow)):
        if url is not None:
            _refuse_kind(variable, url)
            _refuse_silence(variable, url)
    if store.optuna is not None and store.optuna == store.mlflow:
        raise SpecError(
            f"{OPTUNA} and {MLFLOW} name one database; give each a database, on the same server if you like"
        )


def create_databases(store: Store) -> tuple[str, ...]:
    """Create what is missing of both databases; return what was done to existing ones, a sentence for each.

    Raises AblateError, which says what to do, for a database that cannot be used as it is.
    """
    sentences = [create_database(OPTUNA_SCHEMA, store.optuna_url, is_shared=store.optuna is not None)]
    if not store.mlflow_is_a_server:
        sentences.append(create_database(MLFLOW_SCHEMA, store.mlflow_url, is_shared=store.mlflow is not None))
    return tuple(sentence for sentence in sentences if sentence is not None)


def _refuse_kind(variable: str, url: str) -> None:
    try:
        kind, address = (urlsplit(url).scheme if _is_a_server(url) else make_url(url).drivername), without_password(url)
    except (ArgumentError, ValueError):
        kind, address = "", "no address"
    if kind not in {POSTGRES, SQLITE, *(SERVERS if variable == MLFLOW else ())}:
        served = " or http://HOST:PORT of an MLflow server" if variable == MLFLOW else ""
        raise SpecError(
            f"{variable}: found {address}; must be {POSTGRES}://USER@HOST/DATABASE or {SQLITE}:////PATH/TO/FILE{served}"
        )


def _refuse_silence(variable: str, url: str) -> None:
    """Connect once: Optuna's own error is hard to read, and MLflow would retry for minutes."""
    try:
        if _is_a_server(url):
            parts = urlsplit(url)
            socket.create_connection((parts.hostname, parts.port or SERVERS[parts.scheme]), ANSWER_SECONDS).close()
        elif not url.startswith(SQLITE):
            create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": ANSWER_SECONDS}).connect().close()
    except ImportError as error:
        raise AblateError(f"{variable}: PostgreSQL needs pip install 'ablate-convlstm[postgres]'") from error
    except (OSError, ValueError, SQLAlchemyError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise AblateError(
            f"{variable}: {without_password(url)} does not answer ({reason}); check that it runs"
        ) from error


def _is_a_server(url: str) -> bool:
    return url.startswith(tuple(f"{scheme}://" for scheme in SERVERS))
