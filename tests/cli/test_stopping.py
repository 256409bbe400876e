"""What a command says that a signal stopped while it trained."""

import signal
import sys
import warnings

import click
import pytest
from click.testing import CliRunner

from keras_lwm.run_folder import TrainingStopped
from keras_lwm.typed_commands import python_command
from keras_lwm_cli.running import in_a_sentence


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("typed", [[], ["--resume"]])
def test_it_ends_in_how_to_go_on_and_the_shells_exit_code(monkeypatch, number, code, typed):
    @click.command()
    @in_a_sentence
    def command():
        raise TrainingStopped("Stopped by a signal.", number)

    words = ["recipes/rgbd_folder.py", "my frames", *typed, "--out", "runs/a"]
    monkeypatch.setattr(sys, "argv", words)
    done = CliRunner().invoke(command, [])
    assert done.exit_code == code
    assert done.stderr == (
        "Stopped by a signal.\n"
        f"Go on with: {python_command()} recipes/rgbd_folder.py 'my frames' --out runs/a --resume\n"
    )


def test_an_interrupt_that_is_none_of_a_training_ends_in_a_word():
    @click.command()
    @in_a_sentence
    def command():
        raise KeyboardInterrupt

    done = CliRunner().invoke(command, [])
    assert (done.exit_code, done.output) == (130, "\nStopped.\n")


def test_what_could_not_be_saved_is_a_sentence_but_not_an_error_of_the_systems(tmp_path):
    @click.command()
    @click.argument("kind")
    @in_a_sentence
    def command(kind):
        from keras_lwm.run_folder.disk import writing_to

        with writing_to(tmp_path / "run"):
            raise OSError(28 if kind == "full" else 5, "of the system")

    full = CliRunner().invoke(command, ["full"])
    assert full.exit_code == 1 and "run cannot be written to (of the system)" in full.stderr
    assert isinstance(CliRunner().invoke(command, ["other"]).exception, OSError)


def test_warnings_to_users_are_sentences_and_others_say_where_they_come_from():
    @click.command()
    @in_a_sentence
    def command():
        shown = [
            warnings.formatwarning("no depth", category, "code.py", 7)
            for category in (UserWarning, RuntimeWarning)
        ]
        click.echo("".join(shown))

    first, second, *_ = CliRunner().invoke(command, []).output.splitlines()
    assert first == "Warning: no depth" and second == "code.py:7: RuntimeWarning: no depth"
    assert "code.py" in warnings.formatwarning("no depth", UserWarning, "code.py", 7)
