"""Calibration: simulate studies whose truth is known, infer from them, and count how often the verdicts are right."""

from ablate.inference.calibration.scenarios import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario"]
