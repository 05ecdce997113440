"""The seeds of a study: a number of them, a list, or a range for a study that stops when it is decided."""

from collections.abc import Iterator
from typing import Annotated, Any, Self, overload

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from ablate.core.spec_base import Spec
from ablate.inference.settings import Looks
from ablate.study.faults import quoted
from ablate.study.run import Seed

FEWEST_SEEDS = 2  # of a look: one seed alone does not show how much a result varies
MOST_SEEDS = 1_000
SeedCount = Annotated[int, Field(ge=1, le=MOST_SEEDS)]
SeedList = Annotated[list[Seed], Field(min_length=1, max_length=MOST_SEEDS)]
PlannedCount = Annotated[int, Field(ge=FEWEST_SEEDS, le=MOST_SEEDS)]


class SeedRange(Spec):
    """The fewest and the most seeds of a sequential study, which looks at its results after each seed in between.

    It is the sequence of all its seeds, 0 to `last` - 1, like a list of seeds.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    first: Annotated[PlannedCount, Field(alias="from")]
    """Number of seeds at the first look at the results."""
    last: Annotated[PlannedCount, Field(alias="to")]
    """Number of seeds at the last look; with this number of seeds the study ends, decided or not."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"found from: {self.first} and to: {self.last}; 'from' must be at most 'to'")
        return self

    @property
    def looks(self) -> Looks:
        """The looks at the results that the range plans."""
        return Looks(first=self.first, last=self.last)

    def __len__(self) -> int:
        return self.last

    def __iter__(self) -> Iterator[int]:  # type: ignore[override]  # a sequence of seeds, not of fields
        return iter(range(self.last))

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> range: ...
    def __getitem__(self, place: int | slice) -> int | range:
        return range(self.last)[place]


def _as_seeds(seeds: Any) -> Any:
    """Take a number n for the seeds 0 to n-1."""
    if isinstance(seeds, list | dict | SeedRange):
        return seeds
    if isinstance(seeds, int) and not isinstance(seeds, bool) and 0 < seeds <= MOST_SEEDS:
        return list(range(seeds))
    allowed = f"a number from 1 to {MOST_SEEDS}, a list of seeds, or a range as in {{from: 6, to: 12}}"
    raise ValueError(f"found {quoted(seeds)}; must be {allowed}")


def _branch(seeds: Any) -> str:
    return "range" if isinstance(seeds, dict | SeedRange) else "list"


Seeds = Annotated[
    Annotated[SeedList, Tag("list")] | Annotated[SeedRange, Tag("range")],
    Discriminator(_branch),
    BeforeValidator(_as_seeds, json_schema_input_type=SeedCount | SeedList | SeedRange),
]
"""Seeds as a study file gives them."""
