"""Videos of known frames, coded without loss unless another codec is asked for."""

from fractions import Fraction

import av
import numpy as np

MILLISECOND = Fraction(1, 1000)
UNEVEN = [0, 40, 100, 110, 400, 1000, 1010, 1500]
"""Milliseconds of frames at a variable rate."""

# Of each container, a codec and pixels that keep RGB as it is.
LOSSLESS = {
    ".mkv": ("ffv1", "bgr0", {}),
    ".avi": ("ffv1", "bgr0", {}),
    ".mov": ("png", "rgb24", {}),
    ".mp4": ("libx264rgb", "rgb24", {"qp": "0"}),
}


def random_frames(number=8, height=15, width=21, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (number, height, width, 3)).astype("uint8")


def write_video(
    path, frames, milliseconds=UNEVEN, codec=None, prepare=None, tick=MILLISECOND, **muxer
):
    """Writes frames at these times.

    Args:
        frames: arrays (H, W, 3), or frames of PyAV's.
        codec: name, format of pixels and options; else what is lossless in this container.
        prepare: function of the new stream.
        muxer: options of the container.
    """
    name, pixels, options = codec or LOSSLESS[path.suffix]
    with av.open(str(path), "w", options=muxer) as container:
        stream = container.add_stream(name, rate=25, options=options)
        stream.pix_fmt = pixels
        stream.time_base = stream.codec_context.time_base = tick
        if prepare:
            prepare(stream)
        for frame, time in zip(frames, milliseconds, strict=True):
            if not isinstance(frame, av.VideoFrame):
                frame = av.VideoFrame.from_ndarray(frame).reformat(format=pixels)
            if not stream.codec_context.is_open:
                stream.width, stream.height = frame.width, frame.height
            frame.pts, frame.time_base = int(time * MILLISECOND / tick), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def planes(pixels, *values, height=16, width=16):
    """A frame of PyAV's, each of whose planes has one value all over, or values a row."""
    frame = av.VideoFrame(width, height, pixels)
    for plane, value in zip(frame.planes, values, strict=True):
        samples = "uint16" if "10le" in pixels else "uint8"
        line = np.zeros((plane.height, plane.line_size // np.dtype(samples).itemsize), samples)
        line[:, : plane.width] = np.reshape(value, (-1, 1))
        plane.update(line.tobytes())
    return frame


def decoded(path):
    """Times and RGB frames of a video, by PyAV alone."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.time for frame in frames], [f.to_ndarray(format="rgb24") for f in frames]


class Red:
    """A predictor that sees class 1 where an image is bright red."""

    def __init__(self, each=lambda: None):
        from keras_lwm.description import Description

        self.description = Description(("dark", "red"), ((0, 0, 0), (200, 100, 50)))
        self._each = each

    def __call__(self, image):
        self._each()
        return (image[..., 0] > 100).astype("uint8")
