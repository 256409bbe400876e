"""Cameras: those of this machine, and streams of the network."""

import contextlib
import re
import sys
from collections.abc import Iterator

from keras_lwm.video.reading import Video, VideoError, import_av

_ADDRESS = re.compile(r"(rtsps?|rtmps?|https?|udp|tcp|rtp|srt)://", re.IGNORECASE)
# All that streams of the network are made of, and no files.
_PROTOCOLS = "rtsp,rtsps,rtmp,rtmps,rtp,srtp,srt,udp,tcp,tls,http,https,httpproxy,crypto"
_PATIENCE = 10.0  # seconds without an answer


@contextlib.contextmanager
def open_camera(source: str) -> Iterator[Video]:
    """Opens a camera, whose frames come in the time that they are taken in.

    Args:
        source: the number of a camera of this machine, from 0; its name or path, such as
            "/dev/video0"; or the address of a stream: rtsp://, rtmp://, http://, udp:// and so on.

    Raises:
        VideoError: if there is no such camera, or it cannot be opened.
        ImportError: if PyAV is missing.
    """
    av = import_av()
    file, format, options = _address(source) if _ADDRESS.match(source) else _device(source)
    try:
        container = av.open(
            file, format=format, options=options, timeout=_PATIENCE, metadata_errors="replace"
        )
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VideoError(f"There is no camera {source} that can be opened ({reason}).") from error
    with container:
        yield Video(container, f"camera {source}")


def _address(source):
    options = {"protocol_whitelist": _PROTOCOLS, "rtsp_transport": "tcp"}
    return source, None, options


def _device(source):
    """What FFmpeg opens a camera by, on the system that this is: name, format, options."""
    numbered = source.isdecimal()
    if sys.platform == "darwin":
        return f"{source}:none", "avfoundation", {"framerate": "30"}
    if sys.platform == "win32":
        return f"video={_directshow_name(int(source)) if numbered else source}", "dshow", {}
    return f"/dev/video{source}" if numbered else source, "v4l2", {}


def _directshow_name(number):
    """DirectShow knows its cameras by name alone."""
    devices = import_av().enumerate_input_devices("dshow")
    names = [device.name for device in devices if "video" in device.media_types]
    if number >= len(names):
        raise ValueError(f"DirectShow knows of {len(names)}")
    return names[number]
