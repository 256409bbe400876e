"""What a killed command leaves is whole, and what it ends with when it is given again the same."""

import pytest
from kills import survive


@pytest.mark.parametrize(("job", "kills"), [("preparation", 6), ("evaluation", 6), ("export", 1)])
def test_a_killed_command_leaves_nothing_torn_and_can_be_given_again(job, kills, tmp_path):
    compared, found = survive(job, kills, seed=0, folder=tmp_path)
    assert compared >= 1 and sum(found.values()) == kills
