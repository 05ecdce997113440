"""What anybody's table of runs allows one to say: read, inferred, told, and written."""

from ablate.verdicts.analyze import Outputs, analyze
from ablate.verdicts.asked import Asked

__all__ = ["Asked", "Outputs", "analyze"]
