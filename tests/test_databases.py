"""Databases that the environment names: wrong ones are told before a study begins, and no password with them."""

import pytest

from ablate.core.errors import AblateError, SpecError
from ablate.execution.databases import refuse_unusable
from ablate.storage.paths import MLFLOW, OPTUNA, Store
from tests.postgres import PostgreSQL, postgres

UNREACHABLE = "postgresql+psycopg://u:secret@127.0.0.1:9/d?password=secret"


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:secret@h/d", "postgresql://u:secret@h/d", "http://[::", "a://"])
def test_an_address_of_another_kind_is_refused_with_those_there_are(tmp_path, url):
    for variable, store in ((OPTUNA, Store(tmp_path, optuna=url)), (MLFLOW, Store(tmp_path, mlflow=url))):
        with pytest.raises(SpecError, match=rf"{variable}: found .*; must be postgresql\+psycopg://") as told:
            refuse_unusable(store)
        assert "secret" not in str(told.value)


def test_optuna_has_no_server_of_its_own(tmp_path):
    with pytest.raises(SpecError, match="must be"):
        refuse_unusable(Store(tmp_path, optuna="http://127.0.0.1:5000"))


@pytest.mark.parametrize("url", [UNREACHABLE, "http://127.0.0.1:9"])
def test_a_server_that_does_not_answer_is_told_at_once(tmp_path, url):
    with pytest.raises(AblateError, match=r"does not answer \(.*refused") as told:
        refuse_unusable(Store(tmp_path, mlflow=url))
    assert "secret" not in str(told.value)


def test_one_database_for_both_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/one.db"
    with pytest.raises(SpecError, match="give each a database"):
        refuse_unusable(Store(tmp_path, url, url))


@pytest.mark.skipif(PostgreSQL.tools() is None, reason="needs pg_ctl (apt install postgresql)")
def test_a_server_that_answers_is_taken(tmp_path):
    with postgres() as server:
        refuse_unusable(Store(tmp_path, server.database(), server.database()))


def test_files_are_taken_without_asking(tmp_path):
    refuse_unusable(Store(tmp_path))
    refuse_unusable(Store(tmp_path, f"sqlite:///{tmp_path}/o.db", f"sqlite:///{tmp_path}/m.db"))
    assert list(tmp_path.iterdir()) == []
