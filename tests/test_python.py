"""`import ablate`: the functions do what the commands do, with Python's types and errors."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import ablate
from ablate.api.frames import table_file
from ablate.api.notebook import SilentConsole, as_html
from ablate.api.wording import in_python
from ablate.cli import app
from ablate.core.errors import DataError, SpecError
from ablate.execution.signals import Interruption
from ablate.storage.paths import Store
from ablate.study import study_file

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text()
FUNCTIONS = ["analyze", "diagnose", "load_study", "plan", "report", "run", "score"]
HEAVY = ["torch", "mlflow", "optuna", "pandas", "numpy", "matplotlib"]
pytestmark = pytest.mark.filterwarnings("ignore:.*none of the levels of this factor")


def python(code, folder):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture
def file(tmp_path, small_study):
    path = tmp_path / "study.yaml"
    small = small_study(response={"metric": "mse"}, factors={"model.activation": ["tanh", "relu"]}, seeds=[0])
    path.write_text(study_file.dump(small))
    return path


@pytest.fixture(scope="module")
def runs():
    """Return runs in which the activation is a cause."""
    generator = np.random.default_rng(5)
    rows = pd.DataFrame(list(product([1, 3], ["relu", "tanh"], range(8))), columns=["kernel", "activation", "seed"])
    rows["ghost"] = 0.5 + 0.2 * (rows["activation"] == "relu") + generator.normal(0, 0.02, len(rows))
    return rows


@pytest.fixture(scope="module")
def clips():
    frames = np.zeros((3, 8, 16, 16), np.float32)
    for time_step in range(8):
        frames[:, time_step, 4:8, time_step : time_step + 4] = 1
    return frames


# the package


def test_importing_the_package_loads_no_library_that_takes_long(tmp_path):
    done = python(f"import ablate, sys\nprint({{*{HEAVY}}} & set(sys.modules))", tmp_path)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr


def test_every_public_name_exists_and_has_a_docstring():
    assert sorted(ablate.__all__) == sorted([*FUNCTIONS, "AblateError", "__version__"])
    assert dir(ablate) == ablate.__all__
    assert all(getattr(ablate, name).__doc__ for name in [*FUNCTIONS, "AblateError"])


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'analyse'"):
        ablate.analyse  # type: ignore[attr-defined]  # noqa: B018


def test_report_is_the_function_before_and_after_the_room_of_its_name_is_loaded(tmp_path):
    code = "import ablate\nimport ablate.report.page\nprint(ablate.report.__module__)\nfrom ablate.report import write"
    done = python(code, tmp_path)
    assert done.stdout.strip() == "ablate.api.studies", done.stderr


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_page_lists_every_argument_with_its_default(name):
    _, table = PAGE.split(f"| argument of `{name}` | default | meaning |\n", 1)
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? *\|", table.split("\n\n")[0], re.MULTILINE)
    expected = [
        (parameter.name, "" if parameter.default is parameter.empty else text_of(parameter.default))
        for parameter in inspect.signature(getattr(ablate, name)).parameters.values()
    ]
    assert rows == expected


def text_of(default):
    match default:
        case Path():
            return str(default)
        case str():
            return f'"{default}"'
        case _:
            return repr(default)


# studies


def test_overrides_are_values_of_python_or_texts_of_the_command(file):
    study = ablate.load_study(file, {"training.optimizer.learning_rate": 1e-05, "seeds": [3, 4], "exploratory": True})
    assert study.spec.base.training.optimizer.learning_rate == pytest.approx(0.00001)
    assert study.seeds == (3, 4)
    same = ablate.load_study(str(file), ["training.optimizer.learning_rate=1e-05", "seeds=[3, 4]"])
    assert same.spec == study.spec


def test_a_study_lists_its_cells_and_runs(file):
    study = ablate.load_study(file, {"factors.model.state_kernel_size": [1, 3], "seeds": 2})
    assert study.factors == {"model.activation": ["tanh", "relu"], "model.state_kernel_size": ["1", "3"]}
    assert study.cells.shape == (4, 2)
    assert list(study.runs["seed"]) == [0, 1] * 4
    assert "4 cells x 2 seeds = 8 runs" in repr(study)
    assert "<table" in study._repr_html_()


def test_a_mistake_in_a_study_has_the_words_of_the_command_and_a_short_traceback(file):
    file.write_text(file.read_text().replace("question:", "qestion:"))
    expected = r"study.yaml:\d+:1: qestion: unknown key \(did you mean 'question'"
    with pytest.raises(ablate.AblateError, match=expected) as raised:
        ablate.load_study(file)
    assert raised.value.__cause__ is None
    inside = [entry for entry in raised.traceback if Path(str(entry.path)).is_relative_to(Path(ablate.__path__[0]))]
    assert len(inside) <= 2


def test_a_plan_has_the_tests_of_the_command_and_refuses_nothing_itself(file):
    plan = ablate.plan(ablate.load_study(file, {"exploratory": False, "seeds": [0]}))
    assert plan.refused
    assert plan.runs == 2
    assert list(plan.tests["hypothesis"]) == ["model.activation"]
    assert any("Refused: the study cannot reach any verdict" in sentence for sentence in plan.sentences)
    assert plan.seconds > 0
    assert "--" not in repr(plan)
    with pytest.raises(SpecError, match="sd: found -1; must be above 0"):
        ablate.plan(file, sd=-1)


def test_a_study_that_cannot_decide_is_refused_before_anything_is_created(file, tmp_path):
    study = ablate.load_study(file, {"exploratory": False, "seeds": [0]})
    with pytest.raises(ablate.AblateError):
        ablate.run(study, store=tmp_path / "mlruns", progress=False)
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers: found 0; must be a whole number of at least 1"),
        ({"executor": "slurm"}, "executor: found 'slurm'; must be 'local' or 'ray'"),
        ({"until_decided": True}, "until_decided needs planned looks"),
        ({"exclude": {"zzz": "broken"}}, "the study has no run 'zzz'"),
    ],
)
def test_a_wrong_argument_of_run_is_named(file, tmp_path, arguments, message):
    with pytest.raises(SpecError, match=message):
        ablate.run(file, store=tmp_path / "mlruns", progress=False, **arguments)


def test_the_results_are_those_of_the_command_which_finds_nothing_left_to_run(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(file.parent)
    result = ablate.run("study.yaml", workers=1, progress=False)
    assert capsys.readouterr() == ("", "")
    paths = Store(tmp_path / "mlruns").study("small")
    table = paths.runs_csv.read_text()
    report = paths.report_json.read_text()
    assert result.runs.to_csv(index=False) == table
    assert result.report == paths.report_html
    assert result.is_complete
    assert result.failed.empty
    means = result.runs.groupby("model.activation")["mse"].mean()
    effect = result.effects.set_index("factor").loc["model.activation"]
    assert effect["estimate"] == pytest.approx(means["relu"] - means["tanh"])
    done = CliRunner().invoke(app, ["run", "study.yaml", "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert "2 of 2 runs have a result" in done.output
    assert all(sentence in done.output for sentence in result.sentences)
    assert (paths.runs_csv.read_text(), paths.report_json.read_text()) == (table, report)
    again = ablate.report("study.yaml", progress=False)
    assert again.sentences == result.sentences
    assert "2 of 2 runs have a result" in repr(again)
    assert "<table" in again._repr_html_()


def test_a_report_without_any_run_is_an_error(file, tmp_path):
    with pytest.raises(ablate.AblateError):
        ablate.report(file, store=tmp_path / "mlruns", progress=False)


def test_ctrl_c_is_raised_after_everything_is_saved(file, tmp_path):
    def interrupt():
        while not isinstance(signal.getsignal(signal.SIGINT), Interruption):
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    store = Store(tmp_path / "mlruns")
    former = signal.getsignal(signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    study = ablate.load_study(file, {"training.steps": 100_000})
    with pytest.raises(KeyboardInterrupt, match="the same call continues the study"):
        ablate.run(study, store=store.root, workers=1, progress=False)
    assert signal.getsignal(signal.SIGINT) is former
    assert store.study("small").study_yaml.exists()


def test_outside_the_main_thread_a_study_runs_without_signals(file, tmp_path):
    ended: list[object] = []

    def work():
        try:
            ablate.run(file, store=tmp_path / "mlruns", workers=0, progress=False)
        except ablate.AblateError as error:
            ended.append(str(error))
        from ablate.execution.signals import listening  # noqa: PLC0415  # what run calls next

        with listening() as interruption:
            ended.append(interruption.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == ["workers: found 0; must be a whole number of at least 1, or None", False]


UNGUARDED = "import ablate\nablate.run('study.yaml', workers=2, progress=False)\n"


def run_script(text, folder):
    (folder / "script.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-W", "ignore", "script.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    "text", [UNGUARDED, f"{UNGUARDED}# __main__ is only named here"], ids=["at once", "by a worker"]
)
def test_a_script_without_a_guard_gets_one_error_with_the_two_lines(file, text):
    done = run_script(text, file.parent)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert len(done.stderr.splitlines()) < 20, done.stderr
    assert done.stderr.rstrip().endswith('if __name__ == "__main__":\n    main()')
    assert "script.py: ablate.run is called without a guard" in done.stderr
    assert (file.parent / "mlruns").exists() == (text != UNGUARDED)


def test_a_script_with_a_guard_runs(file):
    text = "import ablate\nif __name__ == '__main__':\n    print(len(ablate.run('study.yaml', workers=1).runs))\n"
    done = run_script(text, file.parent)
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr
    assert "2/2" in done.stderr


def test_code_without_a_file_needs_no_guard_as_in_a_notebook(file):
    code = """
import ablate
result = ablate.run("study.yaml", workers=1, progress=False)
print(len(result.runs), result.is_complete)
"""
    done = python(code, file.parent)
    assert done.stdout.split() == ["2", "True"], done.stderr


# tables


def test_a_frame_and_its_file_give_the_same_verdicts(runs, tmp_path):
    runs.to_csv(tmp_path / "runs.csv", index=False)
    arguments: dict[str, Any] = {
        "response": "ghost",
        "factors": ["kernel", "activation"],
        "block": "seed",
        "margin": 0.05,
    }
    from_frame, from_file = ablate.analyze(runs, **arguments), ablate.analyze(tmp_path / "runs.csv", **arguments)
    assert from_frame.to_json() == from_file.to_json()
    output = tmp_path / "out.json"
    options = ["--response", "ghost", "--factors", "kernel,activation", "--block", "seed", "--margin", "0.05"]
    done = CliRunner().invoke(app, ["analyze", str(tmp_path / "runs.csv"), *options, "--json", str(output)])
    assert done.exit_code == 0
    assert json.loads(output.read_text()) == from_frame.to_json()


def test_an_effect_is_the_difference_of_means(runs):
    verdicts = ablate.analyze(runs, response="ghost", factors=["kernel", "activation"], block="seed")
    means = runs.groupby("activation")["ghost"].mean()
    effect = verdicts.effects.set_index("factor").loc["activation"]
    assert effect["estimate"] == pytest.approx(means["tanh"] - means["relu"])
    assert dict(zip(verdicts.verdicts["factor"], verdicts.verdicts["verdict"], strict=True))["activation"] == "cause"
    assert "activation is a cause" in repr(verdicts)
    assert "<table" in verdicts._repr_html_()


def test_options_are_values_of_python(runs):
    verdicts = ablate.analyze(
        runs.assign(mse=np.arange(len(runs)) % 7),
        response=["ghost", "mse"],
        factors=("kernel", "activation"),
        block="seed",
        order={"kernel": [3, 1]},
        baseline={"kernel": 3, "activation": "tanh"},
        bounds=(0, 2),
        interactions=[("activation", "kernel")],
        judge_all=True,
    )
    settings = verdicts.analysis.inference.settings
    assert (settings.bounds, settings.interactions) == ((0.0, 2.0), [["activation", "kernel"]])
    kernel, activation = verdicts.analysis.inference.factors
    assert (kernel.levels, kernel.baseline, activation.baseline) == (("3", "1"), "3", "tanh")
    assert list(verdicts.analysis.judged) == ["ghost", "mse"]


def test_columns_of_mixed_types_and_levels_of_the_index_are_read(runs):
    mixed = runs.assign(kernel=runs["kernel"].map({1: "one", 3: 3}).astype(object)).set_index(["activation", "seed"])
    verdicts = ablate.analyze(mixed, response="ghost", factors=["kernel", "activation"], block="seed")
    assert verdicts.analysis.inference.factors[0].levels == ("3", "one")
    rows = ablate.analyze(runs.to_dict("records"), response="ghost", factors=["activation", "kernel"], block="seed")
    assert rows.sentences[0].startswith("activation is a cause")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": ["kernl"]}, r"^the table: has no column 'kernl' \(did you mean 'kernel'\?\)"),
        ({"factors": ["kernel"]}, r"^the table: 16 rows repeat .* or give average=True to average them"),
        ({"factors": []}, r'^factors: name at least one column, as in factors=\["kernel", "norm"\]'),
        ({"bounds": (1, 0)}, r"^bounds: found '1,0'"),
        ({"bounds": (0, 0.1)}, r"^bounds: the responses lie from"),
        ({"alpha": 2}, r"^alpha: found 2; must be less than 0.5"),
        ({"interactions": [("kernel", "norm")]}, r"^interactions: 'norm' is no factor; the factors are kernel, activ"),
        (
            {"interactions": "some"},
            r"^interactions: found 'some'; write all, none, or pairs of factors: \[\(\"kernel\"",
        ),
        ({"baseline": {"kernel": 9}}, r"^the table: baseline: 'kernel' has no level '9'; its levels: 1, 3"),
        ({"numeric": {"kernel": "square"}}, r"^numeric: found 'square' as a scale of 'kernel'"),
        ({"order": {"kernel": [1, 1]}}, r"^order: 'kernel' names a level twice"),
    ],
)
def test_a_wrong_argument_is_named_and_no_temporary_file(runs, arguments, message):
    options: dict[str, Any] = {"response": "ghost", "factors": ["kernel", "activation"], "block": "seed", **arguments}
    with pytest.raises(ablate.AblateError, match=message) as raised:
        ablate.analyze(runs, **options)
    assert "/" not in str(raised.value).partition(";")[0]
    assert "parquet" not in str(raised.value)


@pytest.mark.parametrize("dtype", ["float32", "float64", "Float64", "category", "object"])
def test_levels_of_a_frame_have_their_short_names(runs, dtype):
    rates = pd.Series(runs["kernel"].map({1: 0.1, 3: 0.3})).astype(dtype)
    verdicts = ablate.analyze(runs.assign(rate=rates), response="ghost", factors=["rate", "activation"], block="seed")
    assert verdicts.analysis.inference.factors[0].levels == ("0.1", "0.3")


def test_anything_but_a_table_is_refused():
    with pytest.raises(DataError, match="the table: found int; must be a DataFrame, or the path"):
        ablate.analyze(5, response="ghost", factors=["kernel"], block=None)


def test_missing_values_of_a_frame_are_blank():
    frame = pd.DataFrame({"a": [1, None, pd.NA], "b": [np.nan, pd.NaT, "nan "]}, dtype=object)
    with table_file(frame) as file:
        texts = pd.read_parquet(file)
    assert texts.isna().to_numpy().tolist() == [[False, True], [True, True], [True, False]]
    assert (texts["a"][0], texts["b"][2]) == ("1", "nan ")


def test_words_of_options_become_words_of_arguments():
    assert (
        in_python("give --numeric rate to test; --step-first swaps")
        == 'give numeric="rate" to test; step_first=True swaps'
    )
    assert in_python("--numeric lr=log uses a log one") == "numeric lr=log uses a log one"
    assert in_python("a--block-b --blocks") == "a--block-b --blocks"


# forecasts and networks


def test_arrays_and_tensors_have_the_scores_of_the_command(clips, tmp_path):
    forecast, target, history = 0.8 * clips[:, 3:], clips[:, 3:], clips[:, :3]
    scoring = ablate.score(torch.from_numpy(forecast), target, history[:, :, None])
    assert scoring.metrics["mse"] == pytest.approx(np.square(forecast - target).sum((2, 3)), rel=1e-5)
    arguments = []
    for name, array in (("forecast", forecast), ("target", target), ("history", history)):
        np.save(tmp_path / f"{name}.npy", array)
        arguments += [f"--{name}", str(tmp_path / f"{name}.npy")]
    done = CliRunner().invoke(app, ["score", *arguments])
    assert [line for line in done.output.splitlines() if line] == list(scoring.sentences)
    assert ablate.score(tmp_path / "forecast.npy", target, history).to_json() == scoring.to_json()
    assert scoring.scores.set_index("metric").loc["mse", "mean"] == pytest.approx(scoring.per_step["mse"].mean())
    assert "Scores of 3 clips x 5 steps" in repr(scoring)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: (c[:, :3], c),
            r"^forecast: found the shape \(3, 3, 16, 16\); must be that of target, \(3, 8, 16, 16\)",
        ),
        (lambda c: (c, c[0]), r"^target: found the shape \(8, 16, 16\); must be \(clip, step, height, width\)"),
        (lambda c: (255 * c, c), r"^forecast: found values from 0 to 255"),
        (lambda c: (c, c, c[:2]), r"^history: found the shape \(2, 8, 16, 16\)"),
        (lambda c: (np.where(c > 0, np.nan, 0), c), r"^forecast: found NaN"),
        (lambda c: ([[1], [2, 3]], c), r"^forecast: found list, which is no array of numbers"),
        (lambda c: (c.astype(object), c), r"^forecast: found values of type object"),
        (lambda c: ("nowhere.npy", c), r"^nowhere.npy: there is no such file"),
    ],
)
def test_an_array_that_is_no_frames_is_named(clips, change, message):
    with pytest.raises(DataError, match=message):
        ablate.score(*change(clips))


class Guess(torch.nn.Module):
    """Guesses the next frame at every position; it drops out half of the pixels while it trains."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1,), 0.5, dtype=torch.float64))
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, frames):
        assert frames.dtype == torch.float64
        return self.dropout(self.weight * frames)


SMALL: dict[str, Any] = {"frame_size": 16, "digits": 1, "context": 3, "horizon": 3, "clips": 2}


def test_a_module_is_diagnosed_in_inference_mode_and_keeps_its_own():
    model = Guess()
    model.dropout.eval()
    diagnosis = ablate.diagnose(model, **SMALL)
    assert (model.training, model.dropout.training) == (True, False)
    leak = diagnosis.findings.set_index(["probe", "quantity"])["value"]
    assert leak["leak", "looks_ahead"] == 0
    assert leak["leak", "largest_move_by_chance"] == 0
    assert diagnosis.advice
    assert "Advice: " in repr(diagnosis)
    assert "<table" in diagnosis._repr_html_()


def test_a_function_and_a_class_are_diagnosed_on_clips_of_the_user(clips):
    copied = ablate.diagnose(lambda frames: frames, clips, context=3, horizon=3)
    assert copied.diagnosis.summary.alignment.copies == "last_known_frame"
    assert ablate.diagnose(Guess, clips, context=3, horizon=3).scores.shape[1] == 5


def test_a_model_in_a_file_is_diagnosed_with_a_checkpoint(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from torch import nn\n\n\ndef build():\n    return nn.Conv3d(1, 1, 1)\n")
    with pytest.raises(DataError, match=r"nowhere\.pt"):
        ablate.diagnose(f"{file}:build", checkpoint=tmp_path / "nowhere.pt", **SMALL)


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (5, {}, "model: found int; must be a torch module, a function on frames"),
        (Guess, {"frame_size": 8}, "frame_size: found 8; must be a whole number from 16 to 128"),
        (Guess, {"predicts": "past"}, "predicts: found 'past'"),
        (Guess, {"clips": np.zeros((2, 4, 16, 16))}, "clips: found 4 frames a clip; must be at least 6"),
        (Guess, {"clips": np.zeros((2, 4))}, r"clips: found the shape \(2, 4\)"),
        (lambda frames, state: (frames, state), {}, "model: needs 2 arguments"),
        ("nowhere.keras", {}, "nowhere.keras: no such file"),
        ("nowhere.py:build", {}, "nowhere.py: no such file"),
    ],
)
def test_a_wrong_argument_of_diagnose_is_named(model, arguments, message):
    with pytest.raises(ablate.AblateError, match=message):
        ablate.diagnose(model, **SMALL | arguments)


# displays


def test_html_shows_markup_as_text():
    page = as_html("<b>", ["a < b"], {"x": pd.DataFrame({"<i>": ["<script>"]}), "empty": pd.DataFrame()})
    assert "<script>" not in page
    assert "&lt;b&gt;" in page
    assert "empty" not in page


def test_without_progress_a_warning_of_the_command_is_a_warning_of_python():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        console = SilentConsole()
        console.print("warning: the base is no level", style="yellow")
        console.print("1/8 done")
    assert [str(warning.message) for warning in caught] == ["the base is no level"]


# the page


def test_the_examples_of_the_page_run_in_order(file, monkeypatch, capsys):
    monkeypatch.chdir(file.parent)
    names: dict[str, Any] = {"__name__": "example"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/python.md", "exec"), names)  # noqa: S102  # the page's own code
    printed = capsys.readouterr().out
    assert "norm is a cause" in printed
    assert "has no column 'nrom' (did you mean 'norm'?)" in printed
    names["main"]()
    assert "4 of 4 runs have a result" in capsys.readouterr().out
