"""A training killed 20 times; `kills.py` does it as often as one likes, on every backend."""

from kills import survive


def test_a_killed_run_ends_as_one_that_never_was(tmp_path):
    compared, found = survive("training", kills=20, seed=0, folder=tmp_path)
    assert compared >= 1 and sum(found.values()) == 20
