"""Writes small folders in the layout of SUN RGB-D's official archives."""

import dataclasses

import numpy as np
from matlab_files import matlab_73, struct_array, write_cells, write_cells_mat5
from PIL import Image

META_ROOT = "/n/fs/sun3d/data/SUNRGBD"
SPLIT_ROOT = "/data1/SUNRGBD"


@dataclasses.dataclass
class SunFrame:
    """One frame: image (H, W, 3) uint8, millimetres (H, W), label (H, W) uint8; `name` is its
    folder."""

    name: str
    image: np.ndarray
    filled: np.ndarray
    raw: np.ndarray
    label: np.ndarray


def draw_frame(name, seed, size):
    """A frame that no mirroring or turning leaves as it is, with every label id, holes, and depth
    beyond 8 m."""
    rng = np.random.default_rng(seed)
    filled = rng.integers(600, 10_000, size)
    raw = filled * rng.integers(0, 2, size)
    ids = np.arange(size[0] * size[1]).reshape(size) % 38
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    return SunFrame(name, image, filled, raw, ids.astype(np.uint8))


def draw_frames():
    """One of each sensor, each of another size."""
    return [
        draw_frame("kv2/kinect2data/000065_2014-05-16_rgbf000121-resize", 1, (8, 11)),
        draw_frame("kv1/NYUdata/NYU0003", 2, (6, 8)),
        draw_frame("xtion/sun3ddata/Portland_hotel/Portland_hotel/0000110-000003653244", 3, (7, 9)),
        draw_frame("realsense/sa/2014_10_21-18_19_30-1311000073", 4, (9, 7)),
        draw_frame("kv1/NYUdata/NYU0001", 5, (6, 8)),
    ]


def write_sun(folder, frames, train=(3, 1), test=(0, 2, 4)):
    """Both folders; `train` and `test` are places in `frames`."""
    for frame in frames:
        write_pictures(folder / "SUNRGBD" / frame.name, frame)
    write_meta(folder, frames)
    write_labels(folder, [frame.label for frame in frames])
    write_lists(folder, *([frames[place].name for place in places] for places in (train, test)))


def write_pictures(folder, frame):
    for kind in ("image", "depth", "depth_bfx"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame.image).save(folder / "image" / "0000103.jpg", quality=90)
    for kind, millimetres in (("depth", frame.raw), ("depth_bfx", frame.filled)):
        Image.fromarray(rotated(millimetres)).save(folder / kind / "0000104.png")


def rotated(millimetres):
    """Each value's 16 bits, turned to the left by three places, one by one."""
    flat = [int(f"{value:016b}"[3:] + f"{value:016b}"[:3], 2) for value in millimetres.ravel()]
    return np.array(flat, np.uint16).reshape(millimetres.shape)


def write_meta(folder, frames, root=META_ROOT):
    number = len(frames)
    names = [frame.name for frame in frames]
    struct = struct_array(
        size=number,
        sequenceName=[f"SUNRGBD/{name}" for name in names],
        groundtruth3DBB=[np.zeros((0, 0))] * number,
        depthpath=[f"{root}/{name}/depth_bfx/0000104.png" for name in names],
        rgbpath=[f"{root}/{name}/image/0000103.jpg" for name in names],
        depthname=["0000104.png"] * number,
        rgbname=["0000103.jpg"] * number,
        sensorType=[name.split("/")[0] for name in names],
    )
    path = toolbox(folder, "Metadata") / "SUNRGBDMeta.mat"
    write_cells_mat5(path, SUNRGBDMeta=struct)


def write_labels(folder, labels):
    with matlab_73(toolbox(folder, "Metadata") / "SUNRGBD2Dseg.mat") as file:
        write_cells(file, "SUNRGBD2Dseg/seglabel", labels)


def write_lists(folder, train, test, root=SPLIT_ROOT):
    """With slashes at the end of some paths, as the official lists have them."""
    lists = [
        [f"{root}/{name}" + "/" * (place % 2) for place, name in enumerate(names)]
        for names in (train, test)
    ]
    path = toolbox(folder, "traintestSUNRGBD") / "allsplit.mat"
    write_cells_mat5(path, alltrain=lists[0], alltest=lists[1])


def toolbox(folder, part):
    path = folder / "SUNRGBDtoolbox" / part
    path.mkdir(parents=True, exist_ok=True)
    return path
