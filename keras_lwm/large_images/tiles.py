"""Tiles of a large image in which a network finds what it finds in the whole image.

What a network finds at a pixel depends, ever less, on what lies farther from it. So neighbours
overlap, and of each tile only what lies at least `MARGIN` pixels from where it was cut is kept.

Strided layers see every second pixel of their input, counted from its start or its end according to
whether its length is odd. So tiles start at multiples of the network's stride, and their lengths
have the same remainder by it as the image's.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

MARGIN = 320
"""Pixels of context on each side of what is kept of a tile.

Measured on mosaics of NYUv2's frames, 3 megapixels in 6 to 15 tiles, by an EfficientNet-Lite0 in a
light RefineNet of 128 channels and 40 classes, trained for 12 epochs: 0.33 % of the pixels got
another class than in the whole image with 128 pixels of context, 0.007 % with 192, 0.0002 % with
256 and none with 320. Another network, of more context, needed 320 for 0.04 %, and had 2 % with
128.
"""


class Axis(NamedTuple):
    """Tiles along one axis.

    Attributes:
        size: the image's length.
        length: every tile's.
        starts: the first pixel of each tile.
        cuts: of tile `k` is kept what lies from `cuts[k]` to below `cuts[k + 1]`.
    """

    size: int
    length: int
    starts: tuple[int, ...]
    cuts: tuple[float, ...]


class Tiles(NamedTuple):
    """Tiles of an image, all of one size; each pixel is kept from one of them."""

    rows: Axis
    columns: Axis

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every tile."""
        return self.rows.length, self.columns.length

    @property
    def count(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    def indices(self) -> Iterator[tuple[int, int]]:
        """The (row, column) of each tile among the tiles."""
        columns = range(len(self.columns.starts))
        return ((row, column) for row in range(len(self.rows.starts)) for column in columns)

    def start(self, index: tuple[int, int]) -> tuple[int, int]:
        """The first row and column of a tile."""
        return self.rows.starts[index[0]], self.columns.starts[index[1]]


def even_cuts(size: int, count: int, stride: int) -> tuple[int, ...]:
    """Cuts of an axis into parts whose tiles have one length; the outer parts need less context."""
    inner = [MARGIN + index * (size - 2 * MARGIN) / count for index in range(1, count)]
    return (0, *(round(cut / stride) * stride for cut in inner), size)


def covering(size: int, cuts: Sequence[float], stride: int) -> Axis:
    """The shortest tiles of one length that hold every part between two cuts, and its context."""
    parts = list(zip(cuts, cuts[1:], strict=False))
    starts = [max(int(first - MARGIN) // stride * stride, 0) for first, _ in parts]
    ends = [min(last + MARGIN, size) for _, last in parts]
    needed = max(end - start for start, end in zip(starts, ends, strict=True))
    # At the far end a whole number of strides is left over.
    length = size - max(int(size - needed) // stride * stride, 0)
    starts = tuple(min(start, size - length) for start in starts)
    return Axis(size, length, starts, tuple(cuts))


def lay_whole(size: tuple[int, int]) -> Tiles:
    """An image as its only tile."""
    return Tiles(*(Axis(length, length, (0,), (0, length)) for length in size))


def lay_tiles(
    size: tuple[int, int], looks: Sequence[tuple[int, int]], max_pixels: float, stride: int
) -> list[Tiles] | None:
    """The tiles of an image with the fewest pixels in all, none of more than `max_pixels`.

    Args:
        size: (height, width) of the image.
        looks: the sizes, other ones perhaps, at which it is looked at. Tiles of all of them hold
            the same parts of the image.
        max_pixels: of any tile.
        stride: pixels of an image to one of the network's coarsest feature map.

    Returns:
        The tiles at each of the sizes; None if even the smallest, of little but context, are too
        large.
    """
    heights, widths = zip(*looks, strict=True)
    best = None
    all_columns = list(_divisions(size[1], widths, stride))
    for rows in _divisions(size[0], heights, stride):
        for columns in all_columns:
            tiles = [Tiles(*axes) for axes in zip(rows, columns, strict=True)]
            pixels = [one.rows.length * one.columns.length for one in tiles]
            in_all = sum(pixels) * tiles[0].count
            if max(pixels) <= max_pixels and (best is None or in_all < best[0]):
                best = in_all, tiles
    return None if best is None else best[1]


def _divisions(size, looks, stride):
    """An axis at all sizes of looks, in one part, in two, and so on while tiles get shorter."""
    shortest = None
    for count in range(1, max(size // stride, 1) + 1):
        cuts = even_cuts(size, count, stride)
        if any(first >= last for first, last in zip(cuts, cuts[1:], strict=False)):
            return
        axes = [covering(look, [cut * look / size for cut in cuts], stride) for look in looks]
        lengths = [axis.length for axis in axes]
        if shortest is None or lengths < shortest:
            shortest = lengths
            yield axes
