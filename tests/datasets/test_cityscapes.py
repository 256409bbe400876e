"""Tiny frames in the official layout of Cityscapes come out as its scripts define them."""

import json
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from cityscapes_frames import CAMERA, asymmetric_frame, write_cityscapes, write_frame
from PIL import Image

from keras_lwm.datasets import CityscapesDepth, load_builder

pytestmark = pytest.mark.filterwarnings("ignore:.*the official one:UserWarning")

FIRST = "train/aachen/aachen_000000_000019"
# The official table, id by id: -1 is void.
TRAIN_IDS = [
    *(-1, -1, -1, -1, -1, -1, -1, 0, 1, -1, -1, 2, 3, 4, -1, -1, -1, 5, -1, 6, 7, 8, 9, 10, 11),
    *(12, 13, 14, 15, -1, -1, 16, 17, 18),
]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "cityscapes"
    write_cityscapes(path)
    return path


@pytest.fixture
def prepare(folder, tmp_path):
    return lambda: load_builder(
        "cityscapes_depth", data_dir=tmp_path / "prepared", manual_dir=folder
    )


def samples(builder, split="train"):
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


def test_round_trip_pixel_by_pixel(prepare):
    builder = prepare()
    read = samples(builder)
    assert [sample["name"].decode() for sample in read] == [
        "aachen_000000_000019",
        "aachen_000001_000019",
        "bremen_000000_000019",
    ]
    (validation,) = samples(builder, "val")
    for sample, seed in zip([*read, validation], (2, 1, 0, 3), strict=True):
        image, label, disparity = asymmetric_frame(seed)
        np.testing.assert_array_equal(sample["image"], image)
        assert sample["depth"].dtype == np.float32 and sample["label"].dtype == np.uint8
        for row, column in np.ndindex(label.shape):
            train_id = TRAIN_IDS[label[row, column]]
            assert sample["label"][row, column, 0] == (255 if train_id < 0 else train_id)
            value = int(disparity[row, column])
            expected = 0.209313 * 2262.52 / ((value - 1) / 256) if value > 1 else 0
            np.testing.assert_allclose(sample["depth"][row, column, 0], expected, rtol=1e-6)


def test_classes_and_colours(prepare):
    metadata = prepare().info.metadata
    assert len(metadata["class_names"]) == len(metadata["palette"]) == 19
    by_name = dict(zip(metadata["class_names"], metadata["palette"], strict=True))
    assert by_name["road"] == [128, 64, 128] and by_name["bicycle"] == [119, 11, 32]
    assert metadata["class_names"][10] == "sky" and metadata["class_names"][16] == "train"


def test_each_frame_has_its_own_camera(folder, prepare):
    camera = {"extrinsic": {"baseline": 0.5}, "intrinsic": {"fx": 1000}}
    image, label, _ = asymmetric_frame()
    disparity = np.full(label.shape, 1 + 256 * 100, np.uint16)
    write_frame(folder, "train", "aachen_000000_000019", image, label, disparity, camera)
    np.testing.assert_array_equal(samples(prepare())[0]["depth"], np.float32(5))


def test_licence_plates_are_void(folder, prepare):
    path = folder / "gtFine" / f"{FIRST}_gtFine_labelIds.png"
    Image.fromarray(np.full((5, 7), 255, np.uint8)).save(path)
    assert (samples(prepare())[0]["label"] == 255).all()


def test_validation_needs_no_depth(folder, prepare):
    shutil.rmtree(folder / "disparity" / "val")
    shutil.rmtree(folder / "camera" / "val")
    (sample,) = samples(prepare(), "val")
    assert not sample["depth"].any() and (sample["label"] < 19).any()


def test_other_numbers_than_the_official_ones_are_reported(prepare):
    assert CityscapesDepth.OFFICIAL_NUMBERS == {"train": 2975, "val": 500}
    with pytest.warns(UserWarning, match=r"3 train and 1 val .* 2975 train and 500 val"):
        prepare()


def refuses(prepare, message):
    with pytest.raises(ValueError, match=message) as caught:
        prepare()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tree", ["leftImg8bit", "gtFine", "disparity", "camera"])
def test_missing_tree_and_missing_file(folder, prepare, tree):
    (path,) = (folder / tree / "train" / "aachen").glob("*_000000_000019_*")
    path.rename(path.with_name("elsewhere"))
    refuses(prepare, rf"{path.name}, for .* there is none: unpack {tree}_trainvaltest\.zip .* in ")
    shutil.rmtree(folder / tree / "train")
    refuses(prepare, rf"Expected the folder .*{tree}/train; there is none: unpack {tree}_train")
    (folder / tree / "train").mkdir()
    refuses(prepare, rf"{tree}/train/CITY/NAME_.*; found none: unpack {tree}_train")


def test_incomplete_validation_depth(folder, prepare):
    shutil.rmtree(folder / "camera" / "val")
    refuses(prepare, r"camera/val; there is none")
    shutil.rmtree(folder / "disparity" / "val" / "lindau")
    refuses(prepare, r"disparity/val/CITY/NAME_disparity\.png; found none")


def test_no_manual_folder(tmp_path):
    for manual_dir in (None, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"camera_trainvaltest\.zip.*not there"):
            load_builder("cityscapes_depth", data_dir=tmp_path / "prepared", manual_dir=manual_dir)


@pytest.mark.parametrize("tree", ["leftImg8bit", "gtFine", "disparity"])
def test_files_that_cannot_be_used(folder, prepare, tree):
    (path,) = (folder / tree).glob(f"{FIRST}_*")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    refuses(prepare, rf"Cannot read the picture .*{path.name}")
    if tree != "leftImg8bit":
        Image.fromarray(np.zeros((4, 7), np.uint16)).save(path)
        refuses(prepare, rf"{path.name} is 4x7 .*_leftImg8bit\.png is 5x7.*expected one size")
    other = "L" if tree == "leftImg8bit" else "RGB"
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).convert(other).save(path)
    refuses(prepare, rf"{path.name}; received .*'{other}'")


def test_unknown_label_id(folder, prepare):
    path = folder / "gtFine" / f"{FIRST}_gtFine_labelIds.png"
    label = np.zeros((5, 7), np.uint8)
    label[1, 2:4] = 34
    Image.fromarray(label).save(path)
    refuses(prepare, r"_labelIds\.png holds the label id 34 \(2 pixels\): expected 0 to 33")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"Expected JSON .* in .*_camera\.json"),
        ("[]", r"Expected JSON .* in .*_camera\.json"),
        ('{"extrinsic": {"baseline": 0.2}, "intrinsic": {}}', r"_camera\.json: KeyError\('fx'\)"),
        ('{"extrinsic": {"baseline": "a"}, "intrinsic": {"fx": 2}}', "_camera.*'aa'"),
        (json.dumps(CAMERA).replace("2262.52", "NaN"), r"above 0 in .*_camera\.json; .* nan"),
        (json.dumps(CAMERA).replace("2262.52", "0"), r"above 0 in .*_camera\.json; .* 0\.0"),
    ],
)
def test_bad_camera(folder, prepare, text, message):
    (folder / "camera" / f"{FIRST}_camera.json").write_text(text)
    refuses(prepare, message)
