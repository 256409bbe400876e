"""The computation that `for_cpu` rewrites is the one that it was given, in other operations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from keras_lwm.jax_on_cpu import for_cpu


def random(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


def convolve(maps, kernel, stride=1, dilation=1, padding="SAME", groups=1):
    return lax.conv_general_dilated(
        maps,
        kernel,
        (stride, stride),
        padding,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def pool(maps, size, stride, padding="SAME"):
    return lax.reduce_window(
        maps, -jnp.inf, lax.max, (1, *size, 1), (1, stride, stride, 1), padding
    )


MAPS = random(2, 9, 12, 4)
REWRITTEN = {
    **{
        f"depthwise {size} {stride} {dilation} {padding}": (
            lambda maps, kernel, stride=stride, dilation=dilation, padding=padding: convolve(
                maps, kernel, stride, dilation, padding, groups=4
            ),
            (MAPS, random(*size, 1, 4, seed=1)),
        )
        for size in ((3, 3), (5, 2))
        for stride, dilation in ((1, 1), (2, 1), (3, 1), (1, 2))
        for padding in ("SAME", "VALID", ((2, 1), (0, 3)))
    },
    **{
        f"1x1 {stride}": (
            lambda maps, kernel, stride=stride: convolve(maps, kernel, stride),
            (MAPS, random(1, 1, 4, 6, seed=1)),
        )
        for stride in (1, 2)
    },
    **{
        f"pool {size} {stride} {padding}": (
            lambda maps, size=size, stride=stride, padding=padding: pool(
                maps, size, stride, padding
            ),
            (MAPS,),
        )
        for size in ((5, 1), (1, 5), (3, 3))
        for stride in (1, 2)
        for padding in ("SAME", "VALID")
    },
}
KEPT = {
    "3x3": (convolve, (MAPS, random(3, 3, 4, 6, seed=1))),
    "groups": (
        lambda maps, kernel: convolve(maps, kernel, groups=2),
        (MAPS, random(3, 3, 2, 6, seed=1)),
    ),
    "depth multiplier": (
        lambda maps, kernel: convolve(maps, kernel, groups=4),
        (MAPS, random(3, 3, 1, 8, seed=1)),
    ),
    "1x1, padded": (
        lambda maps, kernel: convolve(maps, kernel, padding=((1, 1), (0, 0))),
        (MAPS, random(1, 1, 4, 6, seed=1)),
    ),
    "transposed": (
        lambda maps, kernel: lax.conv_transpose(maps, kernel, (2, 2), "SAME"),
        (MAPS, random(3, 3, 4, 6, seed=1)),
    ),
    "channels first": (
        lambda maps, kernel: lax.conv_general_dilated(maps, kernel, (1, 1), "SAME"),
        (random(2, 4, 9, 12), random(4, 1, 3, 3, seed=1).reshape(1, 4, 3, 3)),
    ),
    "half precision": (
        lambda maps, kernel: convolve(maps.astype("bfloat16"), kernel.astype("bfloat16"), groups=4),
        (MAPS, random(3, 3, 1, 4, seed=1)),
    ),
}


def operations(function, *arguments):
    """Names of all operations, those of inner functions as well."""
    found = []

    def look(jaxpr):
        for equation in jaxpr.eqns:
            found.append(equation.primitive.name)
            for inner in jax.core.jaxprs_in_params(equation.params):
                look(inner)

    look(jax.make_jaxpr(function)(*arguments).jaxpr)
    return found


def assert_same_values_and_gradients(function, other, arguments, tolerance=1e-5):
    def total(function):
        weights = random(*function(*arguments).shape, seed=2)
        return lambda *arguments: (function(*arguments).astype("float32") * weights).sum()

    every = tuple(range(len(arguments)))
    for one, two in (
        (function(*arguments), jax.jit(other)(*arguments)),
        *zip(
            jax.grad(total(function), every)(*arguments),
            jax.jit(jax.grad(total(other), every))(*arguments),
            strict=True,
        ),
    ):
        np.testing.assert_allclose(two, one, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_is_slow_on_a_cpu_is_the_same_in_other_operations(name):
    function, arguments = REWRITTEN[name]
    found = operations(for_cpu(function), *arguments)
    assert not {"conv_general_dilated", "reduce_window_max"} & set(found), found
    assert_same_values_and_gradients(function, for_cpu(function), arguments)


@pytest.mark.parametrize("name", KEPT)
def test_the_rest_is_kept(name):
    function, arguments = KEPT[name]
    assert "conv_general_dilated" in operations(for_cpu(function), *arguments)
    tolerance = 0.05 if name == "half precision" else 1e-5
    assert_same_values_and_gradients(function, for_cpu(function), arguments, tolerance)


def test_of_equal_values_the_first_gets_the_gradient_of_a_maximum():
    maps = jnp.ones((1, 4, 6, 1))
    expected, actual = (
        jax.grad(lambda maps, pool=own: pool(maps).sum())(maps)
        for own in (lambda maps: pool(maps, (3, 3), 1), for_cpu(lambda maps: pool(maps, (3, 3), 1)))
    )
    np.testing.assert_array_equal(actual, expected)


def test_not_a_number_is_above_every_maximum():
    maps = MAPS.at[0, 3, 4, 0].set(jnp.nan).at[1, 2, 2, 1].set(jnp.inf)
    actual = for_cpu(lambda maps: pool(maps, (3, 3), 1))(maps)
    np.testing.assert_array_equal(actual, pool(maps, (3, 3), 1))


def test_functions_within_functions_and_values_from_outside():
    kernel = random(3, 3, 1, 4, seed=1)

    def loss(rewrite, scale, maps):
        def inner(part):
            block = jax.jit(lambda x: jax.nn.relu(convolve(x, kernel * scale, groups=4)))
            return {"sum": block(part["maps"]).sum(), "shape": part["maps"].shape[1]}

        return rewrite(inner)({"maps": maps})["sum"]

    given, rewritten = (functools.partial(loss, own) for own in (lambda own: own, for_cpu))
    one, two = (jax.jit(jax.value_and_grad(own, (0, 1)))(2.0, MAPS) for own in (given, rewritten))
    jax.tree.map(lambda one, two: np.testing.assert_allclose(two, one, 1e-5, 1e-5), one, two)
    assert "conv_general_dilated" in operations(given, 2.0, MAPS)
    assert "conv_general_dilated" not in operations(rewritten, 2.0, MAPS)
