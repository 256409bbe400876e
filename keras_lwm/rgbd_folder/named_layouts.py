"""Well-known folders, as the options that read them: plain data, all of which can be overridden.

Each is the form in which the data set or the tool itself writes its files. Those of TUM RGB-D,
Matterport3D and RealSense come without labels for their images: theirs are expected in a folder
`label` beside the images', named as these are.
"""

from typing import Any

from keras_lwm.rgbd_folder.options import FolderOptions

NYU40 = (
    *("wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf"),
    *("picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror"),
    *("floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel"),
    *("shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp"),
    *("bathtub", "bag", "other structure", "other furniture", "other prop"),
)
"""The 40 classes of NYU Depth V2, ids 1 to 40, which ScanNet and Hypersim use too."""

CITYSCAPES = (
    *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign"),
    *("vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train"),
    *("motorcycle", "bicycle"),
)
_CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_CITYSCAPES_VOID = tuple(sorted({*range(34), 255} - set(_CITYSCAPES_IDS)))

NAMED_LAYOUTS: dict[str, dict[str, Any]] = {
    # A sequence, or a folder of sequences: names are seconds, depth counts 1/5000 m.
    "tum": {
        "rgb": "{scene}/rgb/{name}",
        "depth": "{scene}/depth/{name}.png",
        "label": "{scene}/label/{name}.png",
        "pair_within": 0.02,
        "depth_unit": 1 / 5000,
    },
    # A folder a split, each with the folders of the default layout.
    "splits": {
        "rgb": "{split}/rgb/{name}",
        "depth": "{split}/depth/{name}",
        "label": "{split}/label/{name}",
    },
    # Folders of scenes, each with the folders of the default layout.
    "scenes": {
        "rgb": "{scene}/rgb/{name}",
        "depth": "{scene}/depth/{name}",
        "label": "{scene}/label/{name}",
    },
    # `scannet_frames_25k`, or scans exported by the SensReader; the table and the lists of scenes
    # beside them. Labels are ScanNet's own ids.
    "scannet": {
        "rgb": "{scene}/color/{name}.jpg",
        "depth": "{scene}/depth/{name}.png",
        "label": "{scene}/label/{name}.png",
        "lists": "scannetv2_{split}.txt",
        "id_map": "scannetv2-labels.combined.tsv",
        "id_map_columns": ("id", "nyu40id"),
        "classes": NYU40,
        "first_id": 1,
        "void_ids": (0,),
        "depth_unit": 0.001,
    },
    # Distance along the ray, in metres; focal length of the default camera: 886.81 of 1024 pixels.
    "hypersim": {
        "rgb": "{scene}/images/scene_{camera}_final_preview/frame.{name}.tonemap.jpg",
        "depth": "{scene}/images/scene_{camera}_geometry_hdf5/frame.{name}.depth_meters.hdf5",
        "label": "{scene}/images/scene_{camera}_geometry_hdf5/frame.{name}.semantic.hdf5",
        "classes": NYU40,
        "first_id": 1,
        "void_ids": (-1,),
        "depth_kind": "distance",
        "field_of_view": 60.0,
    },
    # The folders of images as they are unpacked, labels written beside them; what is farther than
    # 8 m is none, where the toolbox makes it 8 m.
    "sun_rgbd": {
        "rgb": "{name}/image/*.jpg",
        "depth": "{name}/depth_bfx/*.png",
        "label": "{name}/label/*.png",
        "first_id": 1,
        "void_ids": (0,),
        "depth_unit": 0.001,
        "depth_rotated": True,
        "depth_max": 8.0,
    },
    # Baseline and focal length are those of most cameras; `recipes/cityscapes.py` reads each one's.
    "cityscapes": {
        "rgb": "leftImg8bit/{split}/{city}/{name}_leftImg8bit.png",
        "depth": "disparity/{split}/{city}/{name}_disparity.png",
        "label": "gtFine/{split}/{city}/{name}_gtFine_labelIds.png",
        "splits": ("train", "val"),
        "classes": CITYSCAPES,
        "id_map": {label_id: index for index, label_id in enumerate(_CITYSCAPES_IDS)}
        | dict.fromkeys(_CITYSCAPES_VOID, 255),
        "depth_kind": "disparity",
        "depth_unit": 1 / 256,
        "depth_offset": -1 / 256,
        "focal_length": 2262.52,
        "baseline": 0.209313,
    },
    # Images and depth without distortion; depth counts 0.25 mm.
    "matterport": {
        "rgb": "{scene}/undistorted_color_images/{name}_i{view}.jpg",
        "depth": "{scene}/undistorted_depth_images/{name}_d{view}.png",
        "label": "{scene}/label/{name}_i{view}.png",
        "depth_unit": 0.00025,
    },
    # What Open3D's recorder writes, depth brought to the colour camera already, in millimetres.
    "realsense": {
        "rgb": "{scene}/color/{name}.jpg",
        "depth": "{scene}/depth/{name}.png",
        "label": "{scene}/label/{name}.png",
        "depth_unit": 0.001,
    },
}
"""Name -> options of `FolderOptions` that are not at their defaults."""


def folder_options(layout: str | None = None, **given: Any) -> FolderOptions:
    """The options of a named layout, with some of one's own in their place.

    Args:
        layout: a key of `NAMED_LAYOUTS`; `None`: `FolderOptions`' own defaults.
        **given: options of `FolderOptions`.

    Raises:
        ValueError: for an unknown layout, or options that no folder can have.
    """
    if layout is not None and layout not in NAMED_LAYOUTS:
        raise ValueError(f"Unknown layout {layout!r}: expected one of {', '.join(NAMED_LAYOUTS)}.")
    return FolderOptions(**{**NAMED_LAYOUTS.get(layout, {}), **given})
