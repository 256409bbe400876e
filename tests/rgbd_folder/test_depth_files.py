"""Every container of depth gives back the numbers that were written, or one sentence."""

import io
import re
import struct
import zipfile
import zlib

import h5py
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from keras_lwm.rgbd_folder import depth_files
from keras_lwm.rgbd_folder.depth_files import SUFFIXES, read_numbers

INTEGERS = np.array([[0, 1, 2], [700, 40000, 65535]])
REALS = np.array([[0, 0.5, np.nan], [-1, 1e5, np.inf]])


def write_png(path, values):
    Image.fromarray(values.astype(np.uint16)).save(path, "png")


def write_tiff(path, values):
    Image.fromarray(values).save(path, "tiff")


def write_npz(path, values):
    np.savez_compressed(path, depth=values)


def write_hdf5(path, values):
    with h5py.File(path, "w") as file:
        file["dataset"] = values


def write_exr(path, values=None, **channels):
    if values is not None:
        channels["Z"] = values
    with OpenEXR.File({"type": OpenEXR.scanlineimage}, channels) as file:
        file.write(str(path))


WRITERS = {
    ".png": write_png,
    ".tif": write_tiff,
    ".tiff": write_tiff,
    ".npy": np.save,
    ".npz": write_npz,
    ".exr": write_exr,
    ".h5": write_hdf5,
    ".hdf5": write_hdf5,
}
STORED = [
    *((suffix, INTEGERS, dtype) for suffix in (".npy", ".npz", ".h5") for dtype in ("u2", "i8")),
    *((suffix, REALS, dtype) for suffix in (".npy", ".npz", ".h5") for dtype in ("f4", ">f8")),
    *((suffix, INTEGERS, "uint16") for suffix in (".png", ".tif", ".tiff")),
    *((suffix, REALS, "float32") for suffix in (".tif", ".tiff")),
    *((suffix, INTEGERS, "int32") for suffix in (".tif", ".tiff")),
    (".exr", INTEGERS, "uint32"),
    *((".exr", REALS, dtype) for dtype in ("float32", "float16")),
    (".hdf5", REALS, "float16"),
]


def refuses(path, message, **options):
    with pytest.raises(ValueError, match=message) as caught:
        read_numbers(path, **options)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(("suffix", "values", "dtype"), STORED)
def test_pixel_by_pixel_of_the_dtype_stored(suffix, values, dtype, tmp_path):
    values = values.astype(dtype)
    path = tmp_path / f"depth{suffix.upper()}"
    WRITERS[suffix](tmp_path / f"depth{suffix}", values)
    (tmp_path / f"depth{suffix}").rename(path)
    read = read_numbers(path)
    assert (read.shape, read.dtype) == ((2, 3), np.dtype(dtype))
    for pixel, value in np.ndenumerate(values):
        np.testing.assert_equal(read[pixel], value)


def test_every_suffix_has_been_tried():
    assert {suffix for suffix, _, _ in STORED} == set(WRITERS) == set(SUFFIXES)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_last_axis_of_one_and_any_order(suffix, order, tmp_path):
    path = tmp_path / f"depth{suffix}"
    WRITERS[suffix](path, np.array(REALS[..., None], order=order))
    np.testing.assert_array_equal(read_numbers(path), REALS)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_cut_off_or_none(suffix, tmp_path):
    path = tmp_path / f"depth{suffix}"
    WRITERS[suffix](path, INTEGERS.astype("uint16" if suffix != ".exr" else "uint32"))
    whole = path.read_bytes()
    for number in (len(whole) - 30, len(whole) // 2, 3, 0):
        path.write_bytes(whole[:number])
        refuses(path, "^Cannot read the (picture|depth) ")
    path.unlink()
    refuses(path, "^Cannot read the (picture|depth) ")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".npz", ".exr", ".h5"])
def test_damage_is_said_by_the_name_of_the_file(suffix, tmp_path):
    path = tmp_path / f"depth{suffix}"
    values = np.arange(600).reshape(20, 30) % 97
    WRITERS[suffix](path, values.astype("uint32" if suffix == ".exr" else "uint16"))
    whole, refused = np.frombuffer(path.read_bytes(), np.uint8), 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        content = whole.copy()
        places = random.integers(0, whole.size, random.integers(1, 9))
        content[places] = random.integers(0, 256, places.size)
        path.write_bytes(content.tobytes())
        try:
            assert read_numbers(path).dtype.kind in "iuf"
        except ValueError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 5


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize(
    ("values", "received"),
    [
        (np.ones((2, 3, 3)), r"\(2, 3, 3\) of float64"),
        (np.ones(6), r"\(6,\) of float64"),
        (np.ones((0, 3)), r"\(0, 3\) of float64"),
        (np.ones((2, 3), bool), "of bool"),
        (np.ones((2, 3), "complex64"), "of complex64"),
        (np.full((2, 3), b"ab"), r"of \|S2"),
    ],
)
def test_another_shape_or_dtype(suffix, values, received, tmp_path):
    path = tmp_path / f"depth{suffix}"
    WRITERS[suffix](path, values)
    # Without a name HDF5 is searched for what has two dimensions.
    key = {"key": "dataset"} if suffix == ".h5" else {}
    refuses(path, rf"^Expected depth of shape \(H, W\) .*; received .*{received}", **key)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_are_never_unpickled(suffix, tmp_path):
    path = tmp_path / f"depth{suffix}"
    save = np.save if suffix == ".npy" else np.savez
    save(path, np.array([[print]], object), allow_pickle=True)
    refuses(path, "Cannot read the depth|received .* of object")


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "LA", "1"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pictures_that_are_no_depth(mode, suffix, tmp_path):
    path = tmp_path / f"depth{suffix}"
    Image.new(mode, (3, 2)).save(path)
    refuses(path, f"^Expected depth as a .*, one channel,.* received .*{mode!r}")


def test_several_pages(tmp_path):
    path = tmp_path / "depth.tif"
    page = Image.fromarray(INTEGERS.astype(np.uint16))
    page.save(path, save_all=True, append_images=[page, page])
    refuses(path, "^Expected depth .* one page, .*; received 3 pictures")


def test_names_of_other_files(tmp_path):
    refuses(tmp_path / "depth.jpg", "^Expected depth in a file that ends in .png, .tif")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_a_key_without_use(suffix, tmp_path):
    path = tmp_path / f"depth{suffix}"
    WRITERS[suffix](path, INTEGERS.astype(np.uint16))
    refuses(path, "^depth_key='depth' was given, but .* without a name", key="depth")


def test_arrays_by_name(tmp_path):
    path = tmp_path / "depth.npz"
    np.savez(path, depth=INTEGERS, other=REALS)
    np.testing.assert_array_equal(read_numbers(path, "other"), REALS)
    np.testing.assert_array_equal(read_numbers(path, "depth"), INTEGERS)
    refuses(path, "has no depth_key='third': found 'depth', 'other'", key="third")
    refuses(path, "^Expected one array in .*; found 2: set depth_key to one of 'depth', 'other'")
    np.savez(path)
    refuses(path, "found 0")


def test_data_sets_by_name(tmp_path):
    path = tmp_path / "depth.h5"
    with h5py.File(path, "w") as file:
        file["camera/depth"], file["camera/matrix"] = INTEGERS, np.ones(9)
    for key in (None, "camera/depth", "/camera/depth"):
        np.testing.assert_array_equal(read_numbers(path, key), INTEGERS)
    refuses(path, "no depth_key='depth': found 'camera/depth', 'camera/matrix'", key="depth")
    refuses(path, r"Expected depth of shape .* received \(9,\)", key="camera/matrix")
    with h5py.File(path, "a") as file:
        file["other"] = REALS
    refuses(path, "found 2: set depth_key to one of 'camera/depth', 'other'")
    np.testing.assert_array_equal(read_numbers(path, "other"), REALS)


def test_data_sets_of_other_files(tmp_path):
    path = tmp_path / "depth.h5"
    write_hdf5(tmp_path / "secret.h5", INTEGERS)
    with h5py.File(path, "w") as file:
        file["depth"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "dataset")
    for key in (None, "depth"):
        refuses(path, "is a link, which may lead to any file", key=key)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ("R", "R"),
        ("Y", "Y"),
        ("BGRZ", "Z"),
        (("Depth.V", "Image.R", "Image.G"), "Depth.V"),
        (("A", "V"), "V"),
        (("Layer.Z", "Layer.A", "Layer.B"), "Layer.Z"),
    ],
)
def test_channels(names, chosen, tmp_path):
    path = tmp_path / "depth.exr"
    channels = {name: np.full((2, 3), place, "f4") for place, name in enumerate(names)}
    write_exr(path, **channels)
    np.testing.assert_array_equal(read_numbers(path), channels[chosen])
    for name, values in channels.items():
        np.testing.assert_array_equal(read_numbers(path, name), values)
    refuses(path, "has no depth_key='other': found '", key="other")


def test_equal_channels_are_one(tmp_path):
    path = tmp_path / "depth.exr"
    values, alpha = REALS.astype("f4"), np.ones((2, 3), "f4")
    write_exr(path, R=values, G=values, B=values, A=alpha)
    np.testing.assert_array_equal(read_numbers(path), values)
    write_exr(path, R=values, G=values, B=alpha)
    refuses(path, "found 3: set depth_key to one of 'B', 'G', 'R'")
    # Points, whose Z is of the world or of a camera.
    write_exr(path, X=values, Y=alpha, Z=alpha * 2)
    refuses(path, "found 3: set depth_key to one of 'X', 'Y', 'Z'")


def test_a_window_of_a_picture(tmp_path):
    window = (np.array([0, 0], np.int32), np.array([2, 2], np.int32))
    header = {"type": OpenEXR.scanlineimage, "displayWindow": window}
    with OpenEXR.File(header, {"Z": REALS.astype("f4")}) as file:
        file.write(str(tmp_path / "depth.exr"))
    refuses(tmp_path / "depth.exr", "^Expected every pixel of the picture")


def test_several_parts(tmp_path):
    parts = [OpenEXR.Part({}, {"Z": REALS.astype("f4")}, name) for name in ("left", "right")]
    with OpenEXR.File(parts) as file:
        file.write(str(tmp_path / "depth.exr"))
    refuses(tmp_path / "depth.exr", "^Expected one part in .*; found 2")


def test_without_the_package_the_sentence_names_the_extra(tmp_path, monkeypatch):
    write_exr(tmp_path / "depth.exr", REALS.astype("f4"))
    monkeypatch.setattr("keras_lwm.extras.missing_packages", lambda *names: " and ".join(names))
    sentence = (
        "Reading depth from OpenEXR files needs OpenEXR, not installed here: "
        '`pip install "keras_lwm[formats]"`.'
    )
    with pytest.raises(ImportError, match=re.escape(sentence)):
        read_numbers(tmp_path / "depth.exr")


def npy_header(shape, descr="<f8"):
    buffer = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((10**6, 10**6), "declares 1000000x1000000 pixels, and no more than 268435456"),
        ((4, 5), "its array declares 160 bytes and has others"),
        ((1, 1), "its array declares 8 bytes and has others"),
        ((-2, -2), "its array declares 32 bytes|has others|Cannot read"),
    ],
)
def test_an_archive_that_declares_what_it_does_not_hold(shape, message, tmp_path):
    path = tmp_path / "depth.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("depth.npy", npy_header(shape) + bytes(32))
    refuses(path, message)


def test_zip_bombs(tmp_path):
    path = tmp_path / "depth.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("depth.npy", "w") as file,
    ):
        file.write(npy_header((2, 3)))
        for _ in range(64):
            file.write(bytes(2**20))
    assert path.stat().st_size < 2**17
    refuses(path, "its array declares 48 bytes and has others")


def test_a_data_set_of_which_nothing_is_stored(tmp_path):
    with h5py.File(tmp_path / "depth.h5", "w") as file:
        file.create_dataset("depth", (2**20, 2**20), "u1", chunks=(64, 64), compression="gzip")
    refuses(tmp_path / "depth.h5", "declares 1099511627776 bytes, of which 0 are stored")


def test_a_picture_and_channels_that_would_fill_the_memory(tmp_path, monkeypatch):
    write_exr(tmp_path / "depth.exr", R=REALS.astype("f4"), G=REALS.astype("f4"))
    monkeypatch.setattr(depth_files, "MAX_PIXELS", 11)
    refuses(tmp_path / "depth.exr", "declares 2 channels of 2x3 pixels, and no more than 11")

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 16, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    (tmp_path / "depth.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + data)
    refuses(tmp_path / "depth.png", "declares 60000x60000 pixels")
