import json
from pathlib import Path

import pytest

from keras_lwm.atomic_write import atomic_write, write_json


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("earlier")
    with pytest.raises(RuntimeError), atomic_write(path) as partial:
        partial.write_text("half")
        assert path.read_text() == "earlier"
        raise RuntimeError
    assert path.read_text() == "earlier"
    with atomic_write(path) as partial:
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_json_takes_plain_values_and_paths_and_refuses_nan(tmp_path):
    path = tmp_path / "a.json"
    values = {"name": "\u00e9", "matrix": [[1, 2], [3, 4]], "none": None, "out": Path("x")}
    write_json(path, values)
    assert json.loads(path.read_text()) == {**values, "out": "x"}
    with pytest.raises(ValueError):
        write_json(path, {"score": float("nan")})
    with pytest.raises(TypeError):
        write_json(path, {"score": object()})
    assert json.loads(path.read_text())["none"] is None


def test_rows_of_numbers_stay_on_one_line(tmp_path):
    write_json(tmp_path / "a.json", {"matrix": [[1, 2.5], [-3, 4]], "names": ["a", "b"]})
    assert "    [1, 2.5],\n" in (tmp_path / "a.json").read_text()
