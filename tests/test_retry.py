"""Calls to an unreachable database: repeated for a while, then refused at once until one succeeds."""

import time

import pytest

from ablate.core.errors import AblateError
from ablate.storage.retry import retry_unreachable


class UnreachableError(Exception):
    """The database's own error."""


class Client:
    """Writes to a database that is unreachable for the first calls."""

    database, role = "db", "the database"

    def __init__(self, unreachable_calls):
        self.unreachable_calls, self.calls, self.gave_up = unreachable_calls, 0, False

    def is_unreachable(self, error):
        return isinstance(error, UnreachableError)

    @retry_unreachable
    def write(self):
        self.calls += 1
        if self.calls <= self.unreachable_calls:
            raise UnreachableError("gone\nfor good")
        return "written"

    @retry_unreachable
    def fail(self):
        raise KeyError("another error")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr("ablate.storage.retry.PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("ablate.storage.retry.FIRST_PAUSE", 0.05)


def test_a_call_is_repeated_until_the_database_is_back():
    client = Client(unreachable_calls=2)
    assert (client.write(), client.calls) == ("written", 3)


def test_a_database_that_stays_unreachable_is_an_error_in_one_line():
    with pytest.raises(AblateError, match=r"db cannot be used as the database \(gone\); check that it runs"):
        Client(unreachable_calls=1_000).write()


def test_the_call_after_a_wait_in_vain_fails_at_its_first_error():
    client = Client(unreachable_calls=1_000)
    with pytest.raises(AblateError):
        client.write()
    before, began = client.calls, time.monotonic()
    with pytest.raises(AblateError):
        client.write()
    assert client.calls == before + 1
    assert time.monotonic() - began < 0.5


def test_a_database_that_is_back_is_waited_for_again():
    client = Client(unreachable_calls=1_000)
    with pytest.raises(AblateError):
        client.write()
    client.unreachable_calls = client.calls
    assert client.write() == "written"
    client.unreachable_calls = client.calls + 2
    assert client.write() == "written"


def test_other_errors_are_raised_unchanged():
    with pytest.raises(KeyError):
        Client(unreachable_calls=0).fail()
