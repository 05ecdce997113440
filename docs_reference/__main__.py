"""Writes every page of docs/reference/."""

from docs_reference.pages import FOLDER, PAGES

if __name__ == "__main__":
    for name, text in PAGES.items():
        (FOLDER / name).write_text(text())
