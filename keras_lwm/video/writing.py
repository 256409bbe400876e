"""Writes pictures of a video's frames: a video of H.264, or a folder of PNGs named by time."""

import contextlib
import csv
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.atomic_write import atomic_write
from keras_lwm.deployment.prediction_files import write_png
from keras_lwm.video.reading import Frame, import_av

INDEX = "frames.csv"
"""In a folder of PNGs: index of each frame in the video, its time in seconds, and its file."""

# Seconds of six digits, which sort as text for eleven days.
_PNG = re.compile(r"\d{6}\.\d{6}\.png")
# As good as the source to the eye, and fast: predicting needs the processor.
_OPTIONS = {"crf": "20", "preset": "veryfast", "bf": "0"}
_BT709, _LIMITED_RANGE = 1, 1


@contextlib.contextmanager
def video_file(path: str | Path, tick: Fraction) -> Iterator[Callable]:
    """An MP4 video of H.264, whole or not there; a block that raises leaves none.

    The first picture sets the size; later ones of another are resized to it. Odd sizes, which H.264
    does not know in its usual form, get one more row or column, a copy of the last.

    Args:
        path: ending in .mp4.
        tick: seconds; every frame's time is a whole number of it.

    Yields:
        A function of a `Frame` and the picture, a PIL RGB image, that is shown from its time on.
    """
    av = import_av()
    with atomic_write(path) as partial, av.open(str(partial), "w", format="mp4") as container:
        stream = None

        def write(frame: Frame, picture: Image.Image) -> None:
            nonlocal stream
            if stream is None:
                stream = _new_stream(container, picture.size, tick)
            shown = _padded(picture, (stream.width, stream.height))
            shown = av.VideoFrame.from_ndarray(shown).reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", threads=1
            )
            shown.pts, shown.time_base = int(frame.time / tick), tick
            container.mux(stream.encode(shown))

        yield write
        container.mux(stream.encode(None))


def _new_stream(container, size, tick):
    stream = container.add_stream("libx264", options=_OPTIONS)
    stream.width, stream.height = (length + length % 2 for length in size)
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = tick
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    return stream


def _padded(picture, size):
    missing = [length - own for length, own in zip(size, picture.size, strict=True)]
    if not all(0 <= pixels <= 1 for pixels in missing):
        return np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
    columns, rows = missing
    return np.pad(np.asarray(picture), ((0, rows), (0, columns), (0, 0)), mode="edge")


@contextlib.contextmanager
def picture_folder(folder: Path) -> Iterator[Callable]:
    """A folder of a PNG for each frame, named by its time in seconds, and `INDEX`.

    Each file is whole or not there, and `INDEX` is not there before all of the others are: a block
    that raises leaves none. Pictures that an earlier video left in the folder are removed.

    Yields:
        A function of a `Frame` and its picture: see `write_png`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name == INDEX or is_frame_name(path.name):
            path.unlink()
    with (
        atomic_write(folder / INDEX) as partial,
        open(partial, "w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("index", "seconds", "file"))

        def write(frame: Frame, picture: Image.Image | np.ndarray) -> None:
            seconds, millionths = divmod(round(frame.time * 10**6), 10**6)
            name = f"{seconds:06d}.{millionths:06d}.png"
            write_png(folder / name, picture)
            rows.writerow((frame.index, f"{seconds}.{millionths:06d}", name))

        yield write


def is_frame_name(name: str) -> bool:
    """Whether a file is called as the PNG of a frame is: "000012.345678.png"."""
    return _PNG.fullmatch(name) is not None
