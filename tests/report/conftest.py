"""One tiny run for all tests of this folder, which read its folder and write elsewhere."""

import pytest


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    # Imported here: a conftest is loaded before the tests' backend is chosen.
    from small_run import train_run

    return train_run(tmp_path_factory.mktemp("run") / "mine")
