"""Probes of a trained network, most of them interventions. A new one is one class and one line in the list here."""

from ablate.diagnosis.probes.cell_growth import CellGrowth
from ablate.diagnosis.probes.cell_state import ForgetGate, Memory
from ablate.diagnosis.probes.gates import Gates
from ablate.diagnosis.probes.head_swap import HeadSwap
from ablate.diagnosis.probes.leakage import Leakage
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.diagnosis.probes.receptive_field import ReceptiveField
from ablate.diagnosis.probes.train_forecast_gap import Feeding, NormalizationStatistics, Positions

PROBES: tuple[Probe, ...] = (
    Leakage(),
    Positions(),
    Memory(),
    ForgetGate(),
    Feeding(),
    HeadSwap(),
    NormalizationStatistics(),
    Gates(),
    CellGrowth(),
    ReceptiveField(),
)

__all__ = ["PROBES", "Probe", "Subject"]
