"""The official folders of SUN RGB-D come out as they were drawn, pixel by pixel."""

import numpy as np
import pytest
import sun_files
import tensorflow_datasets as tfds
from nyu_files import write_splits
from PIL import Image
from sun_files import draw_frames, write_sun

from keras_lwm.datasets import SunRgbd, load_builder
from keras_lwm.datasets.sun_rgbd import check_nyu_overlap, nyu_numbers
from keras_lwm.datasets.sun_rgbd.frames import decode_depth

pytestmark = pytest.mark.filterwarnings("ignore:.*the official one")
FRAMES = draw_frames()
SPLITS = {"train": (3, 1), "test": (0, 2, 4)}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "manual"
    path.mkdir()
    write_sun(path, FRAMES, **SPLITS)
    return path


@pytest.fixture
def prepare(folder, tmp_path):
    def build(config="depth_bfx"):
        name = f"sun_rgbd/{config}"
        return load_builder(name, data_dir=tmp_path / "prepared", manual_dir=folder)

    return build


def samples(builder, split):
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


@pytest.mark.parametrize(("config", "kind"), [("depth_bfx", "filled"), ("depth", "raw")])
def test_round_trip_pixel_by_pixel(folder, prepare, config, kind):
    builder = prepare(config)
    for split, places in SPLITS.items():
        read = samples(builder, split)
        assert len(read) == builder.info.splits[split].num_examples == len(places)
        for sample, place in zip(read, places, strict=True):
            frame = FRAMES[place]
            assert sample["name"].decode() == frame.name
            # The JPEG file is kept as it is: what Pillow decodes it to.
            path = folder / "SUNRGBD" / frame.name / "image" / "0000103.jpg"
            np.testing.assert_array_equal(sample["image"], np.asarray(Image.open(path)))
            assert sample["image"].shape == frame.image.shape
            metres = np.minimum(getattr(frame, kind), 8000).astype(np.float32) / 1000
            np.testing.assert_array_equal(sample["depth"][..., 0], metres)
            for pixel, label_id in np.ndenumerate(frame.label):
                assert sample["label"][pixel][0] == (label_id - 1 if label_id else 255)


def test_holes_are_not_measured_and_what_is_far_is_at_8_metres(prepare):
    frame = FRAMES[SPLITS["train"][0]]
    (sample, _) = samples(prepare("depth"), "train")
    depth = sample["depth"][..., 0]
    np.testing.assert_array_equal(depth == 0, frame.raw == 0)
    np.testing.assert_array_equal(depth == 8, frame.raw >= 8000)
    assert (frame.raw == 0).any() and (frame.raw > 8000).any()


def test_image_of_another_format_is_stored_without_loss(folder, prepare):
    frame = FRAMES[SPLITS["train"][0]]
    path = folder / "SUNRGBD" / frame.name / "image" / "0000103.jpg"
    Image.fromarray(frame.image).save(path, "png")
    np.testing.assert_array_equal(samples(prepare(), "train")[0]["image"], frame.image)


def test_every_stored_depth_is_decoded_as_its_bits_say():
    stored = np.arange(2**16, dtype=np.uint16)
    bits = [f"{value:016b}" for value in range(2**16)]
    millimetres = [min(int(text[-3:] + text[:-3], 2), 8000) for text in bits]
    expected = (np.array(millimetres) / 1000).astype(np.float32)
    np.testing.assert_array_equal(decode_depth(stored), expected)
    assert decode_depth(stored).dtype == np.float32
    assert decode_depth(np.uint16([0, 1 << 3, 1])).tolist() == [0, np.float32(0.001), 8]


def test_classes(prepare):
    metadata = prepare().info.metadata
    assert len(metadata["class_names"]) == len(metadata["palette"]) == 37
    assert metadata["class_names"][:3] == ["wall", "floor", "cabinet"]
    assert metadata["class_names"][36] == "bag"


@pytest.mark.parametrize(
    "root", ["/data1/SUNRGBD", "/n/fs/sun3d/data/SUNRGBD/", "SUNRGBD/SUNRGBD", "/sunrgbd/"]
)
def test_lists_of_any_root_and_slashes(folder, prepare, root):
    names = [[FRAMES[place].name for place in places] for places in SPLITS.values()]
    sun_files.write_lists(folder, *names, root=root)
    read = [sample["name"].decode() for sample in samples(prepare(), "train")]
    assert read == names[0]


def test_configs_never_share_a_prepared_copy(tmp_path):
    assert list(SunRgbd.builder_configs) == ["depth_bfx", "depth"]
    first, second = (SunRgbd(config=config, data_dir=tmp_path) for config in ("depth_bfx", "depth"))
    assert first.data_path != second.data_path


def test_counts_other_than_the_official_ones_are_said(prepare):
    with pytest.warns(UserWarning, match=r"allsplit\.mat lists 2 train and 3 test .* 5285 .* 5050"):
        prepare()


def test_numbers_of_nyus_frames():
    names = [frame.name for frame in FRAMES] + ["kv1/b3dodata/img_0063", "x/kv1/NYUdata/NYU0009"]
    assert nyu_numbers(names) == {3, 1}


def test_lists_that_agree_have_no_overlap():
    sun = {"train": ["kv1/NYUdata/NYU0003", "kv2/a/b"], "test": ["kv1/NYUdata/NYU0001"]}
    check_nyu_overlap(sun, {"train": [3, 4, 5], "test": [1, 2]})


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([4], [1, 3], r"1 frames of NYU Depth V2's test split are in the train split .*NYU0003"),
        ([1, 3], [4], r"1 frames of NYU Depth V2's train split are in the test split .*NYU0001"),
    ],
)
def test_overlap_with_nyu_depth_v2_is_found(folder, prepare, train, test, message):
    sun = {split: [FRAMES[place].name for place in places] for split, places in SPLITS.items()}
    with pytest.raises(ValueError, match=message):
        check_nyu_overlap(sun, {"train": train, "test": test})
    # The builder looks too, where both lists are at hand.
    write_splits(folder, train, test)
    with pytest.raises(ValueError, match=message):
        prepare()
    write_splits(folder, (3,), (1,))
    assert len(samples(prepare(), "train")) == 2
