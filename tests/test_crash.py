"""Whatever dies and whenever: every point ends with exactly one result or one named failure, and all books agree."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter

import optuna
import pytest
from mlflow import MlflowClient

from ablate.execution.results import study_table
from ablate.storage.paths import MLFLOW, OPTUNA, Store
from ablate.study import study_file
from tests.crash.misbehavior import begun_in
from tests.postgres import PostgreSQL, postgres

ENDED = (0, 1)
pytestmark = pytest.mark.timeout(900)


class UnderFire:
    """A driver process that is started, killed and started again."""

    def __init__(self, study, store, folder, seed=0):
        self.study, self.store, self.chance = study, store, random.Random(seed)  # noqa: S311  # chance, no secret
        self.file = folder / "study.yaml"
        self.file.write_text(study_file.dump(study))
        self.environment = os.environ | {
            name: url for name, url in ((OPTUNA, store.optuna), (MLFLOW, store.mlflow)) if url is not None
        }

    def start(self):
        command = [sys.executable, "-m", "tests.crash.drive", str(self.file), str(self.store.root)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment
        )

    def until_it_is_killed(self, number=signal.SIGKILL):
        """Start, kill after a random number of runs, and return what was said; None where it ended before."""
        driver = self.start()
        said = [line for _, line in zip(range(self.chance.randint(1, 12)), driver.stdout, strict=False)]
        driver.send_signal(number)
        said += driver.communicate(timeout=120)[0].splitlines(keepends=True)
        return None if driver.returncode in ENDED else said

    def until_it_ends(self):
        driver = self.start()
        said, _ = driver.communicate(timeout=500)
        assert driver.returncode in ENDED, said
        return said

    def kill_workers(self, driver):
        """Kill one of the driver's workers, if it has any."""
        found = subprocess.run(["/usr/bin/pgrep", "-P", str(driver.pid)], capture_output=True, text=True, check=False)
        workers = [int(line) for line in found.stdout.split()]
        if workers:
            os.kill(self.chance.choice(workers), signal.SIGKILL)

    def assert_complete(self, said=""):
        """Hold the table, Optuna and MLflow to one another, point by point."""
        table = study_table(self.study, self.store.study(self.study.name)).runs
        outcomes = dict(zip(table["run_id"], table["outcome"], strict=True))
        has_result = sorted(
            planned_run for planned_run, outcome in outcomes.items() if outcome in ("finished", "diverged")
        )
        assert set(outcomes) == {planned_run.id for planned_run in self.study.planned_runs}
        assert set(outcomes.values()) <= {"finished", "diverged", "failed"}, said
        assert sorted(self._settled_in_optuna()) == has_result
        assert sorted(self._finished_in_mlflow()) == has_result
        assert self._states_in_optuna() <= {"COMPLETE", "PRUNED", "FAIL"}
        assert self._statuses_in_mlflow() <= {"FINISHED", "FAILED", "KILLED"}
        for planned_run in has_result:
            begun = begun_in(self.store.study(self.study.name).run(planned_run).folder).read_text().splitlines()
            assert "again" not in begun
        return Counter(outcomes.values())

    def _trials(self):
        return optuna.load_study(study_name=self.study.name, storage=self.store.optuna_url).get_trials()

    def _settled_in_optuna(self):
        return [trial.user_attrs["run"] for trial in self._trials() if trial.state.name in ("COMPLETE", "PRUNED")]

    def _states_in_optuna(self):
        return {trial.state.name for trial in self._trials()}

    def _runs(self):
        client = MlflowClient(self.store.mlflow_url)
        experiment = client.get_experiment_by_name(self.study.name)
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], "tags.`ablate.role` = 'run'", max_results=5000))

    def _finished_in_mlflow(self):
        return [run.data.tags["ablate.run"] for run in self._runs() if run.info.status == "FINISHED"]

    def _statuses_in_mlflow(self):
        return {run.info.status for run in self._runs()}


@pytest.fixture
def under_fire(small_study, tmp_path):
    def make(seeds, store=None, **changes):
        study = small_study(seeds=list(range(seeds)), budget={"run_minutes": 0.25}, **changes)
        return UnderFire(study, store or Store(tmp_path / "mlruns"), tmp_path)

    return make


def test_a_driver_that_is_killed_at_a_random_moment_loses_and_repeats_nothing(under_fire):
    fire = under_fire(seeds=5)
    fire.until_it_is_killed()
    fire.until_it_ends()
    assert fire.assert_complete()["finished"] > 10


@pytest.mark.slow
def test_a_driver_that_is_killed_often_loses_and_repeats_nothing(under_fire):
    fire = under_fire(seeds=30)
    killed = [fire.until_it_is_killed(number) for number in [signal.SIGKILL, signal.SIGTERM] * 6]
    assert any(killed)
    fire.until_it_ends()
    assert fire.assert_complete()["finished"] > 60


@pytest.mark.slow
def test_databases_that_are_lost_are_made_anew_from_the_records(under_fire):
    fire = under_fire(seeds=12)
    fire.until_it_is_killed()
    for file in (fire.store.optuna_database, fire.store.mlflow_database):
        file.unlink()
    fire.until_it_ends()
    fire.assert_complete()


@pytest.mark.slow
def test_workers_that_are_killed_at_random_moments_lose_and_repeat_nothing(under_fire):
    fire = under_fire(seeds=20)
    driver = fire.start()
    for number, _ in enumerate(driver.stdout):
        if number % 5 == 0:
            fire.kill_workers(driver)
    assert driver.wait() in ENDED
    fire.assert_complete()


@pytest.mark.slow
@pytest.mark.skipif(PostgreSQL.tools() is None, reason="needs pg_ctl (apt install postgresql)")
def test_a_database_that_is_dropped_and_comes_back_loses_and_repeats_nothing(under_fire, tmp_path):
    with postgres() as server:
        fire = under_fire(seeds=12, store=Store(tmp_path / "mlruns", server.database(), server.database()))
        fire.until_it_is_killed()
        driver = fire.start()
        said = []
        for line in driver.stdout:
            said.append(line)
            if len(said) % 8 == 1:
                server.restart()
        assert driver.wait() in ENDED, said
        fire.assert_complete("".join(said))
        MlflowClient(fire.store.mlflow_url)._tracking_client.store.engine.dispose()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of few megabytes; needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("needs root, to mount a small disk")
    yield disk
    subprocess.run(["/usr/bin/umount", "-l", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk_ends_in_words_and_once_there_is_room_nothing_is_lost(under_fire, small_disk):
    fire = under_fire(seeds=10, store=Store(small_disk / "mlruns"))
    filler = small_disk / "filler"
    driver = fire.start()
    driver.stdout.readline()
    filler.write_bytes(b"\0" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize - 4096))
    said, _ = driver.communicate(timeout=300)
    assert "Traceback" not in said
    filler.unlink()
    subprocess.run(["/usr/bin/mount", "-o", "remount,size=60m", str(small_disk)], check=True)
    fire.until_it_ends()
    fire.assert_complete()
