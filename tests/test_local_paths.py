"""What is to be written to a cloud storage is refused, and nothing is made in its place."""

import pytest

from keras_lwm.ablation.runner import AblationFolder
from keras_lwm.atomic_write import write_json
from keras_lwm.evaluation.tables import write_report
from keras_lwm.local_paths import local_path
from keras_lwm.run_folder import RunFolder

WRITERS = {
    "a run": lambda path: RunFolder(path, {}),
    "an ablation": lambda path: AblationFolder(path, {}),
    "scores": lambda path: write_report(path, {}),
    "a file": lambda path: write_json(f"{path}/a.json", {}),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=list(WRITERS))
def test_a_path_of_a_cloud_storage_is_refused(writer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"on this machine's file systems .*; received gs:/"):
        writer("gs://bucket/folder")
    assert not list(tmp_path.iterdir())


def test_what_is_left_of_it_as_a_path_is_known_and_drives_are_local():
    for remote in ("gs://bucket/run", "gs:/bucket/run", "s3://bucket", "hdfs://name/a"):
        with pytest.raises(ValueError, match="received "):
            local_path(remote)
    for local in ("run", "/data/run", "C:/data", "./gs:/run", "a:b/c"):
        assert str(local_path(local)) == local.removeprefix("./")
