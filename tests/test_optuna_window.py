"""What a person sees of a study in the Optuna dashboard."""

import json
import math
import re
import shutil
from contextlib import ExitStack
from io import StringIO

import optuna
import pytest
from optuna_dashboard import get_note, save_note
from optuna_dashboard._note import get_note_from_system_attrs
from playwright.sync_api import sync_playwright
from rich.console import Console

from ablate.commands import ui
from ablate.commands.report import report
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.ledger.notes import renewed_note, trial_note
from ablate.execution.ledger.window import BELOW, NOTHING_TO_DRAW, PLOT, PlainFigure
from ablate.execution.lock import held
from ablate.execution.measured_run import measured_run
from ablate.planning.preregistration import preregister
from ablate.report.frame_grid import write_frame_grid
from ablate.storage.paths import Store
from ablate.study import study_file
from ablate.study.stored_runs import study_paths

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FIRST_PORT = 23700
SHOWN_SECONDS = 20  # two busy cores draw Plotly's charts in 5 s
KERNEL, ACTIVATION = "model.state_kernel_size", "model.activation"


def next_trial(ledger):
    """Return the number and the run of the next trial, which there is."""
    trial = ledger.next()
    assert trial is not None
    return trial


class Shown:
    """A store with a study whose runs are made up, as its ledger and its report leave it."""

    def __init__(self, folder, study):
        self.store, self.study, self.file = Store(folder / "mlruns"), study, folder / "small.yaml"
        self.paths = study_paths(self.store, study)

    def settle(self, made_record, values):
        """End a run for each value; None is a run that few frames define, NaN one that diverged."""
        self.file.write_text(study_file.dump(self.study))
        preregister(self.paths, self.study, ())
        ledger = Ledger.open(self.store, self.study)
        ledger.enqueue(self.study.planned_runs[: len(values)])
        for planned_run, value in zip(self.study.planned_runs, values, strict=False):
            number, id_ = next_trial(ledger)
            assert id_ == planned_run.id
            record = made_record(planned_run, 0.001, defined=(2,)) if value is None else made_record(planned_run, value)
            if value is not None and math.isnan(value):
                record = made_record(planned_run, outcome="diverged")
            files = self.paths.run(id_)
            record.save(files)
            for view, example in record.examples.items():
                write_frame_grid(files.frame_grid(view), example, planned_run.title)
            ledger.settle(
                number,
                measured=measured_run(self.study, record),
                record=record,
                run_id="f00d",
                artifacts=[files.frame_grid("rollout")],
            )

    def report(self, *overrides):
        report(self.file, overrides, self.store.root, Console(file=StringIO()))

    @property
    def trials(self):
        return optuna.load_study(study_name="small", storage=self.store.optuna_url)

    @property
    def attributes(self):
        storage = optuna.storages.RDBStorage(self.store.optuna_url)
        return storage.get_study_system_attrs(storage.get_study_id_from_name("small"))

    def note_of(self, number):
        return get_note_from_system_attrs(self.attributes, self.trials.trials[number]._trial_id)["body"]

    def plot(self, name):
        parts = {key: value for key, value in self.attributes.items() if key.startswith(f"{PLOT}ablate-{name}:")}
        return json.loads("".join(parts[f"{PLOT}ablate-{name}:{number}"] for number in range(len(parts))))

    @property
    def files(self):
        """The study's artifacts by name, as they are on disk."""
        found = [json.loads(value) for key, value in self.attributes.items() if key.startswith("artifacts:")]
        folder = self.store.optuna_artifacts
        return {file["filename"]: (folder / file["artifact_id"]).read_bytes() for file in found if file is not None}


VALUES = [0.10, 0.12, 0.20, 0.23, 0.50, 0.52, None, math.nan]
"""Means of the cells: kernel 1 tanh 0.11, kernel 1 relu 0.215, kernel 3 tanh 0.51, kernel 3 relu without a response."""


@pytest.fixture(scope="module")
def stores():
    """The stores of this file by what is in them, so that each is made once."""
    return {}


@pytest.fixture
def shared(stores, small_study, made_record, tmp_path_factory):
    """Return a function that makes a store with these values and its report; a test only reads it."""

    def make(values=tuple(VALUES), **changes):
        if (key := repr((values, changes))) not in stores:
            stores[key] = Shown(tmp_path_factory.mktemp("shared"), small_study(**changes))
            stores[key].settle(made_record, values)
            stores[key].report()
        return stores[key]

    return make


@pytest.fixture
def shown(shared, tmp_path):
    """Return a copy of the store that a test may change."""
    original = shared()
    shutil.copytree(original.file.parent, tmp_path, dirs_exist_ok=True)
    return Shown(tmp_path, original.study)


def test_the_note_of_the_study_has_the_answer_and_the_address_of_the_report(shared):
    result = shared()
    note = get_note(result.trials)
    assert note.startswith("## Does the state kernel make a ghost?\n")
    assert re.search(r'kernel\\_size "3" instead of "1" raises the ghost ratio by 0\.40', note)
    assert "Finished: 6. Unmeasurable: 1. Diverged: 1." in note
    assert f"`{result.paths.report_html}`" in note
    assert result.trials.user_attrs["report"] == str(result.paths.report_html)
    assert result.trials.user_attrs["answer"].startswith('Exploratory: model.state_kernel_size "3"')


def test_the_page_starts_with_question_response_plan_answer_and_report(shared):
    (study,) = optuna.storages.RDBStorage(shared().store.optuna_url).get_all_studies()  # in the order of the dashboard
    assert list(study.user_attrs)[:5] == ["question", "response", "plan", "answer", "report"]


def test_text_below_the_line_outlives_every_report(shown):
    result = shown
    save_note(result.trials, get_note(result.trials).replace("## Does", "## Did") + "\nAsk Ada about **seed 1**.\n")
    result.report()
    result.report()
    note = get_note(result.trials)
    assert note.startswith("## Does")
    assert note.count(BELOW) == 1
    assert note.partition(BELOW)[2].split() == ["Ask", "Ada", "about", "**seed", "1**."]


def test_a_note_without_the_line_is_moved_below_it(shown):
    result = shown
    save_note(result.trials, "My thoughts")
    result.report()
    assert get_note(result.trials).partition(BELOW)[2].strip() == "My thoughts"


def test_the_plot_of_effects_has_the_differences_of_the_means(shared):
    seeds, effects = shared().plot("effects")["data"]
    by_label = dict(zip(effects["y"], effects["x"], strict=True))
    kernel = (0.50 - 0.10 + 0.52 - 0.12) / 2  # the other cell of kernel 3 has no response
    activation = (0.20 - 0.10 + 0.23 - 0.12) / 2
    assert by_label == {
        '<b>model.state_kernel_size</b><br>"3" vs "1"': pytest.approx(kernel),
        '<b>model.activation</b><br>"relu" vs "tanh"': pytest.approx(activation),
    }
    of_kernel = [value for value, label in zip(seeds["x"], seeds["y"], strict=True) if "kernel" in label]
    assert sorted(of_kernel) == pytest.approx([0.40, 0.40])


def test_bars_of_the_plots_end_where_the_intervals_of_the_report_end(shared):
    means, seeds = (0.1, 0.2, 0.5, 0.45), (0.0, 0.02, 0.05, 0.01, 0.03, 0.04)
    values = [mean + seed * (1 + mean) for mean in means for seed in seeds]
    result = shared(tuple(values), seeds=list(range(6)))
    document = json.loads(result.paths.report_json.read_text())
    ends = {}
    for verdict in document["verdicts"]:
        for effect in verdict["effects"]:
            ends[round(effect["estimate"], 9)] = (effect["low"], effect["high"])
    _, effects = result.plot("effects")["data"]
    bars = zip(effects["x"], effects["error_x"]["arrayminus"], effects["error_x"]["array"], strict=True)
    assert {round(x, 9): (x - low, x + high) for x, low, high in bars} == {
        key: pytest.approx(interval) for key, interval in ends.items()
    }
    band, shares = result.plot("importance")["data"]
    titles = {f"<b>{factor['title']}</b>": factor["path"] for factor in document["factors"]}
    expected = {factor["factor"]: factor for factor in document["importance"]}
    for label, share, null in zip(shares["y"], shares["x"], band["x"], strict=True):
        assert share == pytest.approx(100 * expected[titles[label]]["shapley"])
        assert null == pytest.approx(100 * expected[titles[label]]["null_high"])
    assert sum(shares["x"]) == pytest.approx(100)


def test_a_number_that_is_not_finite_is_not_drawn():
    figure = PlainFigure({"data": [{"x": [0.5, math.nan, math.inf]}]})
    assert json.loads(figure.to_json()) == {"data": [{"x": [0.5, None, None]}]}


def test_a_chart_that_the_last_report_lacks_is_emptied(shown, monkeypatch):
    result = shown
    monkeypatch.setattr("ablate.commands.optuna_page.effects_plot", lambda _: None)
    result.report()
    assert result.plot("effects") == NOTHING_TO_DRAW


def test_a_plot_of_somebody_else_stays(shown):
    result = shown
    storage = optuna.storages.RDBStorage(result.store.optuna_url)
    storage.set_study_system_attr(storage.get_study_id_from_name("small"), f"{PLOT}mine:0", '{"data": []}')
    result.report()
    assert result.attributes[f"{PLOT}mine:0"] == '{"data": []}'


def test_report_table_and_comparison_are_artifacts_that_each_report_replaces(shown):
    result = shown
    before = result.files
    assert set(before) == {"report.html", "runs.csv", "comparison.png"}
    keys, files = set(result.attributes), len(list(result.store.optuna_artifacts.iterdir()))
    result.report("question=Really?")
    assert set(result.attributes) == keys
    assert len(list(result.store.optuna_artifacts.iterdir())) == files
    assert b"Really?" in result.files["report.html"]
    assert b"Really?" not in before["report.html"]
    assert result.files["comparison.png"] == result.paths.comparison.read_bytes()


def test_an_artifact_of_a_file_that_is_gone_is_removed_and_comes_back_with_it(shown):
    result = shown
    records = [result.paths.run(run.id).record for run in result.study.planned_runs[1:]]
    for record in records:
        record.rename(record.with_suffix(".away"))
    files = len(list(result.store.optuna_artifacts.iterdir()))
    result.report()
    assert set(result.files) == {"report.html", "runs.csv"}
    assert len(list(result.store.optuna_artifacts.iterdir())) == files - 1
    for record in records:
        record.with_suffix(".away").rename(record)
    result.report()
    assert set(result.files) == {"report.html", "runs.csv", "comparison.png"}


def test_the_note_of_a_trial_has_two_lines_with_numbers_and_places(shared):
    result = shared()
    folder = result.paths.run(result.study.planned_runs[0].id).folder
    assert result.note_of(0) == (
        "**baseline, seed 0**: ghost ratio 0.10, signal retention 0.80, squared error of a frame 40.0, took 2 s\n\n"
        f"Files: `{folder}`; MLflow run: `f00d`"
    )
    assert result.note_of(6).startswith(
        "**state kernel size 3, activation relu, seed 0**: unmeasurable: the ghost ratio is defined in 33.3 % of its"
    )
    assert ", seed 1**: diverged, so it has no response\n\n" in result.note_of(7)


def test_a_report_writes_the_notes_that_trials_lack(shown):
    result = shown
    trials = result.trials
    save_note(optuna.Trial(trials, trials.trials[0]._trial_id), "")
    save_note(optuna.Trial(trials, trials.trials[1]._trial_id), "looks odd")
    result.report()
    assert result.note_of(0).startswith("**baseline, seed 0**: ghost ratio 0.10, ")
    assert f"`{result.paths.run(result.study.planned_runs[0].id).folder}`" in result.note_of(0)
    assert result.note_of(1) == "looks odd"


def test_a_note_of_a_trial_follows_its_value_and_keeps_what_was_added(small_study, tmp_path):
    study = small_study()
    planned_run, facts = study.planned_runs[0], {"outcome": "finished"}
    former, new = (trial_note(planned_run, study.response, value, facts, tmp_path) for value in (0.5, 0.25))
    assert former is not None
    assert new is not None
    more = "\n\nBroken lamp.\n\nSee log."
    assert renewed_note(former + more, planned_run, new) == new + more
    assert renewed_note(former, planned_run, new) == new


def test_a_superseded_trial_says_that_another_has_the_result(small_study, tmp_path):
    planned_run = small_study().planned_runs[0]
    note = trial_note(planned_run, small_study().response, None, {"outcome": "superseded"}, tmp_path)
    assert note == f"**baseline, seed 0**: superseded: another trial has the result of this run\n\nFiles: `{tmp_path}`"


def test_a_failed_trial_has_a_note_and_an_interrupted_one_has_none(tmp_path, small_study):
    result = Shown(tmp_path, small_study())
    ledger = Ledger.open(result.store, result.study)
    ledger.enqueue(result.study.planned_runs[:2])
    ledger.fail(next_trial(ledger)[0], "exception", "CUDA error:\n out of luck")
    ledger.release(next_trial(ledger)[0])
    assert result.note_of(0).startswith("**baseline, seed 0**: failed (exception): CUDA error: out of luck\n\nFiles: ")
    assert result.note_of(1) == ""


def test_trials_beyond_the_limit_have_no_note(tmp_path, small_study, made_record, monkeypatch):
    for module in ("ledger", "window"):
        monkeypatch.setattr(f"ablate.execution.ledger.{module}.NOTED_TRIALS", 2)
    result = Shown(tmp_path, small_study())
    result.settle(made_record, VALUES[:4])
    result.report()
    assert [bool(result.note_of(number)) for number in range(4)] == [True, True, False, False]


def test_a_report_leaves_the_page_alone_while_a_driver_has_the_study(shown):
    result = shown
    with held(result.paths.lock):
        result.report("question=Really?")
    assert get_note(result.trials).startswith("## Does the state kernel")
    assert "Really?" in result.paths.report_html.read_text()


def test_a_report_creates_no_database(shown):
    result = shown
    result.store.optuna_database.unlink()
    result.report()
    assert not result.store.optuna_database.exists()


def test_a_database_that_cannot_be_used_costs_a_warning(shown):
    result = shown
    result.store.optuna_database.write_text("no database" * 1000)
    console = Console(file=StringIO(), record=True, width=400)
    report(result.file, (), result.store.root, console)
    assert "the page in the Optuna dashboard is that of an earlier report: " in console.export_text()


def test_an_older_study_says_that_its_seed_is_ranked(shown):
    result = shown
    assert "have the seed as a parameter" not in get_note(result.trials)
    trial = optuna.create_trial(
        params={**result.trials.trials[0].params, "seed": 5},
        distributions={
            **result.trials.trials[0].distributions,
            "seed": optuna.distributions.IntDistribution(0, 2**31 - 1),
        },
        user_attrs={"run": "gone", "outcome": "finished"},
        value=0.3,
    )
    result.trials.add_trial(trial)
    result.report()
    assert "have the seed as a parameter" in get_note(result.trials)


@pytest.fixture
def dashboard():
    """Return a function that serves a store's dashboard, and returns the address of its study."""
    with ExitStack() as stack:

        def serve(store):
            port = ui._free_port(ui.HERE, FIRST_PORT)
            command = ui._dashboard(store, ui.ServerAddresses(), port)
            server = ui._started(stack, "the dashboard", f"http://{ui.HERE}:{port}", command)
            server.await_answer("/api/studies")
            return ui._dashboard_url(server.address, "small")

        yield serve


@pytest.fixture
def tab():
    """Return a page of a browser."""
    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        page.set_default_timeout(1000 * SHOWN_SECONDS)
        yield page
        browser.close()


@pytest.mark.slow
def test_a_person_finds_the_answer_the_plots_the_files_and_the_best_measured_run(shared, dashboard, tab):
    result = shared()
    address, complaints = dashboard(result.store), []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(address)
    tab.get_by_text("Best Trial (number=0)").wait_for()
    text = tab.locator("body").inner_text()
    assert "0.1\n" in text
    assert "Exploratory: model.state_kernel_size" in text
    assert [name in text for name in ("report.html", "runs.csv", "comparison.png")] == [True] * 3
    for words in ("Effects on the ghost ratio", "Importance of the factors, by the analysis of ablate"):
        tab.locator(".js-plotly-plot", has_text=words).wait_for()
    effects = tab.locator(".js-plotly-plot", has_text="Effects on the ghost ratio")
    assert effects.locator(".scatterlayer .trace").count() == 2
    assert effects.locator(".ytick").count() == 2
    ranked = tab.locator(".js-plotly-plot", has_text="Hyperparameter Importance").locator(".ytick").all_text_contents()
    assert sorted(ranked) == [ACTIVATION, KERNEL]
    axis = tab.locator(".js-plotly-plot .ytitle", has_text="ghost ratio (rollout, steps 1 to 3)")
    assert axis.count() >= 1
    tab.goto(f"{address}/note")
    tab.get_by_role("heading", name="Does the state kernel make a ghost?").wait_for()
    assert complaints == []


@pytest.mark.slow
def test_a_person_finds_out_why_a_run_was_pruned_and_sees_its_frames(shared, dashboard, tab):
    tab.goto(f"{dashboard(shared().store)}/trials?numbers=6")
    tab.get_by_text("unmeasurable: the ghost ratio is defined in 33.3 %").wait_for()
    picture = tab.locator("img[src*='/artifacts/']").first
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    assert "seed 0" in tab.locator("body").inner_text()


@pytest.mark.slow
def test_the_dashboard_shows_a_study_without_factors(shared, dashboard, tab):
    answers = []
    tab.on("response", lambda answer: answers.append((answer.status, answer.url)))
    tab.goto(dashboard(shared((0.1, 0.2), factors={}).store))
    tab.get_by_text("Best Trial (number=0)").wait_for()
    tab.wait_for_load_state("networkidle")
    assert any("param_importances" in url for _, url in answers)
    assert [answer for answer in answers if answer[0] >= 400] == []
