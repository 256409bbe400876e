"""Under JAX, commands keep what they compile, in a folder that is named once."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = """
import os, sys, click
from keras_lwm_cli.running import backend_option, use_backend

@click.command()
@backend_option
def command(backend):
    use_backend(backend)
    assert "keras" not in sys.modules and "jax" not in sys.modules
    click.echo(str(os.environ.get("JAX_COMPILATION_CACHE_DIR")))
    if os.environ.get("COMPILE"):
        import jax
        jax.jit(lambda x: x + 1)(1.0)

command()
"""


def run(tmp_path, *options, **environment):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("JAX_") and name != "KERAS_BACKEND"
    }
    homes = {"XDG_CACHE_HOME": tmp_path / "cache", "KERAS_HOME": tmp_path / "keras"}
    environment = {**kept, "PYTHONPATH": ROOT, **homes, **environment}
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *options],
        env={name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def test_the_folder_is_named_once(tmp_path):
    folder = tmp_path / "cache" / "keras_lwm" / "jax"
    told, note = run(tmp_path, "--backend", "jax")
    assert told == str(folder) and note.count(str(folder)) == 1
    assert run(tmp_path, "--backend", "jax") == (str(folder), "")


def test_what_is_compiled_is_there_for_later_runs(tmp_path):
    run(tmp_path, "--backend", "jax", COMPILE=1, TF_CPP_MIN_LOG_LEVEL=3)
    assert any((tmp_path / "cache" / "keras_lwm" / "jax").iterdir())


def test_it_can_be_turned_off_or_put_elsewhere(tmp_path):
    assert run(tmp_path, "--backend", "jax", "--no-compilation-cache") == ("None", "")
    assert run(tmp_path, "--backend", "jax", JAX_ENABLE_COMPILATION_CACHE=0) == ("None", "")
    elsewhere = tmp_path / "elsewhere"
    told = run(tmp_path, "--backend", "jax", JAX_COMPILATION_CACHE_DIR=elsewhere)
    assert told == (str(elsewhere), "")
    assert not (tmp_path / "cache").exists()


def test_other_backends_keep_nothing(tmp_path):
    assert run(tmp_path, "--backend", "torch") == ("None", "")
    assert run(tmp_path) == ("None", "")
    assert run(tmp_path, KERAS_BACKEND="jax")[0] != "None"


def test_the_backend_of_keras_configuration_counts(tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text(json.dumps({"backend": "jax"}))
    assert run(tmp_path)[0] == str(tmp_path / "cache" / "keras_lwm" / "jax")


def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_so(tmp_path):
    (tmp_path / "cache").write_text("a file")
    told, note = run(tmp_path, "--backend", "jax")
    assert told == "None"
    assert note.startswith("JAX keeps nothing of what it compiles") and "cache" in note
