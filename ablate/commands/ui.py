"""`ablate ui`: the MLflow UI and the Optuna dashboard of a study, each in a server process."""

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
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from urllib.request import urlopen

from rich.console import Console
from sqlalchemy import make_url

from ablate.commands.console import say
from ablate.commands.moved_store import follow_store
from ablate.commands.prepared_store import prepare_databases
from ablate.core.errors import AblateError
from ablate.execution.databases import refuse_unusable
from ablate.execution.tracking.mlflow_client import NO_CALLS_OUT
from ablate.execution.tracking.mlflow_experiment import study_addresses
from ablate.storage.paths import Store
from ablate.study import StudySpec, study_file

HERE = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # compared with, and bound only if the user names it
PORTS_TRIED = 50
START_SECONDS = 90.0  # MLflow takes 10 s on two idle cores
STOP_SECONDS = 5.0
LAST_LINES = 8
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Server:
    """A web server in a separate process group, so that its child processes end with it."""

    name: str
    address: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def await_answer(self, path: str) -> None:
        """Wait until it answers at `path`. Raises AblateError, with its last output, if it ends or does not answer."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            with suppress(OSError), _answer(f"{self.address}{path}"):
                return
            time.sleep(POLL_SECONDS)
        raise AblateError(f"{self.name} did not answer within {START_SECONDS:.0f} s; its output: {self._last_output()}")

    def check(self) -> None:
        """Raise AblateError, with its last output, if the server has ended."""
        if self.process.poll() is not None:
            raise AblateError(f"{self.name} ended by itself; its output: {self._last_output()}")

    def stop(self) -> None:
        """Send SIGTERM to the process group, wait a little, then kill what still runs."""
        try:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self._await_closed_port()
            self.log.close()

    def _await_closed_port(self) -> None:
        """Wait until its killed child processes have closed the port."""
        deadline = time.monotonic() + STOP_SECONDS
        address = urlsplit(self.address)
        while _is_taken(address.hostname or HERE, address.port or 0) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _last_output(self) -> str:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return "\n".join(["", *lines[-LAST_LINES:]]) if lines else "nothing"


@dataclass(frozen=True)
class ServerAddresses:
    """Where both servers listen: an address of this machine, and the first port to try for each server."""

    host: str = HERE
    mlflow: int = 5000
    optuna: int = 8080

    @property
    def open_to_others(self) -> bool:
        """Whether other machines reach it. Neither server authenticates anyone."""
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:  # a host name
            return self.host != "localhost"

    @property
    def reached_at(self) -> str:
        """The address under which this machine itself reaches the servers."""
        if self.host in EVERYWHERE:
            return HERE
        return f"[{self.host}]" if ":" in self.host else self.host


def show(file: Path, root: Path, addresses: ServerAddresses, console: Console) -> None:
    """Serve the MLflow UI and the Optuna dashboard until Ctrl-C."""
    study, store = study_file.load(file), Store.here(root)
    refuse_unusable(store)
    if store.has_run:
        prepare_databases(store, console)  # the servers would refuse older tables, or change them without a backup
    follow_store(store, console, [study.name], only_reads=True)
    if addresses.open_to_others:
        say(
            f"{addresses.host} is open to other machines: anyone who reaches it can read, change and delete",
            console,
            "yellow",
        )
    with console.status("starting both servers"), servers(store, study, addresses) as pages:
        for name, address in pages.named.items():
            say(f"{name:17} {address}", console)
        console.print("Ctrl-C stops both.")
        signal.pause()


@dataclass(frozen=True)
class Pages:
    """The addresses of a study's pages: its runs and its results in MLflow, and its trials in Optuna's dashboard."""

    runs: str
    results: str | None
    trials: str

    @property
    def named(self) -> dict[str, str]:
        """The addresses by what a user calls the pages."""
        pages = {"MLflow, runs": self.runs, "MLflow, results": self.results, "Optuna dashboard": self.trials}
        return {name: address for name, address in pages.items() if address is not None}


@contextmanager
def servers(store: Store, study: StudySpec, addresses: ServerAddresses = ServerAddresses()) -> Iterator[Pages]:
    """Start both servers, yield the study's pages in MLflow and in the dashboard, and stop both at the end.

    A port in use is replaced by the next free one. Where the store's MLflow is a server, only the dashboard starts.
    SIGTERM, and SIGHUP from a terminal that closes, end the block with KeyboardInterrupt, as Ctrl-C does. Raises
    AblateError where the store has no such study, or a server does not start.
    """
    if not store.has_run:
        raise AblateError(f"nothing has been run in {store.root} yet; run a study first: ablate run STUDY.yaml")
    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if (former := signal.getsignal(number)) is not signal.SIG_IGN:  # nohup ignores SIGHUP on purpose
                stack.callback(signal.signal, number, former)
                signal.signal(number, signal.default_int_handler)
        mlflow, port = None, None
        if not store.mlflow_is_a_server:
            port = _free_port(addresses.host, addresses.mlflow)
            mlflow = _started(
                stack, "the MLflow server", f"http://{addresses.reached_at}:{port}", _mlflow(store, addresses, port)
            )
        port = _free_port(addresses.host, addresses.optuna, reserved=port)
        address = f"http://{addresses.reached_at}:{port}"
        dashboard = _started(stack, "the Optuna dashboard", address, _dashboard(store, addresses, port))
        if mlflow is not None:
            mlflow.await_answer("/health")
        dashboard.await_answer("/api/studies")
        base_url = store.mlflow_url.rstrip("/") if mlflow is None else mlflow.address
        study_pages = study_addresses(base_url, study)
        yield Pages(study_pages.runs, study_pages.parent, _dashboard_url(dashboard.address, study.name))


@dataclass(frozen=True)
class Command:
    """A server's command line, and additions to its environment, which hold addresses with passwords."""

    words: Sequence[str]
    environment: Mapping[str, str]


def _started(stack: ExitStack, name: str, address: str, command: Command) -> Server:
    log = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as its server runs
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


def _mlflow(store: Store, addresses: ServerAddresses, port: int) -> Command:
    options = ["--host", addresses.host, "--port", str(port), "--workers", "1"]
    artifacts = ["--no-serve-artifacts", "--default-artifact-root", store.mlflow_artifacts.absolute().as_uri()]
    environment = {"MLFLOW_BACKEND_STORE_URI": store.mlflow_url, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return Command([sys.executable, "-m", "mlflow", "server", *options, *artifacts], environment)


def _dashboard(store: Store, addresses: ServerAddresses, port: int) -> Command:
    address, password = _without_password(store.optuna_url)
    arguments = [address, "--artifact-dir", str(store.optuna_artifacts.absolute())]
    module = "optuna_dashboard._cli"  # its command runs this module; the package has no __main__
    return Command(
        [sys.executable, "-m", module, *arguments, "--host", addresses.host, "--port", str(port)],
        {"PGPASSWORD": password} if password else {},
    )


def _without_password(url: str) -> tuple[str, str | None]:
    """Return a database's address without its password, and the password, which libpq reads from the environment."""
    address = make_url(url)
    password = address.password or address.query.get("password")
    # URL.set(password=None) would keep it, and show it as asterisks
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


def _free_port(host: str, first: int, reserved: int | None = None) -> int:
    """Return the first free port from `first` on, except the reserved one, whose server has not bound it yet."""
    for port in range(first, first + PORTS_TRIED):
        if port == reserved or _is_taken(host, port):  # perhaps by a server on all addresses of the machine
            continue
        with socket.socket(_family(host)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                server.bind((host, port))
                return port
    raise AblateError(f"ports {first} to {first + PORTS_TRIED - 1} of {host} are in use; choose another first port")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
