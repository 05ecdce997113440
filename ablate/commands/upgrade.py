"""`ablate upgrade`: rewrite a study file in the names of today."""

from pathlib import Path

from rich.console import Console

from ablate.commands.console import say
from ablate.storage.atomic import whole_file
from ablate.study.upgraded_text import upgraded_text


def upgrade(file: Path, console: Console) -> None:
    """Rewrite a study file in the names and defaults of today; comments and layout stay. Raises SpecError."""
    before = file.read_bytes() if file.is_file() else b""
    text, changes = upgraded_text(file)
    if text.encode() == before:
        say(f"{file} is up to date", console)
        return
    with whole_file(file) as path:
        path.write_bytes(text.encode())
    for old, name in changes.renamed.items():
        say(f"{old} is {name} now", console)
    for loc in changes.added:
        say(f"{'.'.join(map(str, loc))}: the default has changed; its former value was written out", console)
    say(f"{file} was rewritten", console)
