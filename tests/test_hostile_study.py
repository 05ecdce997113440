"""A study file from anybody: read, or refused in words; it runs no code, and takes no more memory than it should."""

import contextlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.core.errors import AblateError
from ablate.study import study_file
from ablate.study.yaml_document import read
from tests.contained import assert_refused
from tests.mutation import GENTLY, mutated

STUDIES = sorted((Path(__file__).parents[1] / "studies").glob("*.yaml"))
SMALL = {
    "name": "small",
    "question": "q?",
    "base": {"model": {"kind": "convlstm"}},
    "factors": {"model.layers": [1, 2]},
    "seeds": 5,
    "exploratory": True,
}
NAMES = ["../up", "/etc/ablate", "a/b", "nul\0", "x" * 5_000, "\N{GHOST}", "..", "", "a\nb", "con:", "a" * 64, "-x"]


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@GENTLY
@given(st.sampled_from(STUDIES).flatmap(lambda file: mutated(file.read_bytes())))
def test_a_study_of_any_bytes_is_read_or_refused(tmp_path, content):
    file = tmp_path / "study.yaml"
    file.write_bytes(content)
    with contextlib.suppress(AblateError):
        assert study_file.load(file).planned_runs
    assert list(tmp_path.iterdir()) == [file]


HOSTILE_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**6, 2**63, 10**40, -1, 0]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(NAMES),
    st.lists(st.integers() | st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5) | st.just("kind"), st.integers() | st.text(max_size=5), max_size=3),
)


def places(tree, before=()):
    """Yield the place of every value in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*before, key)
        yield from places(value, (*before, key))


@st.composite
def hostile_trees(draw):
    """Draw a shipped study, every default spelled out, with up to three of its values exchanged."""
    tree = read(draw(st.sampled_from(STUDIES))).tree
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(sorted(places(tree), key=str)))
        block = tree
        for key in above:
            block = block[key]
        block[last] = draw(HOSTILE_VALUES)
    return tree


@GENTLY
@given(hostile_trees())
def test_a_study_of_any_values_is_read_or_refused(tmp_path, tree):
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(tree))
    with contextlib.suppress(AblateError):
        assert study_file.load(file).planned_runs


@pytest.mark.parametrize("name", NAMES)
def test_a_study_whose_name_is_no_plain_word_is_refused(here, name):
    (here / "study.yaml").write_text(json.dumps(SMALL | {"name": name}))
    done = assert_refused("run", "study.yaml", cwd=here)
    assert "name: " in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_view_whose_name_is_no_plain_word_is_refused(here, name):
    study: dict[str, Any] = deepcopy(SMALL)
    study["base"]["evaluation"] = {"views": {"rollout": {}, name: {}}}
    (here / "study.yaml").write_text(json.dumps(study))
    assert_refused("run", "study.yaml", cwd=here)


TAGS = ["!!python/object/apply:os.system ['touch ran']", "!!python/name:os.system", "!Ghost {a: 1}", "!!binary eA=="]


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_in_a_study_runs_nothing(here, tag):
    (here / "study.yaml").write_text(f"name: small\nquestion: {tag}\nfactors: {{model.layers: [1, 2]}}\nseeds: 2\n")
    assert_refused("run", "study.yaml", cwd=here)


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x9b", "\x00", "\x7f", "\u202e"])
@pytest.mark.parametrize("key", ["question", "title", "labels"])
def test_a_character_that_drives_the_terminal_is_refused(here, key, character):
    factor = {"levels": [1, 2], "title": "layers", "labels": ["one", "two"]}
    study = SMALL | {"factors": {"model.layers": factor}}
    text = f"evil{character}]0;title"
    (study if key == "question" else factor)[key] = [text, "two"] if key == "labels" else text
    (here / "study.yaml").write_text(json.dumps(study))
    done = assert_refused("run", "study.yaml", cwd=here)
    assert character not in done.stderr


def bomb_of_aliases():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join([*lines, "name: *a29", "factors: *a29"])


BOMBS = {
    "aliases": bomb_of_aliases(),
    "brackets": "[" * 100_000,
    "braces": "{a: " * 100_000,
    "loop": "a: &a [*a]",
    "loop of keys": "name: &a {b: *a}",
    "long": "x" * 5_000_000,
    "many keys": "\n".join(f"k{n}: 1" for n in range(50_000)),
    "digits": "seeds: " + "9" * 100_000,
    "hexadecimal": "seeds: 0x" + "f" * 100_000,
    "exponent": "seeds: 1e999999999",
    "documents": "---\na: 1\n" * 10_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_study_that_is_a_bomb_is_refused_within_bounded_memory(here, name):
    (here / "study.yaml").write_text(BOMBS[name])
    assert_refused("plan", "study.yaml", cwd=here)


GIANTS = [
    ("base.model.layers", 10**9),
    ("base.model.filters", 10**9),
    ("base.model.filters", [4096, 4096]),
    ("base.model.kernel_size", 10**30),
    ("base.evaluation.horizon", 10**9),
    ("base.evaluation.clips", 2**63),
    ("base.training.steps", 10**30),
    ("base.training.batch", 10**12),
    ("budget.workers", 10**9),
    ("seeds", 10**9),
    ("seeds", list(range(2_000))),
    ("analysis.permutations", 10**12),
    ("factors", {f"model.{key}": list(range(1, 100)) for key in ("filters", "layers", "kernel_size")}),
]


@pytest.mark.parametrize(("path", "value"), GIANTS, ids=[f"{path}-{n}" for n, (path, _) in enumerate(GIANTS)])
def test_a_study_of_giants_is_refused_within_bounded_memory(here, path, value):
    study, (*above, last) = deepcopy(SMALL), path.split(".")
    block: dict[str, Any] = study
    for key in above:
        block = block.setdefault(key, {})
    block[last] = value
    if value == [4096, 4096]:
        block["layers"] = 2
    (here / "study.yaml").write_text(json.dumps(study))
    assert_refused("plan", "study.yaml", cwd=here)
