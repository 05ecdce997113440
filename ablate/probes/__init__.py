"""Questions to a trained net, most of them interventions. A new one is one file and one line in the list here."""

from ablate.probes.cell_growth import CellGrowth
from ablate.probes.feeding import Feeding
from ablate.probes.forget_gate import ForgetGate
from ablate.probes.gates import Gates
from ablate.probes.head_swap import HeadSwap
from ablate.probes.leak import Leak
from ablate.probes.memory import Memory
from ablate.probes.normalisation import NormalisationStatistics
from ablate.probes.positions import Positions
from ablate.probes.probe import Probe, Subject
from ablate.probes.receptive_field import ReceptiveField

PROBES: tuple[Probe, ...] = (
    Leak(),
    Positions(),
    Memory(),
    ForgetGate(),
    Feeding(),
    HeadSwap(),
    NormalisationStatistics(),
    Gates(),
    CellGrowth(),
    ReceptiveField(),
)

__all__ = ["PROBES", "Probe", "Subject"]
