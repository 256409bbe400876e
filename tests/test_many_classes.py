"""300 classes, 255 among them, from label files and arrays to batches, scores and pictures."""

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from rgbd_frames import write_frame, write_lists

from keras_lwm import DepthPrivilegedModel
from keras_lwm.arrays import ArrayBatches
from keras_lwm.augmentation import Augmentation
from keras_lwm.datasets import RgbdFolder
from keras_lwm.datasets.check import check_builder, check_folder, report_text
from keras_lwm.deployment.prediction_files import write_predictions
from keras_lwm.description import Description
from keras_lwm.evaluation import DepthRange, TrimapBand, confusion_csv, evaluate, text_table
from keras_lwm.palette import distinct_palette
from keras_lwm.pipeline import evaluation_dataset, training_dataset
from keras_lwm.report.drawing import VOID_STRIPES, colour_labels, present_classes

CLASSES, VOID = 300, 65535
NAMES = [f"thing {index}" for index in range(CLASSES)]
# A colour for every class, by which `recogniser` knows it.
COLOURS = np.stack([np.arange(CLASSES) % 17 * 15, np.arange(CLASSES) // 17 * 14], -1)
FRAMES, SIZE = 3, (12, 30)


def frames():
    """Labels (N, H, W) of all 300 ids and void, images of the classes' colours, metres."""
    random = np.random.default_rng(0)
    labels = random.permutation(np.arange(FRAMES * SIZE[0] * SIZE[1]) % (CLASSES + 1))
    labels = np.where(labels == CLASSES, VOID, labels).reshape(FRAMES, *SIZE).astype("uint16")
    colours = np.concatenate([COLOURS, np.full((CLASSES, 1), 7)], -1)
    images = colours[np.where(labels == VOID, 0, labels)].astype("uint8")
    return images, labels, random.uniform(1, 5, (*labels.shape, 1)).astype("float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The frames as files: labels as PNG of 16 bits, depth in metres as arrays."""
    path = tmp_path_factory.mktemp("frames")
    names = [f"frame{index}" for index in range(FRAMES)]
    for name, image, label, depth in zip(names, *frames(), strict=True):
        write_frame(path, name, image, label, depth[..., 0])
    write_lists(path, classes=NAMES, train=names)
    return path


@pytest.fixture(scope="module")
def builder(folder):
    return RgbdFolder(folder, data_dir=folder / "prepared")


def recogniser():
    """A network that finds the class whose colour is nearest: every logit is 2 x c - c c."""
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(CLASSES, 1)
    model = keras.Model(image, layer(image))
    kernel = np.zeros((1, 1, 3, CLASSES), "float32")
    kernel[0, 0, :2] = 2 * COLOURS.T
    layer.set_weights([kernel, -(COLOURS**2).sum(-1).astype("float32")])
    return model


def test_every_id_survives_arrays_and_padding_is_void():
    images, labels, depths = frames()
    plain = ArrayBatches(images, labels, depths, num_classes=CLASSES, batch_size=FRAMES)
    _, targets = plain[0]
    assert targets["label"].dtype == np.uint16
    assert set(np.unique(targets["label"])) == {*range(CLASSES), VOID}
    padded = Augmentation(crop=(20, 40), scale=(1, 1), flip=0)
    batches = ArrayBatches(
        images, labels, depths, num_classes=CLASSES, batch_size=FRAMES, augmentation=padded
    )
    _, targets = batches[0]
    unmeasured = targets["depth"][..., 0] == 0
    assert unmeasured.sum() == FRAMES * (20 * 40 - SIZE[0] * SIZE[1])
    assert (targets["label"][unmeasured] == VOID).all()
    inside = np.sort(targets["label"][~unmeasured])
    np.testing.assert_array_equal(inside, np.sort(labels, axis=None))


def test_label_files_of_16_bits_come_out_of_tfds_and_tf_data_as_they_are(builder):
    images, labels, depths = frames()
    (batch,) = tfds.as_numpy(evaluation_dataset(builder, "train", batch_size=FRAMES))
    np.testing.assert_array_equal(batch[0], images)
    np.testing.assert_array_equal(batch[1]["label"], labels)
    assert batch[1]["label"].dtype == np.uint16
    again = tfds.builder_from_directory(builder.data_dir)
    stored = [sample["label"][..., 0] for sample in tfds.as_numpy(again.as_dataset("train"))]
    np.testing.assert_array_equal(stored, labels)

    options = {"batch_size": 2, "augmentation": Augmentation(crop=(10, 14)), "seed": 5}
    arrays = ArrayBatches(images, labels, depths, num_classes=CLASSES, **options)
    served = itertools.islice(tfds.as_numpy(training_dataset(builder, **options)), 4)
    for step, (image, targets) in enumerate(served):
        np.testing.assert_array_equal(image, arrays[step][0])
        np.testing.assert_array_equal(targets["label"], arrays[step][1]["label"])
        assert targets["label"].dtype == arrays[step][1]["label"].dtype == np.uint16


@pytest.mark.parametrize(("first_id", "void_ids"), [(1, (0,)), (7, (2, 65535))])
def test_other_ids_of_the_label_files_are_mapped(tmp_path, first_id, void_ids):
    images, labels, _ = frames()
    written = np.where(labels == VOID, void_ids[0], labels.astype("int64") + first_id)
    write_frame(tmp_path, "a", images[0], written[0].astype("uint16"))
    write_lists(tmp_path, classes=NAMES, train=["a"])
    ids = {"first_id": first_id, "void_ids": void_ids}
    builder = RgbdFolder(tmp_path, data_dir=tmp_path / "prepared", **ids)
    ((_, targets),) = tfds.as_numpy(evaluation_dataset(builder, "train"))
    np.testing.assert_array_equal(targets["label"][0], labels[0])
    if void_ids == (0,):
        assert check_folder(tmp_path).reading.void_ids == (0,)


@pytest.mark.parametrize("kind", ["folder", "prepared"])
def test_a_check_counts_every_class(folder, builder, kind):
    builder.download_and_prepare()
    report = check_folder(folder) if kind == "folder" else check_builder(builder)
    assert report.errors == []
    labels = frames()[1]
    for row in report.statistics["classes"]:
        assert row["pixels"] == (labels == row["id"]).sum() > 0
    assert report.statistics["void_share"] == pytest.approx((labels == VOID).mean())
    assert any(
        line.split()[:3] == ["255", "thing", "255"] for line in report_text(report).split("\n")
    )
    np.testing.assert_array_equal(report.examples[0].label, labels[0])


def test_scores_equal_loops():
    images, labels, depths = frames()
    wrong = np.where(labels == 255, 299, labels)  # of class 255 every pixel is predicted as 299
    colours = np.concatenate([COLOURS, np.full((CLASSES, 1), 7)], -1)
    images = colours[np.where(labels == VOID, 0, wrong)].astype("uint8")
    matrix = np.zeros((CLASSES, CLASSES), int)
    near = np.zeros((CLASSES, CLASSES), int)
    for label, depth in zip(labels.ravel().tolist(), depths.ravel().tolist(), strict=True):
        if label != VOID:
            matrix[label, 299 if label == 255 else label] += 1
            near[label, 299 if label == 255 else label] += depth < 2
    data = [(images, {"label": labels, "depth": depths})]
    subsets = [DepthRange(0, 2), TrimapBand(1)]
    scores = evaluate(recogniser(), data, CLASSES, NAMES, subsets=subsets, progress=False)
    np.testing.assert_array_equal(scores["confusion_matrix"], matrix)
    assert scores["classes"][255]["iou"] == 0
    assert scores["classes"][255]["pixels"] == (labels == 255).sum()
    assert scores["subsets"]["0 to 2 m"]["pixels"] == near.sum()
    assert scores["subsets"]["0 to 2 m"]["pixel_accuracy"] == np.trace(near) / near.sum()
    touching = boundary_by_loops(labels)
    assert scores["subsets"]["within 1 px of a boundary"]["pixels"] == touching
    assert "thing 255" in text_table(scores)
    assert len(confusion_csv(scores).splitlines()) == 1 + CLASSES


def boundary_by_loops(labels):
    """How many labelled pixels have a neighbour of another class."""
    count = 0
    for label in labels.astype(int):
        for y, x in np.ndindex(*label.shape):
            beside = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            ids = {label[b] for b in beside if 0 <= b[0] < SIZE[0] and 0 <= b[1] < SIZE[1]}
            count += label[y, x] != VOID and bool(ids - {label[y, x], VOID})
    return count


def test_an_id_beyond_the_classes_is_refused():
    images, labels, _ = frames()
    broken = labels.astype("int64")
    broken[1, 2, 3] = 300
    with pytest.raises(ValueError, match=r"0 to 299 or 65535 \(void\); received 300 in frame 1"):
        evaluate(recogniser(), [(images, {"label": broken})], CLASSES, progress=False)
    with pytest.raises(ValueError, match="index 1 holds the label id 300 .* 65535 for void"):
        ArrayBatches(images, broken, num_classes=CLASSES, batch_size=1)


def test_the_model_learns_the_same_from_arrays_and_tf_data(builder):
    images, labels, depths = frames()
    options = {"batch_size": 1, "seed": 5}
    histories = []
    for data in (
        training_dataset(builder, **options),
        ArrayBatches(images, labels, depths, num_classes=CLASSES, **options),
    ):
        keras.utils.set_random_seed(0)
        image = keras.Input((*SIZE, 3))
        features = keras.layers.Rescaling(1 / 255)(image)
        metres = keras.layers.Conv2D(1, 1, activation="softplus")(features)
        outputs = {"segmentation": keras.layers.Conv2D(CLASSES, 1)(features), "depth": metres}
        model = DepthPrivilegedModel(image, outputs)
        model.compile(keras.optimizers.SGD(0.1))
        fit = {"steps_per_epoch": FRAMES, "epochs": 2, "shuffle": False, "verbose": 0}
        history = model.fit(data, **fit).history
        histories.append(history["loss"])
        # Every labelled pixel is counted, those of class 255 too, and void is not.
        counted = model.segmentation_scores.matrix().sum(axis=1)
        assert counted[255] == (labels == 255).sum()
        assert counted.sum() == (labels != VOID).sum()
    assert histories[0][1] < histories[0][0]
    np.testing.assert_allclose(histories[0], histories[1], rtol=1e-5)


def test_predictions_are_written_in_16_bits_and_their_mask_in_colours(tmp_path):
    label = frames()[1][0]
    label[label == VOID] = 0
    palette = distinct_palette(CLASSES)

    class Predictor:
        description = Description(NAMES, palette)

        def __call__(self, image):
            return label

    Image.fromarray(np.zeros((*SIZE, 3), "uint8")).save(tmp_path / "a.png")
    list(write_predictions(Predictor(), {tmp_path / "a.png": Path("a")}, tmp_path / "out"))
    with Image.open(tmp_path / "out" / "a_ids.png") as ids:
        assert ids.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(ids), label)
    with Image.open(tmp_path / "out" / "a_mask.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), np.array(palette)[label])
    assert (tmp_path / "out" / "classes.csv").read_text().count("\n") == 1 + CLASSES


def test_a_description_says_its_void():
    assert Description.unnamed(CLASSES).void == VOID
    assert Description.unnamed(255).void == 255
    assert len(set(Description.unnamed(CLASSES).palette)) == CLASSES


def test_labels_are_drawn_in_the_colours_of_all_classes():
    palette = np.array(distinct_palette(CLASSES))
    label = frames()[1][0]
    colours = colour_labels(label, palette)
    drawn = label != VOID
    np.testing.assert_array_equal(colours[drawn], palette[label[drawn]])
    assert set(map(tuple, colours[~drawn].tolist())) <= set(VOID_STRIPES)
    with pytest.raises(ValueError, match=r"0 to 299, or 65535 \(void\), .* from 0 to 300"):
        colour_labels(np.array([[0, 300]]), palette)
    present = present_classes(NAMES, palette.tolist(), [label])
    assert len(present) == len(set(np.unique(label)) - {VOID})
