"""Augmentation keeps image, depth and label together and makes up nothing."""

import colorsys

import numpy as np
import pytest

from keras_lwm.augmentation import Augmentation

PLAIN = {
    "scale": 1.0,
    "row": 0.0,
    "column": 0.0,
    "flip": False,
    "brightness": 1.0,
    "contrast": 1.0,
    "saturation": 1.0,
}


def make_sample(size=(12, 16), seed=0):
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 5, (*size, 1)).astype(np.float32)
    depth[rng.random((*size, 1)) < 0.3] = 0
    return {
        "image": rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        "depth": depth,
        "label": rng.choice(np.array([2, 5, 7, 255], np.uint8), size),
    }


def place_sample(size):
    """A sample whose pixels say where they are: depth = 1 + row, label = column, image both."""
    rows, columns = np.indices(size)
    image = np.stack([rows, columns, np.zeros(size)], axis=-1) * 4
    return {
        "image": image.astype(np.uint8),
        "depth": (1 + rows)[..., None].astype(np.float32),
        "label": columns.astype(np.uint8),
    }


def test_nothing_drawn_changes_nothing():
    sample = make_sample()
    changed = Augmentation().apply(sample, PLAIN)
    for key, array in sample.items():
        np.testing.assert_array_equal(changed[key], array)
        assert changed[key].dtype == array.dtype


def test_identity_settings_change_nothing_but_pass_other_keys_on():
    augmentation = Augmentation(scale=(1, 1), flip=0, brightness=0, contrast=0, saturation=0)
    changed = augmentation({**make_sample(), "name": "kitchen"}, seed=3)
    assert changed.pop("name") == "kitchen"
    for key, array in make_sample().items():
        np.testing.assert_array_equal(changed[key], array)


def test_flip_flips_all_three_alike():
    sample = make_sample()
    changed = Augmentation().apply(sample, {**PLAIN, "flip": True})
    for key, array in sample.items():
        np.testing.assert_array_equal(changed[key], array[:, ::-1])


@pytest.mark.parametrize(("row", "column", "top", "left"), [(0, 0.999, 0, 6), (0.999, 0, 5, 0)])
def test_crop_cuts_all_three_alike(row, column, top, left):
    sample = make_sample()
    drawn = {**PLAIN, "row": row, "column": column}
    changed = Augmentation(crop=(7, 10)).apply(sample, drawn)
    for key, array in sample.items():
        np.testing.assert_array_equal(changed[key], array[top : top + 7, left : left + 10])


def test_a_crop_larger_than_the_frame_is_padded_with_void_and_unmeasured_depth():
    sample = make_sample()
    drawn = {**PLAIN, "row": 0.5, "column": 0.999}
    changed = Augmentation(crop=(20, 18)).apply(sample, drawn)
    top, left = 4, 2
    inside = np.zeros((20, 18), bool)
    inside[top : top + 12, left : left + 16] = True
    for key, array in sample.items():
        np.testing.assert_array_equal(changed[key][inside], array.reshape(-1, *array.shape[2:]))
    assert (changed["label"][~inside] == 255).all()
    assert (changed["depth"][~inside] == 0).all()
    mean = sample["image"].mean(axis=(0, 1))
    assert np.abs(changed["image"][~inside] - mean).max() <= 1


@pytest.mark.parametrize("seed", range(12))
def test_any_draw_gives_the_crop_and_makes_up_neither_labels_nor_depths(seed):
    augmentation = Augmentation(crop=(9, 13), scale=(0.4, 2.5))
    sample = make_sample(seed=seed)
    scale = augmentation.draw(seed)["scale"]
    assert 0.4 <= scale <= 2.5
    changed = augmentation(sample, seed)
    assert changed["image"].shape == (9, 13, 3)
    assert changed["depth"].shape == (9, 13, 1)
    assert changed["label"].shape == (9, 13)
    assert [changed[key].dtype for key in sample] == [array.dtype for array in sample.values()]
    assert set(changed["label"].ravel()) <= {2, 5, 7, 255}
    assert set(changed["depth"].ravel()) <= set((sample["depth"] / np.float32(scale)).ravel()) | {0}


@pytest.mark.parametrize("scale", [0.5, 0.7, 1.0, 1.6, 3.0])
@pytest.mark.parametrize("flip", [False, True])
def test_the_three_stay_aligned_at_every_scale(scale, flip):
    sample = place_sample((40, 60))
    drawn = {**PLAIN, "scale": scale, "row": 0.6, "column": 0.3, "flip": flip}
    changed = Augmentation(crop=(16, 20)).apply(sample, drawn)
    inner = (slice(2, -2), slice(2, -2))
    rows = changed["depth"][..., 0][inner] * scale - 1
    columns = changed["label"][inner].astype(float)
    # Half a pixel of the source either way, and the rounding of the image to whole grey levels.
    tolerance = 0.5 + 0.5 / 4 + 1e-3
    assert np.abs(changed["image"][..., 0][inner] / 4 - rows).max() <= tolerance
    assert np.abs(changed["image"][..., 1][inner] / 4 - columns).max() <= tolerance
    assert (np.diff(columns[0]) <= 0).all() if flip else (np.diff(columns[0]) >= 0).all()


def test_twice_the_size_repeats_labels_and_halves_depth():
    sample = make_sample()
    changed = Augmentation(crop=(24, 32)).apply(sample, {**PLAIN, "scale": 2.0})
    np.testing.assert_array_equal(changed["label"], sample["label"].repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(changed["depth"], sample["depth"].repeat(2, 0).repeat(2, 1) / 2)


def test_brightness_and_contrast():
    sample = make_sample()
    image = sample["image"].astype(float)
    brighter = Augmentation().apply(sample, {**PLAIN, "brightness": 1.2})["image"]
    assert np.abs(brighter - np.clip(1.2 * image, 0, 255)).max() <= 0.51
    flatter = Augmentation().apply(sample, {**PLAIN, "contrast": 0.5})["image"]
    grey = (image.mean(axis=(0, 1)) * [0.299, 0.587, 0.114]).sum()
    assert np.abs(flatter - (0.5 * image + 0.5 * grey)).max() <= 1.1


def test_saturation_moves_colours_from_and_to_grey():
    sample = make_sample()
    without = Augmentation().apply(sample, {**PLAIN, "saturation": 0.0})["image"]
    assert (without == without[..., :1]).all()
    half = Augmentation().apply(sample, {**PLAIN, "saturation": 0.5})["image"]
    before = colorsys.rgb_to_hls(*(sample["image"][3, 3] / 255))
    after = colorsys.rgb_to_hls(*(half[3, 3] / 255))
    assert np.ptp(half[3, 3].astype(int)) == pytest.approx(
        np.ptp(sample["image"][3, 3].astype(int)) / 2, abs=1
    )
    assert after[0] == pytest.approx(before[0], abs=0.02)


def test_the_same_seed_draws_the_same_and_the_seeds_differ():
    augmentation = Augmentation(crop=(9, 13))
    first, again, other = (augmentation(make_sample(), seed) for seed in (5, 5, 6))
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
    assert (first["image"] != other["image"]).any()


def test_draws_cover_the_range_evenly():
    draws = [Augmentation(scale=(0.5, 2.0), flip=0.25).draw(seed) for seed in range(2000)]
    scales = np.log2([drawn["scale"] for drawn in draws])
    assert scales.min() < -0.98
    assert scales.max() > 0.98
    assert scales.mean() == pytest.approx(0, abs=0.05)
    assert np.mean([drawn["flip"] for drawn in draws]) == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize(
    "options",
    [
        {"crop": (0, 5)},
        {"crop": (5,)},
        {"scale": (0, 1)},
        {"scale": (2.0, 1.0)},
        {"flip": 1.5},
        {"contrast": -0.1},
    ],
)
def test_settings_out_of_range_are_named(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"Expected {name}.*received"):
        Augmentation(**options)
