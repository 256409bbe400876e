"""Kills a job by SIGKILL at random moments, starts it again, and compares how it ends.

    KERAS_BACKEND=torch python tests/faults/kills.py training --kills 200 --seed 0

The jobs are those of `jobs.py`. Each works in a real process, which a server forks that has
imported everything, so that a kill costs a second. After each kill, whatever the job has left must
be whole; once it has ended, the same as what an unbroken one leaves; then another is begun.
"""

import argparse
import collections
import contextlib
import io
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[1]


class Process:
    """A process in which a job works on a place; it has begun once this is made."""

    def __init__(self, server, job, place):
        begins, says_so = server.Pipe(duplex=False)
        self._process = server.Process(target=_work, args=(says_so, job, place))
        self._process.start()
        says_so.close()
        begins.recv()

    def ends_within(self, seconds):
        """Waits so long; returns whether it has ended, and well."""
        self._process.join(seconds)
        if self._process.exitcode:
            raise AssertionError(f"A process ended by itself with {self._process.exitcode}.")
        return self._process.exitcode == 0

    def kill(self):
        self._process.kill()
        self._process.join()


class _Nothing:
    def work(self, place):
        pass


def _work(says_so, job, place):
    says_so.send("begun")
    with contextlib.redirect_stdout(io.StringIO()):
        job.work(place)


def _server():
    """A server that forks processes with Keras and the backend in them."""
    paths = [TESTS.parent, TESTS, TESTS / "faults"]
    sys.path[:0] = [str(path) for path in paths if str(path) not in sys.path]
    server = multiprocessing.get_context("forkserver")
    # Keras imports TensorFlow to set its seed too, whatever the backend.
    server.set_forkserver_preload(["jobs", "tensorflow"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*map(str, paths), *filter(None, [before])])
    try:
        # It has imported them once it serves; what else this process starts is none of its matter.
        Process(server, _Nothing(), None).ends_within(None)
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return server


def survive(name, kills, seed, folder):
    """Kills a job so many times, then lets it end.

    Returns how many jobs were compared, and how often the kills left what.

    Args:
        name: a job of `jobs.JOBS`.
        kills: number of kills.
        seed: of their moments, uniform over the time that an unbroken job takes.
        folder: where all is kept.
    """
    server = _server()
    from jobs import JOBS

    job, moments = JOBS[name](folder), random.Random(seed)
    unbroken = folder / "unbroken"
    begun = time.monotonic()
    assert Process(server, job, unbroken).ends_within(None)
    seconds = time.monotonic() - begun
    compared, killed, found = 0, 0, collections.Counter()
    while True:
        broken = folder / f"broken_{compared}"
        process = Process(server, job, broken)
        if killed < kills and not process.ends_within(moments.uniform(0, seconds)):
            process.kill()
            killed += 1
            found[job.left(broken)] += 1
            job.assert_whole(broken, unbroken)
            continue
        assert process.ends_within(None)
        job.assert_same(broken, unbroken)
        compared += 1
        if killed >= kills:
            return compared, found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=("training", "evaluation", "preparation", "export"))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compared, found = survive(arguments.job, arguments.kills, arguments.seed, Path(folder))
    print(f"{arguments.kills} kills: {compared} times {arguments.job} ended as an unbroken one.")
    print(*(f"{number} kills left {what}" for what, number in found.items()), sep="\n")


if __name__ == "__main__":
    main()
