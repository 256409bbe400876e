"""A check reads every file, goes on after an error, and names them all."""

import json

import numpy as np
import pytest
from PIL import Image
from rgbd_frames import CLASSES, random_frame, write_frame, write_lists, write_random_folder

from keras_lwm.datasets import RgbdFolder
from keras_lwm.datasets.check import check_folder, report_text
from keras_lwm.datasets.check.report import training_command

SIZE = (12, 16)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "my frames"
    path.mkdir()
    write_random_folder(path, number=5, val=2, size=SIZE)
    return path


def messages(findings):
    return [finding.message for finding in findings]


def one_error(folder, *words, **options):
    (error,) = check_folder(folder, **options).errors
    for word in words:
        assert word in error.message
    return error


def test_clean_folder_and_its_statistics(folder):
    report = check_folder(folder)
    assert report.clean and messages(report.warnings) == []
    frames = [random_frame(seed, SIZE) for seed in range(7)]
    labels = np.stack([label for _, label, _ in frames])
    depths = np.stack([depth for *_, depth in frames]).astype(float) / 1000
    assert report.statistics["frames"] == {"train": 5, "val": 2}
    assert report.statistics["image_sizes"] == [{"height": 12, "width": 16, "frames": 7}]
    assert report.statistics["void_share"] == pytest.approx((labels == 255).mean())
    for index, row in enumerate(report.statistics["classes"]):
        assert (row["id"], row["name"]) == (index, CLASSES[index])
        assert row["pixels"] == (labels == index).sum()
        assert row["share"] == pytest.approx((labels == index).sum() / (labels != 255).sum())
        assert row["frames"] == sum(index in label for label in labels)
    depth = report.statistics["depth"]
    measured = depths[depths > 0]
    assert (depth["frames"], depth["frames_without"]) == (7, 0)
    assert report.statistics["labels"] == {"frames": 7, "frames_without": 0}
    assert depth["min_m"] == pytest.approx(measured.min())
    assert depth["max_m"] == pytest.approx(measured.max())
    # Neighbours among the sorted depths lie farther apart than the check's bins are wide.
    assert depth["median_m"] == pytest.approx(np.median(measured), rel=0.01)
    assert depth["percentile_95_m"] == pytest.approx(np.percentile(measured, 95), rel=0.01)
    assert depth["unmeasured_share"] == pytest.approx((depths == 0).mean())


def test_what_is_inferred_prepares_the_folder(folder, tmp_path):
    reading = check_folder(folder).reading
    assert (reading.depth_unit, reading.first_id, reading.void_ids) == (0.001, 0, (255,))
    assert reading.inferred == ("depth_unit", "first_id", "void_ids")
    inferred = {name: getattr(reading, name) for name in reading.inferred}
    RgbdFolder(folder, data_dir=tmp_path / "data", **inferred).download_and_prepare()
    assert check_folder(folder, **inferred).reading.inferred == ()


@pytest.mark.parametrize("kind", ["rgb", "label", "depth"])
@pytest.mark.parametrize("content", ["truncated", "text", "empty"])
def test_unreadable_picture(folder, kind, content):
    path = folder / kind / "frame1.png"
    contents = {"truncated": path.read_bytes()[:-30], "text": b"no picture", "empty": b""}
    path.write_bytes(contents[content])
    assert one_error(folder, "Cannot read the picture").file == str(path)


def test_label_ids_outside_the_classes(folder):
    label = np.full(SIZE, 1, np.uint8)
    label[0, :3], label[1, :2] = 77, 9
    write_frame(folder, "frame1", random_frame(1, SIZE)[0], label)
    one_error(folder, "label/frame1.png holds the label ids 9 (2 pixels), 77 (3 pixels)")


@pytest.mark.parametrize(
    ("kind", "mode", "words"),
    [
        ("label", "RGB", "Expected label ids, one channel"),
        ("depth", "L", "Expected depth as a 16-bit PNG"),
        ("rgb", "I;16", "Expected an image of 8 bits a channel"),
    ],
)
def test_pictures_of_the_wrong_mode(folder, kind, mode, words):
    Image.new(mode, SIZE[::-1]).save(folder / kind / "frame2.png")
    one_error(folder, words, f"{kind}/frame2.png", repr(mode))


@pytest.mark.parametrize("kind", ["label", "depth"])
def test_sizes(folder, kind):
    path = folder / kind / "frame2.png"
    Image.open(path).resize((12, 12), Image.Resampling.NEAREST).save(path)
    one_error(folder, f"{kind}/frame2.png is 12x12", "expected the same aspect")
    Image.open(path).resize((8, 6), Image.Resampling.NEAREST).save(path)
    one_error(folder, f"{kind}/frame2.png is 6x8", "sizes differ in 1 of 7 frames")


def test_labels_that_are_all_of_another_size_are_a_custom(folder):
    for path in (folder / "label").iterdir():
        Image.open(path).resize((8, 6), Image.Resampling.NEAREST).save(path)
    report = check_folder(folder)
    assert report.clean and len(report.warnings) == 7


def test_stored_size_of_another_aspect(folder):
    report = check_folder(folder, size=(4, 4))
    assert len(report.errors) == 7
    assert all("size=(4, 4)" in sentence for sentence in messages(report.errors))


def test_depth_that_measures_nothing(folder):
    Image.fromarray(np.zeros(SIZE, np.uint16)).save(folder / "depth" / "frame3.png")
    one_error(folder, "depth/frame3.png measures nothing", "all pixels are 0")


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "inf"), (-1, "negative")])
def test_odd_numbers_are_an_error_in_one_file_and_a_custom_in_most(folder, value, word):
    def write(name):
        depth = np.full(SIZE, 2.0, np.float32)
        depth[:2] = value
        (folder / "depth" / f"{name}.png").unlink(missing_ok=True)
        np.save(folder / "depth" / f"{name}.npy", depth)

    for index in range(7):
        (folder / "depth" / f"frame{index}.png").unlink()
        np.save(folder / "depth" / f"frame{index}.npy", np.full(SIZE, 3.0))
    write("frame3")
    one_error(folder, "depth/frame3.npy holds 32 pixels", word, "1 of 7")
    for index in range(4):
        write(f"frame{index}")
    report = check_folder(folder)
    assert report.clean and report.reading.depth_unit is None
    assert all("4 of 7" in sentence for sentence in messages(report.warnings))
    assert report.statistics["depth"]["unmeasured_share"] == pytest.approx(4 * 2 / 12 / 7)
    assert "depth in metres" in report_text(report)


def test_a_depth_array_in_metres_among_millimetres(folder):
    (folder / "depth" / "frame3.png").unlink()
    np.save(folder / "depth" / "frame3.npy", np.full(SIZE, 2.5))
    one_error(folder, "depth/frame3.npy has a median depth of 0.0025 m (all: 2.")


def test_depth_at_an_unlikely_distance(folder):
    error = one_error(folder, "expected 0.1 to 80 m", depth_unit=1.0)
    assert "unusual_depth" in error.message
    assert check_folder(folder, depth_unit=1.0, unusual_depth=True).clean


def test_missing_depth_is_none_and_saturated_depth_a_warning(folder):
    (folder / "depth" / "frame3.png").unlink()
    depth = random_frame(1, SIZE)[2]
    depth[0, 0] = 65535
    Image.fromarray(depth).save(folder / "depth" / "frame1.png")
    report = check_folder(folder)
    assert report.clean
    assert "depth/frame1.png holds 65535" in report.warnings[0].message
    assert report.statistics["depth"]["frames_without"] == 1


def test_depth_that_no_frame_finds(folder):
    (folder / "depth").rename(folder / "aside")
    one_error(folder, "No training frame has its depth in", str(folder / "depth"))
    one_error(folder, "No training frame has its depth in", depth_unit=0.001)
    assert check_folder(folder, splits=("val",)).clean
    one_error(folder, "depth_unit=0.001 was given", depth_unit=0.001, splits=("val",))
    (folder / "depth").mkdir()
    np.save(folder / "depth" / "frame0_depth.npy", np.ones(SIZE))
    one_error(folder, "No training frame has its depth in")


def test_a_folder_without_a_list_to_train_on(folder):
    (folder / "train.txt").unlink()
    one_error(folder, "train.txt", "found val")
    assert check_folder(folder, splits=("val",)).clean


@pytest.mark.parametrize("kind", ["rgb", "depth"])
def test_links_that_lead_nowhere_and_folders_in_place_of_files(folder, kind):
    link, other = (folder / kind / f"frame{index}.png" for index in (0, 1))
    for path in (link, other):
        path.unlink()
    link.symlink_to("nothing")
    other.mkdir()
    sentences = messages(check_folder(folder).errors)
    assert f"Expected a file at {link}; there is a link that leads nowhere." in sentences
    assert f"Expected a file at {other}; there is a folder." in sentences


def test_files_of_lists_that_were_not_asked_for_are_no_matter(folder):
    for index in (5, 6):
        (folder / "depth" / f"frame{index}.png").unlink()
    report = check_folder(folder, splits=("val",))
    assert report.clean
    (warning,) = messages(report.warnings)
    assert warning.startswith("No frame of ") and "not trained with depth" in warning
    assert report.statistics["depth"] == {"frames": 0, "frames_without": 2}


def test_lists(folder):
    (folder / "label" / "frame4.png").unlink()
    write_lists(
        folder,
        train=["frame0", "frame0", "frame1", "frame1", "frame2", "frame4"],
        val=["frame2", "frame77"],
    )
    for extra in ("rgb/notes.bmp", "depth/old.png"):
        (folder / extra).write_bytes(b"")
    report = check_folder(folder)
    text = "\n".join(messages(report.errors))
    for words in (
        "train.txt names the frame 'frame0' twice",
        "train.txt names the frame 'frame1' twice",
        f"train.txt names the frame 'frame4', but there is no {folder}/label/frame4",
        f"val.txt names the frame 'frame77', but there is no {folder}/rgb/frame77",
        f"val.txt names the frame 'frame77', but there is no {folder}/label/frame77",
        "The frame 'frame2' is in the splits train and val",
    ):
        assert text.count(words) == 1
    assert len(report.errors) == 6
    text = "\n".join(messages(report.warnings))
    for words in ("rgb/notes.bmp is ignored", "No split has", "depth/old.png", "frame6.png"):
        assert words in text


def test_equal_images_in_two_splits_and_in_one(folder):
    def copy(source, target):
        (folder / "rgb" / target).write_bytes((folder / "rgb" / source).read_bytes())

    copy("frame0.png", "frame1.png")
    copy("frame2.png", "frame5.png")
    report = check_folder(folder)
    assert len(report.errors) == len(report.warnings) == 1
    assert "frame5.png in the split val is, pixel by pixel," in report.errors[0].message
    assert "frame1.png is, pixel by pixel," in report.warnings[0].message


def test_warnings_on_labels_and_colour(folder):
    for index in range(5):
        label = np.full(SIZE, 255 if index == 0 else 1, np.uint8)
        label[:2] = 255 if index == 0 else 2
        image = random_frame(index, SIZE)[0]
        write_frame(folder, f"frame{index}", image[..., 0] if index == 1 else image, label)
    report = check_folder(folder)
    assert report.clean
    text = "\n".join(messages(report.warnings))
    for words in (
        "'wall' is labelled in no training frame",
        "'lamp' is labelled in no training frame",
        "label/frame0.png is void all over",
        "rgb/frame1.png has no colour",
    ):
        assert words in text
    assert len(report.warnings) == 4


def test_classes_colours_and_missing_lists(folder):
    (folder / "classes.txt").write_text("wall\nfloor\nwall\nfloor\n")
    (folder / "colours.txt").write_text("1 2 3\n300 0 0\nred\n1 1 1\n")
    (folder / "train.txt").write_text("\n")
    text = "\n".join(messages(check_folder(folder).errors))
    for words in ("'wall' twice", "'floor' twice", "'300 0 0'", "'red'", "line in", "train.txt"):
        assert words in text
    (folder / "classes.txt").unlink()
    (folder / "train.txt").unlink()
    (folder / "val.txt").unlink()
    text = "\n".join(messages(check_folder(folder, classes="classes.txt").errors))
    assert "classes.txt; there is none" in text and "Found no list of frames" in text


def test_all_errors_at_once_are_in_the_text_and_the_json(folder):
    for index, kind in enumerate(("rgb", "label", "depth")):
        (folder / kind / f"frame{index}.png").write_text("no picture")
    report = check_folder(folder)
    text = report_text(report)
    for index, kind in enumerate(("rgb", "label", "depth")):
        assert f"Cannot read the picture {kind}/frame{index}.png" in text
    assert text.endswith("Found 3 errors in 3 files.")
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert [error["file"] for error in plain["errors"]] == [error.file for error in report.errors]
    assert plain["clean"] is False and plain["read_as"]["void_ids"] == [255]


def test_examples_are_sound_frames_in_the_form_of_samples(folder):
    (folder / "rgb" / "frame0.png").write_text("no picture")
    examples = check_folder(folder, num_examples=3).examples
    assert [example.name for example in examples] == [
        "train: frame1",
        "train: frame3",
        "val: frame6",
    ]
    for example, seed in zip(examples, (1, 3, 6), strict=True):
        image, label, depth = random_frame(seed, SIZE)
        np.testing.assert_array_equal(example.image, image)
        np.testing.assert_array_equal(example.label, label)
        np.testing.assert_allclose(example.depth[..., 0], depth / 1000, rtol=1e-6)


def test_bad_options(folder, tmp_path):
    with pytest.raises(ValueError, match="depth_unit"):
        check_folder(folder, depth_unit=0)
    with pytest.raises(ValueError, match="is not a folder"):
        check_folder(tmp_path / "nowhere")


def test_labels_in_colours_leave_nothing_to_infer(folder):
    (folder / "classes.txt").unlink()
    (folder / "classes.csv").write_text(
        "name,colour\nwall,#0a0000\nfloor,#0b0000\nchair,#0c0000\nlamp,#0d0000\n"
    )
    for path in (folder / "label").iterdir():
        ids = np.asarray(Image.open(path))
        coloured = np.zeros((*ids.shape, 3), np.uint8)
        coloured[..., 0] = np.where(ids == 255, 99, ids + 10)
        Image.fromarray(coloured).save(path)
    report = check_folder(folder, void_colours=((99, 0, 0),))
    assert report.clean and report.reading.inferred == ("depth_unit",)
    assert "labels by the file of classes (inferred" in report_text(report)
    labels = np.stack([random_frame(seed, SIZE)[1] for seed in range(7)])
    assert report.statistics["void_share"] == pytest.approx((labels == 255).mean())
    errors = check_folder(folder).errors
    assert len(errors) == 7 and "holds the colour (99, 0, 0)" in errors[0].message


def test_made_depth_is_shown_beside_what_was_measured(folder):
    """Counted apart and by its model's name; its numbers are not those of the measured depth."""
    alone = check_folder(folder).statistics["depth"]
    image, label, depth = random_frame(9, SIZE)
    write_frame(folder, "unmeasured", image, label)
    write_lists(
        folder, train=[f"frame{index}" for index in range(5)] + ["unmeasured"], val=["frame5"]
    )
    made = folder / "made_depth"
    made.mkdir()
    Image.fromarray(depth * 9).save(made / "unmeasured.png")
    report = check_folder(folder, made_depth="made_depth/{name}")
    (finding,) = report.warnings[:1]
    assert finding.file == str(made / "unmeasured.png") and "no made.json" in finding.message
    record = {"version": 1, "model": {"name": "run 7"}, "relative": False, "alignment": None}
    (made / "made.json").write_text(json.dumps(record))
    report = check_folder(folder, made_depth="made_depth/{name}")
    assert report.clean
    statistics = report.statistics["depth"]
    assert (statistics["frames_made"], statistics["max_m"]) == (1, alone["max_m"])
    text = report_text(report)
    assert "; 1 frame has depth made by run 7, in metres; 0 frames have none" in text
    record["relative"] = True
    (made / "made.json").write_text(json.dumps(record))
    (error,) = check_folder(folder, made_depth="made_depth/{name}").errors
    assert "made.json says that it is relative" in error.message
    (made / "made.json").write_text("")
    (error,) = check_folder(folder, made_depth="made_depth/{name}").errors
    assert "Expected a record of made depth" in error.message


def test_void_of_the_files_is_void_whatever_index_a_class_has(folder, tmp_path):
    """Ids from 1 in the file of classes, and 0 for void: class 0 is no void."""
    (folder / "classes.txt").unlink()
    (folder / "classes.csv").write_text("name,id\nwall,1\nfloor,2\nchair,3\nlamp,4\n")
    for path in (folder / "label").iterdir():
        ids = np.asarray(Image.open(path))
        Image.fromarray(np.where(ids == 255, 0, ids + 1).astype(np.uint8)).save(path)
    report = check_folder(folder, void_ids=(0,))
    assert report.clean and report.reading.inferred == ("depth_unit",)
    assert "--first-id" not in training_command(report)
    builder = RgbdFolder(folder, depth_unit=0.001, void_ids=(0,), data_dir=tmp_path / "data")
    builder.download_and_prepare()
    samples = list(builder.as_dataset(split="train").as_numpy_iterator())
    for seed, sample in enumerate(samples):
        np.testing.assert_array_equal(sample["label"][..., 0], random_frame(seed, SIZE)[1])


def test_the_command_has_every_digit_and_every_split(folder):
    options = {
        "depth_unit": 0.00102345678912,
        "void_ids": (255, 16777215),
        "depth_none": (65535.0,),
    }
    words = training_command(check_folder(folder, **options)).split()
    assert words[words.index("--depth-unit") + 1] == "0.00102345678912"
    assert words[words.index("16777215") - 1] == "--void-ids"
    assert words[-2:] == ["--test-split", "val"]
    (folder / "val.txt").unlink()
    report = check_folder(folder)
    assert training_command(report) is None
    assert "takes a split train and another" in report_text(report)


@pytest.mark.parametrize(("factor", "unit"), [(0.1, "0.01"), (5, "0.0002")])
def test_a_unit_that_is_a_guess_is_said_to_be_one(folder, factor, unit):
    for path in (folder / "depth").iterdir():
        depth = np.asarray(Image.open(path)) * factor
        Image.fromarray(depth.astype(np.uint16)).save(path)
    report = check_folder(folder)
    assert report.reading.depth_unit == float(unit)
    assert any(
        "is a guess: the median depth would be" in text for text in messages(report.warnings)
    )


def test_cameras_that_leave_nothing_of_the_depth(folder):
    camera = (60.0, 60.0, 8.0, 6.0)
    options = {"depth_unit": 0.001, "rgb_intrinsics": camera, "depth_intrinsics": camera}
    away = (1, 0, 0, 1.9, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
    assert check_folder(folder, **options).clean
    errors = messages(check_folder(folder, **options, depth_to_rgb=away).errors)
    assert any("measures nothing" in sentence for sentence in errors)
    outside = {**options, "depth_intrinsics": (60.0, 60.0, -900.0, 6.0)}
    errors = messages(check_folder(folder, **outside).errors)
    assert len(errors) == 7 and "the centre (cx, cy) of depth_intrinsics" in errors[0]
    with pytest.raises(ValueError, match=r"Expected depth_unit for .*none was given"):
        check_folder(folder, **{**options, "depth_unit": None})


def test_pixels_that_are_turned_by_exif(folder):
    path = folder / "rgb" / "frame1.png"
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(path).save(path, exif=exif)
    one_error(folder, "rgb/frame1.png", "EXIF orientation 3")


def test_a_palette_with_the_classes_colours_for_other_ids(folder):
    (folder / "colours.txt").write_text("10 0 0\n11 0 0\n12 0 0\n13 0 0\n")
    path = folder / "label" / "frame1.png"
    picture = Image.fromarray(np.where(np.arange(192).reshape(SIZE) < 90, 0, 1).astype(np.uint8))
    picture.putpalette([12, 0, 0, 10, 0, 0])
    picture.save(path)
    one_error(folder, "label/frame1.png has the classes' colours in its palette, for other ids")
    picture.putpalette([10, 0, 0, 11, 0, 0])
    picture.save(path)
    assert check_folder(folder).clean


def test_without_lists_that_is_the_one_error_and_nothing_is_said_of_classes(folder):
    for name in ("train.txt", "val.txt", "classes.txt"):
        (folder / name).unlink()
    report = check_folder(folder)
    assert len(report.errors) == 1 and "Found no list of frames" in report.errors[0].message
    assert "classes" not in report_text(report)


def test_drawn_splits_leave_out_what_has_no_label_and_say_so_as_it_is(folder):
    for name in ("train.txt", "val.txt"):
        (folder / name).unlink()
    options = {"draw_splits": (0.5, 0.25, 0.25), "draw_by": "frame"}
    (folder / "label/frame3.png").unlink()
    report = check_folder(folder, **options)
    assert report.clean and sum(report.statistics["frames"].values()) == 6
    for kind in ("rgb", "depth"):
        assert f"No split has {folder}/{kind}/frame3.png." in messages(report.warnings)
    for path in (folder / "label").iterdir():
        path.unlink()
    one_error(folder, "No image has a label", **options)
