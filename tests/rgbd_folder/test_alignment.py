"""Depth brought to another camera, compared with what geometry says and with a loop."""

import math

import numpy as np
import pytest

from keras_lwm.rgbd_folder.alignment import Alignment

CAMERA = (50.0, 60.0, 7.3, 4.9)
SIZE = (10, 14)


def shift(x=0.0, y=0.0, z=0.0, rotation=None):
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) if rotation is None else rotation
    matrix[:3, 3] = x, y, z
    return tuple(matrix.ravel().tolist())


def turned(axis, degrees):
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    first, second = [each for each in range(3) if each != axis]
    rotation = np.eye(3)
    rotation[[first, second], [first, second]] = cosine
    rotation[first, second], rotation[second, first] = -sine, sine
    return rotation


def random_depth(seed, size=SIZE, holes=0.3):
    random = np.random.default_rng(seed)
    depth = random.uniform(0.5, 8, size).astype(np.float32)
    return np.where(random.random(size) < holes, np.float32(0), depth)


def of_a_loop(alignment, depth, size):
    """Pixel by pixel and patch by patch."""
    fx, fy, cx, cy = alignment.depth_intrinsics
    gx, gy, dx, dy = alignment.rgb_intrinsics
    matrix = np.reshape(alignment.depth_to_rgb, (4, 4))

    def seen(column, row, z):
        return matrix @ [(column - cx) / fx * z, (row - cy) / fy * z, z, 1]

    image = np.zeros(size)
    for (row, column), z in np.ndenumerate(depth):
        if z == 0:
            continue
        corners = [seen(column + i, row + j, float(z)) for i in (-0.5, 0.5) for j in (-0.5, 0.5)]
        if min(corner[2] for corner in corners) <= 0:
            continue
        columns = [gx * corner[0] / corner[2] + dx for corner in corners]
        rows = [gy * corner[1] / corner[2] + dy for corner in corners]
        near = seen(column, row, float(z))[2]
        for pixel in np.ndindex(*size):
            inside = min(rows) <= pixel[0] < max(rows) and min(columns) <= pixel[1] < max(columns)
            if inside and (image[pixel] == 0 or near < image[pixel]):
                image[pixel] = near
    return image


@pytest.mark.parametrize("seed", range(3))
def test_one_camera_gives_back_its_depth_to_the_bit(seed):
    depth = random_depth(seed)
    for camera in (CAMERA, (525.0, 525.0, 319.5, 239.5), (1e3 / 3, 0.1, -7.7, 1e5)):
        image = Alignment(camera, camera).to_image(depth, SIZE)
        assert image.dtype == np.float32
        assert image.tobytes() == depth.tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_against_a_loop(seed):
    random = np.random.default_rng(seed)
    rotation = turned(0, 3) @ turned(1, -4) @ turned(2, 5 + 80 * (seed == 3))
    alignment = Alignment(
        (61.7, 70.3, 20.21, 15.13), CAMERA, shift(*random.uniform(-0.2, 0.2, 3), rotation)
    )
    depth = random_depth(seed, (8, 9))
    image = alignment.to_image(depth, (30, 40))
    assert 20 < (image > 0).sum() < 1000
    np.testing.assert_allclose(image, of_a_loop(alignment, depth, (30, 40)), rtol=1e-6)


@pytest.mark.parametrize(("metres", "pixels"), [(2.5, 2), (5.0, 1), (1.25, 4)])
def test_a_wall_is_shifted_by_its_disparity(metres, pixels):
    wall = np.full(SIZE, metres, np.float32)
    image = Alignment(CAMERA, CAMERA, shift(x=0.1)).to_image(wall, SIZE)
    np.testing.assert_array_equal(image[:, pixels:], wall[:, pixels:])
    # There is nothing of what the depth camera does not see.
    np.testing.assert_array_equal(image[:, :pixels], 0)
    image = Alignment(CAMERA, CAMERA, shift(y=-0.1 * 50 / 60)).to_image(wall, SIZE)
    np.testing.assert_array_equal(image[:-pixels], wall[pixels:])
    np.testing.assert_array_equal(image[-pixels:], 0)


def test_depth_is_along_the_axis_of_the_rgb_camera():
    wall = np.full(SIZE, 2.0, np.float32)
    image = Alignment(CAMERA, CAMERA, shift(z=0.5)).to_image(wall, SIZE)
    assert set(np.unique(image)) <= {0, 2.5} and (image == 2.5).any()
    # Turned over about its axis, a camera sees the same depth from below.
    centred = (50.0, 50.0, 6.5, 4.5)
    depth = random_depth(0)
    image = Alignment(centred, centred, shift(rotation=turned(2, 180))).to_image(depth, SIZE)
    np.testing.assert_allclose(image, depth[::-1, ::-1], rtol=1e-6)


def test_the_nearest_surface_wins():
    depth = np.zeros((1, 14), np.float32)
    # By 5 / z pixels to the right: both come to column 7.
    depth[0, 2], depth[0, 6] = 1, 5
    for order in (depth, depth[:, ::-1]):
        image = Alignment(CAMERA, CAMERA, shift(x=0.1)).to_image(order, (1, 14))
        expected = of_a_loop(Alignment(CAMERA, CAMERA, shift(x=0.1)), order, (1, 14))
        np.testing.assert_array_equal(image, expected)
    image = Alignment(CAMERA, CAMERA, shift(x=0.1)).to_image(depth, (1, 14))
    assert image[0, 7] == 1 and np.count_nonzero(image) == 1


@pytest.mark.parametrize("scale", [1.5, 2, 2.25, 3, 7.3])
@pytest.mark.parametrize("centre", [0.0, 0.5])
def test_a_larger_image_has_no_grid_of_holes(scale, centre):
    """Whether pixels count from their centres or corners: the second puts edges on centres."""
    depth = random_depth(1, holes=0)
    fx, fy, cx, cy = CAMERA
    larger = fx * scale, fy * scale, (cx + centre) * scale - centre, (cy + centre) * scale - centre
    size = round(SIZE[0] * scale) - math.ceil(scale), round(SIZE[1] * scale) - math.ceil(scale)
    image = Alignment(larger, CAMERA).to_image(depth, size)
    assert (image > 0).all()
    for (row, column), metres in np.ndenumerate(image):
        # Nor anything but the depth of the pixel that it is in.
        source = [(each + centre) / scale - centre for each in (row, column)]
        around = [sorted({round(each - 1e-9), round(each + 1e-9)}) for each in source]
        assert metres in depth[np.ix_(*[np.clip(each, 0, 13) for each in around])]


def test_a_smaller_image_takes_the_pixels_under_its_centres():
    depth = random_depth(2)
    fx, fy, cx, cy = CAMERA
    smaller = fx / 2, fy / 2, (cx - 0.4) / 2, (cy - 0.4) / 2
    np.testing.assert_array_equal(
        Alignment(smaller, CAMERA).to_image(depth, (5, 7)), depth[::2, ::2]
    )


def test_a_wall_of_another_camera_has_no_holes_where_it_is_turned():
    wall = np.full((40, 60), 3.0, np.float32)
    camera = (50.0, 50.0, 29.5, 19.5)
    for degrees in (1, 10, 45, 90):
        rotated = shift(rotation=turned(2, degrees))
        image = Alignment((60.0, 60.0, 9.5, 9.5), camera, rotated).to_image(wall, (20, 20))
        np.testing.assert_allclose(image, 3, rtol=1e-6)


def test_a_pixel_makes_its_footprint_and_nothing_more():
    depth = np.zeros(SIZE, np.float32)
    depth[4, 7] = 2
    fx, fy, cx, cy = CAMERA
    larger = fx * 3, fy * 3, cx * 3 + 1, cy * 3 + 1
    image = Alignment(larger, CAMERA).to_image(depth, (30, 42))
    expected = np.zeros((30, 42))
    expected[12:15, 21:24] = 2
    np.testing.assert_array_equal(image, expected)
    assert not Alignment(larger, CAMERA).to_image(np.zeros(SIZE, np.float32), (30, 42)).any()


def test_what_is_behind_the_camera_or_not_measured_is_not_seen():
    wall = np.full(SIZE, 1.5, np.float32)
    for z in (-1.5, -1.9):
        assert not Alignment(CAMERA, CAMERA, shift(z=z)).to_image(wall, SIZE).any()
    # Close before it, a patch is larger than the image.
    centred = (50.0, 50.0, 6.4, 4.4)
    image = Alignment(centred, centred, shift(z=-1.4999)).to_image(wall, SIZE)
    np.testing.assert_allclose(image, 1e-4, rtol=1e-3)
    odd = np.array([[np.nan, np.inf, -1.0, 0.0]], np.float32)
    assert not Alignment(CAMERA, CAMERA).to_image(odd, (1, 4)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rgb_intrinsics": (1, 2, 3)}, r"rgb_intrinsics to be \(fx, fy, cx, cy\) in pixels"),
        ({"depth_intrinsics": (1, -2, 3, 4)}, "depth_intrinsics"),
        ({"depth_to_rgb": (1, 2, 3)}, r"16 numbers of a matrix .*; received depth_to_rgb=\(1, 2"),
        ({"depth_to_rgb": None}, "16 numbers"),
        ({"depth_to_rgb": (math.nan,) * 16}, "16 numbers"),
        ({"depth_to_rgb": shift(rotation=np.eye(3) * 1.01)}, "a rotation and a shift"),
        ({"depth_to_rgb": shift(rotation=np.diag([1, 1, -1]))}, "a rotation and a shift"),
        ({"depth_to_rgb": (*shift()[:15], 2)}, "its last row 0 0 0 1"),
        ({"depth_to_rgb": shift(x=25.4)}, r"in metres, 2 at the most; received \[25\.4, .*milli"),
    ],
)
def test_cameras_that_are_none(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        Alignment(**{"rgb_intrinsics": CAMERA, "depth_intrinsics": CAMERA, **options})
    assert "\n" not in str(caught.value)
