"""The databases of a store, created or upgraded before a command opens them."""

from rich.console import Console

from ablate.commands.console import say
from ablate.execution.databases import create_databases
from ablate.storage.paths import Store


def prepare_databases(store: Store, console: Console) -> None:
    """Create the databases that are missing, and say what was done to existing ones."""
    with console.status("opening the databases"):
        sentences = create_databases(store)
    for sentence in sentences:
        say(sentence, console, "yellow")
