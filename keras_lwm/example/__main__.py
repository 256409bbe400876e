"""Makes the files of `keras_lwm.example` of a run of `recipes/rooms.py`.

python -m keras_lwm.example runs/rooms
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

from keras_lwm.atomic_write import atomic_write
from keras_lwm.deployment.prediction_files import write_png
from keras_lwm.example import DEPTH_PATH, IMAGE_PATH, LABEL_PATH, MILLIMETRE, PATH
from keras_lwm.run_folder import find_run_model
from keras_lwm.run_folder.models import read_description, read_progress, save_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="the run's folder")
    parser.add_argument("--data-dir", help="where TFDS keeps prepared data")
    parser.add_argument("--frame", type=int, default=75, help="which of the test frames")
    options = parser.parse_args()
    pack(find_run_model(options.run), PATH)
    image, label, depth = _test_frame(options.frame, options.data_dir)
    millimetres = np.rint(depth[..., 0] / MILLIMETRE).astype("uint16")
    pictures = {IMAGE_PATH: image, LABEL_PATH: label, DEPTH_PATH: millimetres}
    for path, picture in pictures.items():
        write_png(path, picture)
    for path in (PATH, *pictures):
        print(f"{path.stat().st_size / 1e6:5.2f} MB  {path}")


def pack(source, target) -> None:
    """Writes a run's model anew without its optimiser, at a sixth of its size.

    Kernels keep the digits that bfloat16 has; the archive is compressed by the zeros that follow.
    """
    model = keras.saving.load_model(source, compile=False)
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(_rounded(keras.ops.convert_to_numpy(weight)))
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.keras"
        save_model(model, plain, read_progress(source), read_description(source))
        with (
            zipfile.ZipFile(plain) as entries,
            atomic_write(target) as partial,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        ):
            for entry in entries.namelist():
                archive.writestr(entry, entries.read(entry))


def _rounded(values):
    """float32 to the nearest bfloat16, as float32."""
    return ((values.view("uint32") + 0x8000) & 0xFFFF0000).view("float32")


def _test_frame(index, data_dir):
    from keras_lwm.datasets import load_builder
    from keras_lwm.pipeline import evaluation_dataset

    rooms = load_builder("rooms", data_dir=data_dir)
    frames = evaluation_dataset(rooms, "test", frames=[index])
    image, targets = next(iter(frames.unbatch().as_numpy_iterator()))
    return image, targets["label"], targets["depth"]


if __name__ == "__main__":
    main()
