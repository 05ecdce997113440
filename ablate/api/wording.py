"""The words of a command's errors as Python spells them: options become arguments, a temporary file gets a name."""

import os
import re
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import final

from ablate.core.errors import AblateError

ARGUMENTS = (
    *("response", "factors", "block", "numeric", "order", "baseline", "interactions", "margin", "alpha", "bounds"),
    *("mediator", "outcome", "seed", "step-first", "average", "logits", "predicts", "checkpoint", "frame-size"),
    *("digits", "binarize", "context", "horizon", "clips", "sd", "pilot", "until-decided", "executor", "workers"),
    *("exclude", "include"),
)
"""Options that are arguments of the functions too, by their names on the command line."""
CALLS = (
    ("--factors kernel,norm", 'factors=["kernel", "norm"]'),
    ("--factors names", "the factors are"),
    ("--block none", "block=None"),
    ("--outcome none", 'outcome="none"'),
    ("--predicts future", 'predicts="future"'),
    ("--effect", "effects"),
    ("two factors with a colon: kernel:norm", 'pairs of factors: [("kernel", "norm")]'),
    *((f"--{switch}", f"{switch.replace('-', '_')}=True") for switch in ("step-first", "average", "logits")),
)
"""Options whose argument is written in another way."""
OPTION = re.compile(rf"(?<![\w-])--({'|'.join(ARGUMENTS)})(?![\w-])")
NAMED_COLUMN = re.compile(r"--(block|numeric|outcome) ([\w.]+)(?![\w.=])")
"""An option with a column, as an error proposes it."""
NO_NAMES: Mapping[str, str] = MappingProxyType({})


@final
class PythonWords:
    """A context in which an AblateError speaks of arguments instead of options; `names` replaces further words.

    The traceback ends in the function that was called, unless ABLATE_DEBUG is set.
    """

    def __init__(self, names: Mapping[str, str] = NO_NAMES) -> None:
        self._names = names

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not isinstance(error, AblateError):
            return
        error.args = (in_python(str(error), self._names), *error.args[1:])
        if not os.environ.get("ABLATE_DEBUG"):
            raise error.with_traceback(None) from None  # the message says it all, and twenty frames would hide it


def in_python(text: str, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return a sentence of the commands with arguments instead of options, and with these words replaced."""
    for word, replacement in (*names.items(), *CALLS):
        text = text.replace(word, replacement)
    text = NAMED_COLUMN.sub(r'\1="\2"', text)
    return OPTION.sub(lambda match: match[1].replace("-", "_"), text)
