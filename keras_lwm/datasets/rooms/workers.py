"""Renders rooms in several processes, in order, each by the same code and seed as in this one.

Plain child processes: `multiprocessing` would either fork a process in which TensorFlow runs
threads, or import the caller's script again.
"""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keras_lwm.datasets.rooms.splits import RoomTask, render_room
from keras_lwm.map_ahead import map_ahead

ROOMS_AHEAD = 4  # a worker; bounds the memory of what is rendered and not yet taken
ROOMS_A_WORKER = 8  # with fewer, starting another process takes longer than it saves

_CHILD = Path(__file__).with_name("child.py")


def usable_cores() -> int:
    """The number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def serve(requests, answers) -> None:
    """What a child does: answers pickled tasks by pickled lists of samples, to the end of input."""
    while True:
        try:
            task = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = render_room(task)
        except Exception:
            answer = traceback.format_exc()
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


class _Worker:
    def __init__(self):
        environment = dict(
            os.environ,
            PYTHONPATH=os.pathsep.join(path for path in sys.path if path),
            OMP_NUM_THREADS="1",
            OPENBLAS_NUM_THREADS="1",
        )
        self._process = subprocess.Popen(
            [sys.executable, str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C goes to the parent, which then stops its children
        )

    def render(self, task: RoomTask) -> list[dict]:
        try:
            pickle.dump(task, self._process.stdin)
            self._process.stdin.flush()
            answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            raise RuntimeError(
                f"The process that rendered {task} ended before it answered; its own message is "
                "above."
            ) from error
        if isinstance(answer, str):
            raise RuntimeError(f"Rendering {task} failed:\n{answer}")
        return answer

    def stop(self):
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def render_rooms(
    tasks: Iterable[RoomTask], workers: int | None = None
) -> Iterator[tuple[RoomTask, list[dict]]]:
    """Renders rooms; yields each task with its samples, in the order of the tasks.

    Args:
        tasks: the rooms.
        workers: number of processes; `None`: one a usable core, fewer for few rooms. 1 renders in
            this process. The samples are the same for every number.

    Raises:
        RuntimeError: if a worker fails; the message names the room.
    """
    tasks = list(tasks)
    if workers is None:
        workers = min(usable_cores(), len(tasks) // ROOMS_A_WORKER)
    if workers <= 1:
        for task in tasks:
            yield task, render_room(task)
        return
    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers))
        idle = queue.SimpleQueue()
        for _ in range(workers):
            worker = _Worker()
            stack.callback(worker.stop)
            idle.put(worker)
        # Unwound from the end: nothing new is begun, the workers stop, then the threads can end.
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        yield from zip(
            tasks,
            map_ahead(threads, _by_idle_worker(idle), tasks, ROOMS_AHEAD * workers),
            strict=True,
        )


def _by_idle_worker(idle):
    def render(task):
        worker = idle.get()
        try:
            return worker.render(task)
        finally:
            idle.put(worker)

    return render
