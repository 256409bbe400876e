"""Sides of a comparison: each runs in a process of its own, and only one of them at a time."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click


class Side(NamedTuple):
    """One side of a comparison.

    Attributes:
        name: in the table.
        backend: a Keras backend, or "peer".
        what: "step", "inference" or what else a script can make.
        options: what the function that makes it takes.
        environment: variables of its process.
    """

    name: str
    backend: str
    what: str
    options: dict
    environment: dict = {}


def seconds_of(function) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def serve(side: str, make: Callable[[Side], Callable]) -> None:
    """Makes what a side runs, and answers how long that took; then runs it for every line that
    comes, and answers what it returns.

    Args:
        side: the `Side`, as `Running` hands it over.
        make: returns a function without arguments, whose results can be JSON.
    """
    # What libraries print goes elsewhere.
    answers, sys.stdout = sys.stdout, sys.stderr
    start = time.perf_counter()
    run = make(Side(*json.loads(side)))
    print(json.dumps(time.perf_counter() - start), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(run()), file=answers, flush=True)


class Running:
    """A side in a process of its own.

    Args:
        script: a Python file that hands what follows its option `--serve` to `serve`.
        side: the `Side`.
    """

    def __init__(self, script: str, side: Side):
        backend = {} if side.backend == "peer" else {"KERAS_BACKEND": side.backend}
        root = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path}
        self.side = side
        self._process = subprocess.Popen(
            [sys.executable, script, "--serve", json.dumps(side)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **backend, **quiet, **side.environment},
            text=True,
        )
        self.building = self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException(f"The process of {self.side.name!r} has ended.")
        return json.loads(line)

    def step(self) -> Any:
        """What the side answers to one more run."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def in_turn(script: str, chosen: list[Side], rounds: int, settling: int = 0) -> tuple:
    """Runs sides beside each other, one at a time: in each round everyone takes a step, in turn.

    Args:
        script: see `Running`.
        chosen: the sides.
        rounds: how many count, after a first.
        settling: rounds between the first and those, which do not count.

    Returns:
        The `Running` of each side, ended; its answer to the first step; and a list a round of its
        answers to later ones.
    """
    running = []
    try:
        for side in chosen:
            running.append(Running(script, side))
        first, *later = ([each.step() for each in running] for _ in range(1 + settling + rounds))
    finally:
        for each in running:
            each.end()
    return running, first, later[settling:]


def machine(*packages: str) -> str:
    """The processor, and the versions of Keras and of what runs on it.

    On x86 it says whether there is AVX-512: processors of one name differ in it, and speed with it.
    """
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    model = facts.get("model name", model)
    if "flags" in facts:
        model += f" {'with' if 'avx512f' in facts['flags'].split() else 'without'} AVX-512"
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return f"{len(os.sched_getaffinity(0))} cores of {model}; {versions}."


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown: names to the left, numbers to the right."""
    cells = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def as_markdown(title: str, head: list[str], rows: list[list[str]]) -> str:
    """A table under its title."""
    return "\n".join([f"### {title}", "", markdown_table(head, rows), ""])


def tables(
    comparisons: dict[str, Any], only: Sequence[str], head: list[str], rows_of: Callable
) -> list[str]:
    """The table of each comparison, printed as soon as it is made.

    Args:
        comparisons: what `rows_of` takes, by title.
        only: of those whose title holds one of these texts; of all where there is none.
        head: of every table.
        rows_of: function from a comparison to the rows of its table.
    """
    made = []
    for title, chosen in comparisons.items():
        if only and not any(text in title for text in only):
            continue
        made.append(as_markdown(title, head, rows_of(chosen)))
        click.echo(made[-1])
    return made
