"""Standard error keeps what is said to the user, and loses what libraries remark."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEAKING = """
import os, sys
os.write(2, b"I0000 00:00:1795774703.269039    2194 port.cc:153] oneDNN is on.\\n")
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called ...\\n")
os.write(2, b"libcuda is broken\\n")
print("cannot do this", file=sys.stderr)
"""
COMMAND = "from keras_lwm_cli.remarks import hide_remarks; hide_remarks(); import tensorflow"


def stderr_of_an_import(tmp_path, tensorflow, command=COMMAND):
    (tmp_path / "tensorflow.py").write_text(tensorflow)
    (tmp_path / "absl").mkdir(exist_ok=True)
    (tmp_path / "absl" / "__init__.py").touch()
    (tmp_path / "absl" / "logging.py").write_text("ERROR = 1\ndef set_verbosity(level): pass\n")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    return done.stderr


def test_only_remarks_are_hidden(tmp_path):
    assert stderr_of_an_import(tmp_path, SPEAKING) == "libcuda is broken\ncannot do this\n"


def test_who_only_looks_whether_it_is_there_changes_nothing(tmp_path):
    looking = COMMAND.replace("import tensorflow", "import importlib.util as u; ")
    looking += "assert u.find_spec('tensorflow'); import tensorflow"
    assert "oneDNN" not in stderr_of_an_import(tmp_path, SPEAKING, looking)


def test_an_import_that_fails_says_why(tmp_path):
    said = stderr_of_an_import(tmp_path, SPEAKING + "raise ImportError('no such driver')")
    assert "libcuda is broken" in said and said.endswith("ImportError: no such driver\n")
    assert "oneDNN" not in said


def test_verbose_shows_all(tmp_path):
    command = (
        "import click, keras_lwm_cli.remarks as r\n"
        "main = click.command()(r.verbose_option(lambda: r.hide_remarks()))\n"
        "main(['--verbose'], standalone_mode=False)\nimport tensorflow"
    )
    assert "oneDNN is on" in stderr_of_an_import(tmp_path, SPEAKING, command)
