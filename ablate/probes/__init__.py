"""Questions to a trained net, most of them interventions. A new one is one file and one line in the list here."""

from ablate.probes.probe import Probe, Subject

PROBES: tuple[Probe, ...] = ()

__all__ = ["PROBES", "Probe", "Subject"]
