"""A file of judged tables: an interrupted campaign goes on where it was, and no result of other code is taken over."""

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import ablate.inference
from ablate.core.errors import SpecError
from ablate.inference.calibration.judge import Judgment
from ablate.inference.calibration.published.campaign import StudyBlock
from ablate.inference.calibration.published.scenario import PublishedScenario

SIMULATION = (
    "judge.py",
    *(f"published/{n}.py" for n in ("campaign", "losses", "noises", "planted", "runs", "scenario")),
)
"""The files of this folder that decide how a table is drawn, analyzed and judged; those of the inference come first."""
JudgedTables = dict[tuple[str, int], dict[int, Judgment]]
"""Judgments by scenario and base seed, and by the number of the table."""


class JudgedFile:
    """Appends a line for every judged block; a line that an interrupt cut off is passed over."""

    def __init__(self, path: Path, draws: int) -> None:
        self._path, self._draws = path, draws

    def append(self, block: StudyBlock, judgments: Sequence[Judgment]) -> None:
        """Append the judgments of a block."""
        line = {
            "scenario": block.scenario.name,
            "of": self._digest(block.scenario),
            "seed": block.seed,
            "first": block.first,
            "judgments": [astuple(judgment) for judgment in judgments],
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * self._ends_within_a_line() + json.dumps(line, separators=(",", ":")) + "\n")

    def read(self, scenarios: Sequence[PublishedScenario]) -> tuple[JudgedTables, int]:
        """Return the judged tables of these scenarios, and how many are left out: other code or settings judged them.

        Raises SpecError for a file that holds something else.
        """
        by_name = {scenario.name: scenario for scenario in scenarios}
        tables: JudgedTables = {}
        outdated = 0
        for line in self._lines():
            scenario = by_name.get(line["scenario"])
            if scenario is None:
                continue
            if line["of"] != self._digest(scenario):
                outdated += len(line["judgments"])
                continue
            judged = tables.setdefault((scenario.name, line["seed"]), {})
            judged.update({line["first"] + i: Judgment(*values) for i, values in enumerate(line["judgments"])})
        return tables, outdated

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        lines = self._path.read_text(encoding="utf-8").splitlines()
        for number, text in enumerate(lines, 1):
            try:
                line = json.loads(text) if text else None
            except ValueError:
                if number == 1:
                    raise SpecError(f"--judged: {self._path} does not hold judged tables; give another file") from None
                continue
            if isinstance(line, dict) and {"scenario", "of", "seed", "first", "judgments"} <= set(line):
                yield line
            elif line is not None:
                raise SpecError(f"--judged: line {number} of {self._path} holds no judged tables; give another file")

    def _ends_within_a_line(self) -> bool:
        if not self._path.exists() or not self._path.stat().st_size:
            return False
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) != b"\n"

    def _digest(self, scenario: PublishedScenario) -> str:
        drawn = replace(scenario, group="", title="", limits=(), studies=0, weak_spot="")  # these change no judgment
        return sha256(f"{code_digest()} {self._draws} {drawn!r}".encode()).hexdigest()[:16]


@cache
def code_digest() -> str:
    """Return a digest of the code that draws, analyzes and judges tables; comments and docstrings do not change it."""
    folder = Path(ablate.inference.__file__).parent
    files = [*sorted(folder.glob("*.py")), *(folder / "calibration" / name for name in SIMULATION)]
    text = "\n".join(_without_docstrings(file.read_text(encoding="utf-8")) for file in files)
    return sha256(text.encode()).hexdigest()[:16]


def _without_docstrings(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]  # every node with a list as its body has it
                part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ]
    return ast.dump(tree)
