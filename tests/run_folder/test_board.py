"""What is written for TensorBoard is what its own reader finds."""

import io

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_imports import run_blind

from keras_lwm.run_folder.board import Board, WriteScalars

ALONE = """
ABSENT |= {"tensorflow"}
from pathlib import Path
from keras_lwm.run_folder.board import Board
Board(Path(sys.argv[1])).scalars(0, {"loss": 1.0})
"""


def read(path):
    everything = {"scalars": 0, "images": 0, "histograms": 0}
    return EventAccumulator(str(path), size_guidance=everything).Reload()


def scalars(events, tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_pictures_are_the_same_to_the_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("uint8")
    Board(tmp_path).pictures(3, {"frame_0/made": picture})
    [image] = read(tmp_path).Images("frame_0/made")
    assert (image.step, image.height, image.width) == (3, 5, 7)
    with Image.open(io.BytesIO(image.encoded_image_string)) as read_back:
        np.testing.assert_array_equal(np.asarray(read_back), picture)


def test_a_histogram_counts_every_value_and_what_lies_outside_in_its_ends(tmp_path):
    values, edges = np.array([0.2, 0.3, 1.0, 1.4, 9.0], "float32"), np.linspace(0, 2.5, 6)
    Board(tmp_path).histogram(1, "loss_weight", values, edges)
    [event] = read(tmp_path).Histograms("loss_weight")
    histogram = event.histogram_value
    assert (histogram.num, histogram.sum) == (5, pytest.approx(11.9))
    assert histogram.max == 9 and histogram.min == pytest.approx(0.2)
    counted = dict(zip(histogram.bucket_limit, histogram.bucket, strict=True))
    assert counted == {0: 0, 0.5: 2, 1.0: 0, 1.5: 2, 2.0: 0, 2.5: 1}
    Board(tmp_path / "inside").histogram(1, "loss_weight", np.array([1.1, 1.6]), edges)
    [event] = read(tmp_path / "inside").Histograms("loss_weight")
    assert list(event.histogram_value.bucket_limit) == [1.0, 1.5, 2.0]


def test_what_is_not_finite_is_left_out(tmp_path):
    Board(tmp_path).scalars(0, {"depth_loss": float("nan"), "loss": 1.5})
    assert read(tmp_path).Tags()["scalars"] == ["loss"]


def test_training_and_validation_have_a_board_each(tmp_path):
    write = WriteScalars(Board(tmp_path / "train"), Board(tmp_path / "validation"))
    write.on_epoch_end(0, {"loss": 2.0, "val_loss": 3.0})
    write.on_epoch_end(1, {"loss": 1.0})
    assert scalars(read(tmp_path / "train"), "epoch_loss") == [(0, 2.0), (1, 1.0)]
    assert scalars(read(tmp_path / "validation"), "epoch_loss") == [(0, 3.0)]


def test_what_a_killed_process_wrote_beyond_its_checkpoint_is_void(tmp_path):
    killed = Board(tmp_path)
    for epoch in range(4):
        killed.scalars(epoch, {"loss": 10.0 + epoch})
    resumed = Board(tmp_path, first_step=2)
    for epoch in (2, 3):
        resumed.scalars(epoch, {"loss": 20.0 + epoch})
    expected = [(0, 10.0), (1, 11.0), (2, 22.0), (3, 23.0)]
    assert scalars(read(tmp_path), "loss") == expected


def test_a_board_needs_no_tensorflow(tmp_path):
    run_blind(ALONE, tmp_path, backend="jax")
    assert scalars(read(tmp_path), "loss") == [(0, 1.0)]
