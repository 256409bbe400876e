"""What nobody said is read off the files: the meaning that fits most of them."""

import numpy as np
import pytest

from keras_lwm.datasets.check.facts import depth_facts, quantile
from keras_lwm.datasets.check.reading import infer_depth_unit, infer_label_ids

CLASSES = 5


def files(*ids):
    return [np.array(of_file) for of_file in ids]


@pytest.mark.parametrize(
    ("ids", "first_id", "void_ids"),
    [
        ([[0, 1, 4, 255], [2, 3]], 0, (255,)),
        ([[0, 1, 5], [0, 2, 3], [4]], 1, (0,)),
        ([[1, 5, 255], [2, 3, 255], [4, 5]], 1, (255,)),
        ([[0, 1, 5], [2, 5, 255], [0, 3, 255]], 1, (0, 255)),
        ([[0, 1, 65535], [2, 3, 65535], [4]], 0, (65535,)),
    ],
)
def test_usual_ways_to_write_ids(ids, first_id, void_ids):
    assert infer_label_ids(files(*ids), CLASSES) == (first_id, void_ids, "")


@pytest.mark.parametrize(
    ("ids", "first_id", "void_ids"),
    [
        ([[0, 255, 299, 65535], [254, 256]], 0, (65535,)),
        ([[0, 255, 300], [1, 254, 256]], 1, (0,)),
        ([[255, 300, 65535], [1, 2, 65535]], 1, (65535,)),
        ([[0, 255, 300], [2, 255, 65535], [0, 5, 65535]], 1, (0, 65535)),
    ],
)
def test_of_300_classes_255_is_one(ids, first_id, void_ids):
    assert infer_label_ids(files(*ids), 300) == (first_id, void_ids, "")
    assert infer_label_ids(files(*ids), 300, first_id=first_id)[:2] == (first_id, void_ids)
    assert infer_label_ids(files(*ids), 300, void_ids=void_ids)[:2] == (first_id, void_ids)


@pytest.mark.parametrize("error", [[77, 3], [255, 3], [0, 6], [65535]])
def test_a_planted_error_changes_nothing(error):
    ids = files(*[[0, 1, 5]] * 20, *[[0, 2, 3]] * 20, error)
    assert infer_label_ids(ids, CLASSES) == (1, (0,), "")


@pytest.mark.parametrize("error", [[77, 3], [5, 255], [65535]])
def test_nor_does_it_where_ids_begin_at_0(error):
    ids = files(*[[0, 1, 4, 255]] * 30, error)
    assert infer_label_ids(ids, CLASSES) == (0, (255,), "")


def test_a_rare_last_class_is_enough_to_know_that_ids_begin_at_1():
    assert infer_label_ids(files(*[[0, 1, 4]] * 99, [5]), CLASSES)[:2] == (1, (0,))


def test_what_cannot_be_known_is_said():
    *_, rival = infer_label_ids(files([0, 1, 4], [0, 2]), CLASSES)
    assert rival == "--first-id 1 --void-ids 0"


def test_what_is_given_holds():
    ids = files([0, 1, 5], [0, 2])
    assert infer_label_ids(ids, CLASSES, first_id=0)[0] == 0
    assert infer_label_ids(ids, CLASSES, void_ids=(3, 0))[:2] == (1, (3, 0))
    assert infer_label_ids(ids, CLASSES, 7, (1, 2)) == (7, (1, 2), "")


@pytest.mark.parametrize(
    ("counted", "others", "unit", "guess"),
    [
        ([2500, 2600, 0.001], [], 0.001, False),
        ([], [2.5, 3.0], None, False),
        ([], [2500, 2400], 0.001, True),
        ([], [250, 240], 0.01, True),
        ([2500, 2600], [2.5], 0.001, False),
        ([2500], [2.5, 2.6], None, False),
        ([60, 70], [], 0.01, True),
        # Frames 12 m away in millimetres lie 2.4 m away in 1/5000 m.
        ([12000, 12500], [], 0.0002, True),
        # On a table, or in centimetres.
        ([230, 250], [], 0.01, True),
        ([1], [], 0.001, True),
        ([], [0.23], None, True),
        ([], [], None, False),
    ],
)
def test_depth_unit(counted, others, unit, guess):
    found, doubt = infer_depth_unit(counted, others)
    assert found == unit and bool(doubt) == guess


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_quantiles_of_the_histogram(dtype):
    values = np.random.default_rng(0).uniform(1, 9000, (60, 80)).astype(dtype)
    values[:5] = 0
    facts = depth_facts("a", values, is_counted=False)
    measured = values[values > 0]
    assert facts.measured == measured.size
    assert (facts.smallest, facts.largest) == (
        np.float32(measured.min()),
        measured.max().astype("f"),
    )
    for share in (0.01, 0.5, 0.95):
        exact = np.quantile(measured, share, method="inverted_cdf")
        assert quantile(facts.bins, facts.counts, share) == pytest.approx(exact, rel=1e-3)
