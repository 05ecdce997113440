"""docker-compose.yml: what it promises, and its very command lines, run as processes of this machine."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from mlflow import MlflowClient
from ruamel.yaml import YAML

from ablate.execution.results import study_table
from ablate.storage.paths import Store
from ablate.study import study_file
from tests.postgres import PostgreSQL, postgres

ROOT = Path(__file__).parents[1]
SECRETS = {"POSTGRES_PASSWORD": "secret of the test", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES = COMPOSE["services"]
HEALTHY_SECONDS = 180


def test_the_compose_file_keeps_to_the_specification():
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(ROOT / "docker-compose.yml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_no_root_and_may_become_none(name):
    service = SERVICES[name]
    assert int(service["user"].split(":")[0]) > 0
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_pinned_image_and_bounded_memory(name):
    assert re.search(r":\d+\.\d+", SERVICES[name]["image"])
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "ablate"])
def test_a_service_that_stays_tells_its_health(name):
    assert SERVICES[name]["healthcheck"]["test"]


def test_ports_are_open_to_this_machine_alone():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_data_lies_in_named_volumes():
    sources = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert sources - {"./studies"} == set(COMPOSE["volumes"])


def test_secrets_come_from_an_environment_file_that_git_ignores():
    text = (ROOT / "docker-compose.yml").read_text()
    for secret in SECRETS:
        assert re.findall(rf"\$\{{{secret}(.)", text) == [":"] * text.count(f"{{{secret}")
        assert f"\n{secret}=\n" in (ROOT / ".env.example").read_text()
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


class Stack:
    """The services as processes here: names of containers and folders are exchanged for what this machine has."""

    def __init__(self, folder, database_port):
        self.mark, self.folder = uuid4().hex, folder
        ports = {name: free_port() for name in ("mlflow", "dashboard", "ray")}
        self.mlflow, self.dashboard = (f"http://127.0.0.1:{ports[name]}" for name in ("mlflow", "dashboard"))
        self.exchanged = {
            "@postgres:5432": f"@127.0.0.1:{database_port}",
            "mlflow:5000": f"127.0.0.1:{ports['mlflow']}",
            "localhost:5000": f"127.0.0.1:{ports['mlflow']}",
            "--port 5000": f"--port {ports['mlflow']}",
            "localhost:8080": f"127.0.0.1:{ports['dashboard']}",
            "--port 8080": f"--port {ports['dashboard']}",
            "ray-head:6379": f"127.0.0.1:{ports['ray']}",
            "localhost:6379": f"127.0.0.1:{ports['ray']}",
            "--port 6379": f"--port {ports['ray']}",
            "/artifacts ": f"{folder}/artifacts ",
            "/mlruns": f"{folder}/mlruns",
            "/studies/": f"{folder}/",
        }

    def here(self, text):
        """Put in the variables as compose does, and what this machine has."""
        variables = SECRETS | {"STUDY": "study.yaml", "WORKER_CPUS": "2"}
        text = re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda found: variables[found[1]], text).replace("$$", "$")
        for there, here in self.exchanged.items():
            text = text.replace(there, here)
        return text

    def start(self, name):
        service = SERVICES[name]
        environment = {key: self.here(value) for key, value in service.get("environment", {}).items()}
        own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "STACK": self.mark}
        log = (self.folder / f"{name}.log").open("wb")
        return subprocess.Popen(
            shlex.split(self.here(service["command"])),
            env=os.environ | own | environment,
            cwd=self.folder,
            stdout=log,
            stderr=log,
        )

    def await_health(self, name):
        service = SERVICES[name]
        environment = {key: self.here(value) for key, value in service.get("environment", {}).items()}
        path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "STACK": self.mark}
        check = ["/bin/sh", "-c", self.here(service["healthcheck"]["test"])]
        deadline = time.monotonic() + HEALTHY_SECONDS
        while subprocess.run(check, env=os.environ | path | environment, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, self.said(name)
            time.sleep(1)

    def said(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def stop(self):
        """End every process that the stack has started, and what those have started."""
        mark = f"STACK={self.mark}".encode()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if mark in (process / "environ").read_bytes():
                        os.kill(int(process.name), number)
                except (OSError, ProcessLookupError):
                    continue
            time.sleep(2)


def answered(url, path, **headers):
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


@pytest.fixture
def stack(tmp_path):
    if PostgreSQL.tools() is None:
        pytest.skip("needs pg_ctl (apt install postgresql)")
    with postgres() as server:
        with psycopg.connect(f"host=127.0.0.1 port={server.port} user=tests dbname=postgres", autocommit=True) as admin:
            admin.execute("CREATE ROLE ablate SUPERUSER LOGIN")
            for statement in COMPOSE["configs"]["databases"]["content"].split(";"):
                if statement.strip():
                    admin.execute(statement)
        stack = Stack(tmp_path, server.port)
        try:
            yield stack
        finally:
            stack.stop()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_stack_comes_up_with_its_own_command_lines_and_runs_a_study(stack, small_study, tmp_path):
    study = small_study()
    (tmp_path / "study.yaml").write_text(study_file.dump(study))
    for name in ("mlflow", "ray-head", "ray-worker", "optuna-dashboard"):
        stack.start(name)
        stack.await_health(name)
    assert stack.start("ablate").wait(300) == 0, stack.said("ablate")

    runs = study_table(study, Store(tmp_path / "mlruns").study(study.name)).runs
    assert set(runs["outcome"]) == {"finished"}
    client = MlflowClient(stack.mlflow)
    experiment = client.get_experiment_by_name(study.name)
    assert experiment is not None
    assert experiment.artifact_location.startswith("mlflow-artifacts:")
    shown = client.search_runs([experiment.experiment_id], "tags.`ablate.role` = 'run' and status = 'FINISHED'")
    assert len(shown) == len(study.planned_runs)
    picture = client.download_artifacts(shown[0].info.run_id, "frames_rollout.png", str(tmp_path))
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    assert study.name in answered(stack.dashboard, "/api/studies").read().decode()
    assert answered(stack.mlflow, "/api/2.0/mlflow/experiments/search?max_results=1").status == 200
    assert answered(stack.mlflow, "/api/2.0/mlflow/experiments/search?max_results=1", host="evil.org").status == 403
