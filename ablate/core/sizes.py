"""How large each part of a run may be: beyond any real one, so that a slip of the hand is told, not tried."""

from typing import Annotated

from pydantic import Field

FrameCount = Annotated[int, Field(ge=1, le=1_000)]
ClipCount = Annotated[int, Field(ge=1, le=100_000)]
BatchSize = Annotated[int, Field(ge=1, le=65_536)]
StepCount = Annotated[int, Field(ge=1, le=100_000_000)]
LayerCount = Annotated[int, Field(ge=1, le=64)]
FilterCount = Annotated[int, Field(ge=1, le=4_096)]
KernelSize = Annotated[int, Field(ge=1, le=127)]
MOST_WEIGHTS = 250_000_000
"""Of one network: a gigabyte of them."""
