"""The `ablate` command in a process of bounded memory that starts at once, forked from one that has loaded it."""

import os
import resource
import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

LOADED = ["ablate.cli", "ablate.evidence", "ablate.inspection", "ablate.pipeline", "ablate.verdicts"]
SECONDS = 100
PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Ended:
    """How a command ended, what it said, and which files it left beside those that were there."""

    code: int | None
    said: str
    left: frozenset[str]

    @property
    def refused_in_words(self) -> bool:
        """Whether it took what it was given for bad input, said so shortly, and left nothing."""
        told = self.said.startswith("error: ") and "unexpected" not in self.said and len(self.said) < 20_000
        return self.code == 2 and told and not self.left


def ablate(*arguments: object, cwd: Path, megabytes: int = 1_000) -> Ended:
    """Run the command in the folder `cwd`, with so much memory at most beside what its modules take.

    `left` holds new files anywhere in the folder around `cwd`.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    said, before = cwd.parent / "said", _files(cwd.parent)
    command = context.Process(target=_run, args=([str(word) for word in arguments], cwd, said, megabytes))
    command.start()
    command.join(SECONDS)
    if command.is_alive():
        command.kill()
        command.join()
    return Ended(command.exitcode, said.read_text(), _files(cwd.parent) - before - {said.name})


def _files(folder: Path) -> frozenset[str]:
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))


def _run(arguments: list[str], cwd: Path, said: Path, megabytes: int) -> None:
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    own = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (own + (megabytes << 20),) * 2)
    os.chdir(cwd)
    sys.argv = ["ablate", *arguments]
    from ablate.cli import main  # noqa: PLC0415  # loaded where it is forked from

    main()
