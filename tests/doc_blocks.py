"""The blocks of code in README, CONTRIBUTING.md and the docs.

A block that no test can run has a line before it that says why: `<!-- not run: it needs a cluster -->`.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs" / "reference"  # its blocks are usage lines, which tests/test_docs_reference.py covers
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(
    r"(?:<!-- not run: (?P<reason>.+) -->\n)?^```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE
)
SETTING = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True)
class Block:
    """A block of code, with the reason why it is not run, if there is one."""

    page: str
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        """Return the place of the block, as the name of a test."""
        return f"{self.page}:{self.line}"

    @property
    def is_script(self) -> bool:
        """Whether the block is a file of its own, with the syntax of a shell."""
        return self.text.startswith("#!")

    @property
    def commands(self) -> list[list[str]]:
        """The simple commands of a shell block in words, without comments and without settings before a command."""
        if self.language != "sh" or self.is_script:
            return []
        found: list[list[str]] = []
        for line in self.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            for position, word in enumerate(words):
                if position == 0 or words[position - 1] == "&&":
                    found.append([])
                if word != "&&" and not (not found[-1] and SETTING.match(word)):
                    found[-1].append(word)
        return found


def blocks() -> list[Block]:
    """Return the blocks of all pages that people write, page by page."""
    found = []
    for page in PAGES:
        text = page.read_text()
        if GENERATED in page.parents:
            continue
        for match in FENCED.finditer(text):
            line = text.count("\n", 0, match.start("language")) + 1
            place = page.relative_to(ROOT).as_posix()
            found.append(Block(place, line, match["language"], match["text"], match["reason"]))
    return found
