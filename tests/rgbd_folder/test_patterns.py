"""Patterns find the files that they describe, and no others."""

import pytest

from keras_lwm.rgbd_folder.patterns import Pattern, list_files

SUFFIXES = (".jpg", ".jpeg", ".png")


def found(text, *paths, suffixes=SUFFIXES):
    pattern = Pattern(text, suffixes, "rgb")
    return {match.path: match.fields for match in pattern.matches(paths) if match.readable}


def test_the_default_takes_every_suffix_in_any_case_and_names_with_folders():
    paths = ("rgb/a.png", "rgb/kitchen/0.5.JPG", "rgb/b.gif", "label/a.png", "rgb.png")
    assert found("rgb/{name}", *paths) == {
        "rgb/a.png": {"name": "a"},
        "rgb/kitchen/0.5.JPG": {"name": "kitchen/0.5"},
    }


def test_what_an_open_pattern_describes_but_cannot_be_read_is_told():
    pattern = Pattern("rgb/{name}", SUFFIXES, "rgb")
    assert [m.path for m in pattern.matches(["rgb/b.gif", "rgb/a.png"]) if not m.readable] == [
        "rgb/b.gif"
    ]


def test_suffixes_of_names():
    paths = ("images/a_rgb.jpg", "images/a_depth.jpg", "images/x/b_rgb.JPG", "images/c_rgb.png")
    assert found("images/{name}_rgb.jpg", *paths) == {
        "images/a_rgb.jpg": {"name": "a"},
        "images/x/b_rgb.JPG": {"name": "x/b"},
    }


def test_scenes_may_have_folders_of_their_own_or_be_missing():
    paths = ("s1/color/1.jpg", "day/s2/color/2.jpg", "color/3.jpg", "s1/color/x/4.jpg")
    assert found("{scene}/color/{name}.jpg", *paths) == {
        "s1/color/1.jpg": {"scene": "s1", "name": "1"},
        "day/s2/color/2.jpg": {"scene": "day/s2", "name": "2"},
        "color/3.jpg": {"scene": "", "name": "3"},
    }


def test_a_field_that_is_named_twice_is_the_same_text():
    paths = ("rgb/s1/s1_01.png", "rgb/s1/s2_01.png")
    assert found("rgb/{scene}/{scene}_{name}.png", *paths) == {
        "rgb/s1/s1_01.png": {"scene": "s1", "name": "01"}
    }


def test_splits_are_one_folder_and_stars_any_text_of_one():
    paths = ("img/train/aachen/a_00_left.png", "img/val/ulm/b_left.png", "img/c_left.png")
    assert found("img/{split}/{city}/{name}_left.png", *paths) == {
        "img/train/aachen/a_00_left.png": {"split": "train", "city": "aachen", "name": "a_00"},
        "img/val/ulm/b_left.png": {"split": "val", "city": "ulm", "name": "b"},
    }
    assert found("{name}/image/*.jpg", "kv1/a/image/0001.jpg", "kv1/a/x/0001.jpg") == {
        "kv1/a/image/0001.jpg": {"name": "kv1/a"}
    }


def test_dots_belong_to_the_pattern_or_to_the_name():
    path = "s/frame.0007.depth.hdf5"
    assert found("{scene}/frame.{name}.depth.hdf5", path, suffixes=(".hdf5",)) == {
        path: {"scene": "s", "name": "0007"}
    }
    assert found("frames/frame.{name}", "frames/frame.7.png") == {
        "frames/frame.7.png": {"name": "7"}
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/data/{name}.png", "a path in the folder"),
        ("../{name}.png", "a path in the folder"),
        ("rgb//{name}.png", "a path in the folder"),
        ("rgb/name.png", "one of them {name}"),
        ("{split}/{scene}.png", "one of them {name}"),
        ("rgb/{name.png", "in braces"),
        ("rgb/{name}.gif", "end in one of .jpg, .jpeg, .png"),
    ],
)
def test_patterns_of_no_folder_are_refused(text, words):
    with pytest.raises(ValueError, match=r"Expected rgb .*received") as caught:
        Pattern(text, SUFFIXES, "rgb")
    assert words in str(caught.value) and repr(text) in str(caught.value)


def test_listing_follows_links_and_ends(tmp_path):
    folder, elsewhere = tmp_path / "frames", tmp_path / "elsewhere"
    for path in (folder / "rgb" / "a.png", elsewhere / "b.png", folder / ".cache" / "c.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / ".hidden.png").touch()
    (folder / "rgb" / "linked").symlink_to(elsewhere)
    (folder / "rgb" / "loop").symlink_to(folder)
    assert list_files(folder) == ["rgb/a.png", "rgb/linked/b.png"]
    assert list_files(folder, "rgb") == ["rgb/a.png", "rgb/linked/b.png"]
    assert list_files(folder, "depth") == []
