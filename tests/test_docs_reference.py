"""The pages of docs/reference/ are those that today's code writes, and the site lists every page."""

import re

import pytest

import ablate
from docs_reference.pages import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name):
    assert (FOLDER / name).read_text() == PAGES[name](), "run: python -m docs_reference"


def test_every_page_is_in_the_navigation_of_the_site():
    navigation = (FOLDER.parents[1] / "mkdocs.yml").read_text()
    pages = {page.relative_to(FOLDER.parent).as_posix() for page in FOLDER.parent.rglob("*.md")}
    assert pages == set(re.findall(r": (\S+\.md)$", navigation, re.MULTILINE))


def test_every_link_within_the_page_of_keys_leads_to_a_heading():
    text = (FOLDER / "study_file.md").read_text()
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^## (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_the_page_of_keys_shows_a_key_with_its_range_default_and_meaning():
    row = "| `horizon` | integer, 1 to 1,000 | `10` | Number of forecast steps. |"
    assert row in (FOLDER / "study_file.md").read_text()


def test_the_page_of_commands_shows_an_option_with_its_default():
    row = "* `--store <path>`: Folder of the databases, artifacts and reports.  [default: mlruns]"
    assert row in (FOLDER / "commands.md").read_text()


@pytest.mark.parametrize("name", sorted(set(ablate.__all__) - {"__version__"}))
def test_the_page_of_python_functions_shows_every_public_name(name):
    page = (FOLDER / "python.md").read_text()
    assert f"::: {getattr(ablate, name).__module__}.{name}\n" in page
    assert f"heading: ablate.{name}\n" in page


def test_every_key_of_a_study_has_a_meaning():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", (FOLDER / "study_file.md").read_text(), re.MULTILINE)
    assert len(rows) > 100
    assert [key for key, meaning in rows if not meaning] == []
