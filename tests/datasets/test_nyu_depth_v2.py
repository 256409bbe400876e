"""The official files of NYU Depth V2 come out as they were drawn, pixel by pixel."""

import pickle
from pathlib import Path

import numpy as np
import nyu_files
import pytest
import tensorflow_datasets as tfds
from nyu_files import draw_frame, write_labeled, write_nyu

from keras_lwm.datasets import load_builder
from keras_lwm.datasets.matlab import MatlabHdf5
from keras_lwm.datasets.nyu_depth_v2 import NyuDepthV2Labeled
from keras_lwm.datasets.nyu_depth_v2.classes import Classes
from keras_lwm.datasets.nyu_depth_v2.frames import LabeledFrames
from keras_lwm.palette import distinct_palette

pytestmark = pytest.mark.filterwarnings("ignore:.*the official one")
FRAMES = [draw_frame(number) for number in (1, 2, 3, 4)]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "manual"
    path.mkdir()
    write_nyu(path, FRAMES)
    return path


@pytest.fixture
def prepare(folder, tmp_path):
    def build(config="40_inpainted"):
        name = f"nyu_depth_v2_labeled/{config}"
        return load_builder(name, data_dir=tmp_path / "prepared", manual_dir=folder)

    return build


def samples(builder, split):
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


def expected_label(ids, classes):
    """One pixel after the other, by the tables that the test wrote."""
    label = np.empty(ids.shape, np.uint8)
    for place, label_id in np.ndenumerate(ids):
        label[place] = 255
        if label_id:
            class_id = nyu_files.CLASS_OF[label_id - 1]
            if classes == 13:
                class_id = nyu_files.GROUP_OF[class_id - 1]
            label[place] = class_id - 1
    return label


@pytest.mark.parametrize("depth", ["inpainted", "raw"])
@pytest.mark.parametrize("classes", [40, 13])
def test_round_trip_pixel_by_pixel(prepare, classes, depth):
    builder = prepare(f"{classes}_{depth}")
    for split, numbers in {"train": (3, 1), "test": (2, 4)}.items():
        read = samples(builder, split)
        assert len(read) == builder.info.splits[split].num_examples == len(numbers)
        for sample, number in zip(read, numbers, strict=True):
            frame = FRAMES[number - 1]
            assert sample["name"].decode() == f"{number:04d}_kitchen_{number:04d}"
            np.testing.assert_array_equal(sample["image"], frame.image)
            np.testing.assert_array_equal(
                sample["label"][..., 0], expected_label(frame.label, classes)
            )
            expected = frame.inpainted if depth == "inpainted" else frame.raw % 10
            np.testing.assert_array_equal(sample["depth"][..., 0], expected)
            assert sample["depth"].dtype == np.float32


def test_picture_is_upright_and_not_mirrored(prepare):
    image = samples(prepare(), "train")[0]["image"]
    assert image.shape == (6, 8, 3)
    assert image[5, 0].tolist() == [5, 0, 103]  # bottom left: row 5, column 0
    assert image[0, 7].tolist() == [0, 7, 103]  # top right


def test_holes_and_saturation_of_the_raw_depth_are_not_measured(prepare):
    depth = samples(prepare("40_raw"), "train")[0]["depth"][..., 0]
    assert np.argwhere(depth == 0).tolist() == [[0, 1], [0, 2], [1, 4]]


def test_void_is_what_was_unlabelled_and_nothing_else(prepare):
    for sample, number in zip(samples(prepare(), "train"), (3, 1), strict=True):
        np.testing.assert_array_equal(sample["label"][..., 0] == 255, FRAMES[number - 1].label == 0)


@pytest.mark.parametrize(("classes", "names"), [(40, "CLASSES_40"), (13, "CLASSES_13")])
def test_class_names_come_from_the_files(prepare, classes, names):
    prepare(f"{classes}_inpainted")
    metadata = prepare(f"{classes}_inpainted").info.metadata  # as read from the prepared copy
    assert metadata["class_names"] == getattr(nyu_files, names)
    assert metadata["palette"] == [list(colour) for colour in distinct_palette(classes)]


def test_crop_leaves_the_border_out(folder, prepare):
    frames = [draw_frame(number, (480, 640)) for number in (1, 2)]
    write_nyu(folder, frames, train=(2,), test=(1,))
    (sample,) = samples(prepare("40_inpainted_cropped"), "train")
    rows, columns = slice(45, 471), slice(41, 601)
    np.testing.assert_array_equal(sample["image"], frames[1].image[rows, columns])
    np.testing.assert_array_equal(sample["depth"][..., 0], frames[1].inpainted[rows, columns])
    np.testing.assert_array_equal(
        sample["label"][..., 0], expected_label(frames[1].label, 40)[rows, columns]
    )


def test_configs_never_share_a_prepared_copy(tmp_path):
    configs = list(NyuDepthV2Labeled.builder_configs)
    assert configs[0] == "40_inpainted" and len(configs) == 8
    places = {NyuDepthV2Labeled(config=config, data_dir=tmp_path).data_path for config in configs}
    assert len(places) == 8


def test_frames_are_read_one_by_one_and_in_any_process(folder):
    bad = draw_frame(2)
    bad.label[3, 4] = 999
    write_labeled(folder, [FRAMES[0], bad])
    classes = Classes(["a"], np.array([255, *[0] * nyu_files.LABELS], np.uint8))
    file = MatlabHdf5(folder / "nyu_depth_v2_labeled.mat")
    frames = LabeledFrames(file, [2, 1], classes, depth="depths", crop_border=False)
    assert len(frames) == 2
    for copy in (frames, pickle.loads(pickle.dumps(frames))):
        np.testing.assert_array_equal(copy[1]["image"], FRAMES[0].image)
        with pytest.raises(ValueError, match=r"0 to 50 in frame 2 of .*labeled\.mat; .* 999"):
            copy[0]


def test_file_in_the_manual_folder_goes_before_the_download(prepare, monkeypatch):
    monkeypatch.setattr(tfds.download.DownloadManager, "download", None)
    assert len(samples(prepare(), "train")) == 2


def test_file_that_is_not_in_the_manual_folder_is_downloaded(
    folder, prepare, tmp_path, monkeypatch
):
    downloads = tmp_path / "prepared" / "downloads"
    downloads.mkdir(parents=True)
    fetched = (folder / "nyu_depth_v2_labeled.mat").rename(downloads / "fetched.mat")
    asked = []

    def download(self, url):
        asked.append(url)
        return fetched

    monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
    np.testing.assert_array_equal(samples(prepare(), "train")[0]["image"], FRAMES[2].image)
    assert {Path(url).name for url in asked} == {"nyu_depth_v2_labeled.mat"}


def test_counts_other_than_the_official_ones_are_said(prepare):
    with pytest.warns(UserWarning, match=r"splits\.mat lists 2 train and 2 test .* 795 .* 654"):
        prepare()
