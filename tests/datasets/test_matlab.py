"""MATLAB's files, written by SciPy and h5py, are read as MATLAB shows them."""

import os
import pickle
import sys

import h5py
import numpy as np
import pytest
import scipy.io
from matlab_files import (
    cells,
    matlab_73,
    struct_array,
    write_array,
    write_cells,
    write_cells_mat5,
)

from keras_lwm.datasets.matlab import MatlabHdf5, read_mat, struct_field, texts, whole_numbers


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.mat"


@pytest.fixture
def hdf5(path):
    """Three frames, three strings, and cells of two sizes, an empty one and none."""
    stack = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    with matlab_73(path) as file:
        write_array(file, "stack", stack)
        write_array(file, "flat", stack[:, :, 0], chunks=(1, 3, 2), compression="gzip")
        write_cells(file, "words", ["kitchen_0004", "", "größer \U0001f600"])
        arrays = [np.arange(6).reshape(2, 3), np.ones((4, 1)), np.zeros((0, 0)), None]
        write_cells(file, "struct/field", arrays)
    return MatlabHdf5(path), stack


def test_one_frame_in_matlabs_order_of_axes(hdf5):
    file, stack = hdf5
    for index in range(3):
        np.testing.assert_array_equal(file.read("stack", index), stack[..., index])
        np.testing.assert_array_equal(file.read("flat", index), stack[:, :, 0, index])
    assert file["stack"].shape == (3, 4, 3, 2)


def test_strings_behind_references(hdf5):
    file, _ = hdf5
    assert [file.text("words", index) for index in range(3)] == [
        "kitchen_0004",
        "",
        "größer \U0001f600",
    ]


def test_arrays_behind_references(hdf5):
    file, _ = hdf5
    np.testing.assert_array_equal(file.follow("struct/field", 0), [[0, 1, 2], [3, 4, 5]])
    assert file.follow("struct/field", 1).shape == (4, 1)


def test_cells_in_a_row_and_in_a_column(path):
    with h5py.File(path, "w") as file:
        refs = [file.create_dataset(f"r{i}", data=np.full((1, 1), i)).ref for i in range(3)]
        file.create_dataset("row", data=np.array([refs], h5py.ref_dtype), dtype=h5py.ref_dtype)
        column = np.array([[ref] for ref in refs], h5py.ref_dtype)
        file.create_dataset("column", data=column, dtype=h5py.ref_dtype)
    file = MatlabHdf5(path)
    for name in ("row", "column"):
        assert [int(file.follow(name, i)[0, 0]) for i in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda file: file["nothing"], "Expected the variable 'nothing' in .*file.mat"),
        (lambda file: file["struct"], "Expected the variable 'struct' in .*file.mat"),
        (lambda file: file.follow("stack", 0), "Expected references in 'stack' of .*file.mat"),
        (lambda file: file.follow("struct/field", 2), "Entry 2 of 'struct/field' .* is empty"),
        (lambda file: file.follow("struct/field", 3), "Entry 3 of .*refers to nothing"),
        (lambda file: file.text("struct/field", 0), "to be a string; received int64"),
    ],
)
def test_what_is_not_in_a_73_file(hdf5, read, message):
    with pytest.raises(ValueError, match=message):
        read(hdf5[0])


def test_chunk_that_is_damaged(hdf5, path):
    with h5py.File(path) as file:
        place = file["flat"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place : place + 8] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Cannot read /flat in .*file\.mat"):
        MatlabHdf5(path).read("flat", 0)


def test_file_is_opened_once_in_every_process(hdf5, monkeypatch):
    file, stack = hdf5
    opened = []

    class Counted(h5py.File):
        def __init__(self, *arguments, **options):
            opened.append(os.getpid())
            super().__init__(*arguments, **options)

    monkeypatch.setattr(h5py, "File", Counted)
    for process in (1, 1, 2, 2):  # as after a fork
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        np.testing.assert_array_equal(file.read("stack", 1), stack[..., 1])
    assert opened == [1, 2]


def test_file_can_be_pickled(hdf5):
    file, stack = hdf5
    file.read("stack", 0)
    copy = pickle.loads(pickle.dumps(file))
    np.testing.assert_array_equal(copy.read("stack", 2), stack[..., 2])


def test_mat5_cells_and_structs(path):
    struct = struct_array(size=2, name=["one", ""], box=[np.zeros((0, 0)), np.ones((2, 2))])
    write_cells_mat5(path, words=["a", "größer", ""], records=struct)
    assert texts(read_mat(path, "words"), path) == ["a", "größer", ""]
    assert texts(struct_field(read_mat(path, "records"), "name", path), path) == ["one", ""]
    with pytest.raises(ValueError, match=r"field 'size' in .*found \['box', 'name'\]"):
        struct_field(read_mat(path, "records"), "size", path)
    with pytest.raises(ValueError, match=r"Expected strings .*file\.mat; .* \(2, 2\)"):
        texts(struct_field(read_mat(path, "records"), "box", path), path)


def test_mat5_that_has_no_such_variable(path):
    write_cells_mat5(path, words=["a"])
    with pytest.raises(ValueError, match=r"variable 'letters' in .*file\.mat"):
        read_mat(path, "letters")


def test_mat5_without_scipy_names_the_extra(path, monkeypatch):
    write_cells_mat5(path, words=["a"])
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    sentence = r"^Reading .*file\.mat needs a package .*keras_lwm\[benchmarks\]"
    with pytest.raises(ImportError, match=sentence):
        read_mat(path, "words")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("keep", [0, 0.1, 0.5, 0.99])
def test_mat5_that_ends_early(path, keep, compressed):
    words = [str(number**9) for number in range(99)]
    scipy.io.savemat(path, {"words": cells(words)}, do_compression=compressed)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match=r"file\.mat"):
        read_mat(path, "words")


def test_whole_numbers(path):
    assert whole_numbers(np.array([1.0, 2.0]), path).dtype == np.int64
    assert whole_numbers(np.array([[3]], np.uint16), path).tolist() == [[3]]
    for array in ([1.5], [np.nan], ["1"], [1 + 0j]):
        with pytest.raises(ValueError, match=r"whole numbers in .*file\.mat"):
            whole_numbers(np.array(array), path)
