"""Data sets are found by name, and what is not found is answered by what there is."""

import sys

import pytest

from keras_lwm.datasets import BUILDERS, load_builder
from keras_lwm.datasets.rooms import rooms_dataset_builder


def test_every_builder_is_called_as_it_is_registered():
    assert {name: builder.name for name, builder in BUILDERS.items()} == {
        name: name for name in BUILDERS
    }


def test_config_is_part_of_the_name(tmp_path, monkeypatch):
    builder = load_builder("rooms/tiny", data_dir=tmp_path)
    assert builder.info.full_name == "rooms/tiny/1.0.0" and builder.is_prepared()

    def rendered_again(_):
        raise AssertionError("It was there.")

    monkeypatch.setattr(rooms_dataset_builder, "render_rooms", rendered_again)
    assert load_builder("rooms/tiny", data_dir=tmp_path).data_dir == builder.data_dir


def test_rooms_are_rendered_with_an_extra_and_read_without(tmp_path, monkeypatch):
    prepared, empty = tmp_path / "prepared", tmp_path / "empty"
    load_builder("rooms/tiny", data_dir=prepared)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    assert load_builder("rooms/tiny", data_dir=prepared).info.splits["train"].num_examples == 8
    sentence = r'^Rendering rooms needs trimesh, not installed here: `.*"keras_lwm\[rooms\]"`\.'
    with pytest.raises(ImportError, match=sentence):
        load_builder("rooms/tiny", data_dir=empty)
    assert not list(empty.rglob("*.unfinished-*"))


def test_unknown_names_are_answered_by_the_known_ones():
    with pytest.raises(ValueError, match=r"data set 'room': .*'cityscapes_depth'.*'rooms'"):
        load_builder("room/tiny")
    known = r"\['default', 'small', 'tiny'\]"
    with pytest.raises(ValueError, match=f"'huge' of the data set rooms.*{known}"):
        load_builder("rooms/huge")
    with pytest.raises(ValueError, match=r"'fine' of the data set cityscapes_depth: it has none"):
        load_builder("cityscapes_depth/fine")
