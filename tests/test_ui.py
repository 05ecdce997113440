import io
import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
from rich.console import Console

from ablate.commands import ui
from ablate.commands.ui import show
from ablate.core.errors import AblateError
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.measured_run import measured_run
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.storage.paths import Store
from ablate.study import study_file

ANSWERS = "import sys, http.server as h; h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
SPAWNS = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {ANSWERS!r}, sys.argv[1]]).wait()"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + ANSWERS
FIRST_PORT = 23400


@pytest.fixture
def start():
    """Return a function that starts a server made of a few words of Python; all are stopped after the test."""
    with ExitStack() as stack:

        def start(code):
            port = ui._free_port(ui.HERE, FIRST_PORT)
            return ui._started(
                stack, "a server", f"http://{ui.HERE}:{port}", ui.Command([sys.executable, "-c", code, str(port)], {})
            )

        yield start


@pytest.fixture
def run_study(store, small_study, made_record):
    """A store with one finished run."""
    study = small_study()
    ledger, tracker = Ledger.open(store, study), MLflowTracker(store)
    tracker.open(study)
    ledger.enqueue(study.planned_runs[:1])
    trial = ledger.next()
    assert trial is not None
    number, id_ = trial
    record, paths = made_record(study.planned_runs[0]), store.study("small").run(id_)
    record.save(paths)
    paths.frame_grid("rollout").write_bytes(b"\x89PNG")
    run_id = tracker.start(study.planned_runs[0], number)
    tracker.finish(run_id, record, paths)
    pictures = [paths.frame_grid("rollout")]
    ledger.settle(number, measured=measured_run(study, record), record=record, run_id=run_id, artifacts=pictures)
    return run_id


@pytest.fixture
def study_file_of_small(small_study, tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(study_file.dump(small_study()))
    return file


def answers(address):
    host, _, port = address.removeprefix("http://").partition("/")[0].partition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def fetched(url):
    with urlopen(url, timeout=30) as answer:  # noqa: S310  # our own server
        return answer.read()


def test_a_store_where_nothing_ran_is_refused(store, small_study):
    with (
        pytest.raises(AblateError, match=r"nothing has been run in .*; run a study first"),
        ui.servers(store, small_study()),
    ):
        pass


def test_a_port_in_use_gives_way_to_the_next(start):
    first = start(ANSWERS)
    first.await_answer("/")
    second = start(ANSWERS)
    assert int(second.address.rpartition(":")[2]) > int(first.address.rpartition(":")[2])


def test_ports_that_are_all_in_use_are_named(monkeypatch):
    monkeypatch.setattr(ui, "PORTS_TRIED", 1)
    with socket.socket() as taken:
        taken.bind((ui.HERE, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AblateError, match=f"ports {port} to {port} of 127.0.0.1 are in use"):
            ui._free_port(ui.HERE, port)


def test_a_server_that_ends_says_its_last_words(start):
    with pytest.raises(AblateError, match="a server ended by itself; its output: \nno such database"):
        start("raise SystemExit('no such database')").await_answer("/")


def test_a_silent_server_is_given_up(start, monkeypatch):
    monkeypatch.setattr(ui, "START_SECONDS", 0.5)
    with pytest.raises(AblateError, match="did not answer within 0 s; its output: nothing"):
        start("import time; time.sleep(60)").await_answer("/")


@pytest.mark.parametrize("code", [ANSWERS, SPAWNS, IGNORES], ids=["plain", "with a child", "deaf to SIGTERM"])
def test_nothing_of_a_stopped_server_is_left(start, monkeypatch, code):
    monkeypatch.setattr(ui, "STOP_SECONDS", 0.5)
    server = start(code)
    server.await_answer("/")
    server.stop()
    assert not answers(server.address)


@pytest.mark.slow
def test_both_show_the_study_and_are_gone_afterwards(store, run_study, small_study):
    with ui.servers(store, small_study(), ui.ServerAddresses(mlflow=FIRST_PORT, optuna=FIRST_PORT)) as pages:
        mlflow_base, dashboard_base = pages.runs.partition("/#")[0], pages.trials.partition("/dashboard")[0]
        assert pages.runs.endswith("/runs?workflowType=machine_learning&viewStateShareKey=ablate")
        assert pages.results is not None
        assert re.search(r"/runs/[0-9a-f]{32}\?workflowType=machine_learning$", pages.results)
        assert fetched(f"{mlflow_base}/get-artifact?run_uuid={run_study}&path=frames_rollout.png") == b"\x89PNG"
        study_id = pages.trials.rpartition("/")[2]
        detail = json.loads(fetched(f"{dashboard_base}/api/studies/{study_id}"))
        assert detail["name"] == "small"
        (picture,) = detail["trials"][0]["artifacts"]
        assert fetched(f"{dashboard_base}/artifacts/{study_id}/1/{picture['artifact_id']}") == b"\x89PNG"
    assert not answers(mlflow_base)
    assert not answers(dashboard_base)


@pytest.mark.slow
@pytest.mark.usefixtures("run_study")
def test_an_unknown_study_is_refused(store, small_study):
    other = small_study(name="other")
    with pytest.raises(AblateError, match="no study 'other' has been run"), ui.servers(store, other):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("run_study")
def test_a_signal_stops_both(store, study_file_of_small, number):
    code = f"""
import pathlib, signal
from ablate.storage.paths import Store
from ablate.commands.ui import ServerAddresses, servers
from ablate.study import study_file
study = study_file.load(pathlib.Path({str(study_file_of_small)!r}))
addresses = ServerAddresses("127.0.0.1", {FIRST_PORT}, {FIRST_PORT})
with servers(Store(pathlib.Path({str(store.root)!r})), study, addresses) as pages:
    print(pages.runs, pages.trials, flush=True)
    signal.pause()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shown:  # written above
        assert shown.stdout is not None
        assert shown.stderr is not None
        addresses = shown.stdout.readline().split()
        assert len(addresses) == 2, shown.stderr.read()
        assert [answers(address) for address in addresses] == [True, True]
        shown.send_signal(number)
        shown.wait(30)
    assert [answers(address) for address in addresses] == [False, False]


@pytest.mark.parametrize(
    ("host", "is_open"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("::", True), ("10.0.0.7", True)],
)
def test_addresses_say_whether_other_machines_reach_them(host, is_open):
    assert ui.ServerAddresses(host).open_to_others is is_open


def test_an_address_that_others_reach_is_warned_of(tmp_path, small_study):
    (tmp_path / "study.yaml").write_text(study_file.dump(small_study()))
    console = Console(record=True, width=200)
    with pytest.raises(AblateError, match="nothing has been run"):
        show(tmp_path / "study.yaml", tmp_path, ui.ServerAddresses("10.0.0.7"), console)
    assert "10.0.0.7 is open to other machines" in console.export_text()


def test_an_address_with_a_password_is_in_no_list_of_processes(tmp_path):
    store = Store(tmp_path, mlflow="postgresql+psycopg://me:secret@nowhere/mlflow")
    assert "secret" not in " ".join(ui._mlflow(store, ui.ServerAddresses(), 5000).words)


def test_a_password_is_in_no_command_line(tmp_path):
    store = Store(tmp_path, "postgresql+psycopg://u:secret@h/o", "postgresql+psycopg://u:secret@h/m")
    for command in (ui._mlflow(store, ui.ServerAddresses(), 5000), ui._dashboard(store, ui.ServerAddresses(), 8080)):
        assert not any("secret" in word for word in command.words)
        assert any("secret" in value for value in command.environment.values())


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://u:se%40cret@h:1/o", "postgresql+psycopg://u@h:1/o?password=se%40cret"]
)
def test_the_dashboard_gets_the_address_without_its_password_and_the_password_apart(tmp_path, url):
    command = ui._dashboard(Store(tmp_path, url), ui.ServerAddresses(), 8080)
    assert "postgresql+psycopg://u@h:1/o" in command.words
    assert command.environment == {"PGPASSWORD": "se@cret"}


def test_the_dashboard_gets_the_address_of_a_file_as_it_is(tmp_path):
    store = Store(tmp_path)
    command = ui._dashboard(store, ui.ServerAddresses(), 8080)
    assert store.optuna_url in command.words
    assert command.environment == {}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.evil.org"])  # noqa: S104  # never bound
def test_any_address_beyond_this_machine_is_open_to_others(host):
    assert ui.ServerAddresses(host).open_to_others


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_an_address_of_this_machine_alone_is_not(host):
    assert not ui.ServerAddresses(host).open_to_others


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])  # noqa: S104  # never bound
def test_opening_the_pages_to_others_is_warned_of(store, study_file_of_small, host, warned):
    console = Console(record=True, quiet=False, file=io.StringIO())
    with pytest.raises(AblateError, match="nothing has been run"):
        show(study_file_of_small, store.root, ui.ServerAddresses(host), console)
    assert ("anyone who reaches it can read, change and delete" in console.export_text()) is warned
