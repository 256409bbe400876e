"""Depth is made for the frames that have none, once each, whatever interrupts it."""

import numpy as np
import pytest
from bright_models import Brightness
from PIL import Image
from rgbd_frames import random_frame, write_frame, write_lists

from keras_lwm.made_depth import make_depth
from keras_lwm.made_depth.kinds import RELATIVE_DEPTH, RELATIVE_INVERSE_DEPTH
from keras_lwm.rgbd_folder import FolderOptions, FrameReader, Layout, folder_options
from keras_lwm.rgbd_folder.made_depth import read_record

SIZE = (12, 16)
UNIT = FolderOptions(depth_unit=0.001)


def write_folder(folder, measured=("a", "b"), missing=("c", "room/d", "e"), depth_of=None):
    """Frames of which some have depth: `depth_of` the image's brightness, or random."""
    for seed, name in enumerate((*measured, *missing)):
        image, label, depth = random_frame(seed, SIZE)
        image = np.maximum(image, 10)
        if depth_of is not None:
            depth = np.rint(1000 * depth_of(image.mean(axis=-1) / 100)).astype(np.uint16)
        write_frame(folder, name, image, label, depth if name in measured else None)
    write_lists(folder, train=[*measured, *missing[:2]], val=["room/d", *missing[2:]])


def made(folder, name):
    with Image.open(folder / "made_depth" / f"{name}.png") as picture:
        return np.asarray(picture) / 1000


def brightness(folder, name):
    with Image.open(folder / "rgb" / f"{name}.png") as picture:
        return np.asarray(picture).mean(axis=-1) / 100


def tree(folder):
    """All files but what was made, with their contents."""
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "made_depth")
    }


def test_frames_without_depth_get_it_and_nothing_else_changes(tmp_path):
    write_folder(tmp_path)
    before, estimator = tree(tmp_path), Brightness()
    making = make_depth(tmp_path, estimator, UNIT, batch_size=2)
    assert (len(making), making.frames) == (3, 3)
    assert list(making) == ["c", "room/d", "e"]
    for name in ("c", "room/d", "e"):
        np.testing.assert_allclose(made(tmp_path, name), brightness(tmp_path, name), atol=5.1e-4)
    assert not (tmp_path / "made_depth" / "a.png").exists()
    assert tree(tmp_path) == before
    # Two measured frames, then two and one of those to make.
    assert [shape[0] for shape in estimator.batches] == [2, 2, 1]
    record = read_record(tmp_path / "made_depth")
    assert not record.relative and record.alignment.scale == 1 and record.alignment.residual > 0


@pytest.mark.parametrize("kind", [RELATIVE_DEPTH, RELATIVE_INVERSE_DEPTH])
def test_relative_depth_is_aligned_to_what_is_measured(tmp_path, kind):
    inverse = kind == RELATIVE_INVERSE_DEPTH

    def true_depth(bright):
        line = 0.7 * bright + 0.3
        return 1 / line if inverse else line

    write_folder(tmp_path, depth_of=true_depth)
    list(make_depth(tmp_path, Brightness(kind), UNIT))
    for name in ("c", "room/d", "e"):
        expected = true_depth(brightness(tmp_path, name))
        np.testing.assert_allclose(made(tmp_path, name), expected, atol=2e-3)
    alignment = read_record(tmp_path / "made_depth").alignment
    assert (alignment.scale, alignment.shift) == pytest.approx((0.7, 0.3), abs=2e-3)
    assert alignment.frames == 2 and alignment.residual < 1e-3


def test_where_nothing_is_measured_it_stays_relative(tmp_path):
    write_folder(tmp_path, measured=())
    list(make_depth(tmp_path, Brightness(RELATIVE_INVERSE_DEPTH)))
    assert read_record(tmp_path / "made_depth").relative
    for name in ("c", "room/d", "e"):
        depth = 1 / brightness(tmp_path, name)
        expected = depth / np.median(depth)
        np.testing.assert_allclose(made(tmp_path, name), expected, atol=5.1e-4)


def test_it_goes_on_where_it_was_interrupted(tmp_path):
    write_folder(tmp_path, depth_of=lambda bright: 2 * bright)
    with pytest.raises(KeyboardInterrupt):
        list(make_depth(tmp_path, Brightness(RELATIVE_DEPTH, fail_at=2), UNIT, batch_size=2))
    first = (tmp_path / "made_depth" / "c.png").stat().st_mtime_ns
    estimator = Brightness(RELATIVE_DEPTH)
    making = make_depth(tmp_path, estimator, batch_size=2)
    assert (len(making), making.frames) == (1, 3)
    assert list(making) == ["e"]
    # It is not aligned anew, so a depth_unit is not needed either.
    assert [shape[0] for shape in estimator.batches] == [1]
    assert (tmp_path / "made_depth" / "c.png").stat().st_mtime_ns == first
    assert list(make_depth(tmp_path, estimator)) == []
    np.testing.assert_allclose(made(tmp_path, "e"), 2 * brightness(tmp_path, "e"), atol=2e-3)


def test_the_model_is_shown_images_of_its_size(tmp_path):
    write_folder(tmp_path, measured=())
    image, label, _ = random_frame(9, (24, 20))
    write_frame(tmp_path, "c", image, label)
    estimator = Brightness(size=(6, 8))
    assert list(make_depth(tmp_path, estimator, batch_size=3)) == ["c", "room/d", "e"]
    assert estimator.batches == [(3, 6, 8, 3)]
    assert made(tmp_path, "c").shape == (24, 20) and made(tmp_path, "e").shape == SIZE
    fine, coarse = brightness(tmp_path, "e"), made(tmp_path, "e")
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.05)


def test_images_of_other_sizes_do_not_share_a_batch(tmp_path):
    write_folder(tmp_path, measured=())
    image, label, _ = random_frame(9, (24, 20))
    write_frame(tmp_path, "room/d", image, label)
    estimator = Brightness()
    list(make_depth(tmp_path, estimator, batch_size=3))
    assert [shape[:3] for shape in estimator.batches] == [(1, *SIZE), (1, 24, 20), (1, *SIZE)]


def test_what_cannot_be_made_ends_in_a_sentence(tmp_path):
    write_folder(tmp_path, missing=())
    write_lists(tmp_path, train=["a", "b"], val=["a"])
    with pytest.raises(ValueError, match="has depth: none is to make"):
        make_depth(tmp_path, Brightness())
    assert not (tmp_path / "made_depth").exists()


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    write_folder(tmp_path, measured=())

    class Broken(Brightness):
        def __call__(self, images):
            return np.full(images.shape[:3], np.nan)

    with pytest.raises(ValueError, match=r"finite depth of brightness; .* for .*c\.png"):
        list(make_depth(tmp_path, Broken()))
    assert not any((tmp_path / "made_depth").rglob("*.png"))


def test_depth_that_was_made_by_another_model_stays(tmp_path):
    write_folder(tmp_path, measured=())
    list(make_depth(tmp_path, Brightness()))
    other = Brightness()
    other.identity["digest"] = "1"
    with pytest.raises(ValueError, match="made with digest='0'; received digest='1': go on with"):
        make_depth(tmp_path, other)


def test_relative_depth_is_not_mixed_with_what_is_measured_later(tmp_path):
    write_folder(tmp_path, measured=())
    list(make_depth(tmp_path, Brightness(RELATIVE_DEPTH)))
    write_frame(tmp_path, "c", *random_frame(2, SIZE))
    with pytest.raises(
        ValueError, match=r"holds relative depth, from before .*c\.png was there: delete it"
    ):
        make_depth(tmp_path, Brightness(RELATIVE_DEPTH), UNIT)


def read_back(folder, options, name):
    """The depth of a frame as training reads it, and whether a model made it."""
    layout = Layout(folder, options)
    frames = {frame.name: frame for each in layout.frames.values() for frame in each}
    return FrameReader.of(layout).read(frames[name])["depth"][..., 0], frames[name].is_made


def notes_on_depth(folder, options):
    """Images that no list names are noted, too."""
    return [note for note in Layout(folder, options).notes if "depth" in note]


def test_made_files_are_read_where_nothing_was_measured(tmp_path):
    write_folder(tmp_path)
    making = make_depth(tmp_path, Brightness(), UNIT)
    list(making)
    assert making.pattern == "made_depth/{name}"
    options = FolderOptions(depth_unit=0.001, made_depth=making.pattern)
    for name, expected in (("a", False), ("room/d", True)):
        depth, is_made = read_back(tmp_path, options, name)
        assert is_made == expected
        true = made(tmp_path, name) if is_made else random_frame(0, SIZE)[2] / 1000
        np.testing.assert_allclose(depth, true, rtol=1e-6)
    (note,) = notes_on_depth(tmp_path, options)
    assert note.startswith("The depth of 3 frames is made by brightness, in metres; over 2 ")


@pytest.mark.parametrize("scene", ["", "kitchen"])
def test_made_files_of_a_named_layout_are_found(tmp_path, scene):
    """Scenes are folders, or the folder is that of one scene."""
    place = tmp_path / scene
    for seed, name in enumerate(("0.0", "0.1")):
        image, label, depth = random_frame(seed, SIZE)
        for kind, array in (("rgb", image), ("label", label), ("depth", depth)):
            if (kind, name) != ("depth", "0.1"):
                (place / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(place / kind / f"{name}.png")
    write_lists(tmp_path, train=[scene or "0.0", *([] if scene else ["0.1"])])
    options = folder_options("tum", splits=("train",))
    making = make_depth(tmp_path, Brightness(), options)
    assert list(making) == ["/".join(filter(None, (scene, "0.1")))]
    options = folder_options("tum", splits=("train",), made_depth=making.pattern)
    depth, is_made = read_back(tmp_path, options, "/".join(filter(None, (scene, "0.1"))))
    assert is_made and depth.max() > 0


def test_without_labels_every_image_gets_depth(tmp_path):
    for seed, name in enumerate(("a", "b/c")):
        path = tmp_path / "rgb" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_frame(seed, SIZE)[0]).save(path)
    assert list(make_depth(tmp_path, Brightness())) == ["a", "b/c"]
    with pytest.raises(ValueError, match=r"Found no image at rgb/\{name\}\.jpg in "):
        make_depth(tmp_path, Brightness(), FolderOptions(rgb="rgb/{name}.jpg"))


def test_made_files_are_no_images_of_theirs(tmp_path):
    for seed, name in enumerate(("a", "b")):
        Image.fromarray(random_frame(seed, SIZE)[0]).save(tmp_path / f"{name}.png")
    options = FolderOptions(rgb="{name}.png")
    for left in (["a", "b"], []):
        making = make_depth(tmp_path, Brightness(), options)
        assert making.frames == 2 and list(making) == left


def test_relative_depth_is_never_read_beside_measured_depth(tmp_path):
    write_folder(tmp_path, measured=())
    list(make_depth(tmp_path, Brightness(RELATIVE_DEPTH)))
    options = FolderOptions(depth_unit=0.001, made_depth="made_depth/{name}")
    (note,) = notes_on_depth(tmp_path, options)
    assert note == "The depth of 3 frames is made by brightness, relative."
    write_frame(tmp_path, "c", *random_frame(2, SIZE))
    with pytest.raises(ValueError, match=r"depth in metres in .* measured .*c\.png; .*is relative"):
        Layout(tmp_path, options)


def test_made_files_without_a_record_are_read_with_a_note(tmp_path):
    write_folder(tmp_path)
    list(make_depth(tmp_path, Brightness(), UNIT))
    (tmp_path / "made_depth" / "made.json").unlink()
    options = FolderOptions(depth_unit=0.001, made_depth="made_depth/{name}")
    (note,) = notes_on_depth(tmp_path, options)
    assert "made.json: nothing says by which model the depth of 3 frames was made" in note
    (tmp_path / "made_depth" / "made.json").write_text("{}")
    with pytest.raises(ValueError, match="Expected a record of made depth, version 1, in"):
        Layout(tmp_path, options)
