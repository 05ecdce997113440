import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ablate.components.losses import MSE, SSIMLoss
from ablate.components.models import Blank, ConvLSTM
from ablate.core.errors import SpecError
from ablate.storage.records import SCHEMA
from ablate.study import RunSpec, StudySpec, study_file

GOOD = """\
name: good
question: Does it?
seeds: 2
base:
  model: {kind: convlstm, layers: 1, filters: 2}
factors:
  model.layers: [1, 2]
"""

HEAD = "name: bad\nquestion: Does it?\nseeds: 2\n"  # three lines; what follows starts at line 4


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Return a function that writes a file here and returns its relative path, so that messages are short."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        Path("s.yaml").write_text(text, encoding="utf-8")
        return Path("s.yaml")

    return write


@pytest.fixture
def complaint(at):
    """Return a function that loads a text and returns the lines of its error."""

    def load(text: str, *overrides: str) -> list[str]:
        with pytest.raises(SpecError) as caught:
            study_file.load(at(dedent(text)), overrides)
        return str(caught.value).splitlines()

    return load


def field(run, name):
    assert isinstance(run.model, ConvLSTM)
    return getattr(run.model, name)


def test_a_study_is_read(at):
    study = study_file.load(at(GOOD))
    assert (study.name, study.seeds, field(study.base, "filters")) == ("good", [0, 1], 2)
    assert [field(cell.spec, "layers") for cell in study.cells] == [1, 2]


def test_loading_creates_nothing(at):
    file = at(GOOD)
    study_file.load(file, ["seeds=1"])
    assert os.listdir() == ["s.yaml"]  # noqa: PTH208  # names are all there is to see


def test_a_byte_order_mark_is_no_mistake(at):
    assert study_file.load(at("\ufeff" + GOOD)).name == "good"


def test_numbers_are_those_of_yaml_1_2(at):
    text = GOOD + "budget: {minutes: 10}\nanalysis: {alpha: 1e-1, resamples: 010_00}\nexploratory: true\n"
    study = study_file.load(at(text))
    assert study.budget.minutes == 10.0
    assert (study.analysis.alpha, study.analysis.resamples) == (0.1, 1000)


def test_on_and_a_date_are_plain_text(at):
    text = GOOD.replace("name: good", "name: on").replace("Does it?", "2001-01-01")
    study = study_file.load(at(text))
    assert (study.name, study.question) == ("on", "2001-01-01")


# What is no YAML mapping of plain values


def test_a_missing_file_is_said(at):
    at("")
    with pytest.raises(SpecError, match=r"^none\.yaml: there is no such file$"):
        study_file.load(Path("none.yaml"))


def test_a_folder_is_no_study_file(tmp_path):
    with pytest.raises(SpecError, match="this is a folder; give a study file"):
        study_file.load(tmp_path)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "s.yaml").write_bytes("name: Gespenst für alle".encode("latin-1"))
    with pytest.raises(SpecError, match="not UTF-8 text: byte 16 is 0xfc"):
        study_file.load(tmp_path / "s.yaml")


@pytest.mark.parametrize("text", ["", "# only words\n", "---\n"])
def test_an_empty_file_is_said(complaint, text):
    assert complaint(text) == ["s.yaml: the file is empty; a study needs at least name, question, factors and seeds"]


@pytest.mark.parametrize("text", ["- a\n- b\n", "hello\n", "3\n"])
def test_a_study_is_a_mapping(complaint, text):
    assert complaint(text) == ["s.yaml:1:1: a study is a mapping of keys, as in name: my-study"]


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a: [1\nb: 2\n", "2:2", "expected ',' or ']'"),
        ("a:\n\t- b\n", "2:1", "cannot start any token"),
        ("a: 1\n---\nb: 2\n", "2:1", "another document"),
        ("a: *none\n", "1:4", "undefined alias"),
        ("a: \x07\n", "1:1", "special characters are not allowed"),
    ],
)
def test_a_slip_of_syntax_is_placed(complaint, text, place, problem):
    (line,) = complaint(text)
    assert line.startswith(f"s.yaml:{place}: not valid YAML: ")
    assert problem in line


def test_every_key_there_twice_is_placed(complaint):
    assert complaint(HEAD + "name: again\nbase:\n  loss: {kind: mse, kind: bce}\n") == [
        "s.yaml:4:1: name: found twice; a key may be there once",
        "s.yaml:6:21: base.loss.kind: found twice; a key may be there once",
    ]


@pytest.mark.parametrize("key", ["1", "true", "[a]", "~", "1.5"])
def test_a_key_is_text(complaint, key):
    assert complaint(HEAD + f"? {key}\n: 2\n") == ["s.yaml:4:3: found a key that is no text; quote it"]


def test_an_alias_is_refused(complaint):
    (line,) = complaint(HEAD + "factors:\n  model.layers: &levels [1, 2]\n  model.filters: *levels\n")
    assert line == "s.yaml:6:3: factors.model.filters: an alias (*name); write the value out"


def test_aliases_are_refused_before_they_grow_and_the_first_fifty_told(complaint):
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 60))
    assert len(complaint(bomb)) == 50


def test_an_alias_of_itself_is_refused(complaint):
    assert "an alias" in complaint("a: &a [*a]\n")[0]


def test_a_tag_is_refused(complaint):
    (line,) = complaint(HEAD + "base: !!python/object/apply:os.system [echo]\n")
    assert line == "s.yaml:4:7: base: found the tag !!python/object/apply:os.system; only plain values are allowed"


def test_what_is_nested_too_deep_is_refused(complaint):
    assert complaint("[" * 1000) == ["s.yaml:1:1: nested too deep"]


def test_a_number_too_long_to_read_is_refused(complaint):
    (line,) = complaint("a: " + "9" * 5000)
    assert line.startswith("s.yaml:1:4: a: found '999")


# What no study may say


def test_an_unknown_key_is_placed_with_a_near_one_and_all_others(complaint):
    (line,) = complaint(HEAD + "factors: {}\nbase:\n  training:\n    optimzer: {}\n")
    assert line == (
        "s.yaml:7:5: base.training.optimzer: unknown key (did you mean 'optimizer'?); allowed: batch, clip_norm, "
        "device, optimizer, precision, report_every, scheme, steps"
    )


def test_every_mistake_is_listed_in_the_order_of_the_file(complaint):
    lines = complaint("""\
        name: Bad Name
        seeds: [0, -1]
        base:
          training: {steps: 0}
          model:
            kind: convlstm
            kernal_size: 3
            layers: true
        factors: {}
        """)
    places = [line.split(": ")[0:2] for line in lines]
    assert places == [
        ["s.yaml:1:1", "question"],
        ["s.yaml:1:1", "name"],
        ["s.yaml:2:12", "seeds[1]"],
        ["s.yaml:4:14", "base.training.steps"],
        ["s.yaml:7:5", "base.model.kernal_size"],
        ["s.yaml:8:5", "base.model.layers"],
    ]


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("training: {steps: '8'}", '14: base.training.steps: found "8"; must be a valid integer'),
        ("training: {steps: true}", "14: base.training.steps: found true; must be a valid integer"),
        ("training: {steps: 2.5}", "14: base.training.steps: found 2.5; must be a valid integer"),
        ("training: {steps: 0}", "14: base.training.steps: found 0; must be greater than or equal to 1"),
        ("training: {clip_norm: .nan}", "14: base.training.clip_norm: found NaN; must be a finite number"),
        ("training: 3", "3: base.training: found 3; must be a block of keys, {key: value}"),
        ("training:", "3: base.training: found null; must be a block of keys, {key: value}"),
        (
            "training: {device: cdua}",
            "14: base.training.device: found \"cdua\" (did you mean 'cuda'?); must be 'auto', 'cpu', 'cuda' or 'mps'",
        ),
        ("loss: {kind: ssim, window: 8}", "22: base.loss.window: 8 is even; a window needs a middle pixel"),
        ("data: {kind: moving_mnist_file}", "3: base.data.path: missing"),
        (
            "model: {kind: convlstm, filters: '8'}",
            '27: base.model.filters: found "8"; must be a valid integer or a valid list',
        ),
        (
            "model: {kind: convlstm, layers: 2, filters: [8, '8']}",
            '51: base.model.filters[1]: found "8"; must be a valid integer',
        ),
        (
            "model: {kind: convlstm, layers: 2, filters: [8, 8, 8]}",
            "38: base.model.filters: 3 values for 2 layers",
        ),
        (
            "evaluation: {views: {A b: {}}}",
            "24: base.evaluation.views.A b: found \"A b\"; must match pattern '^[a-z0-9_]{1,40}$'",
        ),
        ("seed: 1", "3: base.seed: seeds are set by 'seeds', for every cell alike"),
    ],
)
def test_a_wrong_value_is_placed_and_said_with_what_is_allowed(complaint, base, message):
    head, _, rest = message.partition(": ")
    (line,) = complaint(HEAD + f"factors: {{}}\nbase:\n  {base}\n")
    place, _, said = line.partition(": ")
    assert said == rest
    assert place == f"s.yaml:6:{head}"


@pytest.mark.parametrize(
    ("loss", "place", "message"),
    [
        ("{kind: msee}", "10", "base.loss.kind: unknown kind 'msee' (did you mean 'mse'?); allowed: bce, "),
        ("{window: 7}", "3", "base.loss.kind: missing; allowed: bce, "),
        ("mse", "3", 'base.loss: found "mse"; must be a block with a kind, one of bce, '),
    ],
)
def test_a_part_needs_a_known_kind(complaint, loss, place, message):
    (line,) = complaint(HEAD + f"factors: {{}}\nbase:\n  loss: {loss}\n")
    assert line.startswith(f"s.yaml:6:{place}: {message}")
    assert line.endswith("mse, ssim")


def test_a_missing_key_is_placed_at_the_block_it_belongs_to(complaint):
    assert complaint("name: x\nquestion: y\nfactors: {}\n") == ["s.yaml:1:1: seeds: missing"]


@pytest.mark.parametrize("seeds", ["0", "1001", '"3"', "true", "2.5", "null"])
def test_seeds_are_told_both_ways_to_write_them(complaint, seeds):
    (line,) = complaint(f"name: x\nquestion: y\nseeds: {seeds}\nfactors: {{}}\n")
    allowed = "must be a number from 1 to 1000, a list of seeds, or a range as in {from: 6, to: 12}"
    assert line == f"s.yaml:3:1: seeds: found {seeds}; {allowed}"


def test_the_seed_is_not_among_the_keys_that_a_base_may_have(complaint):
    (line,) = complaint(HEAD + "factors: {}\nbase: {sede: 1}\n")
    assert line == "s.yaml:5:8: base.sede: unknown key; allowed: data, evaluation, loss, model, training"


def test_a_rule_of_the_whole_study_is_placed_at_the_key_it_names(complaint):
    (line,) = complaint(HEAD + "factors: {}\nresponse:\n  view: rolout\n")
    assert line.startswith("s.yaml:6:3: response.view: unknown view 'rolout' (did you mean 'rollout'?); allowed: ")


# What no factor may be


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("model.filtres", "unknown path at 'filtres' (did you mean 'filters'?); allowed: activation, "),
        ("modle.filters", "unknown path at 'modle' (did you mean 'model'?); allowed: data, evaluation, loss, model, "),
        ("model.filters.first", "there is no 'first' below the value 64"),
        ("seed", "seeds are set by 'seeds', and are no factor"),
    ],
)
def test_a_factor_path_that_does_not_exist_is_placed(complaint, path, message):
    (line,) = complaint(HEAD + f"factors:\n  {path}: [4, 8]\n")
    assert line.startswith(f"s.yaml:5:3: factors.{path}: {message}")


def test_every_level_that_does_not_fit_is_placed(complaint):
    lines = complaint(
        HEAD
        + """\
factors:
  model.filters: [4, "8"]
  model.layers:
    title: depth
    levels:
      - 2
      - -1
  loss:
    - {kind: mse}
    - {kind: ssim, windw: 3}
    - {kind: ssim, window: 4}
    - {kind: bec}
"""
    )
    assert [line.split(";")[0] for line in lines] == [
        's.yaml:5:22: factors.model.filters[1]: found "8"',
        "s.yaml:10:9: factors.model.layers.levels[1]: found -1",
        "s.yaml:13:20: factors.loss[1].windw: unknown key (did you mean 'window'?)",
        "s.yaml:14:20: factors.loss[2].window: 4 is even",
        "s.yaml:15:8: factors.loss[3].kind: unknown kind 'bec' (did you mean 'bce'?)",
    ]


def test_a_factor_on_the_kind_alone_is_told_to_give_whole_blocks(complaint):
    lines = complaint(HEAD + "base:\n  loss: {kind: ssim, window: 7}\nfactors:\n  loss.kind: [mse, ssim]\n")
    assert "\n".join(lines) == (
        "s.yaml:7:15: factors.loss.kind[0]: the base's keys do not suit every kind; "
        "give whole blocks, as in loss: [{kind: mse}, {kind: ssim}]"
    )


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ("[4]", "3: factors.model.filters: found [4]; must have at least 2 items"),
        ("{levels: [4]}", "19: factors.model.filters.levels: found [4]; must have at least 2 items"),
        ("[4, 4]", "3: factors.model.filters: found '4' 2 times; they must differ"),
        (
            "{levels: [4, 5], labels: [a]}",
            "35: factors.model.filters.labels: 1 of them for 2 levels; give one for each",
        ),
        ("4", "3: factors.model.filters: found 4; must be a list of levels, or a block {levels: [...]}"),
        ("{levels: [4, 5], titel: x}", "35: factors.model.filters.titel: unknown key (did you mean 'title'?)"),
    ],
)
def test_a_factor_needs_levels_that_differ(complaint, factor, message):
    (line,) = complaint(HEAD + f"factors:\n  model.filters: {factor}\n")
    assert line.startswith(f"s.yaml:5:{message}")


def test_a_combination_that_is_no_run_is_found_before_anything_trains(complaint):
    base = "base:\n  model: {kind: convlstm, layers: 1}\n"
    (line,) = complaint(HEAD + base + "factors:\n  model.layers: [1, 2]\n  model.kernel_size: [[3], [3, 5]]\n")
    assert line == (
        "s.yaml:6:1: factors: the combination {model.layers: 1, model.kernel_size: 3-5} is no valid run: "
        "model: kernel_size: 2 values for 1 layers (and 1 more)"
    )


def test_a_design_that_does_not_suit_the_factors_is_placed(complaint):
    (line,) = complaint(HEAD + "factors:\n  model.layers: [1, 2]\ndesign: {kind: one_at_a_time}\n")
    assert line.startswith(
        "s.yaml:6:1: design: one_at_a_time starts from the base run, but the base's value '4' of 'model.layers'"
    )


# Overrides


@pytest.mark.parametrize(
    ("override", "look", "value"),
    [
        ("model.filters=8", lambda study: study.base.model.filters, 8),
        ("base.model.filters=8", lambda study: study.base.model.filters, 8),
        (" model.filters = 8", lambda study: study.base.model.filters, 8),
        ("seeds=[0, 5]", lambda study: study.seeds, [0, 5]),
        ("budget.minutes=5", lambda study: study.budget.minutes, 5.0),
        ("budget.minutes=", lambda study: study.budget.minutes, None),
        ("training.optimizer.learning_rate=1e-4", lambda study: study.base.training.optimizer.learning_rate, 1e-4),
        ("loss={kind: ssim, window: 7}", lambda study: study.base.loss, SSIMLoss(window=7)),
        ("loss.kind=mse", lambda study: study.base.loss, MSE()),
        ("data={kind: moving_mnist, frame_size: 32}", lambda study: study.base.data.frame_size, 32),
        ("data.frame_size=32", lambda study: study.base.data.frame_size, 32),
        ("evaluation.views.rollout.count=5", lambda study: study.base.evaluation.views["rollout"].count, 5),
        ("factors.model.layers=[1, 2, 3]", lambda study: len(study.cells), 3),
        ("factors={}", lambda study: len(study.cells), 1),
        ("question=a=b", lambda study: study.question, "a=b"),
    ],
)
def test_an_override_sets_one_value(at, override, look, value):
    assert look(study_file.load(at(GOOD), [override])) == value


def test_an_override_leaves_its_neighbors_alone(at):
    study = study_file.load(at(GOOD), ["model.filters=8"])
    changed = StudySpec.model_validate(study.model_dump(exclude={"base": {"seed"}}))
    assert changed == study
    assert field(study.base, "layers") == 1


def test_another_kind_replaces_its_block_whole(at):
    study = study_file.load(at(GOOD), ["model.kind=blank", "factors={}"])
    assert study.base.model == Blank()


def test_the_same_kind_keeps_its_block(at):
    assert field(study_file.load(at(GOOD), ["model.kind=convlstm"]).base, "filters") == 2


def test_overriding_a_factors_path_moves_the_baseline(at):
    assert study_file.load(at(GOOD), ["model.layers=2"]).baseline == {"model.layers": "2"}


def test_the_last_override_has_the_last_word(at):
    assert field(study_file.load(at(GOOD), ["model.filters=8", "model.filters=9"]).base, "filters") == 9


def test_an_override_mends_a_file_that_needs_it(at):
    assert study_file.load(at(GOOD.replace("name: good\n", "")), ["name=mended"]).name == "mended"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.filtres=8", "base.model.filtres: unknown key (did you mean 'filters'?); allowed: activation, "),
        ("modle.filters=8", "modle: unknown key (did you mean 'model'?); allowed: analysis, base, "),
        ("model.filters='8'", 'base.model.filters: found "8"; must be a valid integer or a valid list'),
        ("loss={kind: msee}", "base.loss.kind: unknown kind 'msee' (did you mean 'mse'?); allowed: "),
        ("loss.kind=msee", "base.loss.kind: unknown kind 'msee' (did you mean 'mse'?); allowed: "),
        ("loss={kind: ssim, window: 8}", "base.loss.window: 8 is even"),
        ("model.filters.first=8", "base.model.filters: found 2; nothing lies below it"),
        ("factors.model.layers=[1, x]", 'factors.model.layers[1]: found "x"; must be a valid integer'),
        ("exploratory.x=1", "exploratory: found False; nothing lies below it"),
        ("model.layers=[1", "not valid YAML: "),
        ("seed=3", "base.seed: seeds are set by 'seeds'"),
        ("model.filters", "write PATH=VALUE, as in --set model.filters=8"),
        ("=8", "write PATH=VALUE, as in --set model.filters=8"),
        ("model..filters=8", "write PATH=VALUE, as in --set model.filters=8"),
        ("loss={kind: mse, kind: bce}", "kind: found twice"),
    ],
)
def test_a_mistake_in_an_override_names_the_override(complaint, override, message):
    (line,) = complaint(GOOD, override)
    assert line.startswith(f"--set {override}: {message}")


def test_mistakes_of_file_and_override_are_told_together(complaint):
    lines = complaint(GOOD.replace("layers: 1", "layers: 0"), "model.filters=0")
    assert [line.split(": ")[0] for line in lines] == ["s.yaml:5:27", "--set model.filters=0"]


# And back


def test_a_written_study_loads_back_as_an_equal_one(at):
    text = GOOD + "design: {kind: one_at_a_time}\nbudget: {minutes: 1e-05}\nresponse: {metric: mse}\n"
    study = study_file.load(at(text), ["question='yes: #no\n\u2603'", "loss={kind: ssim}"])
    again = study_file.load(at(study_file.dump(study)))
    assert again == study
    assert again.planned_runs == study.planned_runs


def test_a_written_run_is_the_run(small_run):
    tree = YAML(typ="safe", pure=True).load(study_file.dump(small_run))
    assert tree.pop("schema") == SCHEMA
    tree["model"]["kernel_size"] = small_run.model.kernel_size
    assert RunSpec.model_validate(tree) == small_run


def test_what_is_written_is_in_the_order_of_the_spec(small_study):
    keys = [line.split(":")[0] for line in study_file.dump(small_study()).splitlines() if line[0].isalpha()]
    assert keys == ["schema", *StudySpec.model_fields]


@given(
    question=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=80),
    minutes=st.none() | st.floats(min_value=1e-300, max_value=1e300),
    rates=st.lists(st.floats(min_value=1e-30, max_value=1e30), min_size=2, max_size=3, unique=True),
)
@settings(deadline=None)
def test_any_study_survives_being_written(tmp_path_factory, question, minutes, rates):
    study = StudySpec.model_validate(
        {
            "name": "any",
            "question": question,
            "factors": {"training.optimizer.learning_rate": rates},
            "seeds": [0],
            "budget": {"minutes": minutes},
        }
    )
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(study_file.dump(study), encoding="utf-8")
    assert study_file.load(file) == study


# Whatever is written

YAMLISH = st.text(
    st.sampled_from(list("ab:-,[]{}&*!|>'\"%@`#?~.0123456789 \n\t\\<=xe_\x00\x85\u2028\ufeff")), max_size=60
)
KEYS = st.sampled_from(
    [*StudySpec.model_fields, *RunSpec.model_fields, "kind", "levels", "model.layers", "loss", "views", "x"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["convlstm", "ssim", "mse"])
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)),
    max_size=8,
)
any_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def only_a_spec_error(path, content, overrides=()):
    path.write_bytes(content)
    with suppress(SpecError):
        assert study_file.load(path, overrides).planned_runs


@any_file
@given(st.binary(max_size=80))
def test_any_bytes_are_a_study_or_a_spec_error(tmp_path, content):
    only_a_spec_error(tmp_path / "any.yaml", content)


@any_file
@given(YAMLISH, st.booleans())
def test_any_text_is_a_study_or_a_spec_error(tmp_path, text, after_good):
    only_a_spec_error(tmp_path / "any.yaml", (GOOD * after_good + text).encode())


@any_file
@given(TREES)
def test_any_tree_is_a_study_or_a_spec_error(tmp_path, tree):
    writer = YAML(typ="safe", pure=True)
    writer.dump({"name": "x", "question": "y", "seeds": 1, "factors": {}} | tree, tmp_path / "tree.yaml")
    only_a_spec_error(tmp_path / "any.yaml", (tmp_path / "tree.yaml").read_bytes())


@any_file
@given(
    st.lists(
        st.builds("{}={}".format, st.lists(KEYS, min_size=1, max_size=3).map(".".join), YAMLISH) | YAMLISH, max_size=2
    )
)
def test_any_override_is_a_study_or_a_spec_error(tmp_path, overrides):
    only_a_spec_error(tmp_path / "any.yaml", GOOD.encode(), overrides)


def test_reading_a_study_loads_neither_mlflow_nor_optuna():
    code = "import sys, ablate.study.study_file; sys.exit(bool({'mlflow', 'optuna'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # our own code
