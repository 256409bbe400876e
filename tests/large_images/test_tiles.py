import itertools

import pytest

from keras_lwm.large_images.tiles import MARGIN, lay_tiles

SIZES = [(3000, 4000), (1500, 2010), (641, 5003), (200, 3000)]
LOOKS = [(40, 100, 120), (100,)]


def scaled(size, percent):
    return tuple((length * percent + 50) // 100 for length in size)


@pytest.mark.parametrize("percents", LOOKS)
@pytest.mark.parametrize(("size", "stride"), itertools.product(SIZES, (8, 32)))
def test_every_part_has_its_context_on_the_network_s_grid(size, stride, percents):
    looks = [scaled(size, percent) for percent in percents]
    tiles = lay_tiles(size, looks, 1_000_000, stride)
    for look, tiles_of_look in zip(looks, tiles, strict=True):
        for length, base, axis in zip(look, size, tiles_of_look, strict=True):
            assert axis.size == length
            assert axis.cuts[0] == 0 and axis.cuts[-1] == length
            assert (length - axis.length) % stride == 0
            for number, start in enumerate(axis.starts):
                first, last = axis.cuts[number : number + 2]
                end = start + axis.length
                assert start % stride == 0 and first < last
                assert 0 <= start <= max(first - MARGIN, 0)
                assert min(last + MARGIN, length) <= end <= length
            shares = [cut / length for cut in axis.cuts]
            assert all(round(share * base, 6) % stride == 0 for share in shares[:-1])


@pytest.mark.parametrize("size", SIZES)
def test_tiles_are_as_few_and_large_as_allowed(size):
    pixels = size[0] * size[1]
    [whole] = lay_tiles(size, [size], pixels, 32)
    assert whole.count == 1 and whole.size == size
    for allowed in (pixels - 1, 600_000):
        [tiles] = lay_tiles(size, [size], allowed, 32)
        seen = tiles.count * tiles.size[0] * tiles.size[1]
        assert tiles.size[0] * tiles.size[1] <= allowed
        assert (tiles.count > 1) == (allowed < pixels)
        # To divide the rows alone, or the columns alone, is not cheaper.
        for parts in range(1, 40):
            for along, across in (size, size[::-1]):
                length = along / parts + 2 * MARGIN + 2 * 32
                assert length * across > allowed or seen <= parts * length * across


def test_too_little_for_any_tile_gives_none():
    assert lay_tiles((3000, 4000), [(3000, 4000)], 300_000, 32) is None
