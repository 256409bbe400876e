"""What a run keeps for its page: chosen frames, weight maps, bins; and that nothing disturbs it."""

import io
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from exact_runs import EPOCHS, STEPS, assert_same, batches, new_model, train
from keras import ops
from PIL import Image
from small_run import (
    NAMES,
    PALETTE,
    TEST_FRAMES,
    TRAINING_FRAMES,
    mean_iou_of_frame,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_lwm import CurriculumCallback
from keras_lwm.report import (
    FrameScores,
    KeepWeightMaps,
    choose_frames,
    hard_pixel_maps,
    weight_maps,
)
from keras_lwm.report.drawing import under_centres
from keras_lwm.report.weight_maps import LARGEST, weight_norm
from keras_lwm.run_folder import RunFolder
from keras_lwm.run_folder.board import Board
from keras_lwm.run_folder.state import read_state

ON_DEVICES = """
import pathlib, sys
import keras
from keras_lwm.devices import several_devices
with several_devices(int(sys.argv[2])):
    from training_samples import tiny_batch, tiny_network
    from keras_lwm import DepthPrivilegedModel
    from keras_lwm.report import KeepWeightMaps
    keras.utils.set_random_seed(0)
    network = tiny_network()
    model = DepthPrivilegedModel(network, weighting="pixel_error")
    images, targets = tiny_batch(1)
    frame = (images[0], targets["label"][0], targets["depth"][0])
    keep = KeepWeightMaps(pathlib.Path(sys.argv[1]), [frame], [[1, 2, 3]] * 4)
    keep.set_model(model)
    keep.set_params({"epochs": 1})
    keep.on_train_begin()
    keep.on_epoch_end(0)
"""


def weights_in(path):
    """The weights that a picture of `KeepWeightMaps` stands for, NaN where it is void."""
    with Image.open(path) as picture:
        indices = np.asarray(picture)
    return np.where(indices == 255, np.nan, weight_norm().inverse(indices / 254))


def test_weight_maps_are_the_models_own_on_these_frames(trained):
    folder = trained.path / "report" / "weight_maps"
    assert sorted(path.name for path in folder.glob("epoch_*.json")) == [
        "epoch_0001.json",
        "epoch_0002.json",
    ]
    last = json.loads((folder / "epoch_0002.json").read_text())
    counts = np.zeros(len(last["counts"]), int)
    for index, (image, label, depth) in enumerate(TRAINING_FRAMES):
        own = hard_pixel_maps(trained.model, image, label, depth)["weight"]
        shown = weights_in(folder / f"epoch_0002_frame_{index}.png")
        void = np.isnan(shown)
        assert np.ptp(own[~void]) > 0.1 and (own[void] == 0).all()
        # Half a step of 127 between 0 and 1, and of 127 between 1 and the largest.
        np.testing.assert_allclose(
            shown[~void], np.minimum(own[~void], LARGEST), atol=0.51 * (LARGEST - 1) / 127
        )
        counts += np.histogram(np.minimum(own[~void], LARGEST), last["bin_edges"])[0]
    assert last["counts"] == counts.tolist()
    assert (last["epoch"], last["coefficient"]) == (2, 0.5)
    first = json.loads((folder / "epoch_0001.json").read_text())
    assert first["coefficient"] == 0  # The plain loss: every valid pixel weighs 1.
    assert sum(first["counts"]) == first["counts"][np.digitize(1.0, first["bin_edges"]) - 1] > 0


def test_several_devices_keep_the_map_of_one(tmp_path):
    kept = []
    for devices in (1, 1 if keras.backend.backend() == "torch" else 2):
        words = [sys.executable, "-c", ON_DEVICES, tmp_path, str(devices)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        with Image.open(tmp_path / "epoch_0001_frame_0.png") as picture:
            kept.append(np.asarray(picture).astype(int))
    # What lies between two steps may be rounded to either.
    np.testing.assert_allclose(*kept, atol=1)
    assert len(np.unique(kept[0])) > 3


def test_of_a_large_frame_the_middle_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_maps, "LARGEST_FRAME", (17, 100))
    label = np.arange(40 * 30).reshape(40, 30)
    frame = (np.stack([label] * 3, axis=-1), label, label[..., None])
    [(image, *others)] = KeepWeightMaps(tmp_path, [frame], PALETTE).frames
    np.testing.assert_array_equal(image[..., 0], label[11:28])
    for maps in others:
        np.testing.assert_array_equal(np.squeeze(maps), label[11:28])


def test_keeping_weight_maps_changes_nothing_of_the_training(tmp_path):
    with_maps, without = new_model(), new_model()
    board = Board(tmp_path / "board")
    keep = KeepWeightMaps(tmp_path / "maps", TRAINING_FRAMES, PALETTE, board=board)
    train(tmp_path / "with", with_maps, [keep])
    train(tmp_path / "without", without)
    assert_same(read_state(with_maps), read_state(without))
    histories = [(tmp_path / name / "history.csv").read_text() for name in ("with", "without")]
    assert histories[0] == histories[1]
    assert len(list((tmp_path / "maps").glob("epoch_*.png"))) == 2 * len(TRAINING_FRAMES)


def test_the_hardest_frames_are_those_of_lowest_score(trained):
    scores = {}
    for index, frame in enumerate(TEST_FRAMES):
        prediction = hard_pixel_maps(trained.model, *frame)["prediction"]
        scores[index] = mean_iou_of_frame(frame[1], prediction, len(NAMES))
    for frame in trained.frame_scores:
        assert frame["mean_iou"] == pytest.approx(scores[frame["index"]])
    hardest = [frame["index"] for frame in trained.chosen if frame["hardest"]]
    assert hardest == sorted(scores, key=scores.get)[:2]
    kept = json.loads((trained.path / "report" / "frames" / "frames.json").read_text())
    assert [frame["name"] for frame in kept["frames"]] == [
        f"room_{frame['index']}" for frame in trained.chosen
    ]


def test_frames_of_chance_are_the_same_whatever_their_scores():
    def frames(values):
        entries = [{"index": i, "mean_iou": v, "pixel_accuracy": v} for i, v in enumerate(values)]
        return choose_frames(entries, 3, 4)

    random = np.random.default_rng(0)
    one, other = (frames(random.permutation(20) / 20) for _ in range(2))
    picked = [{f["index"] for f in chosen if f["random"]} for chosen in (one, other)]
    assert picked[0] == picked[1] and len(picked[0]) == 4
    for chosen in (one, other):
        assert [f["mean_iou"] for f in chosen if f["hardest"]] == [0, 1 / 20, 2 / 20]
        assert len({f["index"] for f in chosen}) == len(chosen)
    assert len(frames([0.5, None])) == 2 and not frames([0.5, None])[1]["hardest"]


def test_a_frame_without_a_labelled_pixel_has_no_score():
    of_frames = FrameScores(3)
    of_frames(0, np.full((4, 5), 255, "uint8"), np.zeros((4, 5), "int32"))
    of_frames(1, np.full((4, 5), 2, "uint8"), np.full((4, 5), 2, "int32"))
    assert of_frames.scores == [
        {"index": 0, "mean_iou": None, "pixel_accuracy": None},
        {"index": 1, "mean_iou": 1.0, "pixel_accuracy": 1.0},
    ]


def test_labels_and_predictions_keep_the_exact_colours_of_their_classes(trained):
    frame = next(frame for frame in trained.chosen)
    image, label, depth = TEST_FRAMES[frame["index"]]
    prediction = hard_pixel_maps(trained.model, image, label, depth)["prediction"]
    folder = trained.path / "report" / "frames"
    for view, ids in (("label", label), ("prediction", prediction)):
        with Image.open(folder / f"frame_{frame['index']:05}_{view}.webp") as picture:
            colours = np.asarray(picture.convert("RGB"))
        known = ids != 255
        np.testing.assert_array_equal(colours[known], np.uint8(PALETTE)[ids[known]])


def test_the_kept_bins_are_those_of_the_weighting(trained):
    kept = json.loads((trained.path / "report" / "bins.json").read_text())
    for title, name in (("DSE", "segmentation"), ("DPE", "prediction")):
        memory = getattr(trained.model.weighting, f"binned_{name}_error")
        errors, seen = (ops.convert_to_numpy(values) for values in (memory.errors, memory.seen))
        table = np.array(kept["tables"][title], dtype=float)
        np.testing.assert_array_equal(np.isnan(table), seen == 0)
        np.testing.assert_allclose(table[seen > 0], errors[seen > 0])
    assert kept["edges"][0] == pytest.approx(1) and kept["edges"][-1] == pytest.approx(8)


def test_a_board_gets_strips_of_every_epoch_and_all_weights(tmp_path):
    model = new_model()
    run = RunFolder(tmp_path / "run", {}).begin(NAMES, PALETTE)
    maps = run.report_path / "weight_maps"
    keep = KeepWeightMaps(maps, TRAINING_FRAMES, PALETTE, epochs=1, board=run.board)
    own = OwnMaps()
    settings = {"callbacks": [CurriculumCallback(over=1.0), keep, own], "verbose": 0}
    run.fit(model, batches, STEPS, EPOCHS, monitor="loss", mode="min", **settings)
    everything = {"images": 0, "histograms": 0}
    events = EventAccumulator(str(run.board.path), everything).Reload()
    for index, (image, label, _) in enumerate(TRAINING_FRAMES):
        [given] = events.Images(f"frame_{index}/given")
        made = events.Images(f"frame_{index}/made")
        assert given.step == 0 and [picture.step for picture in made] == list(range(EPOCHS))
        height, width = label.shape
        parts = np.split(opened(given), 3, axis=1)
        np.testing.assert_array_equal(parts[0], image)
        known, colours = label != 255, np.uint8(PALETTE)
        np.testing.assert_array_equal(parts[1][known], colours[label[known]])
        prediction, _, weight = np.split(opened(made[-1]), 3, axis=1)
        np.testing.assert_array_equal(prediction, colours[own.maps[index]["prediction"]])
        weights = own.maps[index]["weight"]
        red, _, blue = np.moveaxis(under_centres(weight, weights.shape).astype(int), -1, 0)
        heavy, light = weights == weights.max(), weights == weights[weights > 0].min()
        assert (red > blue)[heavy].all() and (red < blue)[light].all()
    histograms = events.Histograms("loss_weight")
    assert [event.step for event in histograms] == list(range(EPOCHS))
    assert len(list(maps.glob("epoch_*.json"))) == 1
    counts = json.loads((maps / "epoch_0001.json").read_text())["counts"]
    assert histograms[0].histogram_value.num == sum(counts)


class OwnMaps(keras.callbacks.Callback):
    """What the model makes of the frames at the last epoch's end."""

    def on_epoch_end(self, epoch, logs=None):
        self.maps = [hard_pixel_maps(self.model, *frame) for frame in TRAINING_FRAMES]


def opened(event):
    with Image.open(io.BytesIO(event.encoded_image_string)) as picture:
        return np.asarray(picture)
