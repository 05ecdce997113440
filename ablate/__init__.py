"""Designed ablation studies that say what makes a ConvLSTM forecast keep ghosts of the past."""

import sys
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from ablate.api.networks import diagnose, score
    from ablate.api.studies import load_study, plan, report, run
    from ablate.api.tables import analyze
    from ablate.core.errors import AblateError

__version__ = version("ablate-convlstm")
__all__ = [
    "AblateError",
    "__version__",
    "analyze",
    "diagnose",
    "load_study",
    "plan",
    "report",
    "run",
    "score",
]
_MODULES = {
    "AblateError": "ablate.core.errors",
    "analyze": "ablate.api.tables",
    "diagnose": "ablate.api.networks",
    "load_study": "ablate.api.studies",
    "plan": "ablate.api.studies",
    "report": "ablate.api.studies",
    "run": "ablate.api.studies",
    "score": "ablate.api.networks",
}
"""Where each name is. A module is loaded when its name is first used, so that `import ablate` stays quick."""


if not TYPE_CHECKING:  # a type checker would take any name for one of the package's

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__


@final
class _Package(ModuleType):
    """The package. Its `report` is the function, although the room of the report's pages has this name too."""

    def __setattr__(self, name: str, value: Any) -> None:
        # the import system sets each room as an attribute of the package after it has loaded it
        if name not in _MODULES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
