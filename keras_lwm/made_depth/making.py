"""Makes the depth that frames lack: reads, estimates, aligns and writes, batch by batch."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from keras_lwm.made_depth.files import MadeFiles
from keras_lwm.made_depth.kinds import METRES, to_depth, with_median_1
from keras_lwm.made_depth.scale_shift import fit_scale_shift
from keras_lwm.option_values import whole
from keras_lwm.rgbd_folder import FolderOptions, Frame, resize_nearest
from keras_lwm.rgbd_folder.frame_files import SUFFIXES
from keras_lwm.rgbd_folder.frames import check_aspect
from keras_lwm.rgbd_folder.image_files import open_image
from keras_lwm.rgbd_folder.layout import list_frames
from keras_lwm.rgbd_folder.made_depth import MADE_FOLDER, MadeDepth
from keras_lwm.rgbd_folder.patterns import SCENE, SPLIT, Pattern
from keras_lwm.samples import spread_indices

_FRAMES_ALIGNED = 100


def make_depth(
    folder: str | Path,
    estimator: Any,
    options: FolderOptions | None = None,
    *,
    batch_size: int = 8,
    progress: Callable[[Iterable, int], Iterable] | None = None,
) -> "Making":
    """Depth for the frames of a folder that have none; what is made already is left alone.

    Relative depth is aligned to metres by the measured frames (see `fit_scale_shift`). Where none
    is measured it stays relative: each image's median is 1.

    Args:
        folder: of RGB-D frames, see `keras_lwm.rgbd_folder`; `made_depth/` in it is written to.
        estimator: of `open_estimator`.
        options: how the folder is read, the measured depth too.
        batch_size: images that the model sees at once; only those of one size share a batch.
        progress: shows how far the alignment is: given the frames that it goes through, and their
            number, it returns them.

    Returns:
        The frames still to be made: `len` of them; iterated, it makes them and yields their names.

    Raises:
        ValueError: every frame is measured; another process or model has made depth there, or
            relative depth, before some frames were measured; the relative depth cannot be aligned;
            and while it is iterated, a picture that cannot be read, or numbers of the model that
            are not finite.
    """
    folder = Path(folder)
    options = FolderOptions() if options is None else options
    frames = list_frames(folder, options)
    measured = [frame for frame in frames if frame.depth is not None]
    missing = [frame for frame in frames if frame.depth is None]
    if not missing:
        raise ValueError(f"Every frame of {folder} has depth: none is to make.")
    files = MadeFiles(folder, {**estimator.identity, "kind": estimator.kind})
    if files.record is None:
        pairs = _predicted_and_measured(measured, estimator, options, batch_size, progress)
        alignment = fit_scale_shift(pairs, estimator.kind)
        files.begin(estimator.kind != METRES and alignment is None, alignment)
    elif files.record.relative and measured:
        raise ValueError(
            f"{files.folder} holds relative depth, from before {measured[0].depth} was there: "
            "delete it, and depth is made anew, in metres."
        )
    left = [frame for frame in missing if not files.path(frame.name).exists()]
    pattern = made_pattern(options, missing[0].name)
    return Making(files, estimator, left, whole("batch_size", batch_size), len(missing), pattern)


def made_pattern(options: FolderOptions, name: str) -> str:
    """The `FolderOptions.made_depth` that finds made files.

    Args:
        options: of the folder.
        name: of one of its frames.
    """
    fields = Pattern(options.rgb, SUFFIXES["rgb"], "rgb").fields
    if not all(f"{{{SPLIT}}}" in text for text in (options.rgb, options.label, options.depth)):
        # Then a split is no part of a frame's name.
        fields = [field for field in fields if field != SPLIT]
    braces = [f"{{{field}}}" for field in fields]
    if fields[0] == SCENE and name.count("/") < len(fields) - 1:
        # The folder is that of a single scene, which has no name.
        return "/".join([braces[0], MADE_FOLDER, *braces[1:]])
    return "/".join([MADE_FOLDER, *braces])


class Making:
    """Frames whose depth is made while this is iterated; see `make_depth`.

    Attributes:
        folder: where the made files lie.
        record: a `MadeDepth`: the model, the unit and the alignment.
        frames: number of frames that have no measured depth, made already or not.
        pattern: the `made_depth` of `FolderOptions` that reads the made files.
    """

    def __init__(self, files, estimator, left, batch_size, frames, pattern):
        self.pattern = pattern
        self.folder = files.folder
        self.frames = frames
        self._files = files
        self._estimator = estimator
        self._left = left
        self._batch_size = batch_size

    @property
    def record(self) -> MadeDepth:
        return self._files.record

    def __len__(self) -> int:
        return len(self._left)

    def __iter__(self) -> Iterator[str]:
        aligned = self.record.alignment
        line = () if aligned is None else (aligned.scale, aligned.shift)
        for frame, values in estimates(self._left, self._estimator, self._batch_size):
            depth = to_depth(values, self._estimator.kind, *line)
            if self.record.relative:
                depth = with_median_1(depth, frame.image)
            self._files.write(frame.name, depth)
            yield frame.name


def _predicted_and_measured(measured, estimator, options, batch_size, progress):
    depth, alignment = options.depth_reading(), options.alignment()
    chosen = [measured[index] for index in spread_indices(len(measured), _FRAMES_ALIGNED)]
    predicted = estimates(chosen, estimator, batch_size)
    for frame, values in predicted if progress is None else progress(predicted, len(chosen)):
        metres = depth.read(frame.depth)
        if alignment is not None:
            metres = alignment.to_image(metres, values.shape)
        check_aspect(frame.depth, metres.shape, frame.image, values.shape)
        yield values, resize_nearest(metres, values.shape)


def estimates(frames, estimator, batch_size) -> Iterator[tuple[Frame, np.ndarray]]:
    """Each frame with the model's numbers, float32 (H, W) at the image's size.

    Raises:
        ValueError: numbers that are not finite, with the frame's file.
    """
    for batch in _batches(frames, estimator.size, batch_size):
        outputs = np.asarray(estimator(np.stack([shown for *_, shown in batch])))
        for (frame, size, _), values in zip(batch, outputs, strict=True):
            if not np.isfinite(values).all():
                raise ValueError(
                    f"Expected finite depth of {estimator.name}; received NaN or infinity for "
                    f"{frame.image}."
                )
            yield frame, resized(values, size)


def _batches(frames, size, batch_size):
    """Lists of (frame, its image's size, the image as it is shown), one shown size a list."""
    batch = []
    for frame in frames:
        picture = open_image(frame.image)
        own = picture.height, picture.width
        shown = _shown(picture, size or own)
        if batch and (len(batch) == batch_size or shown.shape != batch[0][2].shape):
            yield batch
            batch = []
        batch.append((frame, own, shown))
    if batch:
        yield batch


def _shown(picture, size):
    height, width = size
    smaller = width < picture.width and height < picture.height
    method = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    return np.asarray(picture.convert("RGB").resize((width, height), method))


def resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) numbers at another (height, width), bilinearly."""
    picture = Image.fromarray(values.astype(np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
