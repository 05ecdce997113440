"""Outlasts a database that is away for a while: restarted, locked by a reader, or on a disk that is full."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ablate.core.errors import AblateError

PATIENCE_SECONDS = 90.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Reached(Protocol):
    """What talks to a database."""

    database: str
    """Its address as people may read it, without a password."""
    role: str
    """Whose database it is."""
    given_up: bool
    """Whether it was waited for in vain last time: then it is not waited for again."""

    def is_away(self, error: Exception) -> bool:
        """Tell an error of a database that cannot be reached or written now from all others."""


Owner = TypeVar("Owner", bound=Reached)


Method = Callable[Concatenate[Owner, Arguments], Result]


def patient(method: Method[Owner, Arguments, Result]) -> Method[Owner, Arguments, Result]:
    """Let a method be tried again for PATIENCE_SECONDS while its database is away; what it does must bear repeating.

    The method then raises AblateError, which says what to do; so does every other at once, until one succeeds.
    """

    @wraps(method)
    def outlasting(owner: Owner, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        deadline, pause = time.monotonic() + (0.0 if owner.given_up else PATIENCE_SECONDS), FIRST_PAUSE
        while True:
            try:
                result = method(owner, *args, **kwargs)
            except Exception as error:
                if not owner.is_away(error):
                    raise
                if time.monotonic() + pause > deadline:
                    owner.given_up = True
                    raise _given_up(owner, error) from error
            else:
                owner.given_up = False
                return result
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    return outlasting


def at_once(method: Method[Owner, Arguments, Result]) -> Method[Owner, Arguments, Result]:
    """Let a method raise AblateError at once where its database is away: nothing has been done yet."""

    @wraps(method)
    def checked(owner: Owner, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return method(owner, *args, **kwargs)
        except Exception as error:
            if owner.is_away(error):
                raise _given_up(owner, error) from error
            raise

    return checked


def _given_up(owner: Reached, error: Exception) -> AblateError:
    reason = str(error).strip().partition("\n")[0]
    return AblateError(
        f"{owner.database} cannot be used as {owner.role} ({reason}); see that it runs, that its disk has room and "
        "nobody else holds it, or move it away, and give the same command again: the results under studies/ are kept"
    )
