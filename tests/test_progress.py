import io
import time

import pytest
from rich.console import Console

from ablate.analysis.phrases import clock
from ablate.execution.progress import LiveDisplay, PlainDisplay, RunProgress, StudyProgress, display


def standing(**values):
    made = StudyProgress(total=10, done=4, slots=2, response="ghost ratio", started=time.monotonic() - 60)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_time_left_is_the_pace_so_far_times_what_is_left():
    assert standing(finished_here=2).seconds_left() == pytest.approx(180, abs=1)


def test_runs_under_way_count_by_their_steps():
    half_way = {"a": RunProgress("a", steps=10, step=5), "b": RunProgress("b", steps=10, step=5)}
    assert standing(finished_here=1, running=half_way).seconds_left() == pytest.approx(150, abs=1)


def test_there_is_no_estimate_before_the_first_step():
    assert standing().seconds_left() is None


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (720, "12 min"), (12_000, "3 h 20 min")])
def test_durations_read_as_a_person_says_them(seconds, text):
    assert clock(seconds) == text


def test_the_live_display_shows_cells_done_steps_loss_time_left_and_the_last_response():
    output = io.StringIO()
    screen = Console(file=output, force_terminal=True, width=120)
    with LiveDisplay(screen) as live:
        live.update(standing(finished_here=2, last="0.412", running={"a": RunProgress("kernel 3", 100, 40, 0.0525)}))
    text = output.getvalue()
    for part in ("4/10", "2 min left", "ghost ratio 0.412", "kernel 3", "step 40/100", "loss 0.0525"):
        assert part in text


def test_the_live_display_counts_how_runs_were_lost():
    output = io.StringIO()
    with LiveDisplay(Console(file=output, force_terminal=True, width=160)) as live:
        live.update(standing(unmeasurable=3, diverged=2, failed=1))
    assert all(part in output.getvalue() for part in ("3 unmeasurable", "2 diverged", "1 failed"))


def test_a_pipe_gets_plain_lines():
    output = io.StringIO()
    screen = Console(file=output)
    shown = display(screen)
    assert isinstance(shown, PlainDisplay)
    with shown:
        shown.say("1/8 [kernel] done")
    assert output.getvalue() == "1/8 [kernel] done\n"
