"""A store that was moved or copied: what each command that opens its databases does first."""

from collections.abc import Sequence

from rich.console import Console

from ablate.commands.console import say
from ablate.execution.tracking.addresses import StaleAddressesError, update_addresses
from ablate.storage.paths import Store


def follow_store(store: Store, console: Console, studies: Sequence[str] = (), *, only_reads: bool = False) -> None:
    """Let the addresses in MLflow's database follow a store that was moved or copied, and say so in a line.

    `studies` are those that the command is about. Raises StaleAddressesError where the addresses cannot follow. A
    command that `only_reads` goes on with a warning: it writes no artifact, but pictures may be missing.
    """
    try:
        relocation = update_addresses(store, studies)
    except StaleAddressesError as error:
        if not only_reads:
            raise
        say(f"warning: {error}", console, "yellow")
    else:
        if relocation is not None:
            say(relocation.sentence, console)
