"""Frames of a video the way a person sees them, each with its time."""

import contextlib
import math
import os
import re
import types
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from keras_lwm.extras import imports_of

VIDEO_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
    *(".mts", ".ogv", ".webm", ".wmv"),
)
"""The endings by which a folder's files are videos, in any case."""

MAX_PIXELS = 2**26
"""The most pixels that a frame may have: 8192x8192. A decoder keeps up to 16 frames."""

# Containers of one file each. No playlists, through which FFmpeg opens other files and addresses.
_FORMATS = "mov,matroska,avi,mpegts,mpeg,asf,flv,ogg"
_MATROSKA_DURATION = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d{1,9})?)")
_UNSPECIFIED = 2  # of FFmpeg's matrices between YUV and RGB
_HDR = (16, 18)  # of FFmpeg's transfer functions: PQ and HLG
_LARGEST_SD = (1024, 576)  # width, height, up to which an unspecified matrix is that of BT.601
_INEXACT = 0.25  # seconds, up to which a video may end before the end that it declares


class VideoError(ValueError):
    """A video that cannot be read, or be predicted."""


class Frame(NamedTuple):
    """One picture of a video.

    Attributes:
        index: which of the video's frames, from 0.
        time: seconds from the beginning of the video, exact.
        image: (H, W, 3) uint8, RGB: turned upright, and stretched in width where the video's pixels
            are not square.
    """

    index: int
    time: Fraction
    image: np.ndarray


def import_av() -> types.ModuleType:
    """PyAV, FFmpeg's libraries in Python, or an `ImportError` that names the extra."""
    with imports_of("video", "Reading and writing videos"):
        import av
    return av


@contextlib.contextmanager
def open_video(path: str | os.PathLike) -> Iterator["Video"]:
    """Opens a video file, which is one file: playlists and lists of files are refused.

    Raises:
        VideoError: if it is no video of a known format.
        FileNotFoundError: if there is no such file.
        ImportError: if PyAV is missing.
    """
    av = import_av()
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": _FORMATS,
        "max_pixels": str(MAX_PIXELS),
    }
    try:
        # The prefix, because a name may look like another protocol's address.
        container = av.open(f"file:{os.fspath(path)}", options=options, metadata_errors="replace")
    except av.error.FileNotFoundError:
        raise FileNotFoundError(f"There is no video {path}.") from None
    except av.FFmpegError as error:
        no_format = isinstance(error, (av.error.ArgumentError, av.error.InvalidDataError))
        reason = "damaged, or of no known format" if no_format else error.strerror
        raise VideoError(f"{path} cannot be read as a video ({reason}).") from error
    with container:
        yield Video(container, os.fspath(path))


class Video:
    """An open video, whose frames are read once, in the order of time.

    Args:
        container: PyAV's, open for reading.
        name: what the sentences call it.

    Attributes:
        name: as given.
        tick: seconds; every frame's time is a whole number of it.
        rate: frames a second in the mean, or None where nothing says it.

    Raises:
        VideoError: if it has no video stream, or one of no known codec.
    """

    def __init__(self, container: Any, name: str):
        self.name = name
        streams = [stream for stream in container.streams.video if not _is_cover(stream)]
        if not streams or streams[0].codec_context is None:
            what = "a known codec" if streams else "video in it"
            raise VideoError(f"Expected a video stream in {name}; found none of {what}.")
        self._container, self._stream = container, streams[0]
        self._stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        self.tick = self._stream.time_base
        self.rate = self._stream.average_rate or self._stream.guessed_rate
        self._begin = _ticks(container.start_time, self.tick)
        self._end = self._declared_end()
        scaling = import_av().video.reformatter
        self._formatter = scaling.VideoReformatter()
        # Without the second one, ten bits are up to two levels darker in eight.
        self._interpolation = scaling.Interpolation.BILINEAR | scaling.Interpolation.FULL_CHR_H_INT
        self._errors, self._first_error = 0, ""

    def expected(self, per_second: float | None = None) -> int | None:
        """About how many frames `frames` gives; None where nothing says it."""
        seconds = self._end or Fraction(self._container.duration or 0, 10**6)
        rates = [rate for rate in (self.rate, per_second) if rate]
        return math.ceil(seconds * min(rates)) if seconds > 0 and rates else None

    @property
    def damage(self) -> str | None:
        """The sentence that says what could not be decoded so far, and when; None if all could."""
        if not self._errors:
            return None
        more = f", and {self._errors - 1} more" if self._errors > 1 else ""
        return f"{self.name} has an error {self._first_error}{more}: what could be decoded is used."

    def frames(self, per_second: float | None = None) -> Iterator[Frame]:
        """Reads the frames.

        Args:
            per_second: of each 1 / per_second seconds the first frame alone. None: all.

        Raises:
            VideoError: if there is none that can be decoded, or one of too many pixels.
        """
        rate = None if per_second is None else Fraction(per_second).limit_denominator(10**6)
        index, end, following = -1, Fraction(0), 0
        for index, (time, frame) in enumerate(self._timed()):
            end = time + (frame.duration * self.tick or self._period)
            if rate is not None:
                if time * rate < following:
                    continue
                following = math.floor(time * rate) + 1
            yield Frame(index, time, self._picture(frame))
        if index < 0:
            raise VideoError(f"{self.name} holds no frame that can be decoded.")
        if self._end and self._end - end > max(_INEXACT, self._period):
            self._error(end, f"it ends there, and not at {clock(self._end)}")

    @property
    def _period(self):
        """Seconds from a frame to the next, about; a whole number of ticks."""
        return max(1, round(1 / self.rate / self.tick)) * self.tick if self.rate else self.tick

    def _timed(self):
        """Frames as decoded, with their times, which increase whatever the file says."""
        last, shift = None, Fraction(0)
        for frame in self._decoded():
            ticks = frame.dts if frame.pts is None else frame.pts
            if last is None and ticks is not None:
                self._begin = ticks if self._begin is None else min(self._begin, ticks)
            if ticks is None:
                time = Fraction(0) if last is None else last + self._period
            else:
                time = (ticks - self._begin) * self.tick + shift
            if last is not None and time <= last:
                self._error(last, "the next frame's time is no later")
                shift += last + self._period - time
                time = last + self._period
            last = time
            yield time, frame

    def _decoded(self):
        av = import_av()
        packets, packet = self._container.demux(self._stream), None
        while True:
            reading = True
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                reading = False
                frames = packet.decode()
            except av.FFmpegError as error:
                self._error(self._time(packet), error.strerror)
                if reading:
                    return
                continue
            if packet.is_corrupt or any(frame.is_corrupt for frame in frames):
                self._error(self._time(packet), "a damaged frame")
            yield from frames

    def _time(self, packet):
        ticks = None if packet is None else packet.dts if packet.pts is None else packet.pts
        return Fraction(0) if ticks is None else (ticks - (self._begin or 0)) * self.tick

    def _error(self, time, reason):
        self._first_error = self._first_error or f"at {clock(time)} ({reason})"
        self._errors += 1

    def _declared_end(self):
        """Seconds from the beginning to the end of the video stream; None where nothing says it."""
        stream = self._stream
        if self._container.format.name == "avi" and stream.frames:
            # FFmpeg shortens its duration to what the file holds.
            return stream.frames * self._period
        if stream.duration is not None:
            return ((stream.start_time or 0) + stream.duration - (self._begin or 0)) * self.tick
        said = _MATROSKA_DURATION.fullmatch(stream.metadata.get("DURATION", ""))
        if said is None:
            return None
        hours, minutes, seconds = map(Fraction, said.groups())
        return (hours * 60 + minutes) * 60 + seconds

    def _picture(self, frame):
        """The frame as an array (H, W, 3), RGB, upright, of square pixels and ordinary range."""
        aspect = self._stream.sample_aspect_ratio or 1
        width = max(1, round(frame.width * aspect))
        if width * frame.height > MAX_PIXELS:
            raise VideoError(
                f"{self.name} has frames of {width}x{frame.height} pixels, and no more than "
                f"{MAX_PIXELS} are read."
            )
        hd = frame.width > _LARGEST_SD[0] or frame.height > _LARGEST_SD[1]
        matrix = "ITU709" if hd and frame.colorspace == _UNSPECIFIED else None
        ordinary = "BT709" if frame.color_trc in _HDR else None
        rgb = self._formatter.reformat(
            frame,
            width=width,
            format="rgb24",
            src_colorspace=matrix,
            dst_color_trc=ordinary,
            dst_color_primaries=ordinary,
            interpolation=self._interpolation,
            threads=1,
        )
        return upright(rgb.to_ndarray(), _display_matrix(frame))


def upright(image: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Turns and mirrors an image (H, W, 3) as a display matrix (3, 3) says, by quarters.

    With its x to the right and y downwards, the pixel at (x, y, 1) goes to (x, y, 1) times the
    matrix; where that leads out of the picture is left out of account, as players do.
    """
    if matrix is None:
        return image
    (a, b), (c, d) = matrix[:2, :2].astype("int64")
    if abs(b) > abs(a):
        image, a, d = image.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def clock(seconds: float | Fraction) -> str:
    """A time the way a player shows it: "0:01:02.345"."""
    thousandths = round(seconds * 1000)
    minutes, thousandths = divmod(thousandths, 60_000)
    return f"{minutes // 60}:{minutes % 60:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"


def _ticks(microseconds, tick):
    return None if microseconds is None else round(Fraction(microseconds, 10**6) / tick)


def _display_matrix(frame):
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            return np.frombuffer(data, "int32").reshape(3, 3)
    return None


def _is_cover(stream):
    """Whether a stream is a picture on the cover, as of music."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)
