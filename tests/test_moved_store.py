"""A store is a folder: moved, copied or linked, its artifacts are where it is, and the original stays as it was."""

import os
import shlex
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
from mlflow import MlflowClient

from ablate.execution.sqlite_files import connect
from ablate.execution.tracking import addresses
from ablate.execution.tracking.addresses import TESTED_MLFLOW, StaleAddressesError, update_addresses
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.storage.paths import Store
from ablate.study import study_file
from tests.contained import ablate
from tests.postgres import PostgreSQL, postgres

STUDY = "small"


def filled(store, small_study, made_record):
    """Run a study of one run by hand, and let MLflow's models and traces leave addresses of every kind."""
    study = small_study()
    tracker = MLflowTracker(store)
    tracker.open(study)
    planned_run, paths = study.planned_runs[0], store.study(STUDY).run(study.planned_runs[0].id)
    record = made_record(planned_run)
    record.save(paths)
    paths.frame_grid("rollout").write_bytes(b"\x89PNG")
    run_id = tracker.start(planned_run, 0)
    tracker.finish(run_id, record, paths)
    client = MlflowClient(store.mlflow_url)
    experiment = client.get_experiment_by_name(STUDY)
    assert experiment is not None
    client.create_logged_model(experiment.experiment_id, "network")
    client.create_registered_model("network")
    client.create_model_version("network", f"{experiment.artifact_location}/{run_id}/artifacts", run_id)
    client.create_experiment("foreign", "file:///data/artifacts/foreign")
    return store


def add_trace(store):
    """Add the address of a trace, which MLflow would write from a thread of its own."""
    with closing(sqlite3.connect(store.mlflow_database)) as connection:
        address = (store.mlflow_artifacts / STUDY / "traces" / "tr-1" / "artifacts").as_uri()
        connection.execute("INSERT INTO trace_tags VALUES ('mlflow.artifactLocation', ?, 'tr-1')", (address,))
        connection.commit()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The folder of a store that every test copies or moves; made once, since MLflow takes seconds for a database."""
    return tmp_path_factory.mktemp("template") / "mlruns"


@pytest.fixture
def original(template, small_study, made_record, tmp_path):
    """A store in its own place, whose addresses are right."""
    if not template.exists():
        add_trace(filled(Store(template), small_study, made_record))
    root = tmp_path / "it's an original ü" / "mlruns"
    shutil.copytree(template, root)
    update_addresses(Store(root))
    for backup in root.glob("mlflow.moved-*"):
        backup.unlink()
    return Store(root)


def moved(store, folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    store.root.rename(folder)
    return Store(folder)


def copied(store, folder):
    shutil.copytree(store.root, folder)
    return Store(folder)


def texts(database):
    """Return every text of a database, with its table."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, value)
            for table in tables
            for row in connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # its own names
            for value in row
            if isinstance(value, str)
        ]


def naming(database, folder):
    """Return the texts that name a folder, as a path or as a URI."""
    return [text for text in texts(database) if str(folder) in text[1] or folder.as_uri() in text[1]]


def finished_run(store):
    client = MlflowClient(store.mlflow_url)
    experiment = client.get_experiment_by_name(STUDY)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.`ablate.role` = 'run'")
    return client, run.info.run_id


def test_the_installed_mlflow_is_a_tested_one():
    assert version("mlflow").rpartition(".")[0] in TESTED_MLFLOW


def test_a_moved_store_names_its_old_place_nowhere_in_its_database(original, tmp_path):
    tables = Counter(table for table, _ in naming(original.mlflow_database, original.root))
    assert tables == {"experiments": 1, "runs": 2, "logged_models": 1, "model_versions": 2, "trace_tags": 1}
    store = moved(original, tmp_path / "new place" / "mlruns")
    relocation = update_addresses(store)
    assert relocation is not None
    assert str(original.root) in relocation.sentence
    assert naming(store.mlflow_database, original.root) == []
    assert len(naming(store.mlflow_database, store.root)) == relocation.addresses == 7


def test_a_moved_store_shows_its_pictures_in_mlflow(original, tmp_path):
    store = moved(original, tmp_path / "new" / "mlruns")
    update_addresses(store)
    client, run_id = finished_run(store)
    assert "frames_rollout.png" in [file.path for file in client.list_artifacts(run_id)]
    assert Path(client.download_artifacts(run_id, "frames_rollout.png")).read_bytes() == b"\x89PNG"


def test_addresses_are_rewritten_once(original, tmp_path):
    store = moved(original, tmp_path / "new" / "mlruns")
    assert update_addresses(store) is not None
    assert update_addresses(store) is None


def test_a_store_that_was_not_moved_is_not_written(original):
    before = original.mlflow_database.read_bytes()
    assert update_addresses(original) is None
    assert original.mlflow_database.read_bytes() == before


def test_a_folder_without_a_store_stays_empty(tmp_path):
    assert update_addresses(Store(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_the_backup_holds_the_former_addresses(original, tmp_path):
    store = moved(original, tmp_path / "new" / "mlruns")
    relocation = update_addresses(store)
    assert relocation is not None
    assert relocation.backup.parent == store.root
    assert naming(relocation.backup, original.root) != []
    assert naming(relocation.backup, store.root) == []


def test_a_backup_that_exists_is_not_overwritten_and_three_are_left(original, tmp_path):
    store, backups = original, []
    for number in range(4):
        store = moved(store, tmp_path / str(number) / "mlruns")
        relocation = update_addresses(store)
        assert relocation is not None
        backups.append(relocation.backup.name)
    assert len(set(backups)) == 4
    assert sorted(file.name for file in store.root.glob("mlflow.moved-*")) == backups[-3:]


def test_a_copied_store_leaves_the_original_as_it_is(original, tmp_path, small_study, made_record):
    before = {file: file.read_bytes() for file in original.root.rglob("*") if file.is_file()}
    store = copied(original, tmp_path / "copy" / "mlruns")
    update_addresses(store)
    tracker, planned_run = MLflowTracker(store), small_study().planned_runs[1]
    tracker.open(small_study())
    paths, record = store.study(STUDY).run(planned_run.id), made_record(planned_run)
    record.save(paths)
    tracker.finish(tracker.start(planned_run, 1), record, paths)
    tracker.close(store.study(STUDY), "", complete=True)
    assert {file: file.read_bytes() for file in original.root.rglob("*") if file.is_file()} == before
    assert len(list((store.mlflow_artifacts / STUDY).iterdir())) == 2


def test_a_copy_of_hard_links_leaves_the_original_as_it_is(original, tmp_path):
    before = original.mlflow_database.read_bytes()
    shutil.copytree(original.root, tmp_path / "links" / "mlruns", copy_function=os.link)
    assert update_addresses(Store(tmp_path / "links" / "mlruns")) is not None
    assert original.mlflow_database.read_bytes() == before


def test_a_link_to_the_store_is_the_same_place(original, tmp_path):
    (tmp_path / "link").symlink_to(original.root)
    assert update_addresses(Store(tmp_path / "link")) is None


def test_a_folder_below_the_former_one_is_another_place(original):
    store = moved(original, original.root.parent / "deeper" / "mlruns")
    update_addresses(store)
    client, run_id = finished_run(store)
    assert client.download_artifacts(run_id, "frames_rollout.png")
    assert update_addresses(store) is None


def test_experiments_elsewhere_keep_their_address(original, tmp_path):
    store = moved(original, tmp_path / "new" / "mlruns")
    update_addresses(store)
    assert ("experiments", "file:///data/artifacts/foreign") in texts(store.mlflow_database)


def test_a_study_whose_folder_was_deleted_is_known_by_its_runs(original, tmp_path):
    shutil.rmtree(original.root / "studies")
    store = moved(original, tmp_path / "new" / "mlruns")
    assert update_addresses(store) is not None


def test_another_version_of_mlflow_is_refused_with_a_way_out(original, tmp_path, monkeypatch):
    monkeypatch.setattr(addresses, "version", lambda _: "3.99.1")
    store = moved(original, tmp_path / "new" / "mlruns")
    with pytest.raises(StaleAddressesError, match=r"3\.99\.1, tested: .*pip install .*or move the store back"):
        update_addresses(store)
    assert naming(store.mlflow_database, store.root) == []


def test_another_version_of_mlflow_is_fine_where_nothing_moved(original, monkeypatch):
    monkeypatch.setattr(addresses, "version", lambda _: "3.99.1")
    assert update_addresses(original) is None


def test_without_room_for_the_backup_nothing_is_changed(original, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    store = moved(original, tmp_path / "new" / "mlruns")
    before = store.mlflow_database.read_bytes()
    monkeypatch.setattr(addresses, "_back_up", full)
    with pytest.raises(StaleAddressesError, match=r"No space left on device.*free space"):
        update_addresses(store)
    assert store.mlflow_database.read_bytes() == before


def test_a_store_that_cannot_be_written_is_refused_in_words(original, tmp_path, monkeypatch):
    monkeypatch.setattr(addresses, "connect", lambda database, _: connect(database, "ro"))  # as on a read-only disk
    with pytest.raises(StaleAddressesError, match=r"readonly database.*Make the folder writable"):
        update_addresses(moved(original, tmp_path / "new" / "mlruns"))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.99])
def test_a_database_that_was_copied_in_part_is_never_changed(original, tmp_path, share):
    store = copied(original, tmp_path / "copy" / "mlruns")
    whole = store.mlflow_database.read_bytes()
    store.mlflow_database.write_bytes(part := whole[: int(len(whole) * share)])
    with suppress(StaleAddressesError):
        assert update_addresses(store) is None
    assert store.mlflow_database.read_bytes() == part


def elsewhere(store, database):
    shutil.copy(store.mlflow_database, database)
    store.mlflow_database.unlink()
    return replace(store, mlflow=f"sqlite:///{database}")


def test_a_database_file_elsewhere_is_not_written_and_the_command_mends_it(original, tmp_path):
    database = tmp_path / "elsewhere.db"
    store = replace(moved(elsewhere(original, database), tmp_path / "new" / "mlruns"), mlflow=f"sqlite:///{database}")
    before = database.read_bytes()
    with pytest.raises(StaleAddressesError) as refused:
        update_addresses(store)
    assert database.read_bytes() == before
    program, file, statements = shlex.split(str(refused.value).splitlines()[1])
    assert (program, file) == ("sqlite3", str(database))
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(statements)
    assert update_addresses(store) is None
    assert naming(database, original.root) == []


def test_a_link_to_a_database_elsewhere_is_not_written(original, tmp_path):
    shutil.move(original.mlflow_database, tmp_path / "shared.db")
    original.mlflow_database.symlink_to(tmp_path / "shared.db")
    before = (tmp_path / "shared.db").read_bytes()
    with pytest.raises(StaleAddressesError, match=r"shared\.db"):
        update_addresses(moved(original, tmp_path / "new" / "mlruns"))
    assert (tmp_path / "shared.db").read_bytes() == before


@pytest.mark.skipif(PostgreSQL.tools() is None, reason="needs pg_ctl (apt install postgresql)")
def test_a_server_is_not_written_and_the_command_mends_it(tmp_path, small_study, made_record):
    with postgres() as server:
        url = server.database()
        former = filled(Store(tmp_path / "it's old" / "mlruns", mlflow=url), small_study, made_record)
        store = replace(moved(former, tmp_path / "new" / "mlruns"), mlflow=url)
        with pytest.raises(StaleAddressesError) as refused:
            update_addresses(store)
        words = shlex.split(str(refused.value).splitlines()[1])
        assert (words[0], words[1], words[2]) == ("psql", "--single-transaction", "--command")
        with psycopg.connect(words[4]) as connection:
            connection.execute(words[3])
        assert update_addresses(store) is None
        client, run_id = finished_run(store)
        assert Path(client.download_artifacts(run_id, "frames_rollout.png")).read_bytes() == b"\x89PNG"
        client._tracking_client.store.engine.dispose()


@pytest.mark.slow
def test_a_moved_store_is_continued_in_its_new_place(tmp_path, small_study):
    response = {"metric": "mse"}  # after four steps of training no digit stands out
    (tmp_path / "study.yaml").write_text(study_file.dump(small_study(seeds=[0], response=response)))
    assert ablate("run", "study.yaml", "--store", "old/mlruns", "--workers", 1, cwd=tmp_path).returncode == 0
    (tmp_path / "old").rename(tmp_path / "new")
    (tmp_path / "old").write_text("no folder can be made here")
    (tmp_path / "study.yaml").write_text(study_file.dump(small_study(seeds=[0, 1], response=response)))
    done = ablate("run", "study.yaml", "--store", "new/mlruns", "--workers", 1, cwd=tmp_path)
    assert done.returncode == 0, done
    assert done.stdout.count("was moved or copied") == 1
    assert "8 of 8 runs have a result" in done.stdout


@pytest.fixture
def stale(original, tmp_path, small_study):
    """A moved store that shares a database file elsewhere, so that its addresses are not rewritten."""
    shutil.move(original.mlflow_database, tmp_path / "shared.db")
    original.mlflow_database.symlink_to(tmp_path / "shared.db")
    (tmp_path / "study.yaml").write_text(study_file.dump(small_study()))
    return moved(original, tmp_path / "new" / "mlruns")


def test_commands_that_write_artifacts_refuse_stale_addresses(stale, tmp_path):
    run = next((stale.root / "studies" / STUDY / "runs").iterdir()).name
    before = sorted(stale.root.rglob("*"))
    for words in (["run", "study.yaml"], ["probe", run]):
        done = ablate(*words, "--store", stale.root, cwd=tmp_path)
        assert (done.returncode, "run this command" in done.stderr) == (2, True)
    assert sorted(stale.root.rglob("*")) == before


def test_a_report_is_written_despite_stale_addresses_with_a_warning(stale, tmp_path):
    done = ablate("report", "study.yaml", "--store", stale.root, cwd=tmp_path)
    assert (done.returncode, "warning: " in done.stdout, "report: " in done.stdout) == (0, True, True)
