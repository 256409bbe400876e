"""Makes the files of `keras_lwm.example` of a run of `recipes/rooms.py`.

python -m keras_lwm.example runs/rooms
"""

import tempfile
import zipfile
from pathlib import Path

import click
import keras
import numpy as np

from keras_lwm.atomic_write import atomic_write
from keras_lwm.deployment.prediction_files import write_png
from keras_lwm.example import DEPTH_PATH, IMAGE_PATH, LABEL_PATH, MILLIMETRE, PATH
from keras_lwm.run_folder import find_run_model
from keras_lwm.run_folder.models import read_description, read_progress, save_model


@click.command(help=__doc__.splitlines()[0])
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data.")
@click.option("--frame", default=75, show_default=True, help="Which of the test frames.")
def main(run, data_dir, frame) -> None:
    pack(find_run_model(run), PATH)
    image, label, depth = _test_frame(frame, data_dir)
    millimetres = np.rint(depth[..., 0] / MILLIMETRE).astype("uint16")
    pictures = {IMAGE_PATH: image, LABEL_PATH: label, DEPTH_PATH: millimetres}
    for path, picture in pictures.items():
        write_png(path, picture)
    for path in (PATH, *pictures):
        click.echo(f"{path.stat().st_size / 1e6:5.2f} MB  {path}")


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
