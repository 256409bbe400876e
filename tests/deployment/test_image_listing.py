from pathlib import Path

import pytest

from keras_lwm.deployment.image_files import SUFFIXES, list_files

IMAGES = {"image": SUFFIXES}


@pytest.fixture
def photos(tmp_path, monkeypatch):
    names = ("a/one.jpg", "a/two.PNG", "b/one.jpg", "b/deep/three.tif", "four.png")
    others = ("a/notes.txt", ".hidden/five.png", "a/.six.png")
    for name in (*names, *others):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)


def listed(*arguments, **options):
    images = list_files(arguments, IMAGES, **options)["image"]
    return {str(path): str(place) for path, place in images.items()}


def test_a_folder_is_searched_with_its_subfolders(photos):
    assert listed("photos") == {
        "photos/four.png": "four",
        "photos/a/one.jpg": "a/one",
        "photos/a/two.PNG": "a/two",
        "photos/b/one.jpg": "b/one",
        "photos/b/deep/three.tif": "b/deep/three",
    }


def test_images_of_one_name_in_two_folders_stay_apart(photos):
    same = {"photos/a/one.jpg": "a/one", "photos/b/one.jpg": "b/one"}
    assert listed("photos/a/one.jpg", "photos/b/one.jpg") == same
    assert listed("photos/*/*.jpg") == same
    assert listed("photos/b/one.jpg") == {"photos/b/one.jpg": "one"}


def test_patterns_reach_folders_and_pass_over_what_is_no_image(photos):
    assert listed("photos/**/three*") == {"photos/b/deep/three.tif": "b/deep/three"}
    assert listed("photos/a/*") == {"photos/a/one.jpg": "one", "photos/a/two.PNG": "two"}
    assert listed("photos/[b]") == {
        "photos/b/one.jpg": "b/one",
        "photos/b/deep/three.tif": "b/deep/three",
    }


def test_an_image_named_twice_is_listed_once(photos):
    assert len(listed("photos/a/one.jpg", "photos/a", Path("photos/a/one.jpg").resolve())) == 2


def test_a_file_is_taken_whatever_its_suffix(photos):
    assert listed("photos/a/notes.txt") == {"photos/a/notes.txt": "notes"}


def test_files_are_left_out_unless_named(photos):
    options = {"leave_out": lambda path: path.endswith("one.jpg")}
    assert set(listed("photos/a", **options)) == {"photos/a/two.PNG"}
    assert set(listed("photos/a/*", **options)) == {"photos/a/two.PNG"}
    assert set(listed("photos/a/one.jpg", **options)) == {"photos/a/one.jpg"}


def test_a_file_with_wildcards_in_its_name_is_found(photos):
    Path("photos/[b]").touch()
    assert listed("photos/[b]") == {"photos/[b]": "[b]"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["photos/none.png"], "no image, folder or pattern of images photos/none.png"),
        (["photos/a", "photos/*.gif"], r"Expected images in photos/\*.gif; found none"),
        (["photos/a/notes"], "no image, folder or pattern"),
        ([], "at least one image"),
    ],
)
def test_what_names_no_image_is_told(photos, arguments, told):
    with pytest.raises(ValueError, match=told):
        list_files(arguments, IMAGES)


def test_images_whose_results_would_have_one_name_are_told(photos):
    Path("photos/a/one.png").touch()
    with pytest.raises(ValueError, match=r"of photos/a/one.jpg and photos/a/one.png .* one name"):
        list_files(["photos"], IMAGES)


def test_files_of_several_kinds_are_listed_apart(photos):
    for name in ("a/one.mov", "a/clip.mp4", "b/clip.MP4"):
        Path(f"photos/{name}").touch()
    kinds = {"image": (".jpg",), "video": (".mov", ".mp4")}
    listed = list_files(["photos/a", "photos/b", "photos/a/notes.txt"], kinds)
    assert {kind: [str(path) for path in listed[kind]] for kind in kinds} == {
        "image": ["photos/a/one.jpg", "photos/b/one.jpg", "photos/a/notes.txt"],
        "video": ["photos/a/clip.mp4", "photos/a/one.mov", "photos/b/clip.MP4"],
    }
    # A photo and its video have results of different names.
    assert listed["image"][Path("photos/a/one.jpg")] == listed["video"][Path("photos/a/one.mov")]
    with pytest.raises(ValueError, match=r"Expected images or videos in photos/\*.png; found none"):
        list_files(["photos/*.png"], kinds)
    with pytest.raises(ValueError, match="no image or video, folder or pattern of images or v"):
        list_files(["photos/none"], {"image": SUFFIXES, "video": ()})
