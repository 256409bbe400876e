"""Pictures, arrays and MATLAB files that want more than to be read are refused in a sentence."""

import io
import json
import os
import struct
import warnings
import zlib

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import tensorflow as tf
import tensorflow_datasets as tfds
from cityscapes_frames import CAMERA
from matlab_files import matlab_73, struct_array, write_array, write_cells, write_cells_mat5
from PIL import EpsImagePlugin, Image
from rgbd_frames import write_random_folder

from keras_lwm.datasets import RgbdFolder, matlab5_layout
from keras_lwm.datasets.check import check_folder
from keras_lwm.datasets.cityscapes.frames import read_camera
from keras_lwm.datasets.matlab import MatlabHdf5, read_mat
from keras_lwm.datasets.records import Records
from keras_lwm.datasets.sun_rgbd.lists import read_frames
from keras_lwm.deployment.image_files import read_image
from keras_lwm.keras_files import weights_file
from keras_lwm.pictures import open_picture_file
from keras_lwm.rgbd_folder.depth_files import read_numbers


def refuses(read, path, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def png(width, height, colour=2):
    """A few bytes that declare a picture of this size."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


BOMB = "declares 60000x60000 pixels, and no more than 268435456 are read"


def test_a_picture_that_would_fill_the_memory(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(60000, 60000))
    refuses(read_image, path, BOMB)


@pytest.mark.parametrize("kind", ["rgb", "label", "depth"])
def test_a_frame_that_would_fill_the_memory(kind, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    write_random_folder(folder, number=2, val=1)
    path = folder / kind / "frame1.png"
    path.write_bytes(png(60000, 60000, 2 if kind == "rgb" else 0))
    builder = RgbdFolder(folder, depth_unit=0.001, data_dir=tmp_path / "prepared")
    refuses(lambda path: builder.download_and_prepare(), path, BOMB)
    errors = [finding.message for finding in check_folder(folder).errors]
    assert len(errors) == 1 and BOMB in errors[0] and str(path) in errors[0]


def test_a_record_that_would_fill_the_memory(tmp_path):
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[png(60000, 60000)]))
    features = tf.train.Features(feature={"image": feature})
    path = tmp_path / "frames-train.tfrecord"
    path.write_bytes(tf.train.Example(features=features).SerializeToString())
    records = object.__new__(Records)
    records._spans = [(tfds.core.Path(path), 0, path.stat().st_size)]
    refuses(lambda path: records.image_size(0), path, BOMB)


def test_photos_of_phones_are_opened_without_a_remark():
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_picture_file(io.BytesIO(png(16320, 12240))).size == (16320, 12240)
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_larger_bound_of_pillows_own_counts(monkeypatch):
    for bound in (2**31, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", bound)
        assert open_picture_file(io.BytesIO(png(60000, 60000))).width == 60000


def test_a_picture_that_is_a_program_is_not_run(tmp_path, monkeypatch):
    marker = tmp_path / "made_by_the_attack"
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    ghostscript.chmod(0o755)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", str(ghostscript))
    path = tmp_path / "photo.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    refuses(read_image, path, "no known image format")
    assert not marker.exists()
    with pytest.raises(OSError), Image.open(path) as picture:
        picture.load()
    assert marker.exists(), "the attack of this test is none"


class Attack:
    """Unpickled, this makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def write_header(path, shape, content=bytes(64)):
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(content)


def test_an_array_of_pickled_objects(tmp_path):
    path, marker = tmp_path / "depth.npy", tmp_path / "made_by_the_attack"
    np.save(path, np.array([[Attack(marker)]], object), allow_pickle=True)
    refuses(read_numbers, path, "Cannot read the depth")
    assert not marker.exists()
    np.load(path, allow_pickle=True)
    assert marker.exists(), "the attack of this test is none"


@pytest.mark.parametrize("shape", [(10**8, 10**8), (10**5, 10**5), (-4, 4)])
def test_an_array_that_declares_what_it_does_not_hold(shape, tmp_path):
    path = tmp_path / "depth.npy"
    write_header(path, shape)
    refuses(read_numbers, path, "Cannot read the depth")


def test_an_archive_in_place_of_an_array(tmp_path):
    np.savez(tmp_path / "depth.npz", depth=np.ones((4, 4)))
    path = (tmp_path / "depth.npz").rename(tmp_path / "depth.npy")
    refuses(read_numbers, path, "Cannot read the depth")


def test_an_array_is_read_as_it_was_saved(tmp_path):
    values = np.arange(12, dtype="f4").reshape(3, 4)
    for order in "CF":
        np.save(tmp_path / "depth.npy", np.asarray(values, order=order))
        np.testing.assert_array_equal(read_numbers(tmp_path / "depth.npy"), values)


def matlab_link(file, secret):
    file["stack"] = h5py.ExternalLink(str(secret), "secret")


def matlab_name(file, secret):
    write_array(file, "elsewhere", np.ones((2, 3)))
    file["stack"] = h5py.SoftLink("/elsewhere")


def matlab_storage(file, secret):
    file.create_dataset("stack", (2, 3), "f8", external=[(str(secret), 0, 48)])


def matlab_view(file, secret):
    layout = h5py.VirtualLayout((2, 3), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "secret", (2, 3))
    file.create_virtual_dataset("stack", layout)


def matlab_bomb(file, secret):
    file.create_dataset("stack", (3, 2**20, 2**20), "u1", chunks=(1, 64, 64), compression="gzip")


IN_MATLAB = {
    matlab_link: "is a link",
    matlab_name: "is a link",
    matlab_storage: "is kept in other files",
    matlab_view: "is kept in other files",
    matlab_bomb: "declares 3298534883328 bytes, of which 0 are stored",
}


@pytest.mark.parametrize("attack", IN_MATLAB)
def test_a_matlab_file_that_leads_elsewhere(attack, tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.ones((2, 3))
    path = tmp_path / "evil.mat"
    with matlab_73(path) as file:
        attack(file, secret)
        if attack is not matlab_link:
            write_cells(file, "cells", [None])
            file["cells"][0, 0] = file["stack"].ref
    refuses(lambda path: MatlabHdf5(path)["stack"], path, IN_MATLAB[attack])
    refuses(lambda path: MatlabHdf5(path).read("stack", 0), path, IN_MATLAB[attack])
    if attack not in (matlab_link, matlab_name):
        refuses(lambda path: MatlabHdf5(path).follow("cells", 0), path, IN_MATLAB[attack])


def matlab_5(kind, shape, content=b""):
    """A file of version 5 with the variable `words`, of a class by its number."""

    def element(type, data):
        return struct.pack("<II", type, len(data)) + data + bytes(-len(data) % 8)

    flags, sizes = struct.pack("<II", kind, 0), struct.pack(f"<{len(shape)}i", *shape)
    matrix = element(6, flags) + element(5, sizes) + element(1, b"words") + content
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    return header + element(14, matrix)


FIELD = struct.pack("<HHi", 5, 4, 8) + struct.pack("<II", 1, 8) + b"field\0\0\0"


@pytest.mark.parametrize(
    ("kind", "content"),
    [(1, b""), (2, FIELD), (4, b""), (6, b""), (16, b""), (17, b"")],
    ids=["cell", "struct", "char", "double", "function", "object"],
)
def test_a_matlab_5_file_that_declares_what_it_does_not_hold(kind, content, tmp_path):
    path = tmp_path / "evil.mat"
    path.write_bytes(matlab_5(kind, (2**30, 2**28), content))
    refuses(lambda path: read_mat(path, "words"), path, "MATLAB 5 file|variable 'words'")


def test_cells_beyond_number_are_refused_before_room_is_made(tmp_path):
    path = tmp_path / "evil.mat"
    path.write_bytes(matlab_5(1, (2**15, 2**15)))
    refuses(lambda path: read_mat(path, "words"), path, "declares 1073741824 entries in 48 bytes")


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/secret.jpg", "..", "a\\..\\secret.jpg"])
@pytest.mark.parametrize("field", ["rgbname", "depthname"])
def test_names_in_a_list_that_lead_out_of_the_folder(field, name, tmp_path):
    path = tmp_path / "SUNRGBDMeta.mat"
    fields = {"rgbname": ["a.jpg"], "depthname": ["a.png"], field: [name]}
    rgb_path = ["/data/SUNRGBD/kv1/one/image/a.jpg"]
    write_cells_mat5(path, SUNRGBDMeta=struct_array(size=1, rgbpath=rgb_path, **fields))
    refuses(read_frames, path, "Expected FOLDER/image/FILE")


@pytest.mark.parametrize("text", ["[" * 10**5, json.dumps(CAMERA)[:-2]])
def test_a_camera_of_other_things(text, tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(text)
    refuses(read_camera, path, "Expected JSON")


def test_an_element_of_no_type_does_not_end_the_process(tmp_path):
    # SciPy would look its type up beyond the end of a table.
    path = tmp_path / "evil.mat"
    write_cells_mat5(path, words=["a"])
    content = path.read_bytes()
    letters = content.index(b"\x10\x00\x01\x00a")
    path.write_bytes(content[: letters + 1] + b"\x0b" + content[letters + 2 :])
    refuses(lambda path: read_mat(path, "words"), path, "an element of type 2832 stands where")


def test_cells_in_cells_do_not_end_the_process(tmp_path):
    cell = b""
    for _ in range(2000):
        cell = matlab_5(1, (1, 1), cell)[128:]
    path = tmp_path / "evil.mat"
    path.write_bytes(matlab_5(1, (1, 1), cell))
    refuses(lambda path: read_mat(path, "words"), path, "lie in one another more than 32 deep")


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_of_every_class_pass(compressed, tmp_path):
    path = tmp_path / "honest.mat"
    inner = struct_array(size=2, name=["one", ""], box=[np.zeros((0, 0)), np.ones((2, 2))])
    variables = {
        "nested": struct_array(size=1, inner=[inner]),
        "complex": np.ones((2, 2)) * 1j,
        "logical": np.array([True, False]),
        "bytes": np.arange(5, dtype=np.uint8),
        "sparse": scipy.sparse.csc_matrix(np.eye(3)),
        "text": "größer",
    }
    scipy.io.savemat(path, variables, do_compression=compressed)
    for name in variables:
        assert read_mat(path, name).shape
    np.testing.assert_array_equal(read_mat(path, "complex"), variables["complex"])


def test_an_array_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(matlab5_layout, "_MOST_BYTES", 2**16)
    path = tmp_path / "bomb.mat"
    scipy.io.savemat(path, {"words": np.zeros(2**16)}, do_compression=True)
    refuses(lambda path: read_mat(path, "words"), path, "becomes more than 65536 bytes")


def damaged(content, seed):
    """The bytes with a few of them changed."""
    random = np.random.default_rng(seed)
    content = np.frombuffer(content, np.uint8).copy()
    places = random.integers(0, content.size, random.integers(1, 9))
    content[places] = random.choice([0, 1, 14, 64, 127, 128, 255], places.size)
    return content.tobytes()


def read_both(path):
    file = MatlabHdf5(path)
    file.read("stack", 0)
    file.text("words", 0)


@pytest.mark.parametrize("kind", ["matlab_5", "matlab_73", "array", "weights"])
def test_damage_is_said_by_the_name_of_the_file(kind, tmp_path):
    path = tmp_path / ("damaged.npy" if kind == "array" else "damaged.mat")
    if kind == "matlab_5":
        write_cells_mat5(path, words=["a", "größer", ""])
    elif kind == "array":
        np.save(path, np.ones((3, 4)))
    else:
        with matlab_73(path) as file:
            write_array(file, "stack", np.ones((2, 3, 4)), chunks=(1, 3, 2), compression="gzip")
            write_cells(file, "words", ["abc", ""])
    read = {
        "matlab_5": lambda path: read_mat(path, "words"),
        "matlab_73": read_both,
        "array": read_numbers,
        "weights": _look_at_weights,
    }[kind]
    whole = path.read_bytes()
    read(path)
    refused = 0
    for seed in range(150):
        path.write_bytes(damaged(whole, seed))
        try:
            read(path)
        except ValueError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 5


def _look_at_weights(path):
    with weights_file(path, path):
        pass
