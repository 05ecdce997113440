"""The MLflow UI and the Optuna dashboard on a store, for this machine's user alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from ipaddress import ip_address
from typing import IO
from urllib.request import urlopen

from sqlalchemy import make_url

from ablate.core.errors import AblateError
from ablate.execution.tracking.mlflow import NO_CALLS_OUT, experiment_url
from ablate.storage.paths import Store

HERE = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # compared with, never bound unless asked for
PORTS_TRIED = 50
START_SECONDS = 90.0  # MLflow takes ten on two idle cores
STOP_SECONDS = 5.0
LAST_LINES = 8
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Server:
    """A web server in a process group of its own, so that all it starts ends with it."""

    name: str
    address: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def await_answer(self, path: str) -> None:
        """Wait until it answers at `path`. Raises AblateError, with its last words, if it ends or stays silent."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            with suppress(OSError), _answer(f"{self.address}{path}"):
                return
            time.sleep(POLL_SECONDS)
        raise AblateError(f"{self.name} did not answer within {START_SECONDS:.0f} s; it said: {self._last_words()}")

    def check(self) -> None:
        """Raise AblateError, with its last words, if the server has ended."""
        if self.process.poll() is not None:
            raise AblateError(f"{self.name} ended by itself; it said: {self._last_words()}")

    def stop(self) -> None:
        """Ask it to end, wait a little, and end whatever is left of it."""
        try:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self._await_silence()
            self.log.close()

    def _await_silence(self) -> None:
        """Wait for those it started: they are nobody's children now, and end a moment after the signal."""
        deadline = time.monotonic() + STOP_SECONDS
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        while _is_taken(host.strip("[]"), int(port)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return "\n".join(["", *lines[-LAST_LINES:]]) if lines else "nothing"


@dataclass(frozen=True)
class Doors:
    """Where both servers listen: an address of this machine, and for each the first port to try."""

    host: str = HERE
    mlflow: int = 5000
    optuna: int = 8080

    @property
    def open_to_others(self) -> bool:
        """Whether other machines reach it. Neither server asks anybody who they are."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:  # a name
            return self.host != "localhost"

    @property
    def reached_at(self) -> str:
        """The address under which this machine itself reaches the servers."""
        if self.host in EVERYWHERE:
            return HERE
        return f"[{self.host}]" if ":" in self.host else self.host


@contextmanager
def servers(store: Store, study: str, doors: Doors = Doors()) -> Iterator[tuple[str, str]]:
    """Start both servers, yield the study's address in MLflow and in the dashboard, and stop both at the end.

    A port that is in use gives way to the next free one; where the store's MLflow is a server already, none is
    started. Raises AblateError where the store has no such study, or a server does not start. SIGTERM, and SIGHUP
    from a terminal that closes, end the block as Ctrl-C does, with KeyboardInterrupt.
    """
    if not store.has_run:
        raise AblateError(f"nothing has been run in {store.root} yet; run a study first: ablate run STUDY.yaml")
    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if (before := signal.getsignal(number)) is not signal.SIG_IGN:  # nohup ignores SIGHUP on purpose
                stack.callback(signal.signal, number, before)
                signal.signal(number, signal.default_int_handler)
        mlflow, port = None, None
        if not store.mlflow_is_a_server:
            port = _free_port(doors.host, doors.mlflow)
            mlflow = _started(
                stack, "the MLflow server", f"http://{doors.reached_at}:{port}", _mlflow(store, doors, port)
            )
        port = _free_port(doors.host, doors.optuna, spoken_for=port)
        address = f"http://{doors.reached_at}:{port}"
        dashboard = _started(stack, "the Optuna dashboard", address, _dashboard(store, doors, port))
        if mlflow is not None:
            mlflow.await_answer("/health")
        dashboard.await_answer("/api/studies")
        shown = store.mlflow_url.rstrip("/") if mlflow is None else mlflow.address
        yield experiment_url(shown, study), _dashboard_url(dashboard.address, study)


@dataclass(frozen=True)
class Command:
    """A server's command line, and what its environment has besides: addresses may hold passwords."""

    words: Sequence[str]
    environment: Mapping[str, str]


def _started(stack: ExitStack, name: str, address: str, command: Command) -> Server:
    log = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as its server
    process = subprocess.Popen(  # noqa: S603  # a fixed command of this interpreter
        command.words,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, **NO_CALLS_OUT, **command.environment},
        start_new_session=True,
    )
    server = Server(name, address, process, log)
    stack.callback(server.stop)
    return server


def _mlflow(store: Store, doors: Doors, port: int) -> Command:
    where = ["--host", doors.host, "--port", str(port), "--workers", "1"]
    artifacts = ["--no-serve-artifacts", "--default-artifact-root", store.mlflow_artifacts.absolute().as_uri()]
    environment = {"MLFLOW_BACKEND_STORE_URI": store.mlflow_url, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return Command([sys.executable, "-m", "mlflow", "server", *where, *artifacts], environment)


def _dashboard(store: Store, doors: Doors, port: int) -> Command:
    address, password = _apart(store.optuna_url)
    where = [address, "--artifact-dir", str(store.optuna_artifacts.absolute())]
    module = "optuna_dashboard._cli"  # what its command runs; the package itself cannot be run
    return Command(
        [sys.executable, "-m", module, *where, "--host", doors.host, "--port", str(port)],
        {"PGPASSWORD": password} if password else {},
    )


def _apart(url: str) -> tuple[str, str | None]:
    """Return a database's address without its password, and the password, which libpq reads from the environment."""
    address = make_url(url)
    password = address.password or address.query.get("password")
    # URL.set(password=None) would leave it there, and show it as asterisks
    bare = address._replace(password=None).difference_update_query(["password"])
    return bare.render_as_string(hide_password=False), str(password) if password else None


def _dashboard_url(address: str, study: str) -> str:
    with _answer(f"{address}/api/studies") as answer:
        summaries = json.load(answer)["study_summaries"]
    for summary in summaries:
        if summary["study_name"] == study:
            return f"{address}/dashboard/studies/{summary['study_id']}"
    raise AblateError(f"no study {study!r} has been run in this store; run it first")


def _answer(url: str) -> HTTPResponse:
    response: HTTPResponse = urlopen(url, timeout=ANSWER_SECONDS)  # noqa: S310  # our own server on this machine
    return response


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(_family(host)) as client:
        return client.connect_ex((host, port)) == 0


def _free_port(host: str, first: int, spoken_for: int | None = None) -> int:
    """Return the first free port from `first` on, apart from one whose server has not taken it yet."""
    for port in range(first, first + PORTS_TRIED):
        if port == spoken_for or _is_taken(host, port):  # maybe by a server on every address of the machine
            continue
        with socket.socket(_family(host)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                server.bind((host, port))
                return port
    raise AblateError(f"ports {first} to {first + PORTS_TRIED - 1} of {host} cannot be had; choose another first port")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
