"""Questions to a trained net, most of them interventions. A new one is one file and one line in the list here."""

from ablate.probes.leak import Leak
from ablate.probes.positions import Positions
from ablate.probes.probe import Probe, Subject
from ablate.probes.receptive_field import ReceptiveField

PROBES: tuple[Probe, ...] = (Leak(), Positions(), ReceptiveField())

__all__ = ["PROBES", "Probe", "Subject"]
