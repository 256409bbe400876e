"""What reading and writing a video cost beside predicting it: frames a second, processor time.

    python benchmarks/video.py runs/rooms exported.tflite

Of each model file: predicting alone, on frames in memory; frames of a video read one by one, and
read ahead while others are predicted; and these with the overlay video, or PNGs of ids, written.
Then, by a predictor that computes nothing, how much the process grows over a long video.
"""

import itertools
import os
import resource
import tempfile
import time
from pathlib import Path

import click
import numpy as np


def make_clip(path, size, frames):
    """A video of H.264 of clouds that move, 30 frames a second."""
    import av

    height, width = size
    rows, columns = np.mgrid[:height, :width] / 40
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            at = index / 10
            waves = np.sin(rows + at), np.sin(columns - at), np.sin(rows + columns + 2 * at)
            image = (127.5 + 127.5 * np.stack(waves, axis=-1)).astype("uint8")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))


def measured(name, items):
    """Prints frames a second and processor time a frame of an iterator, from its third item on: the
    first ones compile what is compiled."""
    for count, _ in enumerate(items):
        if count == 2:
            began, worked = time.perf_counter(), time.process_time()
    rate = (count - 2) / (time.perf_counter() - began)
    milliseconds = (time.process_time() - worked) / (count - 2) * 1000
    click.echo(f"{name:40s} {rate:6.1f} frames/s   {milliseconds:6.1f} ms of a core")


def read(clip, ahead):
    """Frames of the video, by a thread or not."""
    from keras_lwm.video import open_video
    from keras_lwm.video.ahead import Ahead

    with open_video(clip) as video:
        if not ahead:
            yield from video.frames()
            return
        with Ahead(video.frames()) as frames:
            yield from frames


def written(predictor, clip, pictures, ahead=True):
    """The frames of a video whose predictions are written."""
    from keras_lwm.video import open_video, write_video_predictions
    from keras_lwm.video.ahead import Ahead

    with tempfile.TemporaryDirectory() as out, open_video(clip) as video:
        if not ahead:
            frames = video.frames()
            yield from write_video_predictions(predictor, video, frames, out, "clip", pictures)
            return
        with Ahead(video.frames()) as frames:
            yield from write_video_predictions(predictor, video, frames, out, "clip", pictures)


class Nothing:
    """A predictor that sees class 0 everywhere."""

    def __init__(self):
        from keras_lwm.description import Description

        self.description = Description(("all", "none"), ((200, 0, 0), (0, 0, 0)))

    def __call__(self, image):
        return np.zeros(image.shape[:2], "uint8")


def resident():
    """Megabytes of the process, now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def growth(frames):
    """Megabytes by which the process grows from a tenth of a long video to its end."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder, "clip.mp4")
        make_clip(clip, (32, 48), frames)
        before = None
        for index, _ in enumerate(written(Nothing(), clip, ["overlay"])):
            if index == frames // 10:
                before = resident()
        return resident() - before


@click.command()
@click.argument("models", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--size", type=(int, int), default=(480, 640), show_default=True)
@click.option("--frames", default=100, show_default=True, help="Of the video, for speed.")
@click.option("--long", default=20_000, show_default=True, help="Tiny frames, for memory.")
def main(models, size, frames, long):
    """Measures video prediction by each of MODELS."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from keras_lwm import Predictor

    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder, "clip.mp4")
        make_clip(clip, size, frames)
        click.echo(f"{size[0]}x{size[1]} on {os.cpu_count()} cores")
        measured("decoding", read(clip, ahead=False))
        in_memory = [frame.image for frame in itertools.islice(read(clip, ahead=False), 30)]
        nothing = Nothing()
        for pictures in ("overlay", "ids"):
            measured(f"decoding, {pictures}", written(nothing, clip, [pictures], ahead=False))
        for path in models:
            predictor = Predictor(path)
            rows = {
                "frames in memory": map(predictor, in_memory),
                "read one by one": (predictor(f.image) for f in read(clip, ahead=False)),
                "read ahead": (predictor(frame.image) for frame in read(clip, ahead=True)),
                "read ahead, overlay": written(predictor, clip, ["overlay"]),
                "read ahead, ids": written(predictor, clip, ["ids"]),
            }
            for name, items in rows.items():
                measured(f"{path.name}, {name}", items)
    click.echo(f"{long} tiny frames: the process grows by {growth(long):.1f} MB after a tenth")


if __name__ == "__main__":
    main()
