"""Which pages of docs/reference/ are written, and by what."""

from pathlib import Path

from docs_reference.commands import commands_page
from docs_reference.metrics import metrics_page
from docs_reference.study_file import study_file_page

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
PAGES = {"commands.md": commands_page, "metrics.md": metrics_page, "study_file.md": study_file_page}
"""File name to the function that returns its text."""
