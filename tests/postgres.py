"""A PostgreSQL server of the tests' own, from Debian's or anybody's `pg_ctl`, as root or not."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from uuid import uuid4

import psycopg

DEBIAN = "/usr/lib/postgresql/*/bin"


@dataclass(frozen=True)
class PostgreSQL:
    """A server on this machine alone, with one user and no password."""

    folder: Path
    port: int

    @classmethod
    def tools(cls) -> Path | None:
        """Return the folder of initdb and pg_ctl, or None where there is none."""
        found = shutil.which("pg_ctl")
        folders = [Path(found).resolve().parent] if found else sorted(Path("/").glob(DEBIAN[1:]))
        return folders[-1] if folders else None

    def run(self, tool: str, *arguments: str) -> None:
        """Run one of PostgreSQL's tools, as the user that owns the folder."""
        owner = self.folder.stat().st_uid
        tools = self.tools()
        assert tools is not None, "PostgreSQL is not installed"
        command = [str(tools / tool), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=True, user=owner, capture_output=True, cwd=self.folder)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self.run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Throw everybody out at once. (pg_ctl itself would wait for its process to be reaped as well.)"""
        self.run("pg_ctl", "-W", "-m", "immediate", "stop")
        while (self.folder / "data" / "postmaster.pid").exists():
            time.sleep(0.05)

    def restart(self) -> None:
        self.stop()
        self.start()

    def database(self) -> str:
        """Create an empty database and return its URL, as SQLAlchemy takes it."""
        name = f"d{uuid4().hex}"
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=tests dbname=postgres", autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://tests@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres() -> Iterator[PostgreSQL]:
    """Start a server, and leave nothing of it."""
    with tempfile.TemporaryDirectory() as folder:
        server = PostgreSQL(Path(folder), _free_port())
        if os.geteuid() == 0:  # the server refuses to be root
            shutil.chown(folder, "postgres")
        server.run("initdb", "-U", "tests", "-A", "trust", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _free_port() -> int:
    """Return a port that no client is given: one that calls a server which is away might else take the server's own."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as server, suppress(OSError):
            server.bind(("127.0.0.1", port))
            return port
