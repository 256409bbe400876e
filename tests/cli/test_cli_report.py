"""`keras-lwm report`: the page of run folders, at once and without Keras."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

import keras_lwm  # noqa: F401  # Else the command would leave Keras out of this process too.
from keras_lwm_cli import main

ALONE = """
import sys
from keras_lwm_cli import main
main(sys.argv[1:], standalone_mode=False)
heavy = {"keras", "numpy", "matplotlib", "tensorflow", "jax", "torch"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "options.json").write_text(json.dumps({"epochs": 2, "crop": [3, 4]}))
    (folder / "history.csv").write_text("epoch,loss\n0,2.5\n1,1.5\n")
    return folder


def test_it_imports_no_backend_and_writes_the_page(run, tmp_path):
    out = tmp_path / "pages" / "mine.html"
    command = [sys.executable, "-c", ALONE, "report", run, "--out", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"wrote {out} (4.")
    assert "<dt>crop</dt><dd>3, 4</dd>" in out.read_text()


def test_what_is_refused_ends_in_one_sentence(run, tmp_path):
    def refused(*words):
        answer = CliRunner().invoke(main, ["report", *map(str, words)])
        assert answer.exit_code == 1
        return answer.stderr

    out = tmp_path / "a.html"
    assert refused(tmp_path, "--out", out) == (
        f"Error: Expected the folder of a run; received {tmp_path}, which is a folder without "
        "options.json.\n"
    )
    assert refused(run / "options.json", "--out", out).endswith("which is no folder.\n")
    assert refused(run, "--out", run / "options.json" / "a.html").startswith(
        "Error: The page cannot be written to "
    )
    assert not out.exists()
