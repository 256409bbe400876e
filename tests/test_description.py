import json

import keras
import pytest

from keras_lwm.description import Description
from keras_lwm.run_folder.models import read_description

WALLS = Description(["wall", "böden"], [[1, 2, 3], (4, 5, 6)], {"epochs": 3, "crop": [64, 96]})


def test_it_survives_json():
    assert Description.from_json(WALLS.as_json(), "here") == WALLS
    assert json.loads(WALLS.as_json())["void"] == 255


def test_an_unnamed_one_has_a_name_and_a_colour_for_each_class():
    unnamed = Description.unnamed(40)
    assert len(set(unnamed.class_names)) == len(set(unnamed.palette)) == 40


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"class_names": [], "palette": 3}'])
def test_what_is_no_description_is_refused_by_the_name_of_its_file(text):
    with pytest.raises(ValueError, match="in kitchen.onnx"):
        Description.from_json(text, "kitchen.onnx")


def test_there_is_one_colour_a_class():
    with pytest.raises(ValueError, match="2 class names and 1 colours"):
        Description(["wall", "floor"], [[0, 0, 0]])


def test_a_keras_file_may_have_none(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    assert read_description(tmp_path / "model.keras") is None
    (tmp_path / "text.keras").write_text("no archive")
    with pytest.raises(ValueError, match="text.keras"):
        read_description(tmp_path / "text.keras")
