"""Commands that are printed run where they are printed."""

import shlex
import subprocess
import sys

import pytest

from keras_lwm.typed_commands import keras_lwm_command, python_command, recipe_path


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A virtual environment, its programs, and a folder to be in."""
    programs = tmp_path / "my environment" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "keras-lwm"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.chdir(tmp_path)
    return programs


def test_by_name_where_that_finds_this_environments(environment, monkeypatch):
    monkeypatch.setenv("PATH", str(environment))
    assert (python_command(), keras_lwm_command()) == ("python", "keras-lwm")


def test_by_path_where_the_environment_is_not_active(environment, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/usr/bin")
    assert keras_lwm_command() == "'my environment/bin/keras-lwm'"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert shlex.split(python_command()) == [str(environment / "python")]


def test_by_module_where_there_is_no_script(environment, monkeypatch):
    monkeypatch.setenv("PATH", str(environment))
    (environment / "keras-lwm").unlink()
    assert keras_lwm_command() == "python -m keras_lwm_cli"


def test_a_recipe_is_found_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    command = [*shlex.split(python_command()), recipe_path("rooms.py"), "--help"]
    assert subprocess.run(command, capture_output=True).returncode == 0
