"""Writes tiny folders in the very form of well-known data sets, and says what should be read.

Every writer gets an empty folder, returns split -> name -> (image, label, depth), depth in metres
with 0 where nothing was measured, and leaves frames of another size than any other layout's.
"""

import json

import h5py
import numpy as np
from PIL import Image

SIZE = (10, 14)
_VOID = 255


def _random(seed, num_classes, size=SIZE):
    """Image; class ids with void; whole millimetres from 500 to 5,000, some 0."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    label = rng.integers(0, num_classes, size, np.uint8)
    label[0, :3] = _VOID
    millimetres = rng.integers(500, 5000, size).astype(np.uint16)
    millimetres[rng.random(size) < 0.2] = 0
    return image, label, millimetres


def _save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, quality=95)


def _jpeg(path):
    return np.asarray(Image.open(path).convert("RGB"))


def _metres(numbers, unit):
    return numbers.astype(np.float32) * np.float32(unit)


def tum(folder):
    """Two sequences; depth 5 ms after its image, in 1/5000 m, and one image without depth."""
    (folder / "classes.txt").write_text("wall\nfloor\nchair\n")
    read = {"train": {}, "val": {}, "test": {}}
    for scene, split in (("desk", "train"), ("floor", "val"), ("room", "test")):
        for index in range(2):
            image, label, depth = _random({"desk": 1, "floor": 2, "room": 3}[scene] + 7 * index, 3)
            time = 1305031102.1 + 0.03 * index
            _save(folder / scene / "rgb" / f"{time:.6f}.png", image)
            _save(folder / scene / "label" / f"{time:.6f}.png", label)
            if index == 0 or split != "train":
                _save(folder / scene / "depth" / f"{time + 0.005:.6f}.png", depth * 5)
            else:
                depth = np.zeros_like(depth)
            read[split][f"{scene}/{time:.6f}"] = image, label, _metres(depth * 5, 1 / 5000)
        (folder / scene / "rgb.txt").write_text("# color images\n")
    for split, scene in (("train", "desk"), ("val", "floor"), ("test", "room")):
        (folder / f"{split}.txt").write_text(f"{scene}\n")
    return read


def scannet(folder):
    """Raw ids of 16 bits, colour of another size than depth and labels, lists of scenes."""
    table = ["id\traw_category\tcount\tnyu40id\tnyu40class"]
    raw_of = {}
    for nyu40 in range(1, 41):
        raw_of[nyu40 - 1] = 1100 - 3 * nyu40
        table.append(f"{raw_of[nyu40 - 1]}\tname {nyu40}\t7\t{nyu40}\twhatever")
    table.append("1189\tunmapped\t1\t\t")
    (folder / "scannetv2-labels.combined.tsv").write_text("\n".join(table) + "\n")
    read = {"train": {}, "val": {}, "test": {}}
    scenes = {"train": ["scene0000_00", "scene0002_00"], "val": ["scene0011_00"]}
    scenes["test"] = ["scene0707_00"]
    for split, names in scenes.items():
        (folder / f"scannetv2_{split}.txt").write_text("\n".join(names) + "\n")
        for scene in names:
            image, _, _ = _random(int(scene[5:9]), 40, (2 * SIZE[0], 2 * SIZE[1]))
            _, label, depth = _random(int(scene[5:9]), 40)
            raw = np.vectorize({**raw_of, _VOID: 0}.__getitem__)(label).astype(np.uint16)
            _save(folder / scene / "color" / "000100.jpg", image)
            _save(folder / scene / "label" / "000100.png", raw)
            _save(folder / scene / "depth" / "000100.png", depth)
            twice = [array.repeat(2, 0).repeat(2, 1) for array in (label, _metres(depth, 0.001))]
            image = _jpeg(folder / scene / "color" / "000100.jpg")
            read[split][f"{scene}/000100"] = image, *twice
    return read


def hypersim(folder):
    """HDF5: distance along the ray with NaN, NYU40 ids of 16 bits with -1."""
    read = {"train": {}, "val": {}, "test": {}}
    height, width = SIZE
    focal = width / 2 / np.tan(np.radians(60) / 2)
    rows, columns = np.mgrid[:height, :width]
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    along_ray = np.sqrt(1 + (x**2 + y**2) / focal**2)
    for split, scene in (("train", "ai_001_001"), ("val", "ai_001_002"), ("test", "ai_055_010")):
        for camera in ("cam_00", "cam_01"):
            image, label, depth = _random(len(split) + len(camera), 40)
            images = folder / scene / "images"
            path = images / f"scene_{camera}_final_preview" / "frame.0000.tonemap.jpg"
            _save(path, image)
            stored = {
                "depth_meters": np.where(depth > 0, depth / 1000 * along_ray, np.nan),
                "semantic": np.where(label == _VOID, -1, label.astype(np.int16) + 1),
            }
            for kind, values in stored.items():
                values = values.astype(np.int16 if kind == "semantic" else np.float16)
                geometry = images / f"scene_{camera}_geometry_hdf5"
                geometry.mkdir(exist_ok=True)
                with h5py.File(geometry / f"frame.0000.{kind}.hdf5", "w") as file:
                    file["dataset"] = values
                if kind == "depth_meters":
                    metres = np.nan_to_num(values.astype(np.float64)) / along_ray
            read[split][f"{scene}/{camera}/0000"] = _jpeg(path), label, metres
        (folder / f"{split}.txt").write_text(f"{scene}\n")
    return read


def sun_rgbd(folder):
    """Folders of one image each, file names that do not agree, bit-rotated millimetres."""
    (folder / "classes.txt").write_text("wall\nfloor\ncabinet\n")
    read = {}
    names = {"train": "kv1/NYUdata/NYU0001", "val": "kv2/kinect2data/0001", "test": "xtion/a/b_1"}
    for split, name in names.items():
        image, label, depth = _random(len(name), 3)
        depth[1, :2] = 9000
        rotated = (depth << 3) | (depth >> 13)
        _save(folder / name / "image" / "0000103-0034.jpg", image)
        _save(folder / name / "depth_bfx" / "0000103-0035.png", rotated)
        _save(folder / name / "label" / "label.png", np.where(label == _VOID, 0, label + 1))
        near = np.where(depth > 8000, 0, depth)
        image = _jpeg(folder / name / "image" / "0000103-0034.jpg")
        read[split] = {name: (image, label, _metres(near, 0.001))}
        (folder / f"{split}.txt").write_text(f"{name}\n")
    return read


def cityscapes(folder):
    """The trees of the official packages: label ids 0 to 33, disparity in 1/256 pixels plus 1."""
    ids = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33])
    read = {"train": {}, "val": {}}
    for split, city in (("train", "aachen"), ("val", "ulm")):
        for index in range(2):
            image, label, disparity = _random(index + len(city), 19)
            name = f"{city}_00000{index}_000019"
            label_ids = np.where(label == _VOID, 4, ids[np.minimum(label, 18)]).astype(np.uint8)
            disparity[disparity > 0] *= 10
            for tree, ending, picture in (
                ("leftImg8bit", "leftImg8bit", image),
                ("gtFine", "gtFine_labelIds", label_ids),
                ("gtFine", "gtFine_color", image),
                ("disparity", "disparity", disparity),
            ):
                _save(folder / tree / split / city / f"{name}_{ending}.png", picture)
            with np.errstate(divide="ignore"):
                metres = 0.209313 * 2262.52 / ((disparity.astype(float) - 1) / 256)
            read[split][f"{split}/{city}/{name}"] = image, label, np.where(disparity > 0, metres, 0)
    return read


def matterport(folder):
    """Views of panoramas: names that differ in a letter; depth in quarters of a millimetre."""
    (folder / "classes.csv").write_text("name,id\nwall,1\nfloor,2\nchair,5\n")
    read = {}
    ids = np.array([1, 2, 5])
    for split, house in (("train", "17DRP5sb8fy"), ("val", "1LXtFkjw3qL"), ("test", "2azQ1b91cZZ")):
        read[split] = {}
        for view in ("0_0", "2_5"):
            image, label, depth = _random(ord(view[0]) + ord(house[1]), 3)
            stored = np.where(label == _VOID, 255, ids[np.minimum(label, 2)]).astype(np.uint8)
            path = folder / house / "undistorted_color_images" / f"a1b2c3_i{view}.jpg"
            _save(path, image)
            _save(folder / house / "undistorted_depth_images" / f"a1b2c3_d{view}.png", depth * 4)
            _save(folder / house / "label" / f"a1b2c3_i{view}.png", stored)
            read[split][f"{house}/a1b2c3/{view}"] = _jpeg(path), label, _metres(depth * 4, 0.00025)
        (folder / f"{split}.txt").write_text(f"{house}\n")
    return read


def realsense(folder):
    """One recording of Open3D's recorder, labels as colours that a JSON file names."""
    colours = {"void": (0, 0, 0), "table": (10, 200, 30), "cup": (250, 20, 20)}
    table = [{"name": name, "color": colours[name]} for name in ("table", "cup")]
    (folder / "classes.json").write_text(json.dumps(table))
    read = {}
    for index, split in enumerate(("train", "val", "test")):
        image, label, depth = _random(index, 2)
        palette = np.zeros((256, 3), np.uint8)
        palette[0], palette[1] = colours["table"], colours["cup"]
        _save(folder / "color" / f"0000{index}.jpg", image)
        _save(folder / "depth" / f"0000{index}.png", depth)
        _save(folder / "label" / f"0000{index}.png", palette[label])
        image = _jpeg(folder / "color" / f"0000{index}.jpg")
        read[split] = {f"0000{index}": (image, label, _metres(depth, 0.001))}
        (folder / f"{split}.txt").write_text(f"0000{index}\n")
    (folder / "camera_intrinsic.json").write_text("{}")
    return read


def scenes(folder):
    """A folder a scene, whose frames are numbered, which are no seconds; millimetres."""
    (folder / "classes.txt").write_text("wall\nfloor\n")
    read = {}
    for seed, split in enumerate(("train", "val", "test")):
        read[split] = {}
        for number in (10, 366):
            image, label, depth = _random(seed + number, 2)
            path = f"{split}_room/{{}}/{number:04}.png"
            for kind, picture in (("rgb", image), ("label", label), ("depth", depth)):
                _save(folder / path.format(kind), picture)
            read[split][f"{split}_room/{number:04}"] = image, label, _metres(depth, 0.001)
        (folder / f"{split}.txt").write_text(f"{split}_room\n")
    return read


def splits(folder):
    """A folder a split, in which numbers begin anew; millimetres."""
    (folder / "classes.txt").write_text("wall\nfloor\n")
    read = {}
    for seed, split in enumerate(("train", "val", "test")):
        image, label, depth = _random(seed, 2)
        for kind, picture in (("rgb", image), ("label", label), ("depth", depth)):
            _save(folder / split / kind / "0000.png", picture)
        read[split] = {f"{split}/0000": (image, label, _metres(depth, 0.001))}
    return read


LAYOUTS = {
    "tum": tum,
    "splits": splits,
    "scenes": scenes,
    "scannet": scannet,
    "hypersim": hypersim,
    "sun_rgbd": sun_rgbd,
    "cityscapes": cityscapes,
    "matterport": matterport,
    "realsense": realsense,
}
# What has to be said beside the layout's name.
OPTIONS = {
    "realsense": {"void_colours": ((0, 0, 0),)},
    "scenes": {"depth_unit": 0.001},
    "splits": {"depth_unit": 0.001},
}
