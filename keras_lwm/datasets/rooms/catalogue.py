"""The 13 classes, named and ordered as NYU Depth V2's 13, and one display colour for each.

What belongs to which class follows the 40 -> 13 mapping of that data set: a desk is a `table`,
curtains and blinds are `window`, a door is `wall`, pillows and lamps are `objects`. A rug is
`floor` here.
"""

from keras_lwm.void import void_id

CLASS_NAMES = (
    "bed",
    "books",
    "ceiling",
    "chair",
    "floor",
    "furniture",
    "objects",
    "picture",
    "sofa",
    "table",
    "tv",
    "wall",
    "window",
)
"""Names of the 13 classes, by id."""

(
    BED,
    BOOKS,
    CEILING,
    CHAIR,
    FLOOR,
    FURNITURE,
    OBJECTS,
    PICTURE,
    SOFA,
    TABLE,
    TV,
    WALL,
    WINDOW,
) = range(len(CLASS_NAMES))

VOID = void_id(len(CLASS_NAMES))

PALETTE = (
    (214, 39, 40),
    (255, 187, 120),
    (199, 210, 224),
    (255, 127, 14),
    (140, 86, 75),
    (44, 160, 44),
    (227, 119, 194),
    (188, 189, 34),
    (148, 103, 189),
    (152, 223, 138),
    (23, 57, 148),
    (127, 127, 127),
    (23, 190, 207),
)
"""A colour a class, RGB 0 to 255."""
