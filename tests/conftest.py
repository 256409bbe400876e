"""Chooses the Keras backend before anything imports Keras: `pytest --backend jax`."""

import os

BACKENDS = ("tensorflow", "jax", "torch")


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        choices=BACKENDS,
        default=os.environ.get("KERAS_BACKEND", "tensorflow"),
        help="the Keras backend that the tests run on",
    )


def pytest_configure(config):
    os.environ["KERAS_BACKEND"] = config.getoption("--backend")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def pytest_report_header(config):
    return f"keras backend: {config.getoption('--backend')}"
