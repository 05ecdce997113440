"""What may be believed: what a study can find before it trains, and how far verdicts hold in simulated studies."""

from ablate.evidence.calibrate import Simulation, calibrate
from ablate.evidence.plan import PlanFiles, Planning, plan

__all__ = ["PlanFiles", "Planning", "Simulation", "calibrate", "plan"]
