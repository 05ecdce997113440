"""Whether the ghost comes from feeding on its own guesses."""

from typing import ClassVar, final

from ablate.components.models.forecaster import NextFrameModel
from ablate.diagnosis.probes.change import LEFT_OUT, change_of, said
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.storage.findings import Finding


@final
class Feeding(Probe):
    """Feeds true frames where a forecast feeds its own, so that no mistake can pile up."""

    name: ClassVar[str] = "feeding"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it takes a model that feeds on its guesses, and at least one of them."""
        return isinstance(subject.model, NextFrameModel) and subject.horizon > 1

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        changes = change_of(subject, "true frames fed in place of its own", subject.one_step())
        return Finding(
            probe=self.name,
            title="Does it feed on its own mistakes?",
            intervention="The same frames were predicted one step ahead from true frames, not from the model's own."
            + LEFT_OUT,
            sentences=said(changes, len(subject.clips)),
            changes=changes,
        )
