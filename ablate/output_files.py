"""What a command may write to: never to what it reads."""

from collections.abc import Mapping
from pathlib import Path

from ablate.errors import SpecError


def refuse_overwriting(outputs: Mapping[str, Path | None], *inputs: Path | None) -> None:
    """Raise SpecError for an option that names a folder, a file that is read, or another option's file.

    `outputs` are files by option; an option or input that is None was not given.
    """
    taken = {path.resolve(): "is read by this command" for path in inputs if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        place = path.resolve()
        if place.is_dir():
            raise SpecError(f"{option}: {path} is a folder; name a file in it")
        if place in taken:
            raise SpecError(f"{option}: {path} {taken[place]}; name another file")
        taken[place] = f"is written by {option} too"
