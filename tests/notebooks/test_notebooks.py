"""Every notebook, from start to end."""

from running import NOTEBOOKS, run_notebook


def test_every_notebook_is_run_here():
    names = {path.stem for path in NOTEBOOKS.glob("*.py")}
    assert names == {"first_hour", "own_folder", "own_weighting", "reading_a_run"}


def test_the_first_hour(tmp_path):
    told = run_notebook("first_hour", tmp_path)
    assert "mIoU" in told and "weights in training" in told
    assert (tmp_path / "segmenter.keras").exists()


def test_your_own_folder(tmp_path):
    told = run_notebook("own_folder", tmp_path)
    assert "Clean: found no error in 36 frames." in told and "mean_iou" in told


def test_a_weighting_of_your_own(tmp_path):
    assert "DepthEdgeWeighting" in run_notebook("own_weighting", tmp_path)


def test_reading_a_run(tmp_path):
    assert "report.html" in run_notebook("reading_a_run", tmp_path)
