"""One seed per purpose, so that a change in one kind of random draw leaves all other draws unchanged."""

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
    "sign_flips",
    "contexts",
    "context_power",
]


def derive(seed: int, purpose: Purpose) -> int:
    """Return the 63-bit seed of one purpose within a run or study.

    The value is the first 63 bits of SHA-256 over both arguments. It is the same on every machine, and unrelated for
    neighboring seeds and for different purposes.
    """
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
