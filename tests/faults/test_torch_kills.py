"""A run killed by SIGKILL at a random moment; `kills.py` does it as often as one likes."""

from kills import survive


def test_a_killed_run_ends_as_one_that_never_was(tmp_path):
    assert survive(kills=1, seed=0, folder=tmp_path) >= 1
