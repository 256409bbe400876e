"""How fast training batches are read: pure decoding, tf.data here, and a PyTorch DataLoader.

    python benchmarks/reading.py --out docs/figures/reading.md
    python benchmarks/reading.py rooms
    python benchmarks/reading.py FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0

The first reads frames that it makes up. Pure decoding is TensorFlow's, of encoded frames that are
in memory, without a line of Python; a DataLoader decodes the same by Pillow and applies the same
`Augmentation`. TensorFlow and PyTorch have a process each, and everyone reads in turn. It needs the
extras `tensorflow` and `torch`, and takes five minutes on two cores.
"""

import io
import pickle
import statistics
import tempfile
import time
import zlib
from pathlib import Path

import click
from sides import Side, in_turn, machine, markdown_table, serve

from keras_lwm_cli.dataset_options import folder_options, open_dataset
from keras_lwm_cli.running import in_a_sentence, use_backend

DECODING = "decoding alone"
WORKERS = (0, 1, 2)
THREADS = (1, 2)


def seconds_a_frame(batches, frames_each):
    """The mean of all but the first batch, with which a pipeline starts."""
    batches = iter(batches)
    next(batches)
    start = time.perf_counter()
    number = sum(1 for _ in batches)
    return (time.perf_counter() - start) / (number * frames_each)


def tensorflow_sides(dataset, split, batch_size, crop, one_size):
    """(name, threads) -> a function that returns seconds a frame, by tf.data."""
    import tensorflow as tf

    from keras_lwm import Augmentation
    from keras_lwm.datasets.records import Records
    from keras_lwm.pipeline import evaluation_dataset, steps_per_epoch, training_dataset

    builder = open_dataset(**dataset)
    records = Records(builder, split)
    encoded = tf.data.Dataset.from_tensor_slices([records[i] for i in range(len(records))])
    steps = steps_per_epoch(builder, split, batch_size)

    def training(threads, augmentation):
        return training_dataset(
            builder,
            split,
            batch_size=batch_size,
            augmentation=augmentation,
            parallel_calls=threads,
        ).take(steps)

    sides = {}
    for threads in THREADS:
        decoded = encoded.map(builder.info.features.deserialize_example, threads)
        sides[DECODING, threads] = (decoded, 1)
        if one_size:
            frames = evaluation_dataset(
                builder, split, batch_size=batch_size, parallel_calls=threads
            )
            sides["evaluation_dataset", threads] = (frames, batch_size)
            plain = training(threads, None)
            sides["training_dataset, not augmented", threads] = (plain, batch_size)
        changed = training(threads, Augmentation(crop=crop))
        sides["training_dataset, augmented", threads] = (changed, batch_size)
    for (name, threads), (frames, frames_each) in sides.items():
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        sides[name, threads] = (frames.with_options(options), frames_each)
    return sides


class EncodedFrames:
    """A PyTorch data set of encoded frames: decoded by Pillow and augmented, as NumPy arrays."""

    def __init__(self, frames, augmentation):
        self.frames, self.augmentation = frames, augmentation

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> dict:
        import numpy as np
        import torch
        from PIL import Image

        image, label, depth = self.frames[index]
        sample = {
            "image": np.asarray(Image.open(io.BytesIO(image))),
            "label": np.asarray(Image.open(io.BytesIO(label))),
        }
        depth = np.frombuffer(zlib.decompress(depth), np.float32)
        sample["depth"] = depth.reshape(*sample["label"].shape, 1)
        if self.augmentation is None:
            return sample
        return self.augmentation(sample, int(torch.randint(2**31, ())))


def pytorch_sides(frames, batch_size, crop, one_size):
    """The same by PyTorch's DataLoader."""
    from torch.utils.data import DataLoader

    from keras_lwm import Augmentation

    frames = pickle.loads(Path(frames).read_bytes())
    augmentations = {"not augmented": None} if one_size else {}
    augmentations["augmented"] = Augmentation(crop=crop)
    return {
        (f"DataLoader, {name}", workers): (
            DataLoader(
                EncodedFrames(frames, augmentation),
                batch_size,
                shuffle=True,
                drop_last=True,
                num_workers=workers,
            ),
            batch_size,
        )
        for name, augmentation in augmentations.items()
        for workers in WORKERS
    }


def make(side):
    """A function that lets everyone of a process read once: [[name, threads, seconds], ...]."""
    sides = (tensorflow_sides if side.what == "tensorflow" else pytorch_sides)(**side.options)

    def read():
        return [[*name, seconds_a_frame(*batches)] for name, batches in sides.items()]

    return read


def encoded_parts(record):
    """The encoded image, label and depth of a record."""
    import tensorflow as tf

    features = tf.train.Example.FromString(record).features.feature
    return [features[key].bytes_list.value[0] for key in ("image", "label", "depth/value")]


def write_frames(folder, number, size=(480, 640)) -> None:
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


def made_up(scratch, frames) -> dict:
    """What `open_dataset` takes to open made-up frames in a scratch folder."""
    folder = Path(scratch) / "frames"
    folder.mkdir()
    write_frames(folder, frames)
    return {"dataset": str(folder), "data_dir": str(Path(scratch) / "data"), "depth_unit": 0.001}


NOTES = """# Speed of reading, beside pure decoding and a PyTorch DataLoader

Made by `python benchmarks/reading.py --out docs/figures/reading.md` on {machine}

{frames}, batches of {batch_size}, crops of {height}x{width}. *Threads* are those of tf.data, and
worker processes of a DataLoader, where 0 reads in the main process. *Of decoding* is the ratio of
frames a second to those of pure decoding by TensorFlow in as many threads (one for no workers), the
median over {rounds} rounds, with the smallest and the largest.

What remains above decoding is arithmetic: Pillow's resize and colour matrix take most of it. They,
decoding and inflating let go of the interpreter's lock; what holds it is a copy of the augmented
image out of Pillow, a tenth of a millisecond for a crop of 240x320, and about as much around it.
"""


def table(rounds) -> list[list[str]]:
    """Rows of cells: name, threads, frames a second, ratio to decoding in the same round."""
    names = [(name, threads) for name, threads, _ in rounds[0]]
    seconds = [{(name, threads): each for name, threads, each in one} for one in rounds]
    rows = []
    for name, threads in names:
        own = [one[name, threads] for one in seconds]
        ratios = [one[DECODING, max(threads, 1)] / one[name, threads] for one in seconds]
        rows.append(
            [
                name,
                str(threads),
                f"{1 / statistics.median(own):.0f}",
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            ]
        )
    return sorted(rows, key=lambda row: names.index((row[0], int(row[1]))))


@click.command()
@click.argument("dataset", metavar="[NAME|FOLDER]", required=False)
@click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data.")
@folder_options
@click.option("--split", default="train", show_default=True)
@click.option("--frames", default=256, show_default=True, help="How many to read a round.")
@click.option("--batch-size", default=8, show_default=True)
@click.option("--crop", type=(int, int), help="Height and width; else half of the frames'.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to this file.")
@click.option("--serve", "served", hidden=True)
@in_a_sentence
def main(split, frames, batch_size, crop, rounds, out, served, **dataset):
    """Times all ways of reading NAME|FOLDER, or made-up frames."""
    if served is not None:
        serve(served, make)
        return
    use_backend(None)
    from keras_lwm.datasets.records import Records

    with tempfile.TemporaryDirectory() as scratch:
        if dataset["dataset"] is None:
            dataset = made_up(scratch, frames)
        builder = open_dataset(**dataset)
        part = f"{split}[:{frames}]"
        records = Records(builder, part)
        sizes = {records.image_size(index) for index in range(len(records))}
        crop = crop or tuple(min(side) // 2 for side in zip(*sizes, strict=True))
        encoded = Path(scratch) / "encoded"
        encoded.write_bytes(
            pickle.dumps([encoded_parts(records[index]) for index in range(len(records))])
        )
        both = {"batch_size": batch_size, "crop": crop, "one_size": len(sizes) == 1}
        read = {"dataset": dataset, "split": part, **both}
        chosen = [
            Side("TensorFlow", "tensorflow", "tensorflow", read),
            Side("PyTorch", "torch", "pytorch", {"frames": str(encoded), **both}),
        ]
        # In the first round graphs are built and files cached.
        _, _, later = in_turn(__file__, chosen, rounds)
        lines = [[line for answer in answers for line in answer] for answers in later]
    shown = ", ".join(f"{height}x{width}" for height, width in sorted(sizes)[:3])
    text = NOTES.format(
        machine=machine("tensorflow", "torch", "pillow", "numpy"),
        frames=f"{len(records)} frames of {shown}, of {builder.info.full_name}",
        batch_size=batch_size,
        height=crop[0],
        width=crop[1],
        rounds=rounds,
    )
    text += "\n" + markdown_table(["", "threads", "frames/s", "of decoding"], table(lines))
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
