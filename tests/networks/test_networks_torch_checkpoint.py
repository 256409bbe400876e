"""Checkpoints are written here by hand, opcode by opcode, so that the tests need no torch."""

import io
import os
import pickle
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from keras_lwm.networks.torch_checkpoint import (
    MAGIC_NUMBER,
    PROTOCOL_VERSION,
    read_torch_checkpoint,
)

HEADER = [MAGIC_NUMBER, PROTOCOL_VERSION, {"little_endian": True}]


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(storage, key, count, offset, shape, strides):
    """Opcodes that rebuild a tensor as torch.save writes them."""
    identifier = text("storage") + b"ctorch\n%s\n" % storage.encode() + text(key) + text("cpu")
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + (b"(" + identifier + number(count) + b"NtQ")
        + (number(offset) + numbers(shape) + numbers(strides) + b"\x89")
        + b"ccollections\nOrderedDict\n)RtR"
    )


def checkpoint(path, tensors, storages, header=HEADER):
    """Writes named opcodes and the raw storages {key: array} to a file."""
    items = b"".join(text(name) + opcodes + b"s" for name, opcodes in tensors.items())
    stream = io.BytesIO()
    for value in header:
        pickle.dump(value, stream, protocol=2)
    stream.write(b"\x80\x02ccollections\nOrderedDict\n)R" + items + b".")
    pickle.dump(list(storages), stream, protocol=2)
    for array in storages.values():
        stream.write(struct.pack("<q", array.size) + array.tobytes())
    path.write_bytes(stream.getvalue())
    return path


class Attack:
    """Unpickled without care, this makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_reads_shapes_strides_offsets_and_dtypes(tmp_path):
    floats = np.arange(12, dtype="<f4") / 8
    longs = np.array([2**40], "<i8")
    tensors = {
        "plain": tensor("FloatStorage", "a", 12, 0, (3, 4), (4, 1)),
        "transposed": tensor("FloatStorage", "a", 12, 0, (4, 3), (1, 4)),
        "part": tensor("FloatStorage", "a", 12, 5, (2, 2), (4, 1)),
        "scalar": tensor("LongStorage", "b", 1, 0, (), ()),
    }
    path = checkpoint(tmp_path / "file.pth", tensors, {"a": floats, "b": longs})
    read = read_torch_checkpoint(path)
    matrix = floats.reshape(3, 4)
    assert list(read) == list(tensors)
    np.testing.assert_array_equal(read["plain"], matrix)
    np.testing.assert_array_equal(read["transposed"], matrix.T)
    np.testing.assert_array_equal(read["part"], matrix[1:, 1:3])
    assert read["scalar"] == 2**40
    assert [value.dtype for value in read.values()] == ["f4", "f4", "f4", "i8"]


@pytest.mark.parametrize("position", range(4))
def test_nothing_in_the_file_runs(position, tmp_path):
    folder = tmp_path / "made_by_the_attack"
    values = [*HEADER, {"weight": 1}]
    values[position] = Attack(folder)
    path = tmp_path / "evil.pth"
    path.write_bytes(b"".join(pickle.dumps(value, protocol=2) for value in values))
    with pytest.raises(ValueError, match=r"evil.pth .*asks for (posix|nt)\.mkdir"):
        read_torch_checkpoint(path)
    assert not folder.exists()
    pickle.loads(pickle.dumps(Attack(folder)))
    assert folder.exists(), "the attack of this test is none"


def test_other_parts_of_torch_are_refused(tmp_path):
    attack = {"weight": b"ctorch.hub\nload\n" + text("somebody/repository") + b"\x85R"}
    with pytest.raises(ValueError, match=r"asks for torch\.hub\.load"):
        read_torch_checkpoint(checkpoint(tmp_path / "evil.pth", attack, {}))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"), [((4, 4), (4, 1), 0), ((2,), (-1,), 1), ((2,), (1,), 11)]
)
def test_a_tensor_that_reaches_past_its_storage_is_refused(shape, strides, offset, tmp_path):
    tensors = {"weight": tensor("FloatStorage", "a", 12, offset, shape, strides)}
    path = checkpoint(tmp_path / "bad.pth", tensors, {"a": np.zeros(12, "<f4")})
    with pytest.raises(ValueError, match="Cannot read .*bad.pth"):
        read_torch_checkpoint(path)


def test_a_damaged_file_gets_a_sentence(tmp_path):
    tensors = {"weight": tensor("FloatStorage", "a", 12, 0, (12,), (1,))}
    whole = checkpoint(tmp_path / "file.pth", tensors, {"a": np.zeros(12, "<f4")}).read_bytes()
    path = tmp_path / "damaged.pth"
    for data in (b"", b"no pickle", b"PK\x03\x04", *(whole[:cut] for cut in (20, 90, 200, -1))):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=re.escape(f"Cannot read {path} as a checkpoint")):
            read_torch_checkpoint(path)


def test_a_stride_of_zero_makes_no_room(tmp_path):
    shape = (2**20, 2**20, 2**10)
    tensors = {"weight": tensor("FloatStorage", "a", 1, 0, shape, (0, 0, 0))}
    path = checkpoint(tmp_path / "bomb.pth", tensors, {"a": np.ones(1, "<f4")})
    weight = read_torch_checkpoint(path)["weight"]
    assert weight.shape == shape and weight.strides == (0, 0, 0)


def test_the_number_of_an_object_makes_no_room(tmp_path):
    # LONG_BINPUT: the object just read is to have this number.
    attack = {"weight": text("a") + b"r" + struct.pack("<I", 2**32 - 1)}
    path = checkpoint(tmp_path / "bomb.pth", attack, {})
    tracemalloc.start()
    assert read_torch_checkpoint(path) == {}
    assert tracemalloc.get_traced_memory()[1] < 2**26


@pytest.mark.parametrize("count", [2**50, 2**33, -1, -(2**31)])
def test_a_storage_that_declares_what_it_does_not_hold(count, tmp_path):
    tensors = {"weight": tensor("FloatStorage", "a", 3, 0, (3,), (1,))}
    path = checkpoint(tmp_path / "bomb.pth", tensors, {"a": np.ones(3, "<f4")})
    content = path.read_bytes()
    declared = content.replace(number(3) + b"NtQ", b"\x8a\x08" + struct.pack("<q", count) + b"NtQ")
    assert declared != content
    path.write_bytes(declared.replace(struct.pack("<q", 3), struct.pack("<q", count)))
    with pytest.raises(ValueError, match="Cannot read .*bomb.pth"):
        read_torch_checkpoint(path)


def archive(path, tensors, storages, byteorder=b"little", compression=zipfile.ZIP_STORED):
    """Writes the like as torch.save has done since 1.6."""
    items = b"".join(text(name) + opcodes + b"s" for name, opcodes in tensors.items())
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("any/data.pkl", b"\x80\x02ccollections\nOrderedDict\n)R" + items + b".")
        file.writestr("any/byteorder", byteorder)
        for key, array in storages.items():
            file.writestr(f"any/data/{key}", array.tobytes())
    return path


def zipped_tensor(*arguments):
    """Its opcodes in an archive: a storage is not said to be a view of another."""
    return tensor(*arguments).replace(b"NtQ", b"tQ")


def test_reads_an_archive(tmp_path):
    floats = np.arange(12, dtype="<f4") / 8
    tensors = {
        "transposed": zipped_tensor("FloatStorage", "0", 12, 0, (4, 3), (1, 4)),
        "scalar": zipped_tensor("LongStorage", "1", 1, 0, (), ()),
    }
    storages = {"0": floats, "1": np.array([2**40], "<i8")}
    read = read_torch_checkpoint(archive(tmp_path / "file.pth", tensors, storages))
    np.testing.assert_array_equal(read["transposed"], floats.reshape(3, 4).T)
    assert list(read) == list(tensors) and read["scalar"] == 2**40


def test_nothing_in_an_archive_runs(tmp_path):
    folder = tmp_path / "made_by_the_attack"
    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as file:
        file.writestr("any/data.pkl", pickle.dumps({"weight": Attack(folder)}, protocol=2))
    with pytest.raises(ValueError, match=r"evil.pth .*asks for (posix|nt)\.mkdir"):
        read_torch_checkpoint(tmp_path / "evil.pth")
    assert not folder.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"storages": {"0": np.zeros(11, "<f4")}},
        {"storages": {"0": np.zeros(2**20, "<f4")}},
        {"storages": {}},
        {"compression": zipfile.ZIP_DEFLATED},
        {"byteorder": b"big"},
    ],
)
def test_an_archive_that_cannot_be_gets_a_sentence(options, tmp_path):
    tensors = {"weight": zipped_tensor("FloatStorage", "0", 12, 0, (12,), (1,))}
    path = tmp_path / "bad.pth"
    archive(path, tensors, **{"storages": {"0": np.zeros(12, "<f4")}, **options})
    with pytest.raises(ValueError, match=re.escape(f"Cannot read {path} as a checkpoint")):
        read_torch_checkpoint(path)
