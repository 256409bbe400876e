"""Videos and folders of pictures, as they are read again."""

from fractions import Fraction

import numpy as np
import pytest
from made_videos import MILLISECOND, UNEVEN, decoded, random_frames
from PIL import Image

from keras_lwm.video.reading import Frame
from keras_lwm.video.writing import INDEX, is_frame_name, picture_folder, video_file


def frames_at(milliseconds, image):
    return [Frame(index, time * MILLISECOND, image) for index, time in enumerate(milliseconds)]


def smooth_picture(height, width):
    """Colours that change slowly: H.264 keeps them well."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    return (255 * np.stack([y, x, 1 - (x + y) / 2], axis=-1)).astype("uint8")


@pytest.mark.parametrize(("height", "width"), [(32, 48), (31, 47), (1, 1)])
def test_a_video_has_the_times_sizes_and_colours_of_its_pictures(height, width, tmp_path):
    picture = smooth_picture(height, width)
    with video_file(tmp_path / "a.mp4", MILLISECOND) as write:
        for frame in frames_at(UNEVEN, picture):
            write(frame, Image.fromarray(picture))
    times, images = decoded(tmp_path / "a.mp4")
    assert times == [time / 1000 for time in UNEVEN]
    padded = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    assert {image.shape for image in images} == {padded.shape}
    error = np.abs(images[-1].astype(float) - padded)
    assert error.mean() < 3 and error.max() < 25
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_times_are_exact_whatever_they_are_counted_in(tmp_path):
    tick = Fraction(1001, 24000)
    picture = Image.fromarray(smooth_picture(16, 16))
    with video_file(tmp_path / "a.mp4", tick) as write:
        for index in (0, 1, 5, 86_400):  # The last is after an hour.
            write(Frame(index, index * tick, None), picture)
    times, _ = decoded(tmp_path / "a.mp4")
    np.testing.assert_allclose(times, [float(index * tick) for index in (0, 1, 5, 86_400)])


def test_a_picture_of_another_size_is_resized_to_the_first(tmp_path):
    with video_file(tmp_path / "a.mp4", MILLISECOND) as write:
        first, second = frames_at([0, 40], None)
        write(first, Image.fromarray(smooth_picture(32, 48)))
        write(second, Image.new("RGB", (20, 10), (10, 200, 30)))
    _, images = decoded(tmp_path / "a.mp4")
    assert images[1].shape == (32, 48, 3)
    np.testing.assert_allclose(images[1], np.broadcast_to((10, 200, 30), (32, 48, 3)), atol=12)


def test_a_video_that_is_not_ended_leaves_what_was_there(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"earlier")
    picture = Image.fromarray(smooth_picture(32, 48))
    with (
        pytest.raises(KeyboardInterrupt),
        video_file(tmp_path / "a.mp4", MILLISECOND) as write,
    ):
        for frame in frames_at(UNEVEN, None):
            write(frame, picture)
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"earlier"


def test_pictures_are_named_by_seconds_that_sort_and_an_index_says_which_frames(tmp_path):
    times = [Fraction(0), Fraction(1, 3), Fraction(1235, 100), Fraction(7200), Fraction(90_000)]
    pictures = random_frames(5)[..., 0]
    with picture_folder(tmp_path / "ids") as write:
        for index, (time, picture) in enumerate(zip(times, pictures, strict=True)):
            write(Frame(2 * index, time, None), picture)
        assert not (tmp_path / "ids" / INDEX).exists()
    names = sorted(path.name for path in (tmp_path / "ids").glob("*.png"))
    assert all(map(is_frame_name, names))
    rows = (tmp_path / "ids" / INDEX).read_text().splitlines()
    assert rows[0] == "index,seconds,file"
    assert rows[2] == "2,0.333333,000000.333333.png"
    assert [row.split(",")[2] for row in rows[1:]] == names
    for name, picture in zip(names, pictures, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "ids" / name)), picture)


def test_pictures_of_an_earlier_video_are_removed_and_nothing_else(tmp_path):
    for name in ("000000.040000.png", INDEX, "mine.png", "notes.txt"):
        (tmp_path / name).write_text("")
    with pytest.raises(KeyboardInterrupt), picture_folder(tmp_path) as write:
        write(Frame(0, Fraction(0), None), np.zeros((2, 3), "uint8"))
        raise KeyboardInterrupt
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"000000.000000.png", "mine.png", "notes.txt"}
