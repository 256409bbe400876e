"""A check of a prepared data set reads every record, and knows the official numbers."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from rgbd_frames import CLASSES, random_frame

from keras_lwm.datasets import new_builder
from keras_lwm.datasets.check import check_builder, report_text
from keras_lwm.datasets.sample import sample_features, sample_metadata
from keras_lwm.palette import distinct_palette

SIZE = (12, 16)


def sample(seed):
    image, label, depth = random_frame(seed, SIZE)
    depth = depth.astype(np.float32)[..., None] / 1000
    return {"image": image, "label": label[..., None], "depth": depth, "name": f"frame{seed}"}


class GivenFrames(tfds.core.GeneratorBasedBuilder):
    """Four training frames and two for val, as the test has changed them."""

    VERSION = tfds.core.Version("1.0.0")
    OFFICIAL_NUMBERS = {"train": 4, "val": 2}

    def __init__(self, samples, **options):
        self.samples = samples
        super().__init__(**options)

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=sample_features(len(CLASSES)),
            metadata=sample_metadata(CLASSES, distinct_palette(len(CLASSES))),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": enumerate(self.samples[:4]), "val": enumerate(self.samples[4:])}

    _generate_examples = _split_generators


@pytest.fixture
def samples():
    return [sample(seed) for seed in range(6)]


@pytest.fixture
def prepare(tmp_path):
    def build(samples):
        builder = GivenFrames(samples, data_dir=tmp_path / "data")
        builder.download_and_prepare()
        return builder

    return build


def errors(builder):
    return [error.message for error in check_builder(builder).errors]


def test_clean(samples, prepare):
    report = check_builder(prepare(samples), num_examples=2)
    assert report.clean and not report.warnings and report.reading is None
    assert report.statistics["frames"] == {"train": 4, "val": 2}
    labels = np.stack([frame["label"] for frame in samples])
    depths = np.stack([frame["depth"] for frame in samples])
    assert report.statistics["void_share"] == pytest.approx((labels == 255).mean())
    assert report.statistics["depth"]["unmeasured_share"] == pytest.approx((depths == 0).mean())
    assert [row["pixels"] for row in report.statistics["classes"]] == [
        (labels == index).sum() for index in range(len(CLASSES))
    ]
    assert [example.name for example in report.examples] == ["train: frame0", "val: frame5"]
    np.testing.assert_array_equal(report.examples[0].image, samples[0]["image"])
    np.testing.assert_array_equal(report.examples[1].label, samples[5]["label"][..., 0])
    np.testing.assert_array_equal(report.examples[1].depth, samples[5]["depth"])
    assert "Clean: found no error in 6 frames." in report_text(report)


def test_errors_are_named_by_frame_and_split(samples, prepare):
    samples[0]["label"][0, :2] = 77
    samples[1]["depth"][0, 0] = np.nan
    samples[2]["depth"] = np.ones((6, 8, 1), np.float32)
    samples[3]["depth"][:] = 0
    samples[4]["image"] = samples[3]["image"]
    report = check_builder(prepare(samples))
    text = "\n".join(error.message for error in report.errors)
    for words in (
        "frame0 of train holds the label id 77 (2 pixels)",
        "frame1 of train holds 1 pixels that are NaN",
        "The depth of frame2 of train is 6x8",
        "frame4 of val in the split val is, pixel by pixel, frame3 of train",
    ):
        assert text.count(words) == 1
    assert len(report.errors) == 4
    assert report.statistics["depth"]["frames_without"] == 1
    assert report_text(report).endswith("Found 4 errors.")


def test_frames_without_a_label_are_counted(samples, prepare):
    samples[1]["label"][:] = samples[3]["label"][:] = 255
    report = check_builder(prepare(samples))
    assert report.clean and not report.warnings
    assert report.statistics["labels"] == {"frames": 4, "frames_without": 2}
    assert "2 frames have no label" in report_text(report)
    labelled = np.stack([samples[index]["label"] for index in (0, 2, 4, 5)])
    assert report.statistics["void_share"] == pytest.approx((labelled == 255).mean())


def test_numbers_that_are_not_the_official_ones(samples, prepare):
    (error,) = errors(prepare(samples[:5]))
    assert error == "The split val has 1 frames: officially it has 2."


def test_a_damaged_record_and_a_file_that_ends_too_early(samples, prepare):
    builder = prepare(samples)
    (train,) = builder.data_path.glob("*train.tfrecord*")
    content = train.read_bytes()
    png = content.index(b"IDAT")
    train.write_bytes(content[:png] + b"\0" * 40 + content[png + 40 :])
    (error,) = errors(builder)
    assert error.startswith("Cannot read frame 0 of train: ") and "\n" not in error
    train.write_bytes(content[:-50])
    (error,) = errors(builder)
    assert f"{train} ends after" in error


def test_samples_of_another_form(samples, tmp_path):
    class OtherForm(GivenFrames):
        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=sample_features(len(CLASSES)))

    builder = OtherForm(samples, data_dir=tmp_path)
    builder.download_and_prepare()
    with pytest.raises(ValueError, match="class_names in its metadata; received"):
        check_builder(builder)


def test_not_prepared(tmp_path):
    builder = new_builder("rooms/tiny", data_dir=tmp_path)
    with pytest.raises(ValueError, match="keras-lwm datasets build rooms/tiny`"):
        check_builder(builder)
