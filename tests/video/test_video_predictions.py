"""Predictions of a video are those of its frames as images."""

import weakref
from pathlib import Path

import numpy as np
import pytest
from made_videos import UNEVEN, Red, decoded, random_frames, write_video
from PIL import Image

from keras_lwm.deployment.prediction_files import overlay
from keras_lwm.large_images.memory import ImageTooLargeError
from keras_lwm.video import open_video, predict_video, write_video_predictions
from keras_lwm.video.ahead import Ahead
from keras_lwm.video.predictions import is_video_prediction
from keras_lwm.video.reading import VideoError

FRAMES = random_frames()


def write(predictor, path, out, pictures, per_second=None):
    with open_video(path) as video:
        frames = video.frames(per_second)
        return list(write_video_predictions(predictor, video, frames, out, "a/clip", pictures))


def test_predictions_come_with_the_times_of_their_frames(tmp_path):
    path = write_video(tmp_path / "clip.mkv", FRAMES)
    times, class_ids = zip(*predict_video(Red(), path), strict=True)
    assert list(times) == [time / 1000 for time in UNEVEN]
    np.testing.assert_array_equal(class_ids, [Red()(frame) for frame in FRAMES])
    times, _ = zip(*predict_video(Red(), path, per_second=1), strict=True)
    assert list(times) == [0, 1]


def test_damage_is_a_warning_after_the_last_frame(tmp_path):
    path = write_video(tmp_path / "clip.mkv", FRAMES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(UserWarning, match="clip.mkv has an error at 0:00:00") as caught:
        frames = list(predict_video(Red(), path))
    assert 1 < len(frames) < 8
    assert caught[0].filename == __file__


def test_pictures_of_every_frame_and_a_video_of_them_are_written(tmp_path):
    path = write_video(tmp_path / "clip.mkv", FRAMES)
    done = write(Red(), path, tmp_path / "out", ("overlay", "ids", "mask"))
    assert [frame.index for frame in done] == list(range(8))
    out = tmp_path / "out" / "a"
    colours = Red().description.palette
    for name, frame in zip(sorted((out / "clip_ids").glob("*.png")), FRAMES, strict=True):
        for kind in ("ids", "mask"):
            with Image.open(out / f"clip_{kind}" / name.name) as picture:
                np.testing.assert_array_equal(np.asarray(picture), Red()(frame))
    times, images = decoded(out / "clip_overlay.mp4")
    assert times == [time / 1000 for time in UNEVEN]
    # H.264 keeps no noise, but the colours over it in the mean.
    for image, frame in zip(images, FRAMES, strict=True):
        expected = np.asarray(overlay(frame, Red()(frame), colours))
        np.testing.assert_allclose(
            image[:15, :21].mean(axis=(0, 1)), expected.mean(axis=(0, 1)), atol=6
        )
    assert (tmp_path / "out" / "classes.csv").read_text().startswith("id,name")
    pictures = [path for path in out.rglob("*.*") if path.suffix != ".csv"]
    assert len(pictures) == 8 + 8 + 1
    assert all(is_video_prediction(path, tmp_path / "out") for path in pictures)


def test_few_frames_are_alive_at_a_time(tmp_path):
    """However long the video: those read ahead, predicted and written."""
    begun, ended, most_alive = [], [], 0

    def counted(frames):
        for frame in frames:
            begun.append(frame.index)
            weakref.finalize(frame.image, ended.append, frame.index)
            yield frame
            del frame

    path = write_video(tmp_path / "clip.mkv", random_frames(200), range(0, 8000, 40))
    with open_video(path) as video, Ahead(counted(video.frames()), most=2) as frames:
        for _ in write_video_predictions(Red(), video, frames, tmp_path, "clip"):
            most_alive = max(most_alive, len(begun) - len(ended))
    assert len(begun) == 200
    # Two wait and one is in the thread's hand; one is predicted, up to three are written or done.
    assert most_alive <= 8


def test_predictions_are_known_by_name_and_place():
    assert is_video_prediction("out/a/clip_overlay.mp4", "out")
    assert is_video_prediction("out/clip_ids/000001.500000.png", "out")
    for path in ("out/clip.mp4", "out/clip_ids/1.png", "out/000001.500000.png", "clip_overlay.mp4"):
        assert not is_video_prediction(path, "out")


def test_frames_too_large_or_none_end_in_a_sentence_and_leave_nothing(tmp_path):
    path = write_video(tmp_path / "clip.mkv", FRAMES)

    def refuse():
        raise ImageTooLargeError("Expected more.")

    with pytest.raises(VideoError, match="clip.mkv has frames that are too large. Expected more."):
        write(Red(refuse), path, tmp_path / "out", ("overlay",))
    with open_video(path) as video, pytest.raises(VideoError, match="frames of .*; received none"):
        list(write_video_predictions(Red(), video, iter(()), tmp_path / "out", Path("clip")))
    assert {p.name for p in (tmp_path / "out").rglob("*") if p.is_file()} == {"classes.csv"}
