"""Importing OpenVINO without its report to the network."""

import contextlib
import sys


@contextlib.contextmanager
def without_telemetry():
    """Keeps the import of OpenVINO from reporting it over the network, as if that part were absent.

    It would do so from a forked process, which may hang beside the threads of JAX or TensorFlow.
    """
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
