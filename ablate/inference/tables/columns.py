"""The columns of a table of runs, and how the command line names them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ablate.core.errors import SpecError


@dataclass(frozen=True)
class Columns:
    """The columns of a table of runs, by name.

    `ordered` maps each ordered factor to its levels in order. An empty order sorts numbers by value and keeps other
    levels in the order of their first row. A factor's `baseline` is its first level, unless it is named here. `outcome`
    says how a run ended. With `average`, rows of the same cell and block are averaged; else they are refused.
    """

    response: str
    factors: tuple[str, ...]
    block: str
    ordered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    baseline: Mapping[str, str] = field(default_factory=dict)
    mediators: tuple[str, ...] = ()
    outcome: str | None = None
    average: bool = False

    def __post_init__(self) -> None:
        """Raise SpecError for a column with two uses, no factor, and an order or baseline of an unknown factor."""
        if not self.factors:
            raise SpecError("--factors: name at least one column, as in --factors kernel,norm")
        uses = [*(("--factors", name) for name in self.factors), ("--block", self.block), ("--response", self.response)]
        uses += [("--mediator", name) for name in self.mediators]
        for position, (option, name) in enumerate(uses):
            if earlier := next((use for use, used in uses[:position] if used == name), None):
                raise SpecError(f"{option}: column {name!r} is named by {earlier} too; give each column one use")
        for option, named in (("--order", self.ordered), ("--baseline", self.baseline)):
            if unknown := [name for name in named if name not in self.factors]:
                raise SpecError(f"{option}: {unknown[0]!r} is no factor; --factors names {', '.join(self.factors)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that is read."""
        return (*self.factors, self.block, self.response, *self.mediators, *([self.outcome] if self.outcome else []))

    @classmethod
    def written(  # noqa: PLR0913  # one argument per option
        cls,
        *,
        response: str,
        factors: str,
        block: str,
        order: str = "",
        baseline: str = "",
        mediators: str = "",
        outcome: str | None = None,
        average: bool = False,
    ) -> "Columns":
        """Return the columns from the texts of the command line's options. Raises SpecError.

        Lists are separated by commas: --factors kernel,norm. --order kernel,size=s<m<l names ordered factors, with or
        without the order. --baseline kernel=1,norm=none names levels, which may contain commas.
        """
        return cls(
            response=response.strip(),
            factors=names(factors),
            block=block.strip(),
            ordered=dict(_ordered(item) for item in names(order)),
            baseline=dict(_baseline(item) for item in re.split(r",(?=[^,=]+=)", baseline) if item.strip()),
            mediators=names(mediators),
            outcome=outcome.strip() if outcome else None,
            average=average,
        )


def names(text: str) -> tuple[str, ...]:
    """Return the names in a list that is separated by commas."""
    return _filled(text.split(","))


def _ordered(item: str) -> tuple[str, tuple[str, ...]]:
    name, _, levels = item.partition("=")
    return name.strip(), _distinct(_filled(levels.split("<")), item)


def _distinct(levels: Sequence[str], item: str) -> tuple[str, ...]:
    if len(set(levels)) < len(levels):
        raise SpecError(f"--order: {item!r} names a level twice")
    return tuple(levels)


def _baseline(item: str) -> tuple[str, str]:
    name, equals, level = item.partition("=")
    if not equals or not level.strip():
        raise SpecError(f"--baseline: found {item.strip()!r}; write factor=level, as in --baseline kernel=1,norm=none")
    return name.strip(), level.strip()


def _filled(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(item.strip() for item in items if item.strip())
