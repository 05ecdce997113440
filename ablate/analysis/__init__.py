"""From the table of a study's runs to what it found. Plain tables in, plain numbers out."""

from ablate.analysis.analyse import analyse
from ablate.analysis.analysis import Analysis
from ablate.analysis.answer import answer
from ablate.analysis.study_table import Measured, Response, StudyTable

__all__ = ["Analysis", "Measured", "Response", "StudyTable", "analyse", "answer"]
