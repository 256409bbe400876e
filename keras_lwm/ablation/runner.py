"""Training of the cells that are missing, each in a process of its own, and where they are kept."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras

from keras_lwm.ablation.cell import train_cell
from keras_lwm.ablation.frames import train_and_score_frames
from keras_lwm.ablation.rows import ROWS, check_rows, uses_depth_features
from keras_lwm.ablation.views import Views
from keras_lwm.atomic_write import as_json, write_json
from keras_lwm.experiment import given, new_augmentation
from keras_lwm.local_paths import local_path
from keras_lwm.networks import build_backbone


class AblationFolder:
    """`options.json`, `cells/ROW-SEED.json`, and beside them what a cell printed, and its network.

    A cell's JSON file is written when the cell is complete.

    Args:
        path: the folder; created where it does not exist.
        options: plain values, of all cells alike; None: the recorded ones.

    Raises:
        ValueError: the folder holds an ablation of other options.
    """

    def __init__(self, path: str | Path, options: Mapping | None = None):
        self.path = local_path(path)
        self.cells = self.path / "cells"
        options_path = self.path / "options.json"
        if options is not None and not options_path.exists():
            self.cells.mkdir(parents=True, exist_ok=True)
            write_json(options_path, options)
        self.options = json.loads(options_path.read_text(encoding="utf-8"))
        # As they come back from a file: tuples are lists.
        for name, value in json.loads(as_json(options or {})).items():
            if self.options.get(name) != value:
                raise ValueError(
                    f"The ablation in {path} has {name}={self.options.get(name)!r}; received "
                    f"{name}={value!r}: choose another folder by --out."
                )

    def views(self, rows: Sequence[str]) -> list[Views]:
        """Where the frozen encoder's features for some rows are; [] where it is trained."""
        if self.options["train_encoder"]:
            return []
        number = self.options["views"]
        views = [Views(self.path / "views", number)]
        if any(uses_depth_features(row) for row in rows):
            views.append(Views(self.path / "depth_views", number, of_depth=True))
        return views

    def cell_path(self, row: str, seed: int) -> Path:
        """The file of what the cell scored; there once it is complete."""
        return self.cells / f"{row}-{seed}.json"

    def log_path(self, row: str, seed: int) -> Path:
        """The file of what the cell's process printed."""
        return self.cells / f"{row}-{seed}.log"

    def network_path(self, row: str, seed: int) -> Path:
        """The file of the cell's network, where it is kept."""
        return self.cells / f"{row}-{seed}.keras"

    def read_cell(self, row: str, seed: int) -> dict:
        """What `train_cell` returned of a complete cell."""
        return json.loads(self.cell_path(row, seed).read_text(encoding="utf-8"))


def train_cells(folder: AblationFolder, rows: Sequence[str], seeds: int, workers: int = 1) -> None:
    """Trains the missing cells; prints what is done, and how long the rest takes.

    It can be interrupted at any moment: what is complete by then is not trained again.

    Args:
        folder: where the cells are.
        rows: names out of `ROWS`.
        seeds: the seeds 0, 1, ... of each row.
        workers: cells at the same time.

    Raises:
        ValueError: an unknown row.
        ChildProcessError: a cell failed; the message ends in what it printed.
    """
    check_rows(rows, seeds)
    missing = [
        (row, seed)
        for seed, row in itertools.product(range(seeds), rows)
        if not folder.cell_path(row, seed).exists()
    ]
    if missing and folder.views(rows):
        _encode(folder, rows)
    environment = child_environment(workers)
    spent = 0.0
    # Rows that are taught come once their teachers are there.
    missing.sort(key=lambda cell: ROWS[cell[0]].teacher is not None)
    with ThreadPoolExecutor(workers) as pool:
        trained = itertools.chain.from_iterable(
            pool.map(lambda cell: (cell, _train_in_child(folder, environment, *cell)), cells)
            for _, cells in itertools.groupby(missing, lambda cell: ROWS[cell[0]].teacher is None)
        )
        for number, ((row, seed), seconds) in enumerate(trained, 1):
            spent += seconds
            left = spent / number * (len(missing) - number) / workers
            score = folder.read_cell(row, seed)["scores"]["mean_iou"]
            print(
                f"{row} seed {seed}: mIoU {100 * score:.2f} %  ({number} of {len(missing)} cells, "
                f"{left / 60:.0f} min left; its output is in {folder.log_path(row, seed)})",
                flush=True,
            )


def _encode(folder, rows):
    """The frozen encoder's features, once for all cells."""
    options = folder.options
    frames, _, class_names = train_and_score_frames(options)
    extractor = build_backbone(options["backbone"], weights=options["weights"])
    for views in folder.views(rows):
        views.compute(
            extractor,
            frames,
            new_augmentation(options),
            len(class_names),
            **given(options, ("unusual_depth",)),
        )


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


def _train_in_child(folder, environment, row, seed):
    log, start = folder.log_path(row, seed), time.monotonic()
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "keras_lwm.ablation", folder.path, row, str(seed)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        )
    if done.returncode:
        end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise ChildProcessError(f"The cell {row}, seed {seed}, failed; {log} ends in:\n{end}")
    return time.monotonic() - start


def train_here(path: str | Path, row: str, seed: int) -> None:
    """Trains a cell of the ablation in a folder, in this process: what a child does."""
    folder = AblationFolder(path)
    train_frames, score_frames, class_names = train_and_score_frames(folder.options)
    teacher = ROWS[row].teacher_cell(seed)
    if teacher is not None:
        teacher = keras.saving.load_model(folder.network_path(*teacher), compile=False)
    views = folder.views([row])
    result, network = train_cell(
        row, seed, folder.options, train_frames, score_frames, class_names, views, teacher
    )
    network.save(folder.network_path(row, seed))
    write_json(folder.cell_path(row, seed), result)
