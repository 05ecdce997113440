"""One seed per purpose, so that changing how one thing is drawn leaves every other draw alone."""

import hashlib
from typing import Literal

Purpose = Literal[
    "training_clips",
    "held_out_clips",
    "weights",
    "batch_order",
    "scheduled_sampling",
    "run_order",
    "bootstrap",
    "randomization",
    "simulation",
    "design",
]


def derive(seed: int, purpose: Purpose) -> int:
    """Return the 63-bit seed of one purpose within a run or study.

    The value is the head of SHA-256 over both arguments: the same everywhere, and unrelated for
    neighboring seeds or different purposes.
    """
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
