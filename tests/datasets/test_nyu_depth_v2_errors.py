"""What is wrong with NYU Depth V2's files is said in one sentence that names the file."""

import io
import urllib.error
import urllib.request

import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds
from nyu_files import (
    CLASS_OF,
    CLASSES_40,
    GROUP_OF,
    draw_frame,
    write_labeled,
    write_mapping_13,
    write_mapping_40,
    write_nyu,
    write_splits,
)

from keras_lwm.datasets import load_builder

pytestmark = pytest.mark.filterwarnings("ignore:.*the official one")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "manual"
    path.mkdir()
    write_nyu(path, [draw_frame(number) for number in (1, 2, 3, 4)])
    return path


def refuses(folder, message, config="13_inpainted"):
    prepared = folder.parent / "prepared"
    with pytest.raises(ValueError, match=message) as caught:
        load_builder(f"nyu_depth_v2_labeled/{config}", data_dir=prepared, manual_dir=folder)
    assert "\n" not in str(caught.value)
    assert not list(prepared.rglob("*.tfrecord*"))


@pytest.mark.parametrize("name", ["splits.mat", "classMapping40.mat", "class13Mapping.mat"])
def test_missing_small_file(folder, name):
    (folder / name).unlink()
    refuses(folder, rf"Expected the file .*manual/{name}; .* put it there, from https://")


def test_mapping_to_13_classes_is_asked_for_by_13_classes_only(folder, tmp_path):
    (folder / "class13Mapping.mat").unlink()
    load_builder("nyu_depth_v2_labeled", data_dir=tmp_path / "prepared", manual_dir=folder)


def test_no_manual_folder(folder):
    refuses(
        folder / "nowhere",
        r"splits\.mat, .*labeled\.mat from https://.*nowhere, which is",
    )


def test_no_network(folder, monkeypatch):
    def urlopen(request, timeout):
        raise urllib.error.URLError("no route\nto host")

    (folder / "nyu_depth_v2_labeled.mat").unlink()
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(tfds.download.DownloadManager, "download", None)
    refuses(folder, r"no .*manual/nyu_depth_v2_labeled\.mat, and http:.*\(.*no route to h.*put the")


def test_download_that_fails(folder, monkeypatch):
    def download(self, url):
        raise tfds.download.DownloadError("status 404")

    (folder / "nyu_depth_v2_labeled.mat").unlink()
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: io.BytesIO())
    monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
    refuses(folder, r"no .*manual/nyu_depth_v2_labeled\.mat, and http:.*\(status 404\): put the f")


def test_truncated_files(folder):
    for name, message in (
        ("nyu_depth_v2_labeled.mat", "MATLAB 7.3"),
        ("class13Mapping.mat", "MATLAB 5"),
        ("splits.mat", "MATLAB 5"),
    ):
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        refuses(folder, rf"Cannot read .*{name} as a {message} file")


def test_file_of_another_kind(folder):
    (folder / "splits.mat").write_bytes((folder / "nyu_depth_v2_labeled.mat").read_bytes())
    refuses(folder, r"(Expected a|Cannot read .*splits\.mat as a) MATLAB 5 file")
    write_splits(folder, (1,), (2,))
    (folder / "nyu_depth_v2_labeled.mat").write_bytes((folder / "splits.mat").read_bytes())
    refuses(folder, r"Cannot read .*nyu_depth_v2_labeled\.mat as a MATLAB 7\.3 file")


def test_label_id_without_a_name(folder):
    frames = [draw_frame(1), draw_frame(2)]
    frames[1].label[2, 3] = 51
    write_nyu(folder, frames, train=(1,), test=(2,))
    refuses(folder, r"label ids 0 to 50 in frame 2 of .*labeled\.mat; it holds 51")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1])
def test_depth_that_is_none(folder, value):
    frames = [draw_frame(1), draw_frame(2)]
    frames[0].inpainted[2, 3] = value
    write_nyu(folder, frames, train=(1,), test=(2,))
    refuses(folder, r"metres, 0 or more, in depths of frame 1 of .*labeled\.mat")


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ((1, 2), (2, 3), r"splits\.mat names the frame 2 twice"),
        ((0, 1), (2, 3), r"from 1 in .*splits\.mat; received 0"),
        ((1, 2), (3, 5), r"labeled\.mat has 4 frames; received 5"),
        ((), (3, 4), r"Expected frames in the split 'train'"),
    ],
)
def test_splits_that_do_not_fit(folder, train, test, message):
    write_splits(folder, train, test)
    refuses(folder, message)


def test_frame_numbers_that_are_none(folder):
    scipy.io.savemat(folder / "splits.mat", {"trainNdxs": [[1.5]], "testNdxs": [[2.0]]})
    refuses(folder, r"whole numbers in .*splits\.mat")


def test_mappings_that_do_not_fit(folder):
    write_mapping_40(folder, class_of=[*CLASS_OF[:-1], 41])
    refuses(folder, r"Expected classes 1 to 40.* in .*classMapping40\.mat; found 41")
    write_mapping_40(folder, class_of=CLASS_OF[:-1])
    refuses(folder, r"each of the 50 names of .*labeled\.mat; the class mapping has 49")
    write_mapping_40(folder, names=[*CLASSES_40[:-1], CLASSES_40[0]])
    refuses(folder, r"different class names in .*classMapping40\.mat")
    write_mapping_40(folder)
    write_mapping_13(folder, group_of=[*GROUP_OF[:-1], 0])
    refuses(folder, r"Expected classes 1 to 13.* in .*class13Mapping\.mat; found 0")
    write_mapping_13(folder, group_of=GROUP_OF[:-1])
    refuses(folder, r"group for each of 40 classes in .*class13Mapping\.mat; found 39")
    write_mapping_13(folder, names=[f"group {number}" for number in range(14)])
    refuses(folder, r"Expected 13 classes .*name 14")


def test_depth_of_another_size(folder):
    frames = [draw_frame(1), draw_frame(2)]
    for frame in frames:
        frame.raw = frame.raw[:, :-1]
    write_labeled(folder, frames)
    refuses(folder, r"depths, rawDepths and labels of their size; received .*'rawDepths'")


def test_labels_of_another_type(folder):
    frames = [draw_frame(1), draw_frame(2)]
    for frame in frames:
        frame.label = frame.label.astype(np.int32)
    write_labeled(folder, frames)
    refuses(folder, r"'labels' of .*labeled\.mat to be of 3 axes and uint16; received .* int32")


def test_border_of_another_size_is_not_known(folder):
    refuses(folder, r"480x640 .*labeled\.mat holds frames of 6x8", config="40_raw_cropped")
