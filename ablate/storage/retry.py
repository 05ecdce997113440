"""Repeats database calls while the database is unreachable: restarted, locked by a reader, or on a full disk."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
)

from ablate.core.errors import AblateError

PATIENCE_SECONDS = 90.0  # a database server restarts within a minute
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # each pause is twice the one before

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class DatabaseClient(Protocol):
    """An object whose methods talk to one database."""

    database: str
    """The database's address without a password, for messages."""
    role: str
    """What the database is used as, for messages."""
    gave_up: bool
    """Whether the last call waited in vain. The next call then fails at its first error."""

    def is_unreachable(self, error: BaseException) -> bool:
        """Return whether an error says that the database cannot be reached or written now."""


Client = TypeVar("Client", bound=DatabaseClient)
Method = Callable[Concatenate[Client, Arguments], Result]


def retry_unreachable(method: Method[Client, Arguments, Result]) -> Method[Client, Arguments, Result]:
    """Decorate a method that may be repeated: repeat it for PATIENCE_SECONDS while its database is unreachable.

    The method then raises AblateError, which says what to do. From there on every decorated method of the same
    client raises at its first error, until one succeeds.
    """

    @wraps(method)
    def retried(client: Client, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        retrying = Retrying(
            retry=retry_if_exception(client.is_unreachable),
            stop=stop_after_attempt(1) if client.gave_up else stop_before_delay(PATIENCE_SECONDS),
            wait=wait_exponential(FIRST_PAUSE, LONGEST_PAUSE),
        )
        try:
            result = retrying(method, client, *args, **kwargs)
        except RetryError as exhausted:
            client.gave_up = True
            error = exhausted.last_attempt.exception()
            raise _unusable(client, error) from error
        client.gave_up = False
        return result

    return retried


def fail_unreachable(method: Method[Client, Arguments, Result]) -> Method[Client, Arguments, Result]:
    """Decorate a method of the start: raise AblateError at its first error, since a start has no results to lose."""

    @wraps(method)
    def checked(client: Client, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return method(client, *args, **kwargs)
        except Exception as error:
            if client.is_unreachable(error):
                raise _unusable(client, error) from error
            raise

    return checked


def _unusable(client: DatabaseClient, error: BaseException | None) -> AblateError:
    reason = str(error).strip().partition("\n")[0]
    return AblateError(
        f"{client.database} cannot be used as {client.role} ({reason}); check that it runs, that its disk has space "
        "and that no other program locks it, or move it away; then give the same command again: the results under "
        "studies/ are kept"
    )
