"""The `ablate` command in a process of its own that starts at once, forked from one that has loaded it."""

import os
import resource
import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

COMMANDS = ("analyze", "bundle", "calibrate", "diagnose", "merge", "plan", "probe", "report", "run", "score")
LOADED = ["ablate.cli", *(f"ablate.commands.{name}" for name in COMMANDS)]
SECONDS = 200
PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    returncode: int | None
    stdout: str
    stderr: str


def ablate(*arguments: object, cwd: Path, megabytes: int | None = None) -> Ended:
    """Run the command in the folder `cwd`, with so much memory at most beside what its modules take."""
    context = get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    with TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("out", "err")]
        command = context.Process(target=_run, args=([str(word) for word in arguments], cwd, said, megabytes))
        command.start()
        command.join(SECONDS)
        if command.is_alive():
            command.kill()
            command.join()
        return Ended(command.exitcode, *(file.read_text() for file in said))


def assert_refused(*arguments: object, cwd: Path, megabytes: int = 1_000) -> Ended:
    """Hold that the command takes what it is given for bad input, says so shortly, and leaves nothing around `cwd`."""
    before = _files(cwd.parent)
    done = ablate(*arguments, cwd=cwd, megabytes=megabytes)
    assert done.returncode == 2, done
    assert done.stderr.startswith("error: ")
    assert "unexpected" not in done.stderr
    assert len(done.stderr) < 20_000
    assert _files(cwd.parent) == before
    return done


def _files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def _run(arguments: list[str], cwd: Path, said: list[Path], megabytes: int | None) -> None:
    for stream, file in enumerate(said, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream)
    if megabytes is not None:
        own = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
        resource.setrlimit(resource.RLIMIT_AS, (own + (megabytes << 20),) * 2)
    os.chdir(cwd)
    sys.argv = ["ablate", *arguments]
    from ablate.cli import main  # noqa: PLC0415  # loaded where it is forked from

    main()
