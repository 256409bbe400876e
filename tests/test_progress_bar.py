"""Bars: drawn in place in a terminal, plain lines in a log, gone where an error follows."""

import io
import re
import sys
import types

import pytest

from keras_lwm import live_block
from keras_lwm.live_block import LiveBlock, clock
from keras_lwm.progress_bar import ProgressBar


@pytest.fixture
def minutes(monkeypatch):
    """Every look at the clock is half a minute later."""
    seconds = iter(range(0, 100_000, 30))
    monkeypatch.setattr(live_block.time, "monotonic", lambda: float(next(seconds)))


def standard_error_of_a_terminal(monkeypatch):
    """What a terminal of 80 columns is sent; not by a fixture, after which pytest sets its own."""
    sent = io.StringIO()
    sent.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", sent)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    return sent


def test_a_log_has_a_line_a_minute_and_one_at_the_end(minutes, capsys):
    with ProgressBar(range(6), "Reading", "frames") as bar:
        assert list(bar) == list(range(6))
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) < 6 and lines[-1].startswith("Reading: 6 of 6 frames, 0:00:00")
    assert all(re.fullmatch(r"Reading: \d of 6 frames, [\d:]+(, [\d:]+ left)?", x) for x in lines)


def test_nobody_needs_to_know_how_many_there_are(capsys):
    with ProgressBar(iter("abc"), "Reading", "letters") as bar:
        assert list(bar) == ["a", "b", "c"]
    assert capsys.readouterr().err.startswith("Reading: 3 letters, 0:00:0")


def test_a_script_that_imports_a_part_of_jupyter_is_no_notebook(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: None
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    with ProgressBar(range(3), "Reading", "frames") as bar:
        assert list(bar) == list(range(3))
    assert capsys.readouterr().err.startswith("Reading: 3 of 3 frames, 0:00:00")


def test_what_is_printed_meanwhile_stays_above_the_bar(monkeypatch):
    screen = standard_error_of_a_terminal(monkeypatch)
    with ProgressBar(None, "Reading", "frames", total=10, done=4) as bar:
        print("One is broken.", file=sys.stderr)
        bar.update(6)
    shown = screen.getvalue()
    assert "4/10 frames" in shown and shown.index("One is broken.\n") < shown.index("10/10 frames")
    assert sys.stderr is screen


def test_an_error_ends_the_bar_and_leaves_none(monkeypatch):
    screen = standard_error_of_a_terminal(monkeypatch)
    with pytest.raises(ValueError), ProgressBar(range(3), "Reading", "frames") as bar:
        for _ in bar:
            raise ValueError
    assert sys.stderr is screen and screen.getvalue().endswith("\x1b[1A\x1b[2K")
    with ProgressBar(range(3), "Reading", "frames") as bar:
        list(bar)
    assert "3/3" in screen.getvalue()


def test_an_error_leaves_nothing_in_a_log(capsys):
    with pytest.raises(ValueError), ProgressBar(range(3), "Reading", "frames"):
        raise ValueError
    assert capsys.readouterr().err == ""


def test_a_block_within_another_has_its_place_until_that_is_drawn_again(monkeypatch):
    screen = standard_error_of_a_terminal(monkeypatch)
    outer = LiveBlock(lambda: "outer", lambda: "outer", stderr=True)
    outer.start()
    with ProgressBar(range(3), "Reading", "frames") as bar:
        list(bar)
    within = screen.getvalue()
    outer.draw()
    outer.stop()
    assert within.count("outer") == 2 and within.rindex("outer") < within.index("Reading")
    assert "outer" in screen.getvalue()[len(within) :] and sys.stderr is screen


def test_seconds_as_a_clock_shows_them():
    assert [clock(s) for s in (0.4, 59.6, 3725, 100 * 3600)] == [
        *("0:00:00", "0:01:00", "1:02:05", "100:00:00"),
    ]
