"""Whatever a folder of frames holds, its check ends in findings, and a clean one can be trained on.

pytest tests/faults/test_fuzzed_folders.py --examples 2000
"""

import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rgbd_frames import CLASSES, write_random_folder

from keras_lwm import Augmentation
from keras_lwm.datasets import RgbdFolder
from keras_lwm.datasets.check import check_folder, report_text
from keras_lwm.pipeline import evaluation_dataset, training_dataset
from keras_lwm.void import void_id

FRAMES = [f"frame{index}" for index in range(5)]
KINDS = ("rgb", "label", "depth")
CROP = Augmentation(crop=(4, 4))
VOID = void_id(len(CLASSES))
LISTS = ("train.txt", "val.txt", "classes.txt")


def changed_bytes(rng, path):
    content = bytearray(path.read_bytes())
    for at in rng.integers(0, len(content), rng.integers(1, 4)):
        content[at] = rng.integers(256)
    path.write_bytes(bytes(content))


def cut_off(rng, path):
    path.write_bytes(path.read_bytes()[: rng.integers(0, path.stat().st_size)])


def with_more_behind(rng, path):
    path.write_bytes(path.read_bytes() + rng.bytes(rng.integers(1, 50)))


def removed(rng, path):
    path.unlink()


def a_folder(rng, path):
    path.unlink()
    path.mkdir()


def a_link_to_nothing(rng, path):
    path.unlink()
    path.symlink_to("nothing")


def a_link_to_itself(rng, path):
    path.unlink()
    path.symlink_to(path)


def another_name(rng, path):
    names = [f"{path.stem} 2{path.suffix}", path.stem, path.name.upper(), f".{path.name}", "ä.png"]
    path.rename(path.with_name(names[rng.integers(len(names))]))


def another_picture(rng, path):
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
    mode = modes[rng.integers(len(modes))]
    # The frames' own size, one of the same form, another form, a single pixel, a line.
    sizes = ((8, 6), (16, 12), (6, 8), (1, 1), (1, 200))
    width, height = sizes[rng.integers(len(sizes))]
    values = rng.integers(0, rng.choice([2, 5, 256]), (height, width))
    dtype = {"I;16": "uint16", "I": "int32", "F": "float32"}.get(mode, "uint8")
    picture = Image.fromarray(values.astype(dtype))
    picture = picture if mode in ("I;16", "I", "F") else picture.convert(mode)
    formats = ("PNG", "JPEG", "TIFF", "GIF", "BMP")
    try:
        picture.save(path, formats[rng.integers(len(formats))])
    except (OSError, ValueError):  # There is no such form in that format.
        path.write_bytes(b"")


def an_array(rng, path):
    """In place of the depth, beside a picture, or under a picture's name."""
    dtypes = ("float32", "float64", "float16", "uint16", "int64", "bool", "complex64", "<U3")
    dtype = dtypes[rng.integers(len(dtypes))]
    shapes = ((6, 8), (6, 8, 1), (8, 6), (6, 8, 3), (48,), (), (0, 0))
    values = rng.uniform(0, 9, shapes[rng.integers(len(shapes))]).astype(dtype)
    if values.dtype.kind == "f" and values.size and rng.random() < 0.7:
        values.flat[:: rng.integers(1, 9)] = rng.choice([np.nan, np.inf, -np.inf, -1, 0])
    place = path.with_suffix(".npy") if rng.random() < 0.8 else path
    if rng.random() < 0.5:
        path.unlink()
    with open(place, "wb") as file:
        np.save(file, values)


def objects_in_an_array(rng, path):
    path.unlink()
    np.save(path.with_suffix(".npy"), np.array([{}, None]), allow_pickle=True)


FAULTS_OF_FILES = (
    *(changed_bytes, cut_off, with_more_behind, removed, a_folder, a_link_to_nothing),
    *(a_link_to_itself, another_name, another_picture, an_array, objects_in_an_array),
)


def another_text(rng, path):
    lines = path.read_text("utf-8", "replace").splitlines() or [""]
    at = rng.integers(len(lines))
    other = [
        "",
        " ",
        lines[0],
        "../frame0",
        "/etc/passwd",
        "frame9",
        "a\tb",
        "#",
        "ä\u2028",
        "\0",
        "\x85",
    ]
    lines[at] = other[rng.integers(len(other))]
    ends = ("\n", "\r\n", "\r")
    encodings = ("utf-8", "utf-8-sig", "utf-16", "latin-1")
    text = ends[rng.integers(len(ends))].join(lines)
    path.write_bytes(text.encode(encodings[rng.integers(len(encodings))], "replace"))


FAULTS_OF_LISTS = (
    *(changed_bytes, cut_off, with_more_behind, removed, a_folder, a_link_to_nothing),
    *(a_link_to_itself, another_name, another_text, another_text),
)


def without_a_kind(rng, path):
    shutil.rmtree(path)


def a_file_for_a_kind(rng, path):
    shutil.rmtree(path)
    path.write_bytes(b"")


@st.composite
def faults(draw):
    """Faults, each a function and what it changes, and a number to draw from."""
    files = [f"{kind}/{name}.png" for kind in KINDS for name in FRAMES]
    of_file = st.tuples(st.sampled_from(FAULTS_OF_FILES), st.sampled_from(files))
    of_list = st.tuples(st.sampled_from(FAULTS_OF_LISTS), st.sampled_from(LISTS))
    of_kind = st.tuples(
        st.sampled_from((without_a_kind, a_file_for_a_kind)), st.sampled_from(KINDS)
    )
    chosen = draw(st.lists(st.one_of(of_file, of_file, of_list, of_kind), max_size=3))
    return chosen, draw(st.integers(0, 2**32 - 1))


def with_faults(folder, chosen, seed):
    """Writes a folder with these faults; one whose file another has taken away is left out."""
    write_random_folder(folder, number=3, val=2)
    rng = np.random.default_rng(seed)
    for fault, place in chosen:
        path = folder / place
        if path.is_symlink() or not path.exists() or path.is_dir() != (place in KINDS):
            continue
        if path.is_dir() or path.stat().st_size:
            fault(rng, path)


def train_on(folder, reading, data):
    """Prepares a folder as its check has read it, and trains on every frame but for a network."""
    options = {name: getattr(reading, name) for name in reading.inferred}
    builder = RgbdFolder(folder, data_dir=data, **options)
    builder.download_and_prepare()
    frames = training_dataset(builder, "train", batch_size=1, augmentation=CROP)
    yield from (frame for frame, _ in zip(frames.as_numpy_iterator(), range(3), strict=False))
    for split in builder.info.splits:
        yield from evaluation_dataset(builder, split).as_numpy_iterator()


def assert_right(image, target):
    label, depth = target["label"], target["depth"]
    assert image.dtype == np.uint8 and image.shape == (*label.shape, 3)
    assert depth.shape == (*label.shape, 1)
    assert ((label < len(CLASSES)) | (label == VOID)).all()
    assert np.isfinite(depth).all() and (depth >= 0).all()


def test_a_folder_that_is_clean_can_be_trained_on(request, tmp_path):
    clean = []

    @settings(
        max_examples=request.config.getoption("--examples"),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(faults())
    def check(given_faults):
        with tempfile.TemporaryDirectory(dir=tmp_path) as place:
            folder = Path(place) / "frames"
            with_faults(folder, *given_faults)
            try:
                report = check_folder(folder)
            except ValueError as error:
                # Without an image, there is nothing to go on with.
                assert re.fullmatch(r"Found no image at .*", str(error))
                return
            assert report_text(report)
            if report.clean:
                clean.append(folder)
                for image, target in train_on(folder, report.reading, Path(place) / "data"):
                    assert_right(image, target)

    check()
    assert clean
