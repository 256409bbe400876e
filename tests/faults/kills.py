"""Kills a small run by SIGKILL at random moments, resumes it, and compares how it ends.

    KERAS_BACKEND=torch python tests/faults/kills.py --kills 200 --seed 0

Each kill takes a start of Python, Keras and the backend, some seconds. A run that has ended must
equal one that was never killed, bit by bit; then another is begun.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[1]


def start(folder):
    """Starts the run's process, or another one that resumes it; returns it as training begins."""
    paths = [TESTS.parent, TESTS, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    process = subprocess.Popen(
        [sys.executable, TESTS / "exact_runs.py", folder],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    return process


def finish(process):
    """Waits for a process that nobody kills."""
    _, errors = process.communicate()
    if process.returncode:
        raise AssertionError(f"A run ended with {process.returncode}: {errors[-3000:]}")


def survive(kills, seed, folder):
    """Kills so many times, then lets the last run end; returns how many runs were compared.

    Args:
        kills: number of kills.
        seed: of their moments, uniform over the time that a whole training takes in this process.
        folder: where the runs are kept.
    """
    from exact_runs import assert_same_run, new_model, train

    moments = random.Random(seed)
    unbroken, model = folder / "unbroken", new_model()
    begun = time.monotonic()
    train(unbroken, model, save_every=1)
    seconds = time.monotonic() - begun
    compared, killed = 0, 0
    broken = folder / f"broken_{compared}"
    while True:
        process = start(broken)
        if killed < kills:
            try:
                process.wait(moments.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                killed += 1
                continue
        finish(process)
        assert_same_run(broken, unbroken)
        shutil.rmtree(broken)
        compared += 1
        broken = folder / f"broken_{compared}"
        if killed >= kills:
            return compared


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    with tempfile.TemporaryDirectory() as folder:
        compared = survive(arguments.kills, arguments.seed, Path(folder))
    print(f"{arguments.kills} kills: {compared} runs ended as the unbroken one, bit by bit.")


if __name__ == "__main__":
    main()
