"""A colour for every class, for data sets that bring none."""


def distinct_palette(number: int) -> list[tuple[int, int, int]]:
    """`number` RGB colours, up to 65535, all different and none black.

    The colour map of PASCAL VOC without its black: the bits of the id go to red, green and blue in
    turn, the lowest to the most significant.
    """
    return [_colour(index) for index in range(1, number + 1)]


def _colour(index):
    channels = [0, 0, 0]
    for bit in range(16):
        channels[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    return tuple(channels)
