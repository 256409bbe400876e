"""A folder comes out as it went in, pixel by pixel, and a changed folder is noticed."""

import os
import pickle

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from rgbd_frames import CLASSES, random_frame, write_frame, write_lists, write_random_folder

from keras_lwm.datasets import RgbdFolder, load_builder
from keras_lwm.palette import distinct_palette

UNUSED = "images have no label, and are not used (--unlabelled SPLIT uses those of one)."


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "my frames"
    path.mkdir()
    return path


@pytest.fixture
def prepare(folder, tmp_path):
    def build(**options):
        options = {"depth_unit": 0.001, **options}
        builder = RgbdFolder(folder, data_dir=tmp_path / "prepared", **options)
        builder.download_and_prepare()
        return builder

    return build


def samples(builder, split="train"):
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


def test_round_trip_pixel_by_pixel(folder, prepare):
    names = write_random_folder(folder)
    builder = prepare()
    read = samples(builder) + samples(builder, "val")
    assert [sample["name"].decode() for sample in read] == names
    for seed, sample in enumerate(read):
        image, label, depth = random_frame(seed)
        np.testing.assert_array_equal(sample["image"], image)
        np.testing.assert_array_equal(sample["label"], label[..., None])
        expected = depth.astype(np.float32) * np.float32(0.001)
        np.testing.assert_array_equal(sample["depth"], expected[..., None])
        assert sample["depth"].dtype == np.float32
    assert builder.info.metadata["class_names"] == list(CLASSES)


def test_jpeg_is_kept_as_it_is_and_decodes_to_pillows_pixels(folder, prepare):
    write_random_folder(folder, size=(24, 40), number=1, val=1)
    image = Image.fromarray(random_frame(9, (24, 40))[0])
    (folder / "rgb" / "frame0.png").unlink()
    image.save(folder / "rgb" / "frame0.jpg", quality=60)
    (sample,) = samples(prepare())
    np.testing.assert_array_equal(
        sample["image"], np.asarray(Image.open(folder / "rgb" / "frame0.jpg"))
    )


def test_grey_and_transparent_images_become_rgb(folder, prepare):
    write_random_folder(folder, number=2, val=1)
    grey = random_frame(9)[0][..., 0]
    Image.fromarray(grey).save(folder / "rgb" / "frame0.png")
    Image.fromarray(np.dstack([random_frame(9)[0], grey])).save(folder / "rgb" / "frame1.png")
    first, second = samples(prepare())
    np.testing.assert_array_equal(first["image"], np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_array_equal(second["image"], random_frame(9)[0])


def test_ids_from_one_with_several_void_ids(folder, prepare):
    image, _, depth = random_frame(0)
    label = np.array([[0, 1, 2, 3, 4, 0, 77, 1]] * 6, np.uint8)
    write_frame(folder, "a", image, label, depth)
    write_lists(folder, train=["a"])
    (sample,) = samples(prepare(first_id=1, void_ids=(0, 77)))
    np.testing.assert_array_equal(sample["label"][0, :, 0], [255, 0, 1, 2, 3, 255, 255, 0])


def test_label_pictures_of_16_bits_and_with_a_palette(folder, prepare):
    write_random_folder(folder, number=2, val=1)
    ids = random_frame(9)[1]
    wide = np.where(ids == 255, 65535, ids).astype(np.uint16)
    Image.fromarray(wide).save(folder / "label" / "frame0.png")
    coloured = Image.fromarray(ids)
    coloured.putpalette(list(range(255, -1, -1)) * 3)
    coloured.save(folder / "label" / "frame1.png")
    for sample in samples(prepare(void_ids=(255, 65535))):
        np.testing.assert_array_equal(sample["label"][..., 0], ids)


def test_missing_depth_and_depth_arrays(folder, prepare):
    image, label, _ = random_frame(0)
    metres = np.linspace(0.5, 3, 48).reshape(6, 8)
    metres[0, :3] = np.nan, -1, np.inf
    write_frame(folder, "array", image, label, metres)
    write_frame(folder, "none", image, label)
    write_lists(folder, train=["array", "none"])
    array, none = samples(prepare(depth_unit=None))
    expected = metres.astype(np.float32)
    expected[0, :3] = 0
    np.testing.assert_array_equal(array["depth"][..., 0], expected)
    np.testing.assert_array_equal(none["depth"], np.zeros((6, 8, 1), np.float32))


def test_depth_and_label_of_another_size_take_the_nearest_pixel(folder, prepare):
    image, label, _ = random_frame(0, (12, 16))
    _, small_label, small_depth = random_frame(1, (6, 8))
    write_frame(folder, "smaller", image, small_label, small_depth)
    _, big_label, big_depth = random_frame(2, (36, 48))
    write_frame(folder, "bigger", image, big_label, big_depth)
    write_lists(folder, train=["smaller", "bigger"])
    smaller, bigger = samples(prepare())
    np.testing.assert_array_equal(smaller["label"][..., 0], small_label.repeat(2, 0).repeat(2, 1))
    millimetres = np.rint(smaller["depth"][..., 0] * 1000).astype(np.uint16)
    np.testing.assert_array_equal(millimetres, small_depth.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(bigger["label"][..., 0], big_label[1::3, 1::3])
    assert bigger["image"].shape == (12, 16, 3)


def test_stored_size_averages_images_and_picks_labels_and_depth(folder, prepare):
    image, label, depth = random_frame(0, (12, 16))
    write_frame(folder, "a", image, label, depth)
    write_lists(folder, train=["a"])
    (sample,) = samples(prepare(size=(6, 8)))
    means = image.reshape(6, 2, 8, 2, 3).mean(axis=(1, 3))
    # Pillow averages along one axis, rounds, then along the other.
    assert np.abs(sample["image"] - means).max() <= 1
    np.testing.assert_array_equal(sample["label"][..., 0], label[1::2, 1::2])
    millimetres = np.rint(sample["depth"][..., 0] * 1000).astype(np.uint16)
    np.testing.assert_array_equal(millimetres, depth[1::2, 1::2])


def test_names_may_have_folders_and_dots(folder, prepare):
    write_frame(folder, "kitchen/0.5", *random_frame(0))
    write_lists(folder, my_list=["kitchen/0.5"])
    assert [sample["name"] for sample in samples(prepare(splits=("my_list",)), "my_list")] == [
        b"kitchen/0.5"
    ]


def test_colours_are_read_or_made_up(folder, prepare):
    write_random_folder(folder)
    made_up = prepare().info.metadata["palette"]
    assert made_up == [list(colour) for colour in distinct_palette(4)]
    (folder / "colours.txt").write_text("1 2 3\n4, 5, 6\n7 8 9\n255 0 10\n")
    assert prepare().info.metadata["palette"] == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [255, 0, 10]]


def test_made_up_colours_differ():
    colours = distinct_palette(255)
    assert len({*colours, (0, 0, 0)}) == 256
    assert all(0 <= channel <= 255 for colour in colours for channel in colour)


def test_changed_folder_is_prepared_anew(folder, prepare):
    write_random_folder(folder)
    before = prepare()
    assert prepare().data_dir == before.data_dir
    path = folder / "label" / "frame0.png"
    status = path.stat()
    Image.fromarray(np.full((6, 8), 3, np.uint8)).save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(ValueError, match="has changed since this RgbdFolder was made"):
        before.download_and_prepare()
    after = prepare()
    assert after.data_dir != before.data_dir
    assert (samples(after)[0]["label"] == 3).all()


@pytest.mark.parametrize("change", ["list", "classes", "depth", "option"])
def test_every_kind_of_change_is_noticed(folder, tmp_path, change):
    write_random_folder(folder)
    options = {"depth_unit": 0.001, "data_dir": tmp_path / "prepared"}
    before = RgbdFolder(folder, **options).data_dir
    if change == "list":
        (folder / "train.txt").write_text("frame1\nframe0\n")
    elif change == "classes":
        (folder / "classes.txt").write_text("wall\nfloor\nchair\ntable\n")
    elif change == "depth":
        (folder / "depth" / "frame0.png").unlink()
    else:
        options["void_ids"] = (0,)
    assert RgbdFolder(folder, **options).data_dir != before


def test_failed_preparation_leaves_nothing_that_reads_as_whole(folder, tmp_path):
    write_random_folder(folder)
    (folder / "rgb" / "frame5.png").write_bytes(b"not a picture")
    builder = RgbdFolder(folder, depth_unit=0.001, data_dir=tmp_path / "prepared")
    with pytest.raises(ValueError, match=r"frame5\.png"):
        builder.download_and_prepare()
    assert not builder.data_path.exists()
    assert not list((tmp_path / "prepared").rglob("*.tfrecord*"))


def test_two_preparations_at_once_end_in_one(folder, tmp_path, monkeypatch):
    write_random_folder(folder)
    options = {"depth_unit": 0.001, "data_dir": tmp_path / "prepared"}
    slow, quick = RgbdFolder(folder, **options), RgbdFolder(folder, **options)
    frames = slow.frames

    def overtaken(*arguments):
        quick.download_and_prepare()
        return frames(*arguments)

    monkeypatch.setattr(slow, "frames", overtaken)
    slow.download_and_prepare()
    assert len(samples(slow)) == slow.info.splits["train"].num_examples == 6


def test_builder_can_be_pickled_and_found_by_name(folder, prepare, tmp_path):
    write_random_folder(folder)
    builder = prepare()
    assert pickle.loads(pickle.dumps(builder)).data_dir == builder.data_dir
    options = {"folder": folder, "depth_unit": 0.001, "data_dir": tmp_path / "prepared"}
    assert tfds.builder("rgbd_folder", **options).data_dir == builder.data_dir
    assert load_builder("rgbd_folder", **options).data_dir == builder.data_dir
    again = tfds.builder_from_directory(builder.data_dir)
    np.testing.assert_array_equal(samples(again)[0]["image"], samples(builder)[0]["image"])


def test_patterns_find_files_that_are_called_otherwise(folder, prepare):
    for seed, name in enumerate(("kitchen/1", "hall/2")):
        image, label, depth = random_frame(seed)
        for kind, picture in (("images", image), ("gt", label), ("range", depth)):
            (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
            ending = {"images": "rgb", "gt": "labelIds", "range": "depth"}[kind]
            Image.fromarray(picture).save(folder / kind / f"{name}_{ending}.png")
    write_lists(folder, train=["images/kitchen/1_rgb.png"], val=["hall"])
    builder = prepare(
        rgb="images/{name}_rgb.png", depth="range/{name}_depth.png", label="gt/{name}_labelIds.png"
    )
    for seed, split, name in ((0, "train", b"kitchen/1"), (1, "val", b"hall/2")):
        (sample,) = samples(builder, split)
        image, label, depth = random_frame(seed)
        assert sample["name"] == name
        np.testing.assert_array_equal(sample["image"], image)
        np.testing.assert_array_equal(sample["label"][..., 0], label)


def test_drawn_splits_keep_scenes_and_say_so(folder, prepare):
    for seed in range(12):
        write_frame(folder, f"room{seed // 2}/{seed}", *random_frame(seed))
    write_frame(folder, "room9/only_rgb", *random_frame(99))
    (folder / "label" / "room9" / "only_rgb.png").unlink()
    write_lists(folder)
    builder = prepare(draw_splits=(0.5, 0.25, 0.25))
    rooms = {
        split: {sample["name"].decode().split("/")[0] for sample in samples(builder, split)}
        for split in builder.info.splits
    }
    assert sorted(map(len, rooms.values())) == [1, 2, 3]
    assert len(set.union(*rooms.values())) == 6
    drawn, unlabelled = builder.notes
    assert unlabelled == f"1 of 13 {UNUSED}"
    for split, of_split in rooms.items():
        assert f"{split} {2 * len(of_split)} frames of {len(of_split)} scene" in drawn
    assert prepare(draw_splits=(0.5, 0.25, 0.25), draw_seed=1).data_dir != builder.data_dir


def without_label(folder, *names):
    for name in names:
        (folder / "label" / f"{name}.png").unlink()


def test_frames_of_one_split_need_no_label(folder, prepare):
    write_random_folder(folder, number=3, val=1)
    without_label(folder, "frame1")
    builder = prepare(unlabelled="train")
    kept, void, _ = samples(builder)
    np.testing.assert_array_equal(kept["label"][..., 0], random_frame(0)[1])
    image, _, depth = random_frame(1)
    np.testing.assert_array_equal(void["image"], image)
    np.testing.assert_array_equal(void["depth"][..., 0], depth * np.float32(0.001))
    assert (void["label"] == 255).all() and void["label"].dtype == np.uint8
    assert void["label"].shape == kept["label"].shape
    assert builder.notes == ["1 of the 3 images of train have no label."]
    assert samples(prepare(unlabelled="train", size=(3, 4)))[1]["label"].shape == (3, 4, 1)
    # Other splits may be read with the same options.
    assert len(samples(prepare(unlabelled="train", splits=("val",)), "val")) == 1


def test_images_of_two_splits_are_told(folder, prepare):
    write_random_folder(folder, number=3, val=1)
    (folder / "more.txt").write_text("\n".join(f"frame{index}" for index in range(4)))
    builder = prepare(splits=("more", "val"), unlabelled="more")
    assert (
        "1 of the 4 images of more are in val too: what is trained on one of the two is not to be "
        "scored on the other."
    ) in builder.notes
    assert not any("are in" in note for note in prepare(splits=("train", "val")).notes)


def test_frames_without_label_join_a_drawn_split_but_not_from_scenes_of_another(folder, prepare):
    for seed in range(12):
        write_frame(folder, f"room{seed // 2}/{seed}", *random_frame(seed))
    for room in range(6):
        write_frame(folder, f"room{room}/more", *random_frame(20 + room))
        without_label(folder, f"room{room}/more")
    write_frame(folder, "new/1", *random_frame(30))
    without_label(folder, "new/1")
    write_lists(folder)
    shares = (0.5, 0.25, 0.25)

    def names(**options):
        builder = prepare(draw_splits=shares, **options)
        splits = {
            split: {sample["name"].decode() for sample in samples(builder, split)}
            for split in builder.info.splits
        }
        return splits, builder.notes

    before, _ = names()
    after, notes = names(unlabelled="train")
    rooms = {name.split("/")[0] for name in before["train"]}
    assert after["train"] - before["train"] == {"new/1", *(f"{room}/more" for room in rooms)}
    assert {**after, "train": before["train"]} == before
    unused = 6 - len(rooms)
    assert f"{unused} of 19 images have no label and are not of train: they are not used." in notes
    by_frame, _ = names(unlabelled="train", draw_by="frame")
    assert {f"room{room}/more" for room in range(6)} | {"new/1"} <= by_frame["train"]
    assert len(set.union(*by_frame.values())) == 19


def test_classes_are_those_of_the_labels_where_no_file_names_them(folder, prepare):
    write_random_folder(folder, number=2, val=1)
    (folder / "classes.txt").unlink()
    builder = prepare()
    assert builder.info.metadata["class_names"] == ["c0", "c1", "c2", "c3"]
    (note,) = builder.notes
    assert "the labels hold 4" in note
    assert prepare(classes=7).info.metadata["class_names"][-1] == "c6"


def test_depth_of_another_camera_is_brought_to_the_image(folder, prepare):
    """A wall 2 m away, seen by a camera 5 cm beside: it moves by fx * 0.05 / 2 = 1 pixel."""
    image, label, _ = random_frame(0, (6, 8))
    depth = np.full((6, 8), 2000, np.uint16)
    depth[2, 3] = 0
    write_frame(folder, "a", image, label, depth)
    write_lists(folder, train=["a"])
    shift = (1, 0, 0, 0.05, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
    camera = (40.0, 40.0, 3.5, 2.5)
    (sample,) = samples(prepare(rgb_intrinsics=camera, depth_intrinsics=camera, depth_to_rgb=shift))
    expected = np.full((6, 8), 2, np.float32)
    expected[:, 0] = expected[2, 4] = 0
    np.testing.assert_array_equal(sample["depth"][..., 0], expected)


def test_lists_name_images_in_many_ways(folder, prepare):
    names = write_random_folder(folder, number=5, val=1)
    lines = ["rgb/frame0.png", "./rgb/frame1.png", "rgb/frame2", "frame3.png", "frame4"]
    (folder / "train.txt").write_text("\r\n".join(lines))
    assert [sample["name"].decode() for sample in samples(prepare())] == names[:5]


def test_frames_of_two_split_folders_may_have_one_name(folder, prepare):
    for seed, split in enumerate(("training", "testing")):
        image, label, depth = random_frame(seed)
        for kind, picture in (("img", image), ("seg", label), ("dep", depth)):
            (folder / kind / split).mkdir(parents=True)
            Image.fromarray(picture).save(folder / kind / split / "0000.png")
    write_lists(folder)
    builder = prepare(
        rgb="img/{split}/{name}", label="seg/{split}/{name}", depth="dep/{split}/{name}"
    )
    for seed, split in enumerate(("training", "testing")):
        (sample,) = samples(builder, split)
        np.testing.assert_array_equal(sample["image"], random_frame(seed)[0])
        assert sample["name"].decode() == f"{split}/0000"
    for split in ("training", "testing"):
        Image.fromarray(random_frame(5)[0]).save(folder / "img" / split / "0001.png")
    builder = prepare(
        rgb="img/{split}/{name}",
        label="seg/{split}/{name}",
        depth="dep/{split}/{name}",
        unlabelled="training",
    )
    assert [len(samples(builder, split)) for split in ("training", "testing")] == [2, 1]
    assert (samples(builder, "training")[1]["label"] == 255).all()
    assert builder.notes == [
        "1 of 4 images have no label and are not of training: they are not used.",
        "1 of the 2 images of training have no label.",
    ]
