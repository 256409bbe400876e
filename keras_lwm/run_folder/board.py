"""What a run writes for TensorBoard: scalars, pictures and histograms, as event files.

Unlike `keras.callbacks.TensorBoard` it needs TensorBoard alone, not TensorFlow, and has no method
for a step's end, for which Keras would wait for the device after every step.
"""

import io
import itertools
import math
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from PIL import Image

_numbers = itertools.count()


class Board:
    """Event files in a folder; created when something is first written.

    Args:
        path: the folder.
        first_step: what was written there of this step and later ones, by a process that was
            killed before it had saved them, is void.
    """

    def __init__(self, path: Path, first_step: int = 0):
        self.path = path
        self.first_step = first_step
        self._file = None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name; those that are not finite are left out."""
        self._write(
            step,
            [
                {"tag": name, "simple_value": value}
                for name, value in values.items()
                if math.isfinite(value)
            ],
        )

    def pictures(self, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        """Writes pictures, uint8 (H, W, 3), by name."""
        values = []
        for name, picture in pictures.items():
            png = io.BytesIO()
            Image.fromarray(picture).save(png, "PNG")
            (height, width, channels), encoded = picture.shape, png.getvalue()
            image = {"height": height, "width": width, "colorspace": channels}
            values.append({"tag": name, "image": {**image, "encoded_image_string": encoded}})
        self._write(step, values)

    def histogram(self, step: int, name: str, values: np.ndarray, edges: Sequence[float]) -> None:
        """Writes how many of the values, at least one, lie between each two edges.

        The first and the last bin take in what lies below and above.
        """
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        filled = np.flatnonzero(counts)
        low, high = filled[0], filled[-1] + 1
        histogram = {
            "min": float(np.min(values)),
            "max": float(np.max(values)),
            "num": values.size,
            "sum": float(np.sum(values, dtype="float64")),
            "sum_squares": float(np.sum(np.square(values, dtype="float64"))),
            # The first bucket ends where the first bin begins.
            "bucket_limit": list(edges[low : high + 1]),
            "bucket": [0, *counts[low:high].tolist()],
        }
        self._write(step, [{"tag": name, "histo": histogram}])

    def _write(self, step, values):
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        events = [Event(step=step, summary=Summary(value=[Summary.Value(**v) for v in values]))]
        if self._file is None:
            self.path.mkdir(parents=True, exist_ok=True)
            words = (f"{time.time():.0f}", socket.gethostname(), os.getpid(), next(_numbers))
            self._file = self.path / ".".join(map(str, ("events.out.tfevents", *words)))
            start = SessionLog(status=SessionLog.START)
            version = Event(file_version="brain.Event:2")
            events = [version, Event(step=self.first_step, session_log=start), *events]
        with open(self._file, "ab") as file:
            for event in events:
                event.wall_time = time.time()
                RecordWriter(file).write(event.SerializeToString())


class WriteScalars(keras.callbacks.Callback):
    """Writes every epoch's logs as `epoch_NAME`, at the epoch's number from 0.

    Args:
        training, validation: the boards of the logs of training and of validation.
    """

    def __init__(self, training: Board, validation: Board):
        super().__init__()
        self.training = training
        self.validation = validation

    def on_epoch_end(self, epoch, logs=None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        validation = {name: values.pop(name) for name in list(values) if name.startswith("val_")}
        self.training.scalars(epoch, {f"epoch_{name}": value for name, value in values.items()})
        if validation:
            plain = {name.removeprefix("val_"): value for name, value in validation.items()}
            self.validation.scalars(epoch, {f"epoch_{name}": plain[name] for name in plain})
