"""A database that is away: waited for, given up in words, and then not waited for again until it is back."""

import time

import pytest

from ablate.core.errors import AblateError
from ablate.storage.retry import patient


class AwayError(Exception):
    """The database's own."""


class Owner:
    """Writes to a database that is away for so many calls."""

    database, role = "db", "the database"

    def __init__(self, away):
        self.away, self.calls, self.given_up = away, 0, False

    def is_away(self, error):
        return isinstance(error, AwayError)

    @patient
    def write(self):
        self.calls += 1
        if self.calls <= self.away:
            raise AwayError("gone\nfor good")
        return "written"

    @patient
    def fail(self):
        raise KeyError("another error")


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr("ablate.storage.retry.PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("ablate.storage.retry.FIRST_PAUSE", 0.05)


def test_one_that_comes_back_is_outlasted():
    owner = Owner(away=2)
    assert (owner.write(), owner.calls) == ("written", 3)


def test_one_that_stays_away_is_given_up_in_one_line():
    with pytest.raises(AblateError, match=r"db cannot be used as the database \(gone\); see that it runs"):
        Owner(away=1_000).write()


def test_one_that_was_given_up_is_not_waited_for_again():
    owner = Owner(away=1_000)
    with pytest.raises(AblateError):
        owner.write()
    before, began = owner.calls, time.monotonic()
    with pytest.raises(AblateError):
        owner.write()
    assert owner.calls == before + 1
    assert time.monotonic() - began < 0.5


def test_one_that_is_back_is_waited_for_as_before():
    owner = Owner(away=1_000)
    with pytest.raises(AblateError):
        owner.write()
    owner.away = owner.calls
    assert owner.write() == "written"
    owner.away = owner.calls + 2
    assert owner.write() == "written"


def test_any_other_error_is_none_of_its_business():
    with pytest.raises(KeyError):
        Owner(away=0).fail()
