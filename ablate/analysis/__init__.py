"""From the table of a study's runs to what it found. Plain tables in, plain numbers out."""

from ablate.analysis.analysis import Analysis
from ablate.analysis.analyze import analyze
from ablate.analysis.answer import answer
from ablate.analysis.study_table import Measured, Response, StudyTable

__all__ = ["Analysis", "Measured", "Response", "StudyTable", "analyze", "answer"]
