"""Frames and times of videos, against the frames that they were made of."""

import random
import re
from fractions import Fraction

import av
import numpy as np
import pytest
from made_videos import LOSSLESS, MILLISECOND, UNEVEN, planes, random_frames, write_video

from keras_lwm.video.reading import VideoError, clock, open_video

FRAMES = random_frames()


def read(path, per_second=None):
    """Frames, and what is said of damage."""
    with open_video(path) as video:
        frames = list(video.frames(per_second))
        return frames, video.damage


def image_of(path):
    return read(path)[0][0].image


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_frames_and_their_uneven_times_are_those_it_was_made_of(suffix, tmp_path):
    frames, damage = read(write_video(tmp_path / f"clip{suffix}", FRAMES))
    assert damage is None
    assert [frame.index for frame in frames] == list(range(8))
    assert [frame.time for frame in frames] == [time * MILLISECOND for time in UNEVEN]
    np.testing.assert_array_equal([frame.image for frame in frames], FRAMES)


@pytest.mark.parametrize("suffix", [".m2ts", ".mp4"])
def test_frames_coded_out_of_order_come_in_order_from_the_beginning(suffix, tmp_path):
    """An MPEG stream begins at some time of its own, which counts as 0."""
    even = [40 * index for index in range(8)]
    frames = random_frames(height=32, width=32)
    coded = "libx264", "yuv420p", {"bf": "3"}
    found, damage = read(write_video(tmp_path / f"clip{suffix}", frames, even, coded))
    assert [frame.time for frame in found] == [time * MILLISECOND for time in even]
    assert damage is None


@pytest.mark.parametrize("per_second", [0.5, 0.3, 3, 10, 25, 1000])
def test_of_each_part_of_a_second_the_first_frame_is_taken(per_second, tmp_path):
    frames, _ = read(write_video(tmp_path / "clip.mkv", FRAMES), per_second)
    seen, expected = set(), []
    for index, time in enumerate(UNEVEN):
        part = int(time * per_second // 1000)
        if part not in seen:
            expected.append(index)
        seen.add(part)
    assert [frame.index for frame in frames] == expected
    np.testing.assert_array_equal([frame.image for frame in frames], FRAMES[expected])


def turned(image, matrix):
    """The definition, pixel by pixel: (x, y) goes to (a x + c y, b x + d y), then into view."""
    height, width = image.shape[:2]
    (a, b), (c, d) = matrix
    at = {(a * x + c * y, b * x + d * y): image[y, x] for y in range(height) for x in range(width)}
    columns, rows = (sorted({place[axis] for place in at}) for axis in (0, 1))
    return np.array([[at[column, row] for column in columns] for row in rows])


QUARTERS = [
    ((a, 0), (0, d)) if straight else ((0, a), (d, 0))
    for straight in (True, False)
    for a in (1, -1)
    for d in (1, -1)
]


@pytest.mark.parametrize("matrix", QUARTERS)
def test_frames_are_turned_and_mirrored_as_the_file_says(matrix, tmp_path):
    (a, b), (c, d) = ((value << 16 for value in row) for row in matrix)
    values = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path = tmp_path / "clip.mp4"
    write_video(path, FRAMES[:1], [0], prepare=lambda stream: stream.set_display_matrix(values))
    np.testing.assert_array_equal(image_of(path), turned(FRAMES[0], matrix))


@pytest.mark.parametrize(
    ("pixels", "size", "matrix", "full", "weights"),
    [
        ("yuv444p", (16, 16), None, False, (0.299, 0.114)),
        ("yuv444p", (16, 16), 1, False, (0.2126, 0.0722)),
        ("yuv444p", (16, 16), 6, True, (0.299, 0.114)),
        # Nothing says the matrix: by the size, as players do.
        ("yuv444p", (720, 1280), None, False, (0.2126, 0.0722)),
        ("yuv444p10le", (16, 16), 9, False, (0.2627, 0.0593)),
    ],
)
def test_colours_are_those_that_the_matrix_and_range_say(
    pixels, size, matrix, full, weights, tmp_path
):
    fine = 4 if "10le" in pixels else 1  # steps of ten bits to one of eight
    red, blue = weights
    expected = np.array([200, 90, 30])
    luma = np.dot((red, 1 - red - blue, blue), expected)
    chroma = [(expected[i] - luma) / (2 * (1 - w)) for i, w in ((2, blue), (0, red))]
    scale, offset, spread = (1, 0, 1) if full else (219 / 255, 16, 224 / 255)
    values = [offset + scale * luma, *(128 + spread * value for value in chroma)]
    coded = [round(value * fine) for value in values]
    frame = planes(pixels, *coded, height=size[0], width=size[1])

    def prepare(stream):
        context = stream.codec_context
        context.color_range = frame.color_range = 2 if full else 1
        if matrix:
            context.colorspace = frame.colorspace = matrix

    write_video(tmp_path / "clip.mkv", [frame], [0], ("ffv1", pixels, {}), prepare)
    image = image_of(tmp_path / "clip.mkv")
    np.testing.assert_allclose(image, np.broadcast_to(expected, image.shape), atol=2)


def test_ten_bits_become_eight(tmp_path):
    luma = np.arange(64, 940, 55)
    frame = planes("yuv420p10le", luma, 512, 512)
    write_video(tmp_path / "clip.mkv", [frame], [0], ("ffv1", "yuv420p10le", {}))
    expected = (luma - 64) * 255 / 876
    image = image_of(tmp_path / "clip.mkv")
    np.testing.assert_allclose(image[:, 3], expected[:, None].repeat(3, 1), atol=1)


def test_white_of_high_dynamic_range_is_white(tmp_path):
    """HLG: the signal of reference white is 75 %, by ITU-R BT.2408."""
    luma = [round(64 + 876 * 0.75 * share) for share in np.linspace(0, 1, 16)]
    frame = planes("yuv420p10le", luma, 512, 512)

    def prepare(stream):
        context = stream.codec_context
        context.color_trc = frame.color_trc = 18
        context.colorspace = context.color_primaries = 9
        frame.colorspace = frame.color_primaries = 9

    write_video(tmp_path / "clip.mkv", [frame], [0], ("ffv1", "yuv420p10le", {}), prepare)
    grey = image_of(tmp_path / "clip.mkv")[:, 3].astype(int)
    assert (np.ptp(grey, axis=1) <= 2).all()
    assert (np.diff(grey[:, 0]) > 0).all()
    assert grey[0, 0] <= 2 and 240 <= grey[-1, 0] <= 255


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    def prepare(stream):
        stream.sample_aspect_ratio = Fraction(4, 3)

    path = write_video(tmp_path / "clip.mp4", FRAMES[:1, :, :, :], [0], prepare=prepare)
    assert image_of(path).shape == (15, 28, 3)


def test_times_that_do_not_increase_are_reported_and_every_frame_used(tmp_path):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.pix_fmt, stream.width, stream.height = "bgr0", 21, 15
        packets = []
        for frame in FRAMES[:5]:
            packets += stream.encode(av.VideoFrame.from_ndarray(frame))
        for packet, time in zip(packets, (0, 40, 40, 80, 120), strict=True):
            packet.pts = packet.dts = time
            packet.time_base = MILLISECOND
            container.mux(packet)
    frames, damage = read(path)
    assert [round(frame.time * 1000) for frame in frames] == [0, 40, 80, 120, 160]
    np.testing.assert_array_equal([frame.image for frame in frames], FRAMES[:5])
    assert damage == (
        f"{path} has an error at 0:00:00.040 (the next frame's time is no later): what could be "
        "decoded is used."
    )


def write_sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4410), "float32"), "fltp", "stereo")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_what_is_no_video_is_refused_in_a_sentence(tmp_path):
    unknown = r"cannot be read as a video \(damaged, or of no known format\)\.$"
    for name, content in (("empty.mp4", b""), ("text.mp4", b"hello" * 100)):
        (tmp_path / name).write_bytes(content)
    write_sound(tmp_path / "sound.mp4")
    (tmp_path / "folder.mp4").mkdir()
    for name, message in (
        ("empty.mp4", unknown),
        ("text.mp4", unknown),
        ("folder.mp4", r"cannot be read as a video \(Is a directory\)\.$"),
        ("sound.mp4", r"^Expected a video stream in .*sound.mp4; found none of video in it\.$"),
    ):
        with pytest.raises(VideoError, match=message) as caught:
            read(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"^There is no video .*none.mp4\.$"):
        read(tmp_path / "none.mp4")


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "plain.mkv", FRAMES[:1], [0]).rename(tmp_path / "concat:a|b.mkv")
    np.testing.assert_array_equal(image_of("concat:a|b.mkv"), FRAMES[0])


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mp4", ".mov"])
def test_of_a_file_cut_anywhere_the_frames_before_are_read_and_the_rest_is_missed(suffix, tmp_path):
    """Every frame is coded by itself; those of MP4 and MOV are found by an index in front."""
    even = [200 * index for index in range(8)]
    codec, pixels, options = LOSSLESS[suffix]
    coded = codec, pixels, {**options, "g": "1"}
    front = {"movflags": "faststart"} if suffix in (".mp4", ".mov") else {}
    path = tmp_path / f"whole{suffix}"
    whole = write_video(path, FRAMES, even, coded, tick=Fraction(1, 5), **front).read_bytes()
    lengths = set()
    for length in random.Random(0).sample(range(len(whole)), 40):
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(whole[:length])
        try:
            frames, damage = read(path)
        except VideoError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            lengths.add(0)
            continue
        lengths.add(len(frames))
        assert [round(frame.time * 1000) for frame in frames] == even[: len(frames)]
        # The frame that is cut may be there, with what there is of it.
        for frame, given in zip(frames[:-1], FRAMES, strict=False):
            np.testing.assert_array_equal(frame.image, given)
        if len(frames) < 7 or (frames[-1].image != FRAMES[len(frames) - 1]).any():
            assert re.match(re.escape(str(path)) + r" has an error at 0:00:0\d\.\d+ \(", damage)
    assert len(lengths) > 4


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_spoiled_bytes_end_in_a_sentence_or_in_frames(suffix, tmp_path):
    whole = write_video(tmp_path / f"whole{suffix}", FRAMES).read_bytes()
    fortune, damaged = random.Random(1), 0
    for _ in range(40):
        spoiled = bytearray(whole)
        for place in fortune.sample(range(len(whole)), 20):
            spoiled[place] = fortune.randrange(256)
        path = tmp_path / f"spoiled{suffix}"
        path.write_bytes(spoiled)
        try:
            frames, damage = read(path)
        except VideoError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            continue
        times = [frame.time for frame in frames]
        assert times == sorted(set(times)) and times[0] >= 0
        damaged += damage is not None
    assert damaged


def test_a_clock_shows_hours_and_thousandths():
    assert [clock(time) for time in (0, 0.0004, 59.9996, Fraction(7384567, 1000))] == [
        *("0:00:00.000", "0:00:00.000", "0:01:00.000", "2:03:04.567")
    ]
