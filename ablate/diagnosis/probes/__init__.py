"""Questions to a trained net, most of them interventions. A new one is one file and one line in the list here."""

from ablate.diagnosis.probes.cell_growth import CellGrowth
from ablate.diagnosis.probes.feeding import Feeding
from ablate.diagnosis.probes.forget_gate import ForgetGate
from ablate.diagnosis.probes.gates import Gates
from ablate.diagnosis.probes.head_swap import HeadSwap
from ablate.diagnosis.probes.leak import Leak
from ablate.diagnosis.probes.memory import Memory
from ablate.diagnosis.probes.normalization import NormalizationStatistics
from ablate.diagnosis.probes.positions import Positions
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.diagnosis.probes.receptive_field import ReceptiveField

PROBES: tuple[Probe, ...] = (
    Leak(),
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
