"""The numbers and the sentences of one study: from the table of its runs to effects, verdicts and caveats."""

from ablate.analysis.analysis import Analysis, analyze
from ablate.analysis.answer import answer
from ablate.analysis.study_table import StudyResponse, StudyTable

__all__ = ["Analysis", "StudyResponse", "StudyTable", "analyze", "answer"]
