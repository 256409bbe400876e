import json

import pytest
from evaluation import oracle

from keras_lwm.evaluation import csv_table, evaluate, markdown_table, write_report

NAMES = ["wall", "floor, stone", "chair", "ghost"]


@pytest.fixture(scope="module")
def scores():
    data = oracle.batches(*oracle.random_frames(2))
    return evaluate(oracle.network(), data, oracle.CLASSES, NAMES, progress=False)


def test_a_report_holds_all_forms_of_the_scores(scores, tmp_path):
    paths = write_report(tmp_path / "deep" / "scores", scores)
    assert [path.name for path in paths] == [
        "scores.json",
        "scores.md",
        "classes.csv",
        "confusion_matrix.csv",
    ]
    assert sorted(paths) == sorted((tmp_path / "deep" / "scores").iterdir())
    assert json.loads(paths[0].read_text()) == scores
    assert paths[1].read_text() == markdown_table(scores)
    assert paths[2].read_text() == csv_table(scores)
    head, *rows = paths[3].read_text().splitlines()
    assert head == 'label,wall,"floor, stone",chair,ghost'
    assert rows[2] == "chair," + ",".join(map(str, scores["confusion_matrix"][2]))


def test_a_file_in_the_place_of_the_folder_is_refused(scores, tmp_path):
    (tmp_path / "scores").touch()
    with pytest.raises(ValueError, match="folder for the scores; received the file .*scores"):
        write_report(tmp_path / "scores", scores)


def test_scores_that_are_not_finite_leave_no_file(scores, tmp_path):
    with pytest.raises(ValueError):
        write_report(tmp_path, {**scores, "mean_iou": float("nan")})
    assert not list(tmp_path.iterdir())
