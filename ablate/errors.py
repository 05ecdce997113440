"""Every error a user may meet, each with the exit code it ends the command with."""

from typing import ClassVar


class AblateError(Exception):
    """Something failed for a reason that one line can say."""

    exit_code: ClassVar[int] = 1


class SpecError(AblateError):
    """A study file, or an override of it, is wrong; `loc` is the place, key by key."""

    exit_code = 2

    def __init__(self, message: str, loc: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.loc = loc


class DesignError(AblateError):
    """A design cannot be laid out over the given factors."""

    exit_code = 2


class DataError(AblateError):
    """A data file is missing, damaged or not what it should be."""

    exit_code = 2


class DownloadError(AblateError):
    """A download did not arrive whole."""


class RunFailedError(AblateError):
    """One run of a study could not be finished."""


class AnalysisError(AblateError):
    """There is nothing, or too little, to analyse."""
