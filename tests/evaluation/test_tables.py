import numpy as np

from keras_lwm.evaluation import csv_table, markdown_table, text_table
from keras_lwm.metrics import segmentation_scores

SCORES = segmentation_scores(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]), ["wall", "a|b", "bed"])
FULL = {
    **SCORES,
    "depth": {"abs_rel": 0.1234, "rmse": 0.5, "delta_1.25": 0.75, "pixels": 8},
    "subsets": {"0 to 2 m": SCORES},
}


def test_markdown_gives_every_score_in_per_cent():
    table = markdown_table(FULL)
    assert "| mIoU | 77.50 |" in table
    assert "| wall | 75.00 | 75.00 | 50.00 |" in table
    assert "| a\\|b | 80.00 | 100.00 | 50.00 |" in table
    assert "| bed | - | - | 0.00 |" in table
    assert "| abs_rel | 0.123 |" in table
    assert "| 0 to 2 m | 87.50 | 87.50 | 77.50 | 77.50 |" in table


def test_a_class_that_is_only_predicted_has_an_iou_of_0_and_no_accuracy():
    scores = segmentation_scores(np.array([[3, 1], [0, 0]]), ["wall", "bed"])
    assert "| bed | 0.00 | - | 0.00 |" in markdown_table(scores)
    assert csv_table(scores).splitlines()[2] == "bed,0.0,,0"


def test_text_is_aligned_and_complete():
    lines = text_table(SCORES).splitlines()
    assert any(line.split() == ["mIoU", "77.50"] for line in lines)
    (wall,) = [line for line in lines if line.startswith("wall")]
    (bed,) = [line for line in lines if line.startswith("bed")]
    assert wall.index("75.00") + 5 == bed.index("-") + 1


def test_csv_holds_a_line_a_class():
    assert csv_table(SCORES).splitlines() == [
        "name,iou,accuracy,pixels",
        "wall,0.75,0.75,4",
        "a|b,0.8,1.0,4",
        "bed,,,0",
    ]


def test_scores_of_nothing_have_a_table_too():
    assert "-" in text_table(segmentation_scores(np.zeros((2, 2), "int64")))
