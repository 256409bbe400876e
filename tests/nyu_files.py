"""Writes small files in the layout of NYU Depth V2's official ones."""

import dataclasses

import numpy as np
from matlab_files import matlab_73, struct_array, write_array, write_cells, write_cells_mat5

LABELS = 50
CLASSES_40 = [f"class {number}" for number in range(1, 41)]
CLASSES_13 = [f"group {number}" for number in range(1, 14)]
# Label id (from 1) -> class (from 1) -> group (from 1); every class and group occurs.
CLASS_OF = [(7 * place) % 40 + 1 for place in range(LABELS)]
GROUP_OF = [(5 * place) % 13 + 1 for place in range(40)]


@dataclasses.dataclass
class NyuFrame:
    """One frame: image (H, W, 3), depths and labels (H, W)."""

    image: np.ndarray
    inpainted: np.ndarray
    raw: np.ndarray
    label: np.ndarray
    scene: str


def draw_frame(number, size=(6, 8)):
    """A frame that no mirroring, turning or change of channels leaves as it is."""
    y, x = np.mgrid[: size[0], : size[1]]
    inpainted = (1 + number + y / 8 + x / 64).astype(np.float32)
    raw = inpainted.copy()
    raw[0, 1:3] = 0
    raw[1, 4] = 10
    return NyuFrame(
        image=np.stack([y % 256, x % 256, np.full(size, 100 + number)], axis=-1).astype(np.uint8),
        inpainted=inpainted,
        raw=raw,
        label=((y * size[1] + x + number) % (LABELS + 1)).astype(np.uint16),
        scene=f"kitchen_{number:04d}",
    )


def write_nyu(folder, frames, train=(3, 1), test=(2, 4)):
    """All four files; returns nothing that the reader could lean on."""
    write_labeled(folder, frames)
    write_splits(folder, train, test)
    write_mapping_40(folder)
    write_mapping_13(folder)


def write_labeled(folder, frames, names=LABELS):
    stacked = {
        "images": np.stack([frame.image for frame in frames], axis=-1),
        "depths": np.stack([frame.inpainted for frame in frames], axis=-1),
        "rawDepths": np.stack([frame.raw for frame in frames], axis=-1),
        "labels": np.stack([frame.label for frame in frames], axis=-1),
    }
    with matlab_73(folder / "nyu_depth_v2_labeled.mat") as file:
        for name, array in stacked.items():
            write_array(file, name, array)
        write_cells(file, "names", [f"thing {number}" for number in range(1, names + 1)])
        write_cells(file, "scenes", [frame.scene for frame in frames])
        write_cells(file, "sceneTypes", ["kitchen"] * len(frames))


def write_splits(folder, train, test):
    write_cells_mat5(
        folder / "splits.mat",
        trainNdxs=np.array(train, np.uint16).reshape(-1, 1),
        testNdxs=np.array(test, np.uint16).reshape(-1, 1),
    )


def write_mapping_40(folder, class_of=CLASS_OF, names=CLASSES_40):
    write_cells_mat5(
        folder / "classMapping40.mat",
        mapClass=np.array([class_of], np.uint8),
        className=list(names),
        allClassName=[f"thing {number}" for number in range(1, len(class_of) + 1)],
    )


def write_mapping_13(folder, group_of=GROUP_OF, names=CLASSES_13):
    row = np.empty((1, len(names)), object)
    row[0] = names
    struct = struct_array(size=1, labels13=[np.array([group_of], np.uint8)], classNames=[row])
    write_cells_mat5(folder / "class13Mapping.mat", classMapping13=struct)
