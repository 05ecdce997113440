"""The columns of a table of runs, and how the command line names them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ablate.core.errors import SpecError
from ablate.inference.factor_levels import Scale
from ablate.inference.tables.option_lists import hidden, items, names, plain_item

NONE = "none"
"""As a block: every row is a block. As an outcome: no column is read for states."""


@dataclass(frozen=True)
class Columns:
    """The columns of a table of runs, by name.

    `block` is NONE where the runs share no seed, and None where nobody chose: the reader then explains the choice.
    `ordered` maps each ordered factor to its levels in order. An empty order sorts numbers by value and keeps other
    levels in the order of their first row. `numeric` factors are tested as a trend over their values, on the scale
    that is named here, or on that which the values suggest (None). A factor's
    `baseline` is its first level, unless it is named here; a level in `default_baseline` counts if the table has it.
    `outcome` says how a run ended; None looks for a column of states. With `average`, rows of the same cell and block
    are averaged; else they are refused. `secondary` responses are described, not judged.
    """

    response: str
    factors: tuple[str, ...]
    block: str | None
    ordered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    baseline: Mapping[str, str] = field(default_factory=dict)
    mediators: tuple[str, ...] = ()
    outcome: str | None = None
    average: bool = False
    numeric: Mapping[str, Scale | None] = field(default_factory=dict)
    secondary: tuple[str, ...] = ()
    default_baseline: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise SpecError for columns or options that contradict each other."""
        if not self.factors:
            raise SpecError("--factors: name at least one column, as in --factors kernel,norm")
        if not self.response:
            raise SpecError("--response: name the column of the number to explain")
        self._refuse_two_uses()
        for option, named in (("--order", self.ordered), ("--baseline", self.baseline), ("--numeric", self.numeric)):
            if unknown := [name for name in named if name not in self.factors]:
                raise SpecError(f"{option}: {unknown[0]!r} is no factor; --factors names {', '.join(self.factors)}")
        for option, named in (("--order", self.ordered), ("--baseline", self.baseline)):
            if numeric := [name for name in named if name in self.numeric]:
                raise SpecError(
                    f"{option}: {numeric[0]!r} is numeric, and its test compares no single levels; "
                    f"leave it out of {option} or of --numeric"
                )
        if self.average and not self.has_blocks:
            raise SpecError("--average: with --block none every row is a run by itself; leave one of the two out")

    @property
    def has_blocks(self) -> bool:
        """Whether a column names the blocks; otherwise every row is a block."""
        return self.block != NONE

    @property
    def responses(self) -> tuple[str, ...]:
        """The response, and the secondary ones."""
        return (self.response, *self.secondary)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that must hold numbers."""
        return tuple(dict.fromkeys((*self.responses, *self.mediators, *self.numeric)))

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that place a run: the factors, and the block where there is one."""
        return (*self.factors, *([self.block] if self.block and self.has_blocks else []))

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that is read, once."""
        outcome = [self.outcome] if self.outcome and self.outcome != NONE else []
        return tuple(dict.fromkeys((*self.keys, *self.responses, *self.mediators, *outcome)))

    @classmethod
    def written(  # noqa: PLR0913  # one argument per option
        cls,
        *,
        response: str,
        factors: str,
        block: str | None,
        order: str = "",
        baseline: str = "",
        mediators: str = "",
        outcome: str | None = None,
        average: bool = False,
        numeric: str = "",
    ) -> "Columns":
        """Return the columns from the texts of the command line's options. Raises SpecError.

        Lists are separated by commas: --factors kernel,norm. A name with a comma is quoted: --factors 'kernel,"b,c"'.
        --order kernel,size=s<m<l names ordered factors, with or without the order; --numeric lr=log names numeric ones,
        with or without the scale. --baseline kernel=1,norm=none names
        levels, which may contain commas. The first response is judged, and further ones are secondary.
        """
        judged, *secondary = names(response) or ("",)
        return cls(
            response=judged,
            factors=names(factors),
            block=None if block is None else _single(block),
            ordered=dict(_ordered(item) for item in items(order)),
            baseline=dict(_baselines(baseline)),
            mediators=names(mediators),
            outcome=_single(outcome) if outcome else None,
            average=average,
            numeric=dict(_numeric(item) for item in items(numeric)),
            secondary=tuple(secondary),
        )

    def _refuse_two_uses(self) -> None:
        uses = [("--factors", name) for name in self.factors]
        uses += [("--block", self.block)] if self.block and self.has_blocks else []
        uses += [("--response", name) for name in self.responses]
        # a secondary response may be a mediator too: both are numbers that the levels may change
        uses += [("--mediator", name) for name in self.mediators if name not in self.secondary]
        for position, (option, name) in enumerate(uses):
            if earlier := next((use for use, used in uses[:position] if used == name), None):
                raise SpecError(f"{option}: column {name!r} is named by {earlier} too; give each column one use")


def _single(text: str) -> str:
    return plain_item(hidden(text))


def _ordered(item: str) -> tuple[str, tuple[str, ...]]:
    name, _, order = item.partition("=")
    levels = [plain_item(level) for level in order.split("<") if level.strip()]
    return plain_item(name), _distinct(levels, item)


def _numeric(item: str) -> tuple[str, Scale | None]:
    name, equals, scale = item.partition("=")
    match scale.strip():
        case "linear" | "log" as known:
            return plain_item(name), known
        case "" if not equals:
            return plain_item(name), None
        case word:
            raise SpecError(f"--numeric: found {word!r} as a scale of {plain_item(name)!r}; write linear or log")


def _distinct(levels: Sequence[str], item: str) -> tuple[str, ...]:
    if len(set(levels)) < len(levels):
        raise SpecError(f"--order: {plain_item(item)!r} names a level twice")
    return tuple(levels)


def _baselines(text: str) -> Iterator[tuple[str, str]]:
    return (_baseline(item) for item in _assignments(hidden(text)))


def _assignments(text: str) -> Iterable[str]:
    """Return the items of a list of name=level, whose levels may hold commas."""
    return (item for item in re.split(r",(?=[^,=]+=)", text) if item.strip())


def _baseline(item: str) -> tuple[str, str]:
    name, equals, level = item.partition("=")
    if not equals or not level.strip():
        written = plain_item(item)
        raise SpecError(f"--baseline: found {written!r}; write factor=level, as in --baseline kernel=1,norm=none")
    return plain_item(name), plain_item(level)
