"""What a worker process runs, as a script: renders the rooms that it is asked for.

The packages above the renderer import Keras and TensorFlow, which take seconds to load and most of
a gigabyte in every process. Rendering needs neither, so these packages are registered here without
being run.
"""

import os
import sys
import types
from pathlib import Path


def register_bare_packages() -> None:
    """Makes the renderer's modules importable, and nothing else of the library."""
    folder = Path(__file__).resolve().parent
    for name in ("keras_lwm.datasets.rooms", "keras_lwm.datasets", "keras_lwm"):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
        folder = folder.parent


if __name__ == "__main__":
    # Answers go through a copy of stdout: what a library may print must not get among them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.path.pop(0)  # this file's folder, whose modules have plain names
    register_bare_packages()
    from keras_lwm.datasets.rooms.workers import serve

    serve(sys.stdin.buffer, answers)
