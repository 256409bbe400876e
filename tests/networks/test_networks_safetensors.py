import json
import re

import numpy as np
import pytest

from keras_lwm.networks.safetensors_file import read_safetensors


def write(path, header, data=b""):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype, shape, first, last):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def test_reads_names_shapes_and_dtypes(tmp_path):
    floats, longs = np.arange(6, dtype="<f4").reshape(2, 3), np.array(2**40, "<i8")
    header = {
        "__metadata__": {"format": "pt"},
        "count": entry("I64", [], 24, 32),
        "weight": entry("F32", [2, 3], 0, 24),
        "empty": entry("F16", [0, 4], 32, 32),
    }
    path = write(tmp_path / "a.safetensors", header, floats.tobytes() + longs.tobytes())
    tensors = read_safetensors(path)
    assert list(tensors) == ["count", "weight", "empty"]
    np.testing.assert_array_equal(tensors["weight"], floats)
    assert tensors["count"] == 2**40 and tensors["empty"].shape == (0, 4)


@pytest.mark.parametrize(
    "bad",
    [
        entry("F32", [2, 3], 0, 20),
        entry("F32", [2, 3], 8, 32),
        entry("F32", [2, 3], -24, 0),
        entry("F32", [-2, -3], 0, 24),
        entry("F32", [2**40, 2**40], 0, 24),
        entry("BF16", [2, 3], 0, 12),
        {"dtype": "F32", "shape": [2, 3]},
        7,
    ],
)
def test_an_entry_that_cannot_be_gets_a_sentence(bad, tmp_path):
    path = write(tmp_path / "bad.safetensors", {"weight": bad}, bytes(24))
    with pytest.raises(ValueError, match=re.escape(f"Cannot read {path} as a file of safetensors")):
        read_safetensors(path)


@pytest.mark.parametrize("content", [b"", b"abc", (2**62).to_bytes(8, "little"), bytes(8)])
def test_a_damaged_file_gets_a_sentence(content, tmp_path):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"Cannot read {path} as a file of safetensors")):
        read_safetensors(path)
