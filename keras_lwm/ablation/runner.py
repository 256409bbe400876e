"""Training of the cells that are missing, each in a process of its own, and where they are kept."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import keras

from keras_lwm.ablation.cell import train_cell
from keras_lwm.ablation.counts import FrameCounts
from keras_lwm.ablation.frames import Frames, keep_labels
from keras_lwm.ablation.kept_frames import KeptFrames
from keras_lwm.ablation.rows import ROWS, check_rows, uses_depth_features
from keras_lwm.ablation.views import Views
from keras_lwm.atomic_write import as_read_back, write_json
from keras_lwm.experiment import given, new_augmentation
from keras_lwm.local_paths import local_path
from keras_lwm.networks import build_backbone


class AblationFolder:
    """`options.json`, and `cells/ROW-SEED.json` of every cell that is complete.

    Beside a cell's lie the counts of the frames that it scored, what it printed, and its network;
    and all cells share `frames` and, where the encoder is frozen, its features in `views`.

    A cell's JSON file is written when the cell is complete.

    Args:
        path: the folder; created where it does not exist.
        options: plain values, of all cells alike; None: the recorded ones.

    Raises:
        ValueError: the folder holds an ablation of other options, or, without `options`, none.
    """

    def __init__(self, path: str | Path, options: Mapping | None = None):
        self.path = local_path(path)
        self.cells = self.path / "cells"
        self._options_path = self.path / "options.json"
        self._begins = options is not None and not self._options_path.exists()
        if self._begins:
            self.cells.mkdir(parents=True, exist_ok=True)
            write_json(self._options_path, options)
        if not self._options_path.exists():
            raise ValueError(
                f"Expected an ablation in {path}; found no {self._options_path.name} there."
            )
        self.options = json.loads(self._options_path.read_text(encoding="utf-8"))
        for name, value in as_read_back(options or {}).items():
            if self.options.get(name) != value:
                raise ValueError(
                    f"The ablation in {path} has {name}={self.options.get(name)!r}; received "
                    f"{name}={value!r}: choose another folder by --out."
                )

    @property
    def splits(self) -> tuple[str, str]:
        """The frames to train on, and those to score."""
        return self.options["train_split"], self.options["score_split"]

    @property
    def frames(self) -> KeptFrames:
        """Where the decoded frames are."""
        return KeptFrames(self.path / "frames")

    @property
    def training_frames(self) -> Frames:
        """The frames to train on, with labels as far as the ablation's `label_share` goes."""
        frames = self.frames.open(self.options["train_split"])
        share = self.options.get("label_share", 1.0)
        return frames if share == 1 else keep_labels(frames, share)

    def views(self, rows: Sequence[str]) -> list[Views]:
        """Where the frozen encoder's features for some rows are; [] where it is trained."""
        if self.options["train_encoder"]:
            return []
        number = self.options["views"]
        views = [Views(self.path / "views", number)]
        if any(uses_depth_features(row) for row in rows):
            views.append(Views(self.path / "depth_views", number, of_depth=True))
        return views

    def prepare(self, rows: Sequence[str]) -> None:
        """Makes what cells share, unless it is there: frames, and a frozen encoder's features.

        Args:
            rows: of the cells.

        Raises:
            ValueError: the data cannot be read.
        """
        if self._begins:
            write_json(self._options_path, self.options)
        try:
            self._prepare(rows)
        except BaseException:
            # Options of which there is nothing would bind those that come next.
            if self._begins and not self.frames.are_kept:
                self._options_path.unlink()
            raise
        self._begins = False

    def _prepare(self, rows):
        options = self.options
        views = self.views(rows)
        if views:
            extractor = build_backbone(options["backbone"], weights=options["weights"])
        self.frames.keep(self.splits, options)
        for one in views:
            one.compute(
                extractor,
                self.training_frames,
                new_augmentation(options),
                len(self.frames.class_names),
                **given(options, ("unusual_depth",)),
            )

    def cell_path(self, row: str, seed: int) -> Path:
        """The file of what the cell scored; there once it is complete."""
        return self.cells / f"{row}-{seed}.json"

    def log_path(self, row: str, seed: int) -> Path:
        """The file of what the cell's process printed."""
        return self.cells / f"{row}-{seed}.log"

    def counts_path(self, row: str, seed: int) -> Path:
        """The file of the pixels of each frame that the cell scored, see `FrameCounts`."""
        return self.cells / f"{row}-{seed}.npz"

    def network_path(self, row: str, seed: int) -> Path:
        """The file of the cell's network, where it is kept."""
        return self.cells / f"{row}-{seed}.keras"

    def read_cell(self, row: str, seed: int) -> dict:
        """What `train_cell` returned of a complete cell."""
        return json.loads(self.cell_path(row, seed).read_text(encoding="utf-8"))


def train_cells(
    folder: AblationFolder,
    rows: Sequence[str],
    seeds: int,
    workers: int = 1,
    loaders: int = 1,
    minutes: float | None = None,
    after_cell: Callable[[], object] | None = None,
) -> None:
    """Trains the missing cells, seed by seed; prints what is done, and how long the rest takes.

    It can be interrupted at any moment: what is complete by then is not trained again.

    Args:
        folder: where the cells are.
        rows: names out of `ROWS`, the most important first.
        seeds: the seeds 0, 1, ... of each row.
        workers: cells at the same time.
        loaders: threads of each cell that augment frames, where the encoder is trained; they change
            nothing but the speed.
        minutes: no cell is begun that, as long as the longest so far, would end later than this
            after the call. None: all are trained.
        after_cell: called whenever a cell is complete.

    Raises:
        ValueError: an unknown row.
        ChildProcessError: cells failed; the message ends in what the first of them printed. The
            other rows are trained before it is raised.
    """
    start = time.monotonic()
    check_rows(rows)
    missing = [
        (row, seed)
        for seed, row in itertools.product(range(seeds), rows)
        if not folder.cell_path(row, seed).exists()
    ]
    if missing:
        folder.prepare(rows)
    waiting, running, failures = list(missing), {}, {}
    times = _Times(len(missing), workers, None if minutes is None else start + 60 * minutes)
    environment = child_environment(workers)
    with ThreadPoolExecutor(workers) as pool:
        while True:
            while len(running) < workers and times.allow_another():
                cell = _next_ready(folder, waiting, failures)
                if cell is None:
                    break
                child = pool.submit(_train_in_child, folder, environment, *cell, loaders)
                running[child] = cell
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for child in done:
                row, seed = running.pop(child)
                try:
                    times.add(child.result())
                except ChildProcessError as failure:
                    failures.setdefault(row, failure)
                    print(f"{failure}\nNo more cells of {row} are trained.", flush=True)
                    continue
                score = folder.read_cell(row, seed)["scores"]["mean_iou"]
                print(
                    f"{row} seed {seed}: mIoU {100 * score:.2f} %  ({times.progress()}; its output "
                    f"is in {folder.log_path(row, seed)})",
                    flush=True,
                )
                if after_cell is not None:
                    after_cell()
    if failures:
        raise next(iter(failures.values()))
    if waiting:
        print(
            f"{len(waiting)} of {len(missing)} cells are left for another time: one takes up to "
            f"{times.longest / 60:.1f} min. The same command goes on with them.",
            flush=True,
        )


def _next_ready(folder, waiting, failures):
    """Takes out the first cell whose teacher is there; cells that never can be trained, too."""
    for cell in list(waiting):
        row, seed = cell
        teacher = ROWS[row].teacher
        if row in failures or teacher in failures:
            waiting.remove(cell)
        elif teacher is None or folder.cell_path(teacher, seed).exists():
            waiting.remove(cell)
            return cell
    return None


class _Times:
    """How long cells took, and whether there is time for another; seconds of `time.monotonic`."""

    def __init__(self, cells, workers, end):
        self._cells, self._workers, self._end = cells, workers, end
        self._done, self._spent = 0, 0.0
        self.longest = 0.0

    def add(self, seconds):
        self._done += 1
        self._spent += seconds
        self.longest = max(self.longest, seconds)

    def allow_another(self):
        return self._end is None or time.monotonic() + self.longest <= self._end

    def progress(self):
        left = self._spent / self._done * (self._cells - self._done) / self._workers
        return f"{self._done} of {self._cells} cells, {left / 60:.0f} min left"


def child_environment(workers: int) -> dict[str, str]:
    """The environment of a cell's process: the same backend, and its part of the cores."""
    importable = [str(Path(entry or ".").resolve()) for entry in sys.path]
    environment = {
        **os.environ,
        "KERAS_BACKEND": keras.backend.backend(),
        "PYTHONPATH": os.pathsep.join(importable),
    }
    if workers > 1:
        threads = str(max(1, len(os.sched_getaffinity(0)) // workers))
        names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        environment |= dict.fromkeys(names, threads) | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return environment


def _train_in_child(folder, environment, row, seed, loaders):
    log, start = folder.log_path(row, seed), time.monotonic()
    module = [sys.executable, "-P", "-m", "keras_lwm.ablation"]
    with (
        open(log, "w", encoding="utf-8") as file,
        # Nothing comes by the input; where it ends, this process was killed, and so ends the child.
        subprocess.Popen(
            [*module, folder.path, row, str(seed), str(loaders)],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as child,
    ):
        code = child.wait()
    if code:
        end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise ChildProcessError(f"The cell {row}, seed {seed}, failed; {log} ends in:\n{end}")
    return time.monotonic() - start


def train_here(path: str | Path, row: str, seed: int, loaders: int) -> None:
    """Trains a cell of the ablation in a folder, in this process: what a child does."""
    folder = AblationFolder(path)
    score_frames = folder.frames.open(folder.options["score_split"])
    class_names = folder.frames.class_names
    counts = FrameCounts(len(class_names))
    teacher = ROWS[row].teacher
    if teacher is not None:
        teacher = keras.saving.load_model(folder.network_path(teacher, seed), compile=False)
    result, network = train_cell(
        row,
        seed,
        {**folder.options, "loaders": loaders},
        folder.training_frames,
        score_frames,
        class_names,
        folder.views([row]),
        teacher,
        on_frame=counts,
    )
    network.save(folder.network_path(row, seed))
    counts.save(folder.counts_path(row, seed), score_frames.scenes)
    write_json(folder.cell_path(row, seed), result)
