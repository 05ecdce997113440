"""The MLflow UI and the Optuna dashboard on a store, for this machine's user alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import IO
from urllib.request import urlopen

from ablate.errors import AblateError
from ablate.paths import Store
from ablate.tracking.mlflow import NO_CALLS_OUT, experiment_url

HOST = "127.0.0.1"
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
    port: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

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
        while _is_taken(self.port) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return "\n".join(["", *lines[-LAST_LINES:]]) if lines else "nothing"


@contextmanager
def servers(store: Store, study: str, mlflow_port: int = 5000, optuna_port: int = 8080) -> Iterator[tuple[str, str]]:
    """Start both servers, yield the study's address in MLflow and in the dashboard, and stop both at the end.

    A port that is in use gives way to the next free one. Raises AblateError where the store has no such study,
    or a server does not start. SIGTERM, and SIGHUP from a terminal that closes, end the block as Ctrl-C does, with
    KeyboardInterrupt.
    """
    if not store.has_run:
        raise AblateError(f"nothing has been run in {store.root} yet; run a study first: ablate run STUDY.yaml")
    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if (before := signal.getsignal(number)) is not signal.SIG_IGN:  # nohup ignores SIGHUP on purpose
                stack.callback(signal.signal, number, before)
                signal.signal(number, signal.default_int_handler)
        port = _free_port(mlflow_port)
        mlflow = _started(stack, "the MLflow server", port, _mlflow_command(store, port))
        port = _free_port(optuna_port, spoken_for=port)
        dashboard = _started(stack, "the Optuna dashboard", port, _dashboard_command(store, port))
        mlflow.await_answer("/health")
        dashboard.await_answer("/api/studies")
        yield experiment_url(mlflow.address, study), _dashboard_url(dashboard.address, study)


def _started(stack: ExitStack, name: str, port: int, command: Sequence[str]) -> Server:
    environment = os.environ | NO_CALLS_OUT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as its server
    process = subprocess.Popen(  # noqa: S603  # a fixed command of this interpreter
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
    )
    server = Server(name, port, process, log)
    stack.callback(server.stop)
    return server


def _mlflow_command(store: Store, port: int) -> list[str]:
    root = Store(store.root.absolute())
    where = ["--backend-store-uri", root.mlflow_url]
    artifacts = ["--no-serve-artifacts", "--default-artifact-root", root.mlflow_artifacts.as_uri()]
    return [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
        "--workers",
        "1",
        *where,
        *artifacts,
    ]


def _dashboard_command(store: Store, port: int) -> list[str]:
    root = Store(store.root.absolute())
    where = [root.optuna_url, "--artifact-dir", str(root.optuna_artifacts)]
    module = "optuna_dashboard._cli"  # what its command runs; the package itself cannot be run
    return [sys.executable, "-m", module, *where, "--host", HOST, "--port", str(port)]


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


def _is_taken(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def _free_port(first: int, spoken_for: int | None = None) -> int:
    """Return the first free port from `first` on, apart from one whose server has not taken it yet."""
    for port in range(first, first + PORTS_TRIED):
        if port == spoken_for or _is_taken(port):  # maybe by a server on every address of the machine
            continue
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                server.bind((HOST, port))
                return port
    raise AblateError(f"ports {first} to {first + PORTS_TRIED - 1} are all in use; choose another first port")
