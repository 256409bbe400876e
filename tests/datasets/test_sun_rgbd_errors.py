"""What is wrong with SUN RGB-D's files is said in one sentence that names the file or frame."""

import shutil

import numpy as np
import pytest
from PIL import Image
from sun_files import draw_frames, write_labels, write_lists, write_meta, write_pictures, write_sun

from keras_lwm.datasets import load_builder

pytestmark = pytest.mark.filterwarnings("ignore:.*the official one")
TOOLBOX = "SUNRGBDtoolbox"


@pytest.fixture
def frames():
    return draw_frames()


@pytest.fixture
def folder(tmp_path, frames):
    path = tmp_path / "manual"
    path.mkdir()
    write_sun(path, frames)
    return path


def refuses(folder, message):
    prepared = folder.parent / "prepared"
    with pytest.raises(ValueError, match=message) as caught:
        load_builder("sun_rgbd", data_dir=prepared, manual_dir=folder)
    assert "\n" not in str(caught.value)
    assert not list(prepared.rglob("*.tfrecord*"))


@pytest.mark.parametrize(
    "name",
    ["Metadata/SUNRGBDMeta.mat", "Metadata/SUNRGBD2Dseg.mat", "traintestSUNRGBD/allsplit.mat"],
)
def test_missing_list(folder, name):
    (folder / TOOLBOX / name).unlink()
    refuses(
        folder, rf"Expected the file .*{name}; .*put it there, from SUNRGBDtoolbox\.zip of http"
    )


def test_missing_folders(folder):
    shutil.rmtree(folder / "SUNRGBD")
    refuses(folder, r"Expected the folder .*manual/SUNRGBD; .* put SUNRGBD\.zip of https://")
    refuses(folder / "nowhere", r"SUNRGBD\.zip and SUNRGBDtoolbox\.zip of .*nowhere, which is")


@pytest.mark.parametrize("kind", ["image/0000103.jpg", "depth_bfx/0000104.png"])
def test_missing_picture(folder, frames, kind):
    (folder / "SUNRGBD" / frames[2].name / kind).unlink()
    refuses(folder, rf"1 of 10 image and depth files .* the first is .*{frames[2].name}/{kind}")


@pytest.mark.parametrize("kind", ["image/0000103.jpg", "depth_bfx/0000104.png"])
def test_truncated_picture(folder, frames, kind):
    path = folder / "SUNRGBD" / frames[1].name / kind
    path.write_bytes(path.read_bytes()[:-40])
    refuses(folder, rf"Cannot read the picture .*{frames[1].name}/{kind}")


def test_depth_of_8_bits(folder, frames):
    path = folder / "SUNRGBD" / frames[1].name / "depth_bfx" / "0000104.png"
    Image.fromarray(frames[1].label).save(path)
    refuses(folder, rf"16-bit PNG, one channel, in .*{frames[1].name}/.*'L'")


def test_depth_of_another_size(folder, frames):
    frames[1].filled = frames[1].filled[:-1]
    write_pictures(folder / "SUNRGBD" / frames[1].name, frames[1])
    refuses(folder, rf"{frames[1].name}/depth_bfx/0000104\.png is 5x8 .* is 6x8")


def test_label_of_another_size(folder, frames):
    frames[3].label = frames[3].label.T
    write_labels(folder, [frame.label for frame in frames])
    refuses(folder, rf"the label of {frames[3].name} is 7x9 .*0000103\.jpg is 9x7")


@pytest.mark.parametrize("label_id", [38, 255])
def test_label_id_without_a_class(folder, frames, label_id):
    frames[3].label[2, 3] = label_id
    write_labels(folder, [frame.label for frame in frames])
    refuses(folder, rf"ids 0 to 37 for {frames[3].name} in .*2Dseg\.mat; it holds {label_id}")


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (None, "refers to nothing"),
        (np.zeros((0, 0)), "is empty"),
        (np.full((6, 8), 0.5), "whole numbers"),
    ],
)
def test_frame_without_a_label(folder, frames, label, words):
    write_labels(
        folder, [label if place == 1 else frame.label for place, frame in enumerate(frames)]
    )
    refuses(folder, rf"Cannot read the label of {frames[1].name}: .*{words}")


def test_labels_of_another_number(folder, frames):
    write_labels(folder, [frame.label for frame in frames[:-1]])
    refuses(folder, r"each of the 5 frames of .*Meta\.mat; .*SUNRGBD2Dseg\.mat holds 4")


def test_list_names_frames_that_are_not_there(folder, frames):
    write_lists(folder, [frames[0].name, "kv1/a/b"], ["kv1/c/d"])
    refuses(folder, r"allsplit\.mat names 2 frames that .* does not have; the first is 'kv1/a/b'")


def test_frame_in_both_lists(folder, frames):
    write_lists(folder, [frames[0].name], [frames[1].name, frames[0].name])
    refuses(folder, rf"allsplit\.mat names the frame '{frames[0].name}' twice")


def test_frame_twice_in_the_metadata(folder, frames):
    write_meta(folder, [*frames, frames[0]])
    refuses(folder, rf"SUNRGBDMeta\.mat names the frame '{frames[0].name}' twice")


def test_paths_of_another_layout(folder, frames):
    write_lists(folder, [frames[0].name], [frames[1].name], root="/data/elsewhere")
    refuses(folder, r"Expected a path below 'SUNRGBD/' in .*allsplit\.mat; received '/data/else")
    write_lists(folder, [frames[0].name], ["../../etc"])
    refuses(folder, r"below 'SUNRGBD/' in .*allsplit\.mat; received '/data1/SUNRGBD/../../etc'")


def test_truncated_lists(folder):
    for name in ("Metadata/SUNRGBD2Dseg.mat", "Metadata/SUNRGBDMeta.mat"):
        path = folder / TOOLBOX / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        refuses(folder, rf"Cannot read .*{name} as a MATLAB")
