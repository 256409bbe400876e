"""What the workers of Apache Beam prepare is what one process prepares, to the byte."""

import pytest
from rgbd_frames import write_random_folder

from keras_lwm.datasets import RgbdFolder, load_builder
from keras_lwm.datasets.beam import beam_options

FRAMES = {"number": 70, "val": 3}
# Two processes: a worker gets nothing but what is sent to it.
TWO_PROCESSES = ["direct_num_workers=2", "direct_running_mode=multi_processing"]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "frames"
    write_random_folder(path, **FRAMES)
    return path


def prepared(folder, data_dir, beam):
    return load_builder(
        "rgbd_folder", folder=folder, depth_unit=0.001, data_dir=data_dir, beam=beam
    )


def files(builder):
    return {path.name: path.read_bytes() for path in builder.data_path.iterdir()}


@pytest.mark.parametrize("options", [[], TWO_PROCESSES], ids=["one process", "two processes"])
def test_the_data_set_is_the_same_to_the_byte(folder, tmp_path, options):
    one, many = (
        prepared(folder, tmp_path / name, beam) for name, beam in (("one", None), ("many", options))
    )
    assert files(one) == files(many)
    assert [path.name for path in many.data_path.parent.iterdir()] == ["1.0.0"]
    assert many.info.splits["train"].shard_lengths == [32, 32, 6]


def test_only_what_is_missing_is_prepared(folder, tmp_path, monkeypatch):
    def stop_at_the_last_frame(self, *arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RgbdFolder, "_gather", stop_at_the_last_frame)
        with pytest.raises(KeyboardInterrupt):
            prepared(folder, tmp_path / "data", None)
    [shard] = (tmp_path / "data").rglob("train-00001-of-00003.shard")
    others = {path: path.stat().st_ino for path in shard.parent.iterdir() if path != shard}
    shard.unlink()
    inodes = {}

    def look_and_gather(self, unfinished, shards):
        inodes.update({path: path.stat().st_ino for path in unfinished.iterdir()})
        return gather(self, unfinished, shards)

    gather = RgbdFolder._gather
    monkeypatch.setattr(RgbdFolder, "_gather", look_and_gather)
    builder = prepared(folder, tmp_path / "data", [])
    assert inodes.keys() == {*others, shard} and others.items() <= inodes.items()
    assert files(builder) == files(prepared(folder, tmp_path / "one", None))


@pytest.mark.parametrize("options", [[], TWO_PROCESSES], ids=["one process", "two processes"])
def test_a_frame_that_cannot_be_read_ends_in_its_sentence(folder, tmp_path, options):
    path = folder / "rgb" / "frame40.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=f"^Cannot read the picture {path}: .*$"):
        prepared(folder, tmp_path / "data", options)
    assert not list((tmp_path / "data").rglob("*.tfrecord*"))


def test_an_option_that_beam_does_not_know_is_refused():
    with pytest.raises(ValueError, match="^Expected options of Apache Beam; received 'workers=3'."):
        beam_options(["runner=DirectRunner", "workers=3"])
