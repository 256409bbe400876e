"""Videos that want other files or addresses opened, or too much memory, are refused."""

import struct

import av
import pytest
from made_videos import random_frames, write_video

from keras_lwm.video.reading import VideoError, open_video


def refuses(path, message):
    with pytest.raises(VideoError, match=message) as caught, open_video(path) as video:
        list(video.frames())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def frames_by_ffmpeg(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def write_stream(path):
    coded = "libx264", "yuv420p", {"qp": "0"}
    return write_video(path, random_frames(25, 32, 32), range(0, 1000, 40), coded)


@pytest.mark.parametrize("name", ["list.mp4", "list.ffconcat"])
def test_a_list_of_files_is_not_followed(name, tmp_path):
    write_stream(tmp_path / "secret.mp4")
    path = tmp_path / name
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    assert frames_by_ffmpeg(path) == 25  # It is an attack.
    refuses(path, "cannot be read as a video")


def test_a_playlist_is_not_followed(tmp_path):
    write_stream(tmp_path / "secret.ts")
    path = tmp_path / "list.m3u8"
    entries = "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXTINF:1.0,", "secret.ts"
    path.write_text("\n".join(["#EXTM3U", *entries, "#EXT-X-ENDLIST", ""]))
    assert frames_by_ffmpeg(path) == 25
    refuses(path, "cannot be read as a video")
    path.rename(tmp_path / "list.mp4")
    refuses(tmp_path / "list.mp4", "cannot be read as a video")


def test_a_description_of_a_stream_opens_no_address(tmp_path):
    path = tmp_path / "stream.mp4"
    path.write_text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    refuses(path, "cannot be read as a video")


def test_frames_that_would_fill_the_memory(tmp_path):
    path = write_video(tmp_path / "clip.mov", random_frames(1), [0])
    data = path.read_bytes()
    # The size of the track, and that in the header of the only PNG.
    for size in (struct.pack(">HH", 21, 15), struct.pack(">II", 21, 15)):
        assert size in data
        data = data.replace(size, struct.pack(">HH" if len(size) == 4 else ">II", 16000, 16000))
    path.write_bytes(data)
    refuses(path, "no frame that can be decoded|no more than 67108864 are read|as a video")


def test_a_shape_of_pixels_that_would_fill_the_memory(tmp_path):
    def prepare(stream):
        stream.sample_aspect_ratio = 149

    frames = random_frames(1, 150, 4000)
    path = write_video(tmp_path / "clip.mp4", frames, [0], prepare=prepare)
    refuses(path, "has frames of 596000x150 pixels, and no more than 67108864 are read")
