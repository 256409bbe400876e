"""`keras-lwm predict` of videos and cameras, by a tiny network of every backend."""

import functools
import http.server
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from evaluation import oracle
from made_videos import UNEVEN, decoded, random_frames, write_video
from PIL import Image

from keras_lwm import Predictor
from keras_lwm.description import Description
from keras_lwm.run_folder.models import save_model
from keras_lwm.video import cameras
from keras_lwm_cli import main

DESCRIPTION = Description(
    ["wall", "floor", "chair", "lamp"], [(1, 2, 3), (40, 50, 60), (200, 0, 0), (0, 0, 250)]
)
FRAMES = random_frames(height=9, width=13)
CLASS_IDS = [oracle.logits_of(frame).argmax(axis=-1) for frame in FRAMES]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_model(oracle.network(), path, {}, DESCRIPTION)
    return path


@pytest.fixture
def clip(tmp_path):
    (tmp_path / "clips").mkdir()
    return write_video(tmp_path / "clips" / "clip.mkv", FRAMES)


def predict(*arguments):
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_ids_of_every_frame_are_those_of_the_frame_as_an_image(model, clip, tmp_path):
    out = tmp_path / "out"
    answer = predict(model, clip, "--out", out, "--only", "ids")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith(f"1 of 1 videos in {out}: ids; 8 frames, ")
    assert answer.stdout.endswith(" frames/s\n")
    predictor = Predictor(model)
    names = [f"00000{time // 1000}.{time % 1000:03d}000.png" for time in UNEVEN]
    for name, frame, class_ids in zip(names, FRAMES, CLASS_IDS, strict=True):
        ids = np.asarray(Image.open(out / "clip_ids" / name))
        np.testing.assert_array_equal(ids, predictor(frame))
        np.testing.assert_array_equal(ids, class_ids)
    assert files_in(out) == ["classes.csv", *(f"clip_ids/{n}" for n in (*names, "frames.csv"))]


def test_a_folder_of_images_and_videos_is_predicted_once_and_again(model, clip, tmp_path):
    folder = clip.parent
    Image.fromarray(FRAMES[0]).save(folder / "clip.png")  # A photo and its video.
    (folder / "broken.mp4").write_text("hello")
    expected = ["broken.mp4", "classes.csv", "clip.mkv", "clip.png"]
    expected += [f"clip_{kind}.png" for kind in ("ids", "mask", "overlay")] + ["clip_overlay.mp4"]
    for _ in range(2):
        answer = predict(model, folder, "--out", folder, "--frames-per-second", 1)
        assert answer.exit_code == 1
        assert answer.stdout.startswith(
            f"1 of 1 images in {folder}: ids, mask, overlay\n"
            f"1 of 2 videos in {folder}: overlay; 2 frames, "
        )
        assert f"Error: {folder / 'broken.mp4'} cannot be read as a video (" in answer.stderr
        assert files_in(folder) == sorted(expected)
    times, _ = decoded(folder / "clip_overlay.mp4")
    assert times == [0, 1]


def test_of_a_damaged_video_what_is_decoded_is_written_and_the_damage_said(model, clip, tmp_path):
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    answer = predict(model, clip, "--out", tmp_path / "out")
    assert answer.exit_code == 1
    assert f"Error: {clip} has an error at 0:00:00" in answer.stderr
    assert answer.stdout.startswith(f"1 of 1 videos in {tmp_path / 'out'}: overlay; ")
    times, _ = decoded(tmp_path / "out" / "clip_overlay.mp4")
    assert times == [time / 1000 for time in UNEVEN[: len(times)]] and len(times) > 1


def interrupt_at(monkeypatch, number):
    """As if Ctrl-C were pressed while frame `number` is predicted."""
    predicted, call = [], Predictor.__call__

    def interrupted(self, image):
        predicted.append(image.shape)
        if len(predicted) == number:
            signal.raise_signal(signal.SIGINT)
        return call(self, image)

    monkeypatch.setattr(Predictor, "__call__", interrupted)


def test_ctrl_c_leaves_no_part_of_a_video_file(model, clip, tmp_path, monkeypatch):
    interrupt_at(monkeypatch, 3)
    answer = predict(model, clip, "--out", tmp_path / "out", "--only", "overlay", "--only", "ids")
    assert answer.exit_code == 130 and "Stopped." in answer.stderr
    names = [f"clip_ids/000000.{time:03d}000.png" for time in UNEVEN[:2]]
    assert files_in(tmp_path / "out") == ["classes.csv", *names]


@pytest.fixture
def camera(monkeypatch):
    """FFmpeg's test picture, 50 a second in real time, in place of any camera."""
    source = "testsrc=size=16x12:rate=50,realtime"
    monkeypatch.setattr(cameras, "_device", lambda _: (source, "lavfi", {}))


def recorded(out):
    """Times of the only video of a camera there."""
    assert {path.suffix for path in out.iterdir()} == {".mp4", ".csv"}
    [path] = out.glob("camera_????-??-??_??-??-??_overlay.mp4")
    return decoded(path)[0]


def test_ctrl_c_ends_a_camera_and_its_video_is_whole(camera, model, tmp_path, monkeypatch):
    interrupt_at(monkeypatch, 3)
    answer = predict(model, "--camera", 0, "--out", tmp_path / "out")
    assert answer.exit_code == 0, answer.output
    assert f"camera 0 in {tmp_path / 'out' / 'camera_'}" in answer.stdout
    assert ": overlay; 3 frames, " in answer.stdout and answer.stdout.endswith(" dropped\n")
    assert len(recorded(tmp_path / "out")) == 3


def test_a_camera_ends_after_the_seconds_asked_for(camera, model, tmp_path):
    answer = predict(model, "--camera", 0, "--out", tmp_path / "out", "--seconds", 0.3)
    assert answer.exit_code == 0, answer.output
    times = recorded(tmp_path / "out")
    assert times[-1] - times[0] < 0.3
    # Frames may be dropped, and none is taken twice.
    assert all(later - earlier > 0.019 for earlier, later in zip(times, times[1:], strict=False))


@pytest.fixture
def address(clip):
    """Of a server of this machine that sends the clip."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=clip.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{clip.name}"
        server.shutdown()
        thread.join()


def test_a_stream_of_the_network_is_predicted_to_its_end(address, model, tmp_path):
    answer = predict(model, "--camera", address, "--out", tmp_path / "out")
    assert answer.exit_code == 0, answer.output
    frames, dropped = map(int, re.search(r"(\d+) frames.* (\d+) dropped", answer.stdout).groups())
    assert frames + dropped == 8 and frames >= 1
    assert len(recorded(tmp_path / "out")) == frames


def test_what_is_no_camera_or_not_both_ends_in_a_sentence(model, clip, tmp_path):
    out = tmp_path / "out"
    answer = predict(model, "--camera", "/dev/none", "--out", out)
    assert answer.exit_code == 1
    assert answer.stderr == (
        "Error: There is no camera /dev/none that can be opened (No such file or directory).\n"
    )
    answer = predict(model, "--camera", "rtsp://127.0.0.1:1/", "--out", out)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: There is no camera rtsp://127.0.0.1:1/ that can be")
    for arguments in ([clip, "--camera", 0], [], [clip, "--seconds", 3]):
        assert predict(model, *arguments, "--out", out).exit_code == 2
    assert not out.exists()


@pytest.mark.parametrize(
    ("system", "source", "opened"),
    [
        ("linux", "1", ("/dev/video1", "v4l2")),
        ("linux", "/dev/v4l/by-id/usb", ("/dev/v4l/by-id/usb", "v4l2")),
        ("darwin", "0", ("0:none", "avfoundation")),
        ("win32", "USB Camera", ("video=USB Camera", "dshow")),
    ],
)
def test_cameras_are_opened_as_their_system_does(system, source, opened, monkeypatch):
    monkeypatch.setattr(cameras.sys, "platform", system)
    assert cameras._device(source)[:2] == opened


def test_an_address_opens_no_file(tmp_path):
    secret = write_video(tmp_path / "secret.mkv", FRAMES)
    with pytest.raises(ValueError, match="no camera"), cameras.open_camera(f"http:{secret}"):
        pass
    assert Path(secret).exists()
