"""Pages of the docs that are written by code: `python -m docs_reference` writes docs/reference/."""
