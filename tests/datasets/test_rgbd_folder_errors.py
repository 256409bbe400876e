"""What is wrong with a folder is said in one sentence that names the file."""

import numpy as np
import pytest
from PIL import Image
from rgbd_frames import random_frame, write_frame, write_lists, write_random_folder

from keras_lwm.datasets import RgbdFolder


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "frames"
    path.mkdir()
    write_random_folder(path, number=2, val=1)
    return path


def refuses(folder, message, **options):
    options = {"depth_unit": 0.001, **options}
    with pytest.raises(ValueError, match=message) as caught:
        RgbdFolder(folder, data_dir=folder / "prepared", **options).download_and_prepare()
    assert "\n" not in str(caught.value).strip()


@pytest.mark.parametrize("kind", ["rgb", "label", "depth"])
def test_truncated_png(folder, kind):
    path = folder / kind / "frame1.png"
    path.write_bytes(path.read_bytes()[:-30])
    refuses(folder, rf"Cannot read the picture .*{kind}/frame1\.png")


def test_truncated_array(folder):
    (folder / "depth" / "frame1.png").unlink()
    np.save(folder / "depth" / "frame1.npy", np.ones((6, 8)))
    path = folder / "depth" / "frame1.npy"
    path.write_bytes(path.read_bytes()[:-30])
    refuses(folder, r"Cannot read the depth .*frame1\.npy")


def test_array_of_another_shape(folder):
    (folder / "depth" / "frame1.png").unlink()
    np.save(folder / "depth" / "frame1.npy", np.ones((6, 8, 3)))
    refuses(folder, r"Expected depth of shape .*frame1\.npy; received \(6, 8, 3\)")


def test_label_id_outside_the_classes(folder):
    image, label, depth = random_frame(1)
    label[label == 255] = 0
    label[0, :2] = 9
    write_frame(folder, "frame1", image, label, depth)
    refuses(folder, r"frame1\.png holds the label id 9 \(2 pixels\): expected 0 to 3 .*void_ids")


def test_label_id_below_the_first(folder):
    refuses(folder, r"holds the label id 0 .*expected 1 to 4 .*first_id=1", first_id=1)


def test_coloured_label(folder):
    Image.fromarray(random_frame(0)[0]).save(folder / "label" / "frame0.png")
    refuses(folder, r"Expected label ids, one channel, in .*frame0\.png; received .*'RGB'")


@pytest.mark.parametrize(("kind", "words"), [("rgb", "jpg or"), ("label", "ends in")])
def test_missing_file(folder, kind, words):
    (folder / kind / "frame1.png").unlink()
    refuses(folder, rf"train\.txt names the frame 'frame1', .*{kind}/frame1 .*\.png")


def test_split_list_names_a_frame_that_is_not_there(folder):
    write_lists(folder, val=["frame2", "frame77"])
    refuses(folder, r"val\.txt names the frame 'frame77', but there is no .*rgb/frame77")


def test_frame_named_twice(folder):
    write_lists(folder, val=["frame2", "frame2"])
    refuses(folder, r"val\.txt names the frame 'frame2' twice")


def test_two_files_for_one_frame(folder):
    Image.fromarray(random_frame(0)[0]).save(folder / "rgb" / "frame0.jpg")
    refuses(folder, r"one file a frame; received .*frame0\.jpg and .*frame0\.png")


def test_no_lists(folder):
    for split in ("train", "val"):
        (folder / f"{split}.txt").unlink()
    refuses(folder, r"Found no list of frames .*train\.txt.* or splits=")


def test_empty_list_missing_list_missing_classes(folder):
    refuses(folder, r"Expected the text file .*other\.txt", splits=("other",))
    refuses(folder, r"splits made of letters.*'all'", splits=("all",))
    (folder / "val.txt").write_text("\n")
    refuses(folder, r"at least one line in .*val\.txt")
    (folder / "val.txt").unlink()
    (folder / "classes.txt").unlink()
    refuses(folder, r"Expected the text file .*classes\.txt", classes="classes.txt")


def test_no_folder(tmp_path):
    refuses(tmp_path / "nowhere", "nowhere is not a folder")


def test_class_named_twice(folder):
    write_lists(folder, classes=("wall", "floor", "wall", "lamp"))
    refuses(folder, r"classes\.txt names the class 'wall' twice")


def test_a_single_class(folder):
    write_lists(folder, classes=("wall",))
    refuses(folder, r"Expected 2 to 65535 classes in .*classes\.txt; found 1\.")


def test_an_image_of_16_bits(folder):
    Image.fromarray(random_frame(0)[2]).save(folder / "rgb" / "frame0.png")
    refuses(folder, r"image of 8 bits a channel in .*rgb/frame0\.png; received .*'I;16'")


@pytest.mark.parametrize("colours", ["1 2 3\n" * 3, "1 2 3\n" * 3 + "1 2 256", "a b c\n" * 4])
def test_bad_colours(folder, colours):
    (folder / "colours.txt").write_text(colours)
    refuses(folder, r"colours\.txt")


@pytest.mark.parametrize("kind", ["label", "depth"])
def test_aspect_that_does_not_fit(folder, kind):
    picture = Image.open(folder / kind / "frame1.png").crop((0, 0, 6, 6))
    picture.save(folder / kind / "frame1.png")
    refuses(folder, rf"{kind}/frame1\.png is 6x6 .*rgb/frame1\.png is 6x8.*same aspect")


def test_stored_size_of_another_aspect(folder):
    refuses(folder, r"rgb/frame0\.png is 6x8 .*size=\(4, 4\)", size=(4, 4))


def test_png_needs_a_unit(folder):
    refuses(folder, r"depth/frame0\.png counts units .*depth_unit=0\.001", depth_unit=None)


def test_unit_without_depth(folder):
    for path in (folder / "depth").iterdir():
        path.unlink()
    refuses(folder, r"depth_unit=0\.001 was given, but no frame has a file at .*depth")


def test_depth_of_8_bits(folder):
    Image.fromarray(random_frame(0)[1]).save(folder / "depth" / "frame0.png")
    refuses(folder, r"16-bit PNG, one channel, in .*depth/frame0\.png; received .*'L'")


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (1000, r"median depth of 2\.5e\+03 m .*millimetres: set depth_unit=0\.001"),
        (100, r"median depth of 250 m .*centimetres: set depth_unit=0\.01"),
        (0.001, r"median depth of 0\.0025 m .*too small"),
    ],
)
def test_unlikely_depth_is_questioned(folder, tmp_path, scale, message):
    for name in ("frame0", "frame1", "frame2"):
        (folder / "depth" / f"{name}.png").unlink()
        np.save(folder / "depth" / f"{name}.npy", np.full((6, 8), 2.5 * scale, np.float32))
    refuses(folder, r"depth/frame\d\.npy has a " + message, depth_unit=None)
    RgbdFolder(folder, unusual_depth=True, data_dir=tmp_path / "prepared").download_and_prepare()


def test_folder_that_changes_while_it_is_read(folder, monkeypatch):
    builder = RgbdFolder(folder, depth_unit=0.001, data_dir=folder / "prepared")
    read = builder.read

    def disturbed(*arguments):
        write_frame(folder, "frame2", *random_frame(5, (12, 16)))
        return read(*arguments)

    monkeypatch.setattr(builder, "read", disturbed)
    with pytest.raises(ValueError, match="changed while they were read"):
        builder.download_and_prepare()
    assert not builder.data_path.exists()


@pytest.mark.parametrize(
    "options", [{"depth_unit": 0}, {"depth_unit": float("nan")}, {"size": (0, 8)}]
)
def test_bad_options(folder, options):
    refuses(folder, next(iter(options)), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rgb": "images/{name}_rgb.jpg"}, r"Expected a folder images in .*; there is none"),
        ({"rgb": "rgb/{scene}/{name}"}, r"the same fields in rgb='rgb/\{scene\}/\{name\}' and"),
        ({"rgb": "rgb/*.png"}, r"Expected rgb to name its parts in braces"),
        ({"lists": "train.txt"}, r"Expected lists as .*\{split\}.*received 'train\.txt'"),
        (
            {"draw_splits": (0.5, 0.3)},
            r"draw_splits as the shares .*received \(0\.5, 0\.3\)",
        ),
        (
            {"draw_splits": (0.8, 0.1, 0.1)},
            r"several scenes .* draw_by='frame', on the command line --draw-by frame, draws",
        ),
        (
            {"draw_by": "room", "draw_splits": (1, 0, 0)},
            r"draw_by='scene' or draw_by='frame'; received 'room'",
        ),
        ({"pair_within": -1}, r"Expected pair_within, seconds, from 0; received -1"),
        ({"pair_within": 1}, r"names that are times in seconds.*received 'frame0'"),
        ({"rgb_intrinsics": (1, 1, 1, 1)}, r"rgb_intrinsics and depth_intrinsics both"),
        ({"depth_intrinsics": (1, 1, 1, 1)}, r"rgb_intrinsics and depth_intrinsics both"),
        ({"id_map": "none.tsv"}, r"Expected the text file .*none\.tsv"),
        ({"id_map_columns": ("a", "b")}, r"names of two columns of the file id_map"),
        ({"void_colours": ((0, 0, 0),)}, r"void_colours are for labels in colours"),
        ({"classes": 1}, r"Expected 2 to 65535 classes in .*; found 1"),
    ],
)
def test_options_that_do_not_fit(folder, options, message):
    refuses(folder, message, **options)


def test_two_files_of_classes(folder):
    (folder / "classes.csv").write_text("name\nwall\nfloor\n")
    refuses(folder, r"one file of classes in .*found classes\.txt, classes\.csv")


def test_ids_of_classes_and_another_map(folder):
    (folder / "classes.txt").unlink()
    (folder / "classes.csv").write_text("name,id\nwall,0\nfloor,1\nchair,2\nlamp,3\n")
    refuses(folder, r"classes\.csv has an id for every class: .*first_id=1", first_id=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": "label/{name}"}, r"Expected other files for depth than for label"),
        ({"draw_seed": -3, "draw_splits": (1, 0, 0)}, r"Expected draw_seed from 0; received -3"),
        ({"draw_seed": 3}, r"are for draw_splits, which was not given; received 'scene' and 3"),
        ({"rgb": "rgb/{0}"}, r"name its parts in braces"),
        ({"first_id": 10**20}, r"at most 4294967296; received 100000000000000000000"),
        ({"splits": ("val",), "draw_splits": (0.8, 0.1, 0.1)}, r"draw_splits, not both"),
        (
            {"rgb": "rgb/{name}_rgb"},
            r"no image at rgb/\{name\}_rgb .*but .*rgb/frame0\.png: say",
        ),
    ],
)
def test_more_options_that_do_not_fit(folder, options, message):
    refuses(folder, message, **options)


def test_depth_taken_for_labels(folder):
    (folder / "classes.txt").unlink()
    depth = np.arange(48, dtype=np.uint16).reshape(6, 8) + 1000
    Image.fromarray(depth).save(folder / "label" / "frame0.png")
    refuses(folder, r"labels of .* hold ids up to 1047: expected a file of classes")


def test_a_label_is_missing_where_one_is_needed(folder):
    label = folder / "label" / "frame2.png"
    kept = label.read_bytes()
    label.unlink()
    refuses(folder, r"val\.txt names the frame 'frame2', but there is no ", unlabelled="train")
    label.write_bytes(kept)
    refuses(folder, "Expected unlabelled as one of the splits train, val .*'t'", unlabelled="t")
    for name in ("frame0", "frame1"):
        (folder / "label" / f"{name}.png").unlink()
    refuses(folder, "No image of the split train has a label", unlabelled="train")
