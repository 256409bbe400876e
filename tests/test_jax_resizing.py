"""The operations of resizing, counted by JAX: a guard of its speed that is no clock."""

import jax
import numpy as np

from keras_lwm.resampling import resize_bilinear, resize_depth


def test_resizing_costs_as_much_a_pixel_at_any_size():
    def operations(function, size, channels):
        maps = np.zeros((1, *size, channels), "float32")
        return jax.jit(function).lower(maps).cost_analysis()["flops"] / np.prod(size)

    for scale, channels, resize in ((2, 3, resize_bilinear), (0.25, 1, resize_depth)):
        small, large = (
            operations(
                lambda maps, size=size, scale=scale, resize=resize: resize(
                    maps, tuple(int(length * scale) for length in size)
                ),
                size,
                channels,
            )
            for size in ((32, 48), (256, 384))
        )
        assert 0 < large <= 1.05 * small
