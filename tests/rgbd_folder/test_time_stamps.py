"""Pairs by time: each the nearest, each used once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_lwm.rgbd_folder.time_stamps import pair_keys, pair_nearest

TIMES = st.lists(st.integers(0, 40), max_size=12)


@given(TIMES, TIMES, st.integers(0, 6))
def test_pairs_are_those_of_a_greedy_search_over_all(times, others, within):
    distances = np.abs(np.subtract.outer(times, others)) if times and others else np.zeros((0, 0))
    expected = {}
    candidates = sorted(
        (distances[i, j], i, j)
        for i, j in np.ndindex(*distances.shape)
        if distances[i, j] <= within
    )
    for _, i, j in candidates:
        if i not in expected and j not in expected.values():
            expected[i] = j
    pairs = pair_nearest(times, others, within)
    assert len(set(pairs.values())) == len(pairs)
    # Which of several as near ones it is does not matter; how near they are does.
    assert sorted(abs(times[i] - others[j]) for i, j in pairs.items()) == sorted(
        abs(times[i] - others[j]) for i, j in expected.items()
    )


def test_a_nearer_image_takes_a_depth_from_one_that_comes_first():
    assert pair_nearest([1.00, 1.02], [1.021, 5.0], within=0.05) == {1: 0}


def test_scenes_are_paired_apart():
    images, depths = [("a", "1.00"), ("b", "1.00")], [("b", "1.01"), ("c", "1.00")]
    pairs = pair_keys(images, depths, ("scene", "name"), within=0.02)
    assert pairs == {("b", "1.00"): ("b", "1.01")}


def test_names_that_are_no_times():
    with pytest.raises(ValueError, match=r"times in seconds.*received 'left'"):
        pair_keys([("1.5",), ("left",)], [], ("name",), 1)
    with pytest.raises(ValueError, match=r"field \{name\}.*received the fields frame"):
        pair_keys([("1.5",)], [], ("frame",), 1)
