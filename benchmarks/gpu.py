"""Training steps of light RefineNet on ResNet-50 on one GPU, beside a peer in plain torch.

    python benchmarks/gpu.py --out gpu.json         # a GPU, 8 minutes
    python benchmarks/gpu.py --tiny                 # does every row run? on a CPU, too

Needs PyTorch and JAX with CUDA, this tree and Keras; neither TensorFlow nor a network. Where pip
reaches no registry, carry wheels: fetch them where it does, for the Python of the GPU's machine,

    pip download -d wheels --no-deps --only-binary=:all: --python-version 3.12 \\
        --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \\
        keras absl-py rich markdown-it-py mdurl pygments packaging click \\
        optree pillow h5py ml_dtypes

and run `benchmarks/gpu.sh wheels` there, which installs them to a temporary folder. The first line
is pure Python. The second is compiled and so belongs to one version of Python: optree is what Keras
needs under JAX, and needs typing_extensions, which comes with PyTorch; Pillow and h5py are imported
by `keras_lwm`; ml_dtypes comes with JAX. What the machine has already need not be carried. namex
is imported by nothing that runs here.

Every row is a process of its own, the most important first. A row that fails or takes too long
says why and ends no other; one that no longer fits in `--budget` is named. What was measured is
in `--out` after every row, and is not measured again.

Each row feeds the same batch of random numbers from the host's memory at every step. Ours goes
through `fit`, with its scores, checks and copies to the device; the peer through a plain loop with
pinned memory. Both are waited for after several steps, not after each, so that what they do on the
host may hide behind what the device does: a step's time is the median over such rounds. Both have
AdamW. `LWM` and `uniform` are the network that is trained with depth, which has side outputs and a
depth branch; `plain` has neither, and is the peer's network: as many parameters and multiply-adds.

With `--tiny` ours has a small encoder, so that nothing there compares.

Products of float32 are TF32 where the card has it, on both sides: JAX does so by itself, PyTorch
is told to; it is also told to try the algorithms of cuDNN out, as JAX does anyway. The share is of
the card's dense bfloat16 peak, also for float32, and counts two operations for each multiply-add of
the convolutions, and three times a forward pass for a step.
"""

import contextlib
import fnmatch
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
from gpu_rows import TINY, Setting, measure, rows
from gpu_table import print_header, table_row

ROOT = Path(__file__).resolve().parents[1]


def run_row(row, tiny, timeout) -> dict:
    """Measures a row in a process of its own: what `measure` returns, or {"failed": a sentence}."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax" if row.framework == "jax" else "torch",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.getenv("PYTHONPATH")])]),
    }
    if tiny:
        # Compiling takes most of the time where there is little to compute.
        environment.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    command = [sys.executable, __file__, "--row", row.name, *(["--tiny"] if tiny else [])]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {timeout:.0f} s"}
    finally:
        # A compiler's own processes may outlive the one that began them.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode == 0:
        return json.loads(output.splitlines()[-1])
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    reason = said[-1] if said else f"exit status {process.returncode}"
    return {"failed": reason[:200]}


def machine() -> str:
    """The GPU and its driver, as nvidia-smi names them; "CPU" where there is none."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "CPU"
    return answer.stdout.splitlines()[0].strip()


class Results:
    """What was measured so far, in a file that is whole after every row.

    Args:
        path: a JSON file, read where there is one; None to keep nothing.
        conditions: what results must share to stand in one table.

    Raises:
        click.ClickException: the file holds results of other conditions.
    """

    def __init__(self, path, conditions):
        self.path = path
        self.values = {**conditions, "rows": {}}
        if path is not None and path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            if {key: stored.get(key) for key in conditions} != conditions:
                raise click.ClickException(
                    f"{path} holds results of another machine or size: name another file by --out."
                )
            self.values = stored

    def measured(self, row) -> dict | None:
        found = self.values["rows"].get(row.name)
        return found if found and "failed" not in found else None

    def add(self, row, found) -> None:
        self.values["rows"][row.name] = found
        if self.path is not None:
            partial = self.path.with_name(f".{self.path.name}.partial")
            partial.write_text(json.dumps(self.values, indent=1), encoding="utf-8")
            os.replace(partial, self.path)


def run_all(chosen, tiny, results, budget, limit) -> None:
    """Prints the lines of the rows, measuring those that are not in `results` yet.

    Args:
        chosen: rows, the most important first.
        tiny: whether they are made small.
        results: `Results`.
        budget: seconds for all rows.
        limit: seconds for one.
    """
    end = time.monotonic() + budget
    longest = {}  # seconds of a row, by framework: what the next one is expected to take
    setting = TINY if tiny else Setting()
    for row in chosen:
        found = results.measured(row)
        if found is None:
            left = max(0.0, end - time.monotonic())
            expected = longest.get(row.framework, 0.0)
            if left <= expected:
                said = f"not run: takes about {expected:.0f} s, {left:.0f} s of the budget are left"
                found = {"failed": said}
            else:
                start = time.monotonic()
                found = run_row(row, tiny, min(limit, left))
                took = time.monotonic() - start
                longest[row.framework] = max(took, longest.get(row.framework, 0.0))
            results.add(row, found)
        click.echo(table_row(row, setting, found))


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="JSON of the results.")
@click.option("--budget", default=470.0, show_default=True, help="Seconds for all rows.")
@click.option("--limit", default=150.0, show_default=True, help="Seconds for one row.")
@click.option("--rows", "patterns", multiple=True, help='Rows of such names, as "LWM jax *".')
@click.option("--tiny", is_flag=True, help="Small networks and frames, two steps.")
@click.option("--row", hidden=True, help="Measures this row here, and prints it as JSON.")
def main(out, budget, limit, patterns, tiny, row):
    """Times training steps, each row in a process of its own."""
    setting = TINY if tiny else Setting()
    if row is not None:
        (found,) = (each for each in rows() if each.name == row)
        click.echo(json.dumps(measure(found, setting)))
        return
    patterns = patterns or ("*",)
    chosen = [r for r in rows() if any(fnmatch.fnmatchcase(r.name, p) for p in patterns)]
    where = machine()
    results = Results(out, {"machine": where, "setting": json.loads(json.dumps(setting))})
    print_header(where, setting)
    run_all(chosen, tiny, results, budget, limit)


if __name__ == "__main__":
    main()
