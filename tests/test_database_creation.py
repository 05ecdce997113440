"""The databases of a store are created whole, by one process at a time; what a killed start left is no obstacle."""

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version

import optuna
import pytest
from alembic import command
from alembic.config import Config
from mlflow import MlflowClient
from sqlalchemy import create_engine, text

from ablate.core.errors import AblateError
from ablate.execution.database_creation import OtherSchemaError, create_database, refuse_other_schema
from ablate.execution.databases import create_databases
from ablate.execution.ledger.storage import OPTUNA_SCHEMA
from ablate.execution.sqlite_files import sqlite_url
from ablate.execution.tracking.mlflow_client import MLFLOW_SCHEMA
from ablate.storage.paths import Store
from ablate.study import study_file
from tests.crash.starts import begin, file_stores, kill_starts, server_stores, table_text
from tests.postgres import PostgreSQL, postgres

OPTUNA_NEWEST, OPTUNA_BEFORE = "v3.2.0.a", "v3.0.0.d"
MAKE_OLDER = "UPDATE alembic_version SET version_num = 'v3.0.0.d'"
EVERY_50_MS = [0.05 * number for number in range(1, 41)]
needs_postgres = pytest.mark.skipif(PostgreSQL.tools() is None, reason="needs pg_ctl (apt install postgresql)")


@pytest.fixture(autouse=True)
def _quick_databases():
    """Create databases as a user's start does."""


def execute(database, *statements):
    """Run statements in a file, as another program would, and return the rows of the last one."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def revision(database):
    return execute(database, "SELECT version_num FROM alembic_version")


def optuna_database(folder, *studies):
    """Create a database with Optuna alone, and return its file."""
    file = folder / "optuna.db"
    optuna.storages.RDBStorage(sqlite_url(file)).engine.dispose()
    for study in studies:
        optuna.create_study(study_name=study, storage=sqlite_url(file))
    return file


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_new_databases_are_whole_and_nothing_else_is_left(store):
    assert create_databases(store) == ()
    assert names(store.root) == ["databases.lock", "mlflow.db", "optuna.db"]
    assert revision(store.optuna_database) == [(OPTUNA_NEWEST,)]
    assert optuna.get_all_study_names(store.optuna_url) == []
    assert [found.name for found in MlflowClient(store.mlflow_url).search_experiments()] == ["Default"]


def test_databases_that_are_whole_stay_as_they_are(store):
    create_databases(store)
    files = (store.optuna_database, store.mlflow_database)
    before = [(file.stat().st_ino, file.read_bytes()) for file in files]
    assert create_databases(store) == ()
    assert [(file.stat().st_ino, file.read_bytes()) for file in files] == before


def test_a_file_that_an_earlier_version_left_half_made_is_set_aside_in_one_sentence(store):
    store.root.mkdir()
    half = "CREATE TABLE experiments (experiment_id INTEGER NOT NULL, name VARCHAR(256) NOT NULL)"
    execute(store.mlflow_database, half)
    (sentence,) = create_databases(store)
    assert sentence == (
        f"{store.mlflow_database} was incomplete and had no results. It is now mlflow.incomplete-1.db, and a new "
        "database took its place."
    )
    assert execute(store.root / "mlflow.incomplete-1.db", "SELECT sql FROM sqlite_master") == [(half,)]
    assert MLFLOW_SCHEMA.is_current(store.mlflow_url)
    assert create_databases(store) == ()


def test_a_second_half_made_file_gets_the_next_name(tmp_path):
    for _ in range(2):
        (tmp_path / "optuna.db").unlink(missing_ok=True)
        execute(tmp_path / "optuna.db", "CREATE TABLE studies (study_id INTEGER NOT NULL)")
        create_database(OPTUNA_SCHEMA, sqlite_url(tmp_path / "optuna.db"), is_shared=False)
    assert {"optuna.incomplete-1.db", "optuna.incomplete-2.db"} < set(names(tmp_path))


@pytest.mark.parametrize("content", [b"", None])
def test_an_empty_file_and_the_journal_of_a_lost_one_are_replaced(tmp_path, content):
    if content is not None:
        (tmp_path / "optuna.db").write_bytes(content)
    (tmp_path / "optuna.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(600))
    (tmp_path / ".new.optuna.db").write_bytes(b"left by a process that was killed")
    assert create_database(OPTUNA_SCHEMA, sqlite_url(tmp_path / "optuna.db"), is_shared=False) is None
    assert names(tmp_path) == ["databases.lock", "optuna.db"]
    assert execute(tmp_path / "optuna.db", "PRAGMA integrity_check") == [("ok",)]


def test_optunas_older_tables_with_results_are_upgraded_after_a_backup(tmp_path):
    file = optuna_database(tmp_path, "important")
    execute(file, MAKE_OLDER)
    sentence = create_database(OPTUNA_SCHEMA, sqlite_url(file), is_shared=False)
    backup = tmp_path / f"optuna.before-optuna-{version('optuna')}-1.db"
    assert sentence is not None
    assert f"upgraded by Optuna {version('optuna')}. A backup is in {backup}" in sentence
    assert (revision(file), revision(backup)) == ([(OPTUNA_NEWEST,)], [(OPTUNA_BEFORE,)])
    assert optuna.get_all_study_names(sqlite_url(file)) == ["important"]
    assert execute(backup, "SELECT study_name FROM studies") == [("important",)]


@pytest.mark.slow
def test_mlflows_older_tables_with_results_are_upgraded_after_a_backup(tmp_path):
    file, engine = tmp_path / "mlflow.db", create_engine(sqlite_url(tmp_path / "mlflow.db"))
    scripts = MLFLOW_SCHEMA._scripts
    older = list(scripts.walk_revisions())[20].revision
    from mlflow.store.tracking.dbmodels.initial_models import Base  # noqa: PLC0415  # the tables of 2018

    Base.metadata.create_all(engine)
    config = Config()
    config.set_main_option("script_location", scripts.dir)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, older)
    engine.dispose()
    execute(file, "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'important', 'active')")
    execute(file, "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage) VALUES ('r', 7, 'active')")
    sentence = create_database(MLFLOW_SCHEMA, sqlite_url(file), is_shared=False)
    assert sentence is not None
    assert "A backup is in" in sentence
    assert revision(tmp_path / f"mlflow.before-mlflow-{version('mlflow')}-1.db") == [(older,)]
    assert execute(file, "SELECT run_uuid FROM runs") == [("r",)]
    experiment = MlflowClient(sqlite_url(file)).get_experiment_by_name("important")
    assert experiment is not None
    assert experiment.experiment_id == "7"


def test_a_file_that_cannot_be_upgraded_is_unchanged_and_says_what_to_do(tmp_path):
    def upgrade(url):
        execute(url.removeprefix("sqlite:///"), "DROP TABLE trials")
        raise RuntimeError("no such column: step")

    file = optuna_database(tmp_path, "important")
    execute(file, MAKE_OLDER)
    before = file.read_bytes()
    with pytest.raises(
        OtherSchemaError, match=r"upgrade them \(no such column: step\)\. The file is unchanged\. Install"
    ):
        create_database(replace(OPTUNA_SCHEMA, upgrade=upgrade), sqlite_url(file), is_shared=False)
    assert file.read_bytes() == before
    assert names(tmp_path) == ["databases.lock", "optuna.db"]


def test_a_shared_file_with_older_tables_is_refused_with_the_command_that_upgrades_it(tmp_path):
    file = optuna_database(tmp_path, "important")
    execute(file, MAKE_OLDER)
    with pytest.raises(OtherSchemaError) as refusal:
        create_database(OPTUNA_SCHEMA, sqlite_url(file), is_shared=True)
    line = str(refusal.value).rpartition("\n")[2]
    assert line == f"optuna storage upgrade --storage sqlite:///{file}"
    subprocess.run([sys.executable, "-c", "from optuna.cli import main; main()", *line.split()[1:]], check=True)
    assert create_database(OPTUNA_SCHEMA, sqlite_url(file), is_shared=True) is None
    assert optuna.get_all_study_names(sqlite_url(file)) == ["important"]


def test_tables_of_a_version_that_is_not_known_are_refused(tmp_path):
    file = optuna_database(tmp_path)
    with pytest.raises(OtherSchemaError, match=f"version {OPTUNA_NEWEST}, which MLflow .* does not know"):
        create_database(MLFLOW_SCHEMA, sqlite_url(file), is_shared=False)
    assert OPTUNA_SCHEMA.is_current(sqlite_url(file))


def test_tables_of_another_program_in_a_shared_file_stay(tmp_path):
    execute(tmp_path / "all.db", "CREATE TABLE books (title TEXT)", "INSERT INTO books VALUES ('Emma')")
    assert create_database(OPTUNA_SCHEMA, sqlite_url(tmp_path / "all.db"), is_shared=True) is None
    assert execute(tmp_path / "all.db", "SELECT title FROM books") == [("Emma",)]
    assert OPTUNA_SCHEMA.is_current(sqlite_url(tmp_path / "all.db"))


def test_files_that_the_environment_names_are_created_where_it_says(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    store = Store(tmp_path / "mlruns", f"sqlite:///{elsewhere}/o.db", f"sqlite:///{elsewhere}/m.db")
    create_databases(store)
    assert names(elsewhere) == ["databases.lock", "m.db", "o.db"]
    assert not store.root.exists()


def test_a_server_of_mlflow_makes_its_database_itself(tmp_path):
    create_databases(Store(tmp_path, mlflow="http://127.0.0.1:9"))
    assert names(tmp_path) == ["databases.lock", "optuna.db"]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "mlruns").write_text("a file")
    with pytest.raises((AblateError, OSError), match="mlruns"):
        create_databases(Store(tmp_path / "mlruns"))


def test_reading_leaves_a_half_made_file_alone(store):
    store.root.mkdir()
    execute(store.mlflow_database, "CREATE TABLE experiments (experiment_id INTEGER NOT NULL)")
    before = store.mlflow_database.read_bytes()
    with pytest.raises(OtherSchemaError, match="ablate run creates or upgrades them"):
        refuse_other_schema(MLFLOW_SCHEMA, store.mlflow_url)
    assert store.mlflow_database.read_bytes() == before


@pytest.mark.timeout(600)
def test_starts_that_are_killed_while_they_create_the_databases_lose_nothing(small_study, tmp_path):
    starts = kill_starts(small_study(seeds=[0]), file_stores(tmp_path), [0.1, 0.8, 1.6])
    assert {(start.next_start, start.books_agree) for start in starts} == {("4 of 4 runs", True)}, table_text(starts)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_forty_starts_that_are_killed_in_their_first_two_seconds_lose_nothing(small_study, tmp_path):
    starts = kill_starts(small_study(seeds=[0]), file_stores(tmp_path), EVERY_50_MS)
    print(table_text(starts))  # noqa: T201  # the table for the documents
    assert {(start.next_start, start.books_agree) for start in starts} == {("4 of 4 runs", True)}, table_text(starts)


@needs_postgres
@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_forty_starts_that_are_killed_lose_nothing_on_a_server(small_study, tmp_path):
    with postgres() as server:
        starts = kill_starts(small_study(seeds=[0]), server_stores(tmp_path, server.database), EVERY_50_MS)
    print(table_text(starts))  # noqa: T201  # the table for the documents
    assert {(start.next_start, start.books_agree) for start in starts} == {("4 of 4 runs", True)}, table_text(starts)


@pytest.mark.timeout(600)
def test_two_first_starts_of_different_studies_both_succeed(small_study, store):
    starts = [begin(small_study(seeds=[0], name=name), store) for name in ("first", "second")]
    assert [start.await_end() for start in starts] == ["0 of 4 runs"] * 2
    assert optuna.get_all_study_names(store.optuna_url) == ["first", "second"]
    found = {experiment.name for experiment in MlflowClient(store.mlflow_url).search_experiments()}
    assert found == {"Default", "first", "second"}


@pytest.mark.timeout(600)
def test_of_two_first_starts_of_one_study_one_is_refused_by_the_lock(small_study, store):
    starts = [begin(small_study(seeds=[0]), store) for _ in range(2)]
    refused, ended = sorted((start.await_end() for start in starts), key=lambda outcome: outcome.startswith("0"))
    assert "runs this study now; wait until it ends, or stop it" in refused
    assert ended == "0 of 4 runs"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_databases_are_created_ends_the_start_in_words(tmp_path, small_study, number):
    (tmp_path / "study.yaml").write_text(study_file.dump(small_study(seeds=[0])))
    ablate = [sys.executable, "-m", "ablate", "run", "study.yaml", "--workers", "1"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    start = subprocess.Popen(ablate, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True)
    while not (tmp_path / "mlruns" / "databases.lock").exists():
        assert start.poll() is None
        time.sleep(0.01)
    start.send_signal(number)
    out, err = start.communicate(timeout=300)
    assert (start.returncode, err) == (130, "")
    assert out.splitlines()[-1] == "stopped before the first run; the same command starts the study"
    assert create_databases(Store(tmp_path / "mlruns")) == ()
    assert not (tmp_path / "mlruns" / "studies" / "small" / "study.yaml").exists()


@needs_postgres
def test_on_a_server_an_unfinished_schema_is_finished_and_an_older_one_refused_with_its_command(tmp_path):
    with postgres() as server:
        url = server.database()
        engine = create_engine(url)
        with engine.begin() as connection:
            optuna.storages._rdb.models.BaseModel.metadata.tables["studies"].create(connection)
        create_database(OPTUNA_SCHEMA, url, is_shared=True)
        assert OPTUNA_SCHEMA.is_current(url)
        with engine.begin() as connection:
            connection.execute(text(MAKE_OLDER))
        engine.dispose()
        with pytest.raises(OtherSchemaError) as refusal:
            create_databases(Store(tmp_path, url.replace("tests@", "tests:secret@"), "http://127.0.0.1:9"))
        assert "secret" not in str(refusal.value)
        shown = url.replace("tests@", "tests:PASSWORD@")
        assert str(refusal.value).endswith(f"\noptuna storage upgrade --storage {shown}")


@needs_postgres
def test_on_a_server_a_schema_that_cannot_be_finished_is_refused_with_the_command_that_empties_it():
    with postgres() as server:
        url = server.database()
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE studies (name TEXT)"))
            connection.execute(text("CREATE TABLE version_info (broken INTEGER)"))
        engine.dispose()
        with pytest.raises(OtherSchemaError, match="No table has results") as refusal:
            create_database(OPTUNA_SCHEMA, url, is_shared=True)
        line = str(refusal.value).rpartition("\n")[2]
        tools = server.tools()
        assert tools is not None
        subprocess.run([tools / "psql", *shlex.split(line)[1:]], check=True, capture_output=True)
        create_database(OPTUNA_SCHEMA, url, is_shared=True)
        assert OPTUNA_SCHEMA.is_current(url)
