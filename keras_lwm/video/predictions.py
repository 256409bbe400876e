"""Predictions of a video: as class ids, and written as a video or as pictures."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from keras_lwm.deployment.prediction_files import picture, prediction_folder
from keras_lwm.large_images.memory import ImageTooLargeError
from keras_lwm.map_ahead import map_ahead
from keras_lwm.video.ahead import Ahead
from keras_lwm.video.reading import Frame, Video, VideoError, open_video
from keras_lwm.video.writing import is_frame_name, picture_folder, video_file

PICTURES_OF_A_VIDEO = ("overlay",)
"""What is written of a video where nothing else is asked for; see `write_video_predictions`."""


def predict_video(
    predictor: Any, path: str | os.PathLike, per_second: float | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Predicts a video file frame by frame; the next ones are decoded meanwhile.

    Args:
        predictor: a `Predictor`.
        path: of a video file, see `open_video`.
        per_second: how many frames to take of each second, evenly, at most. None: all.

    Yields:
        The time of each frame, in seconds from the beginning, and its class ids (H, W), as of
        `Predictor`. If some of the video cannot be decoded, a warning says so after the last.

    Raises:
        VideoError: if it is no video, or holds no frame that can be decoded.

    Examples:
        >>> predictor = Predictor("runs/rooms")
        >>> for seconds, class_ids in predict_video(predictor, "clip.mp4", per_second=1):
        ...     print(seconds, (class_ids == 3).mean())
    """
    with open_video(path) as video, Ahead(video.frames(per_second)) as frames:
        for frame in frames:
            yield float(frame.time), predictor(frame.image)
        if video.damage:
            warnings.warn(video.damage, stacklevel=2)


def write_video_predictions(
    predictor: Any,
    video: Video,
    frames: Iterator[Frame],
    folder: str | os.PathLike,
    name: str | os.PathLike,
    pictures: Sequence[str] = PICTURES_OF_A_VIDEO,
) -> Iterator[Frame]:
    """Predicts frames and writes a video of them, or a PNG for each, or both.

    "overlay" is `NAME_overlay.mp4`, of the frames under the colours of their classes, at the
    video's own times and without sound; "ids" and "mask" are folders `NAME_ids` and `NAME_mask` of
    PNGs (see `picture_folder`), which hold what those of an image do. `classes.csv` says each id's
    name and colour. If not all of the frames are taken, there is no video, and no index of the
    PNGs.

    Args:
        predictor: a `Predictor`.
        video: that the frames are of.
        frames: some or all of `video.frames()`, read ahead or not.
        folder: where to write; created where it does not exist.
        name: of the results below `folder`.
        pictures: which to write, of "ids", "mask" and "overlay".

    Yields:
        Each frame, once it is done.

    Raises:
        VideoError: if no frame comes, or one is too large for the predictor's `max_memory`.
        ValueError: if the model's scores are not finite, or `folder` is a file.
    """
    place = prediction_folder(folder, predictor.description) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        writers = {kind: stack.enter_context(_writer(kind, place, video)) for kind in pictures}

        def write(predicted):
            frame, class_ids = predicted
            for kind, write_picture in writers.items():
                palette = predictor.description.palette
                write_picture(frame, picture(kind, frame.image, class_ids, palette))
            return frame

        # While one frame is written the next one is predicted.
        thread = stack.enter_context(ThreadPoolExecutor(1))
        yield from map_ahead(thread, write, _predicted(predictor, video, frames), ahead=1)


def is_video_prediction(path: str | os.PathLike, folder: str | os.PathLike) -> bool:
    """Whether `path` is named and placed as what `write_video_predictions` writes into `folder`."""
    path = Path(os.path.abspath(path))
    of_a_frame = path.parent.name.endswith(("_ids", "_mask")) and is_frame_name(path.name)
    of_a_video = path.name.endswith("_overlay.mp4")
    return path.is_relative_to(os.path.abspath(folder)) and (of_a_frame or of_a_video)


def _predicted(predictor, video, frames):
    none = True
    for frame in frames:
        none = False
        try:
            yield frame, predictor(frame.image)
        except ImageTooLargeError as error:
            raise VideoError(f"{video.name} has frames that are too large. {error}") from error
    if none:
        raise VideoError(f"Expected frames of {video.name}; received none.")


def _writer(kind, place, video):
    if kind == "overlay":
        return video_file(place.with_name(f"{place.name}_overlay.mp4"), video.tick)
    return picture_folder(place.with_name(f"{place.name}_{kind}"))
