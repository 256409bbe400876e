"""The newcomer's notebook, under every backend."""

from running import run_notebook


def test_the_first_hour(tmp_path):
    told = run_notebook("first_hour", tmp_path)
    assert "mIoU" in told and "weights in training" in told
    assert (tmp_path / "segmenter.keras").exists()
