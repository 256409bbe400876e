"""The training benchmark for GPUs runs on a CPU."""

import json
import os
import subprocess
import sys

import keras
import pytest
from benchmark_modules import BENCHMARKS, module


def test_multiply_adds_are_counted_by_hand():
    image = keras.Input((8, 6, 3))
    x = keras.layers.Conv2D(5, 3, strides=2, padding="same")(image)
    network = keras.Model(image, keras.layers.Conv2D(2, 1)(x))
    assert module("gpu_rows").multiply_adds(network) == 4 * 3 * (5 * 9 * 3 + 2 * 5)


BACKEND = keras.backend.backend()
# Where there is one of the two, the other may not be installed.
ROWS = ["plain jax float32 8"] if BACKEND == "jax" else []
ROWS += ["peer torch bfloat16 8", "LWM torch float32 8"] if BACKEND == "torch" else []
needs_rows = pytest.mark.skipif(not ROWS, reason="the benchmark has JAX and PyTorch")


def by_importance():
    """The rows in the table's order."""
    return [row.name for row in module("gpu_rows").rows() if row.name in ROWS]


def benchmark(*arguments):
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), "--tiny", *arguments]
    for name in ROWS:
        command += ["--rows", name]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    finished = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    lines = [line for line in finished.stdout.splitlines() if line.startswith("|")]
    return finished, [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@needs_rows
def test_table_has_every_row_with_positive_numbers(tmp_path):
    results = tmp_path / "results.json"
    finished, table = benchmark("--out", str(results))
    assert finished.returncode == 0, finished.stderr
    assert [cells[0] for cells in table] == [
        ", ".join(name.split()[:3]) for name in by_importance()
    ]
    for cells in table:
        assert len(cells) == 7, cells
        assert all(float(cell) > 0 for cell in cells[1:6])
    stored = json.loads(results.read_text())
    assert sorted(stored["rows"]) == sorted(ROWS)
    assert all(row["first"] > 0 and row["step"] > 0 for row in stored["rows"].values())
    # Whatever was measured stands, without being measured again: no second is left for it.
    _, again = benchmark("--out", str(results), "--budget", "0")
    assert again == table


@needs_rows
def test_rows_that_do_not_fit_are_named(tmp_path):
    finished, table = benchmark("--out", str(tmp_path / "results.json"), "--budget", "0")
    assert finished.returncode == 0, finished.stderr
    assert len(table) == len(ROWS)
    assert all(cells[2].startswith("not run: ") for cells in table)


@needs_rows
def test_a_row_that_fails_ends_no_other(tmp_path):
    finished, table = benchmark("--limit", "0.1")
    assert finished.returncode == 0, finished.stderr
    assert [cells[2] for cells in table] == ["took longer than 0 s"] * len(ROWS)


def test_results_of_another_machine_are_refused(tmp_path):
    results = tmp_path / "results.json"
    results.write_text(json.dumps({"machine": "another", "setting": [], "rows": {}}))
    finished, _ = benchmark("--out", str(results))
    assert finished.returncode == 1
    assert "holds results of another machine or size: name another file" in finished.stderr
