"""Names say what a value is: no pronoun and no bare participle, and no name for two public classes."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ablate"
WITHOUT_MEANING = {
    "own",
    "one",
    "found",
    "told",
    "asked",
    "given",
    "kept",
    "wanted",
    "rest",
    "what",
    "others",
    "mine",
    "said",
    "shown",
    "way",
    "other",
    "another",
}


def named(node):
    """Yield the names that a node of the syntax tree gives to something."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.alias(asname=str(name)):
            yield name


def trees():
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file, ast.parse(file.read_text())


def names_without_meaning(tree):
    return [
        (getattr(node, "lineno", 0), name)
        for node in ast.walk(tree)
        for name in named(node)
        if name.strip("_").lower() in WITHOUT_MEANING
    ]


def test_no_name_is_a_pronoun_or_a_bare_participle():
    faults = [
        f"{file.relative_to(PACKAGE.parent)}:{line}: {name}"
        for file, tree in trees()
        for line, name in names_without_meaning(tree)
    ]
    assert faults == []


def test_no_two_public_classes_share_a_name():
    modules = defaultdict(list)
    for file, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(str(file.relative_to(PACKAGE.parent)))
    assert {name: files for name, files in modules.items() if len(files) > 1} == {}


@pytest.mark.parametrize(
    "code",
    [
        "for own in rows: pass",
        "def f(given): pass",
        "def told(): pass",
        "class A:\n    found: int",
        "x = [one for one in rows]",
        "self._other = 1",
        "with f() as shown: pass",
        "if (kept := f()): pass",
        "first, *rest = rows",
        "import numpy as others",
        "lambda way: way",
    ],
)
def test_a_name_without_meaning_is_seen_wherever_it_is_given(code):
    assert len(names_without_meaning(ast.parse(code))) == 1


def test_a_name_that_is_used_or_only_contains_such_a_word_is_allowed():
    assert names_without_meaning(ast.parse("one_step = found_runs(table.given, other=2)")) == []
