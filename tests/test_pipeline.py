"""The same samples from the same seed: however parallel, from arrays, and after a resumed epoch."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from rgbd_frames import random_frame, write_frame, write_lists, write_random_folder

from keras_lwm import pipeline
from keras_lwm.arrays import ArrayBatches
from keras_lwm.augmentation import Augmentation
from keras_lwm.datasets import RgbdFolder
from keras_lwm.datasets.python_functions import numpy_function
from keras_lwm.datasets.records import Records
from keras_lwm.datasets.sample import sample_features, sample_metadata
from keras_lwm.devices import Share
from keras_lwm.order import epoch_order, sample_seed
from keras_lwm.pipeline import evaluation_dataset, fingerprint, steps_per_epoch, training_dataset

AUGMENTATION = Augmentation(crop=(10, 14), scale=(0.5, 2.0))
SAMPLES, BATCH, STEPS = 7, 2, 3


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    write_random_folder(folder, number=SAMPLES, size=(12, 16), val=3)
    return RgbdFolder(folder, depth_unit=0.001, data_dir=folder / "prepared")


def take(dataset, number):
    return [
        {"image": image, **targets}
        for image, targets in itertools.islice(tfds.as_numpy(dataset), number)
    ]


def assert_same(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others, strict=True):
        assert batch.keys() == other.keys()
        for key in batch:
            assert batch[key].dtype == other[key].dtype
            np.testing.assert_array_equal(batch[key], other[key])


def differ(batches, others):
    return any(
        (batch["image"] != other["image"]).any()
        for batch, other in zip(batches, others, strict=True)
    )


def arrays(number=SAMPLES, size=(12, 16)):
    frames = [random_frame(seed, size) for seed in range(number)]
    images, labels, depths = (np.stack(maps) for maps in zip(*frames, strict=True))
    return images, labels, depths[..., None].astype(np.float32) * np.float32(0.001)


def training(builder, **options):
    options = {"batch_size": BATCH, "augmentation": AUGMENTATION, "seed": 5, **options}
    return training_dataset(builder, **options)


def test_batches_have_the_shapes_and_types_of_training_data(builder):
    dataset = training(builder)
    image, targets = dataset.element_spec
    assert image == tf.TensorSpec((BATCH, 10, 14, 3), tf.uint8)
    assert targets["label"] == tf.TensorSpec((BATCH, 10, 14), tf.uint8)
    assert targets["depth"] == tf.TensorSpec((BATCH, 10, 14, 1), tf.float32)
    assert steps_per_epoch(builder, "train", BATCH) == STEPS
    assert steps_per_epoch(builder, "train[:4]", BATCH) == 2


def test_parallelism_changes_nothing(builder):
    alone = take(training(builder, parallel_calls=1), 2 * STEPS)
    assert_same(alone, take(training(builder, parallel_calls=4), 2 * STEPS))
    assert_same(alone, take(training(builder), 2 * STEPS))


def test_arrays_give_the_same_bits(builder):
    images, labels, depths = arrays()
    batches = ArrayBatches(
        images,
        labels,
        depths,
        num_classes=4,
        batch_size=BATCH,
        augmentation=AUGMENTATION,
        seed=5,
    )
    assert batches.steps_per_epoch == STEPS
    from_arrays = [
        {"image": image, **targets}
        for image, targets in (batches[step] for step in range(2 * STEPS))
    ]
    assert_same(take(training(builder), 2 * STEPS), from_arrays)


def test_epochs_seeds_and_orders_differ(builder):
    batches = take(training(builder), 2 * STEPS)
    assert differ(batches[:STEPS], batches[STEPS:])
    assert differ(batches, take(training(builder, seed=6), 2 * STEPS))
    assert epoch_order(5, 0, SAMPLES).tolist() != epoch_order(5, 1, SAMPLES).tolist()


def test_resumed_epochs_equal_those_of_an_uninterrupted_run(builder):
    uninterrupted = take(training(builder), 4 * STEPS)
    assert_same(uninterrupted[2 * STEPS :], take(training(builder, initial_epoch=2), 2 * STEPS))
    images, labels, depths = arrays()
    options = {"num_classes": 4, "batch_size": BATCH, "augmentation": AUGMENTATION, "seed": 5}
    resumed = ArrayBatches(images, labels, depths, initial_epoch=2, **options)
    image, targets = resumed[STEPS]
    assert_same(uninterrupted[3 * STEPS : 3 * STEPS + 1], [{"image": image, **targets}])


def test_a_run_resumed_within_an_epoch_is_served_the_rest_of_it(builder):
    images, labels, depths = arrays()
    options = {"num_classes": 4, "batch_size": BATCH, "augmentation": AUGMENTATION, "seed": 5}
    uninterrupted = take(training(builder), 3 * STEPS)[STEPS + 2 :]
    rest = {"initial_epoch": 1, "initial_step": 2}
    assert_same(uninterrupted, take(training(builder, **rest), 2 * STEPS - 2))
    batches = ArrayBatches(images, labels, depths, **rest, **options)
    served = [{"image": x, **y} for x, y in (batches[step] for step in range(2 * STEPS - 2))]
    assert_same(uninterrupted, served)
    for step in (-1, STEPS):
        with pytest.raises(ValueError, match=f"initial_step from 0 to 2, .* received {step}"):
            training(builder, initial_step=step)
        with pytest.raises(ValueError, match=f"initial_step from 0 to 2, .* received {step}"):
            ArrayBatches(images, labels, depths, initial_step=step, **options)


def test_what_was_already_trained_on_is_not_read_again(builder, monkeypatch):
    read = []
    example = Records.example
    monkeypatch.setattr(
        Records, "example", lambda self, index: read.append(int(index)) or example(self, index)
    )
    take(training(builder, initial_step=2, parallel_calls=1), 1)
    assert read[:BATCH] == epoch_order(5, 0, SAMPLES)[2 * BATCH : 3 * BATCH].tolist()


def test_a_fingerprint_tells_contents_and_order_apart(builder, tmp_path):
    def of_frames(seeds, name):
        folder = tmp_path / name
        write_random_folder(folder, number=len(seeds), size=(12, 16), val=1)
        for index, seed in enumerate(seeds):
            write_frame(folder, f"frame{index}", *random_frame(seed, (12, 16)))
        made = RgbdFolder(folder, depth_unit=0.001, data_dir=folder / "prepared")
        return fingerprint(made, "train")

    first = of_frames([0, 1, 2], "first")
    assert first.startswith("3 frames, sha256 ")
    assert of_frames([0, 1, 2], "again") == first
    assert len({first, of_frames([0, 1, 3], "another"), of_frames([1, 0, 2], "order")}) == 3


def test_an_epoch_serves_no_sample_twice(builder):
    plain = take(training(builder, augmentation=None, batch_size=1), 2 * SAMPLES)
    for epoch in (plain[:SAMPLES], plain[SAMPLES:]):
        served = {batch["image"].tobytes() for batch in epoch}
        assert served == {image.tobytes() for image in arrays()[0]}


def test_sample_seeds_depend_on_every_number():
    states = {
        tuple(sample_seed(*numbers).generate_state(2))
        for numbers in itertools.product((0, 1, 2), repeat=3)
    }
    assert len(states) == 27


def test_evaluation_serves_all_once_in_order_as_they_are(builder):
    dataset = evaluation_dataset(builder, "train", batch_size=3)
    assert dataset.cardinality() == 3
    batches = take(dataset, 9)
    assert [len(batch["image"]) for batch in batches] == [3, 3, 1]
    for key, expected in zip(("image", "label", "depth"), arrays(), strict=True):
        np.testing.assert_array_equal(np.concatenate([batch[key] for batch in batches]), expected)


def test_frames_spread_over_a_split_come_without_reading_the_others(builder, monkeypatch):
    read = []
    record = Records.__getitem__
    monkeypatch.setattr(
        Records, "__getitem__", lambda self, index: read.append(index) or record(self, index)
    )
    dataset = evaluation_dataset(builder, "train", frames=3)
    batches = take(dataset, 9)
    np.testing.assert_array_equal(
        np.concatenate([batch["image"] for batch in batches]), arrays()[0][[0, 3, 6]]
    )
    assert sorted(read) == [0, 0, 3, 3, 6, 6], "once for its size, once to decode it"
    assert dataset.cardinality() == 3
    assert evaluation_dataset(builder, "train", frames=99).cardinality() == SAMPLES
    with pytest.raises(ValueError, match="1 frame or more to choose; received 0"):
        evaluation_dataset(builder, "train", frames=0)


def test_python_is_called_twice_a_sample_and_once_an_epoch(builder, monkeypatch):
    calls = []

    def counted(function, inputs, output_types):
        calls.append(function.__name__)
        return numpy_function(function, inputs, output_types)

    monkeypatch.setattr(pipeline, "numpy_function", counted)
    evaluation_dataset(builder, "train")
    of_a_sample = sorted(calls)
    assert len(of_a_sample) == 2
    calls.clear()
    training(builder)
    assert sorted(calls) == sorted(["order", *of_a_sample])


def test_split_expressions(builder):
    (batch,) = take(evaluation_dataset(builder, "train[2:4]", batch_size=4), 9)
    np.testing.assert_array_equal(batch["image"], arrays()[0][2:4])


@pytest.fixture
def mixed_sizes(tmp_path):
    names = []
    for seed, size in enumerate([(6, 8), (9, 12), (6, 8), (6, 8), (9, 12)]):
        names.append(f"{seed}")
        write_frame(tmp_path, names[-1], *random_frame(seed, size))
    write_lists(tmp_path, train=names)
    return RgbdFolder(tmp_path, depth_unit=0.001, data_dir=tmp_path / "prepared")


def test_evaluation_never_mixes_sizes_in_a_batch(mixed_sizes):
    dataset = evaluation_dataset(mixed_sizes, "train", batch_size=2)
    batches = take(dataset, 9)
    shapes = sorted(batch["label"].shape for batch in batches)
    assert shapes == [(1, 6, 8), (2, 6, 8), (2, 9, 12)]
    assert dataset.cardinality() == len(batches)


def test_processes_never_mix_sizes_in_a_batch_either(mixed_sizes):
    frames = []
    for index in range(2):
        share = Share(index, 2)
        for batch in take(
            evaluation_dataset(mixed_sizes, "train", batch_size=4, share=share), None
        ):
            assert len(batch["image"]) == 2
            frames += [image for image in batch["image"] if image.any()]
    alone = take(evaluation_dataset(mixed_sizes, "train"), None)
    assert sorted(image.tobytes() for image in frames) == sorted(
        batch["image"][0].tobytes() for batch in alone
    )


def test_training_on_mixed_sizes_needs_a_crop(mixed_sizes):
    with pytest.raises(ValueError, match=r"frames of 2 sizes: 6x8, 9x12"):
        training(mixed_sizes, augmentation=None)
    assert take(training(mixed_sizes), 1)[0]["image"].shape == (BATCH, 10, 14, 3)


def test_unknown_split_and_batches_that_cannot_be_filled(builder):
    with pytest.raises(ValueError, match=r"no split 'tset'.*\['train', 'val'\]"):
        training(builder, split="tset")
    with pytest.raises(ValueError, match="batch_size from 1 to .* 7; received 8"):
        training(builder, batch_size=8)
    with pytest.raises(ValueError, match="received 0"):
        steps_per_epoch(builder, "train", 0)


def test_a_file_that_ends_early_is_named(builder, tmp_path):
    copy = RgbdFolder(**{**builder._original_state, "data_dir": tmp_path})
    copy.download_and_prepare()
    (path,) = copy.data_path.glob("*train.tfrecord*")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=rf"{path.name} ends after \d+ bytes.*7 of 7"):
        training(copy)


class Careless(tfds.core.GeneratorBasedBuilder):
    """A data set somebody else wrote: a label id outside the classes, a depth too narrow, and one
    in millimetres."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=sample_features(3),
            metadata=sample_metadata(["wall", "floor", "chair"], [(1, 1, 1)] * 3),
        )

    def _split_generators(self, dl_manager):
        return {
            "label": self._generate_examples("label"),
            "depth": self._generate_examples("depth"),
            "unit": self._generate_examples("unit"),
        }

    def _generate_examples(self, wrong):
        image, label, depth = random_frame(0)
        label[:] = 1
        if wrong == "label":
            label[2, 3] = 17
        depth = depth[:, :-1] if wrong == "depth" else depth
        depth = depth * np.float32(1 if wrong == "unit" else 0.001)
        yield (
            "0",
            {
                "image": image,
                "label": label[..., None],
                "depth": depth[..., None].astype(np.float32),
                "name": "kitchen",
            },
        )


@pytest.fixture(scope="module")
def careless(tmp_path_factory):
    return Careless(data_dir=tmp_path_factory.mktemp("careless"))


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            "label",
            r"kitchen of label holds the label id 17 \(1 pixels\): expected 0 to 2, or 255",
        ),
        ("depth", r"kitchen of depth: expected .* of one size; received .*depth \(6, 7, 1\)"),
    ],
)
def test_a_bad_sample_is_named_by_both_datasets(careless, split, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        take(training(careless, split=split, batch_size=1), 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        take(evaluation_dataset(careless, split), 1)


def test_depth_in_another_unit_is_refused_before_training_unless_it_is_right(careless, tmp_path):
    message = r"^Sample 0 of unit has a median depth of .* looks like millimetres: divide it"
    with pytest.raises(ValueError, match=message):
        training(careless, split="unit", batch_size=1)
    assert training(careless, split="unit", batch_size=1, unusual_depth=True)

    write_random_folder(tmp_path, number=2)
    options = {"depth_unit": 1, "data_dir": tmp_path / "prepared"}
    assert training(RgbdFolder(tmp_path, unusual_depth=True, **options))

    images, labels, depths = arrays()
    options = {"num_classes": 4, "batch_size": 2}
    with pytest.raises(ValueError, match=r"^Array index \d has a .* looks like millimetres"):
        ArrayBatches(images, labels, depths * 1000, **options)
    assert ArrayBatches(images, labels, depths * 1000, unusual_depth=True, **options)
    assert ArrayBatches(images, labels, np.zeros_like(depths), **options)


def test_arrays_are_checked_before_training():
    images, labels, depths = arrays()
    with pytest.raises(ValueError, match=r"array index 0 holds the label id 3 .*0 to 2"):
        ArrayBatches(images, labels, depths, num_classes=3, batch_size=2)
    with pytest.raises(ValueError, match=r"index 0: .*depth \(12, 16\)"):
        ArrayBatches(images, labels, depths[..., 0], num_classes=4, batch_size=2)
    with pytest.raises(ValueError, match="uint8, 0 to 255; received float32"):
        ArrayBatches(images / np.float32(255), labels, num_classes=4, batch_size=2)
    with pytest.raises(ValueError, match="as many labels and depths as images, 7; received 6"):
        ArrayBatches(images, labels[1:], num_classes=4, batch_size=2)
    with pytest.raises(ValueError, match="integer class ids; received float64"):
        ArrayBatches(images, labels / 2, num_classes=4, batch_size=2)
    with pytest.raises(ValueError, match="2 to 65535 classes; received num_classes=1"):
        ArrayBatches(images, labels, num_classes=1, batch_size=2)


def tiny_model():
    image = keras.Input((None, None, 3))
    features = keras.layers.Rescaling(1 / 255)(image)
    outputs = {
        "label": keras.layers.Conv2D(256, 1, name="label")(features),
        "depth": keras.layers.Conv2D(1, 1, name="depth")(features),
    }
    model = keras.Model(image, outputs)
    losses = {
        "label": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "depth": "mean_absolute_error",
    }
    model.compile("sgd", losses)
    return model


def test_fit_takes_both_and_learns_the_same(builder):
    images, labels, depths = arrays()
    options = {"num_classes": 4, "batch_size": BATCH, "augmentation": AUGMENTATION, "seed": 5}
    histories = []
    for data in (training(builder), ArrayBatches(images, labels, depths, **options)):
        keras.utils.set_random_seed(0)
        fit = {"steps_per_epoch": STEPS, "epochs": 2, "shuffle": False, "verbose": 0}
        histories.append(tiny_model().fit(data, **fit).history["loss"])
    np.testing.assert_allclose(histories[0], histories[1], rtol=1e-5)


def test_fit_ends_in_the_sentence_that_names_the_sample(careless):
    data = training(careless, split="label", batch_size=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="kitchen of label holds the label"):
        tiny_model().fit(data, steps_per_epoch=1, verbose=0)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_read_together_what_one_reads_and_nothing_twice(builder, processes):
    """In training the parts of a batch are that batch; in scoring void stands in for what lacks."""
    shares = [Share(index, processes) for index in range(processes)]
    options = {"batch_size": 6, "augmentation": Augmentation(crop=(8, 10)), "seed": 5}
    whole = take(training_dataset(builder, **options), 2)
    parts = [take(training_dataset(builder, **options, share=share), 2) for share in shares]
    for step, batch in enumerate(whole):
        for name, values in batch.items():
            together = np.concatenate([part[step][name] for part in parts])
            np.testing.assert_array_equal(together, values)
    with pytest.raises(ValueError, match=f"{processes} devices can share equally; received 5"):
        training_dataset(builder, batch_size=5, share=shares[0], seed=5)

    def frames(share):
        dataset = evaluation_dataset(builder, "train", batch_size=6, share=share)
        batches = take(dataset, None)
        assert {len(batch["image"]) for batch in batches} == {6 // share.count}
        return [
            {name: values[index] for name, values in batch.items()}
            for batch in batches
            for index in range(6 // share.count)
        ]

    alone = take(evaluation_dataset(builder, "train"), None)
    shared = [frames(share) for share in shares]
    assert len({len(own) for own in shared}) == 1
    kept = [frame for own in shared for frame in own if (frame["label"] != 255).any()]
    assert len(kept) == SAMPLES == len(alone)
    images = sorted(frame["image"].tobytes() for frame in kept)
    assert images == sorted(batch["image"][0].tobytes() for batch in alone)
    void = [frame for own in shared for frame in own if (frame["label"] == 255).all()]
    assert len(void) == -SAMPLES % 6 and not any(frame["depth"].any() for frame in void)
