"""The results of a study, and its plan, as pandas tables and sentences."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from ablate.analysis import Analysis
from ablate.api.inferred_tables import InferredTables
from ablate.api.notebook import as_html, as_text
from ablate.api.wording import in_python
from ablate.commands.plan import PlannedStudy
from ablate.commands.report import WrittenReport
from ablate.inference.inference import Inference

FAILED = "failed"
SHOWN_EFFECTS = ["factor", "contrast", "estimate", "low", "high", "p_adjusted", "n_runs"]
TEST_COLUMNS = ["hypothesis", "test", "untested", "min_attainable_p", "minimum_detectable_effect", "not_a_cause"]


@final
@dataclass(frozen=True, repr=False, eq=False)
class StudyResults(InferredTables):
    """The results of a study's runs so far: pandas tables, sentences, and the report on disk."""

    written: WrittenReport

    @property
    def analysis(self) -> Analysis:
        """Everything that the report shows."""
        return self.written.analysis

    @property
    def inference(self) -> Inference:
        """The inference itself, with everything that the tables leave out."""
        return self.analysis.inference

    @property
    def runs(self) -> pd.DataFrame:
        """One row per planned run: id, seed, levels, outcome, message, response and secondary metrics by name."""
        return self.written.runs.copy()

    @property
    def failed(self) -> pd.DataFrame:
        """The runs that failed, with the reason as `message`; the others have results, or wait."""
        runs = self.runs
        return runs[runs["outcome"] == FAILED].reset_index(drop=True)

    @property
    def is_complete(self) -> bool:
        """Whether every planned run has come to its end."""
        return not self.analysis.outcomes.missing and not self.analysis.outcomes.failed

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer and what weakens it, as the command prints them."""
        return self.written.sentences

    @property
    def warnings(self) -> tuple[str, ...]:
        """The caveats of the results, in sentences."""
        return self.analysis.warnings

    @property
    def report(self) -> Path:
        """The report, a page of HTML."""
        return self.written.paths.report_html

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as plain values."""
        return self.analysis.to_json()

    def __repr__(self) -> str:
        return as_text(self._title, (*self.sentences, f"report: {self.report}"))

    def _repr_html_(self) -> str:
        columns = ["factor", "verdict", "partners", "p_adjusted"]
        tables = {"Effects": self.effects[SHOWN_EFFECTS]}
        if not self.analysis.exploratory:
            tables = {"Verdicts": self.verdicts[columns], **tables}
        return as_html(self._title, (*self.sentences, f"Report: {self.report}"), tables)

    @property
    def _title(self) -> str:
        counts = self.analysis.outcomes
        return f"{self.analysis.question} {counts.finished} of {counts.planned} runs have a result."


@final
@dataclass(frozen=True, repr=False, eq=False)
class StudyPlan:
    """What a study can find, before it trains. `planned` holds all of it."""

    planned: PlannedStudy

    @property
    def tests(self) -> pd.DataFrame:
        """One row per hypothesis: its test, smallest p, effect with 80 % power in standard deviations, and more."""
        rows = [
            (
                test.title,
                None if test.kind is None else str(test.kind),
                test.untested,
                test.min_attainable_p,
                test.minimum_detectable_effect,
                test.not_a_cause,
            )
            for test in self.planned.plan.tests
        ]
        return pd.DataFrame(rows, columns=TEST_COLUMNS)

    @property
    def seed_options(self) -> pd.DataFrame:
        """One row per number of seeds: runs, smallest p, and the minimum detectable effect of each hypothesis."""
        tests = [test.title for test in self.planned.plan.tests]
        rows = [
            (option.seeds, option.runs, option.min_attainable_p, *option.minimum_detectable_effect)
            for option in self.planned.plan.seed_options
        ]
        return pd.DataFrame(rows, columns=["seeds", "runs", "min_attainable_p", *tests])

    @property
    def runs(self) -> int:
        """The number of runs."""
        return self.planned.plan.runs

    @property
    def seconds(self) -> float:
        """The time that all runs take on this machine, estimated to a factor of about two."""
        return self.planned.cost.study_seconds

    @property
    def refused(self) -> bool:
        """Whether `ablate.run` refuses to start the study, since it cannot reach any verdict."""
        return self.planned.plan.refused

    @property
    def digest(self) -> str:
        """The SHA-256 digest of the preregistered settings."""
        return self.planned.plan.digest

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the command prints, without its table."""
        return tuple(map(in_python, self.planned.sentences))

    def to_json(self) -> dict[str, Any]:
        """Return what `ablate plan --json` writes, as plain values."""
        return self.planned.to_json()

    def __repr__(self) -> str:
        return as_text(self._title, self.sentences)

    def _repr_html_(self) -> str:
        return as_html(self._title, self.sentences, {"Hypotheses": self.tests})

    @property
    def _title(self) -> str:
        return f"Plan of {self.planned.plan.name}: {self.planned.plan.question}"
