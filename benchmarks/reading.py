"""How near the pipelines come to the pure decoding of the same files, in turn, in one process.

    python benchmarks/reading.py FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0
    python benchmarks/reading.py rooms
    python benchmarks/reading.py

The last reads frames that it makes up. The limit is what Pillow or TensorFlow, whichever is faster,
decodes in the same number of threads, the encoded frames in memory, and nothing else done. Prints
for each pipeline the pixels of the frames read (not of the crops served) a second: the median of
the rounds; and the median of the ratios to the limit of the same round. `arrays` has nothing to
decode: its frames are in memory already.
"""

import io
import os
import tempfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from keras_lwm_cli.dataset_options import folder_options, open_dataset
from keras_lwm_cli.running import in_a_sentence, use_backend

LIMITS = ("decode, TensorFlow", "decode, Pillow")


def seconds_a_frame(iterable, frames_each):
    """The mean of all but the first item, with which a pipeline starts."""
    items = iter(iterable)
    next(items)
    start = time.perf_counter()
    number = sum(1 for _ in items)
    return (time.perf_counter() - start) / (number * frames_each)


def tensorflow_decode(builder, records, threads):
    import tensorflow as tf

    decoded = tf.data.Dataset.from_tensor_slices(records).map(
        builder.info.features.deserialize_example, num_parallel_calls=threads
    )
    return lambda: seconds_a_frame(in_threads(decoded, threads), 1)


def pillow_decode(builder, records, threads):
    import numpy as np
    import tensorflow as tf
    from PIL import Image

    def parts(record):
        features = tf.train.Example.FromString(record).features.feature
        return [features[key].bytes_list.value[0] for key in ("image", "label", "depth/value")]

    encoded = [parts(record) for record in records]

    def decode(image, label, depth):
        # Arrays of the decoders' own memory: whoever uses them copies them.
        return (
            np.asarray(Image.open(io.BytesIO(image))),
            np.asarray(Image.open(io.BytesIO(label))),
            np.frombuffer(zlib.decompress(depth), np.float32),
        )

    return lambda: seconds_a_frame(pooled(lambda frame: decode(*frame), encoded, threads), 1)


def pipelines(builder, split, batch_size, crop, threads):
    """Name -> a function that returns seconds a frame, for every way through `keras_lwm.pipeline`
    and `keras_lwm.arrays` that the frames allow."""
    from keras_lwm import Augmentation
    from keras_lwm.arrays import ArrayBatches
    from keras_lwm.pipeline import evaluation_dataset, training_dataset

    frames = evaluation_dataset(builder, split, batch_size=1)
    images, labels, depths = zip(
        *((x[0].numpy(), y["label"][0].numpy(), y["depth"][0].numpy()) for x, y in frames),
        strict=True,
    )
    sizes = {image.shape[:2] for image in images}
    crop = crop or tuple(min(side) // 2 for side in zip(*sizes, strict=True))
    augmentations = {f"crop {crop[0]}x{crop[1]}": Augmentation(crop=crop)}
    if len(sizes) == 1:
        augmentations = {"no augmentation": None, **augmentations}
    steps = len(images) // batch_size
    num_classes = len(builder.info.metadata["class_names"])

    def evaluation():
        batches = evaluation_dataset(builder, split, batch_size=batch_size, parallel_calls=threads)
        return lambda: seconds_a_frame(in_threads(batches.take(steps), threads), batch_size)

    def training(augmentation):
        batches = training_dataset(
            builder,
            split,
            batch_size=batch_size,
            augmentation=augmentation,
            parallel_calls=threads,
        ).take(steps)
        return lambda: seconds_a_frame(in_threads(batches, threads), batch_size)

    def arrays(augmentation):
        batches = ArrayBatches(
            images,
            labels,
            depths,
            num_classes=num_classes,
            batch_size=batch_size,
            augmentation=augmentation,
        )
        return lambda: seconds_a_frame(
            pooled(batches.__getitem__, range(steps), threads), batch_size
        )

    found = {"evaluation_dataset": evaluation()} if len(sizes) == 1 else {}
    for name, augmentation in augmentations.items():
        found[f"training_dataset, {name}"] = training(augmentation)
    for name, augmentation in augmentations.items():
        found[f"arrays, {name}"] = arrays(augmentation)
    pixels = sum(image.shape[0] * image.shape[1] for image in images) / len(images)
    return found, pixels


def in_threads(dataset, threads):
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return dataset.with_options(options)


def pooled(function, items, threads):
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, items)


def write_frames(folder, number, size=(480, 640)):
    """Made-up frames in the layout of `rgbd_folder`: smooth, so that they compress as real do."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    shape = size[::-1]
    for kind in ("rgb", "label", "depth"):
        (folder / kind).mkdir()
    names = [f"{index:04d}" for index in range(number)]
    for name in names:
        coarse = Image.fromarray(random.integers(0, 256, (30, 40, 3), np.uint8))
        coarse.resize(shape, Image.Resampling.BICUBIC).save(folder / "rgb" / f"{name}.jpg")
        ids = Image.fromarray(random.integers(0, 13, (12, 16), np.uint8))
        ids.resize(shape, Image.Resampling.NEAREST).save(folder / "label" / f"{name}.png")
        metres = Image.fromarray(random.uniform(1, 8, (12, 16)).astype(np.float32))
        metres = np.asarray(metres.resize(shape, Image.Resampling.BILINEAR))
        millimetres = (metres * 1000).astype(np.uint16)
        Image.fromarray(millimetres).save(folder / "depth" / f"{name}.png")
    (folder / "classes.txt").write_text("\n".join(f"class {index}" for index in range(13)))
    (folder / "train.txt").write_text("\n".join(names))


def open_frames(scratch, frames, options):
    """The data set that was asked for, or made-up frames in the scratch folder."""
    if options["dataset"] is not None:
        return open_dataset(**options)
    folder = Path(scratch) / "frames"
    folder.mkdir()
    write_frames(folder, frames)
    return open_dataset(str(folder), data_dir=str(Path(scratch) / "data"), depth_unit=0.001)


@click.command()
@click.argument("dataset", metavar="[NAME|FOLDER]", required=False)
@click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data.")
@folder_options
@click.option("--split", default="train", show_default=True)
@click.option("--frames", default=128, show_default=True, help="How many to read a round.")
@click.option("--batch-size", default=8, show_default=True)
@click.option("--crop", type=(int, int), help="Height and width; else half of the frames'.")
@click.option("--threads", default=os.cpu_count(), show_default=True)
@click.option("--rounds", default=5, show_default=True)
@in_a_sentence
def main(split, frames, batch_size, crop, threads, rounds, **options):
    """Times the pipelines on NAME|FOLDER, or on made-up frames."""
    use_backend(None)
    import numpy as np

    from keras_lwm.datasets.records import Records

    with tempfile.TemporaryDirectory() as scratch:
        builder = open_frames(scratch, frames, options)
        part = f"{split}[:{frames}]"
        records = Records(builder, part)
        records = [records[index] for index in range(len(records))]
        timed, pixels = pipelines(builder, part, batch_size, crop, threads)
        decoders = (tensorflow_decode, pillow_decode)
        limits = [decode(builder, records, threads) for decode in decoders]
        timed = {**dict(zip(LIMITS, limits, strict=True)), **timed}
        seconds = {name: [] for name in timed}
        for round_ in range(-1, rounds):
            for name, measure in timed.items():
                measured = measure()
                if round_ >= 0:  # the first is for graphs to be built and files to be cached
                    seconds[name].append(measured)
    limit = np.minimum(*(seconds[name] for name in LIMITS))
    click.echo(
        f"{builder.info.full_name}, {len(records)} frames of {pixels / 1e6:.3f} megapixels, "
        f"{threads} threads, batches of {batch_size}, {rounds} rounds"
    )
    for name in timed:
        ratios = limit / seconds[name]
        click.echo(
            f"{name:36s} {pixels / np.median(seconds[name]) / 1e6:7.1f} megapixels/s   ratio "
            f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
        )


if __name__ == "__main__":
    main()
