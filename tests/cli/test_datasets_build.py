"""`keras-lwm datasets build`: prepares what it is told to, and says what it cannot use."""

import pytest
from click.testing import CliRunner
from rgbd_frames import write_random_folder

from keras_lwm.datasets import RgbdFolder
from keras_lwm_cli.datasets import datasets


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "frames"
    path.mkdir()
    write_random_folder(path, number=3, val=1)
    return path


@pytest.fixture
def build(tmp_path):
    def run(*arguments):
        arguments = ["build", "--data-dir", tmp_path / "data", *arguments]
        return CliRunner().invoke(datasets, [str(argument) for argument in arguments])

    return run


def test_a_folder_with_its_options(folder, build, tmp_path):
    void_ids = ["--void-ids", 255, "--void-ids", 3]
    answer = build(folder, "--depth-unit", 0.001, "--first-id", 0, *void_ids)
    assert answer.exit_code == 0, answer.output
    builder = RgbdFolder(
        folder, depth_unit=0.001, first_id=0, void_ids=(255, 3), data_dir=tmp_path / "data"
    )
    assert builder.is_prepared()
    assert f"is in {builder.data_dir}" in answer.output
    assert "train: 3 frames\nval: 1 frames\n" in answer.output


def test_every_option_of_a_folder_is_passed_on(folder, build, tmp_path):
    (folder / "names.txt").write_text("a\nb\nc\nd\n")
    (folder / "paint.txt").write_text("1 2 3\n" * 3 + "4 5 6\n")
    answer = build(
        folder,
        *("--depth-unit", 1, "--unusual-depth", "--splits", "val", "--size", 3, 4),
        *("--classes", "names.txt", "--colours", "paint.txt"),
    )
    assert answer.exit_code == 0, answer.output
    options = {"depth_unit": 1.0, "unusual_depth": True, "splits": ("val",), "size": (3, 4)}
    options.update(classes="names.txt", colours="paint.txt", data_dir=tmp_path / "data")
    assert RgbdFolder(folder, **options).is_prepared()


def test_by_workers_of_beam(folder, build, tmp_path):
    answer = build(folder, "--depth-unit", 0.001, "--beam", "--beam-option", "runner=DirectRunner")
    assert answer.exit_code == 0, answer.output
    assert RgbdFolder(folder, depth_unit=0.001, data_dir=tmp_path / "data").is_prepared()
    answer = build("rooms/tiny", "--beam-option", "runner=DirectRunner")
    assert answer.exit_code == 2 and "is an option of --beam" in answer.output
    answer = build("rooms/tiny", "--beam", "--beam-option", "workers=2")
    assert answer.exit_code == 1
    assert answer.output == "Error: Expected options of Apache Beam; received 'workers=2'.\n"


def test_a_named_data_set(build):
    answer = build("rooms/tiny")
    assert answer.exit_code == 0, answer.output
    assert "rooms/tiny/1.0.0 is in" in answer.output
    assert "train: 8 frames\nvalidation: 4 frames\ntest: 4 frames\n" in answer.output


def test_files_fetched_by_hand_are_looked_for_where_it_is_told(build, tmp_path):
    answer = build("cityscapes_depth", "--manual-dir", tmp_path / "streets")
    assert answer.exit_code == 1
    assert f"{tmp_path / 'streets'}, which is empty or not there" in answer.output
    assert "leftImg8bit_trainvaltest.zip" in answer.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["room"], "Expected a folder of frames or one of cityscapes_depth, "),
        (["rgbd_folder"], "received 'rgbd_folder'"),
        (["rooms/huge"], "expected one of ['default', 'small', 'tiny']"),
        (["rooms/tiny", "--first-id", "0"], "rooms/tiny is no folder: it takes no --first-id."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(build, arguments, message):
    answer = build(*arguments)
    assert answer.exit_code and isinstance(answer.exception, SystemExit)
    assert message in answer.output


def test_a_folder_is_refused_in_its_own_sentence(folder, build, tmp_path):
    answer = build(folder)
    assert answer.exit_code == 1 and "set depth_unit to the metres per unit" in answer.output
    answer = build(folder, "--depth-unit", "0")
    assert answer.exit_code == 1 and "Expected depth_unit above 0" in answer.output
    answer = build(folder, "--manual-dir", tmp_path)
    assert answer.exit_code == 2 and "is a folder: it takes no --manual-dir." in answer.output
