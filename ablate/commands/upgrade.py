"""`ablate upgrade`: rewrite a study file in the names of today."""

import codecs
import os
import shutil
from pathlib import Path

from rich.console import Console

from ablate.commands.console import say
from ablate.core.errors import SpecError
from ablate.storage.atomic import whole_file
from ablate.study.upgraded_text import upgraded_text


def upgrade(file: Path, console: Console) -> None:
    """Rewrite a study file in the names and defaults of today; comments and layout stay.

    A link stays a link: the file that it names is rewritten. Raises SpecError.
    """
    text, changes = upgraded_text(file)
    target = file.resolve()
    before = target.read_bytes()
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    after = mark + text.encode()
    if after == before:
        say(f"{file} is up to date", console)
        return
    if not os.access(target, os.W_OK):
        raise SpecError(f"{file}: is read-only; make it writable and run the command again")
    with whole_file(target) as path:
        path.write_bytes(after)
        shutil.copymode(target, path)
    for old, name in changes.renamed.items():
        say(f"{old} is {name} now", console)
    for loc in changes.added:
        say(f"{'.'.join(map(str, loc))}: the default has changed; its former value was written out", console)
    say(f"{file} was rewritten", console)
