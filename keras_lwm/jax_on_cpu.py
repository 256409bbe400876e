"""Convolutions and pooling as XLA's CPU compiler runs them best.

XLA hands a CPU some of a network's operations in forms that run many times slower than they need
to: depthwise convolutions, the gradients of pooling, convolutions of 1x1 pixel. `for_cpu` rewrites
a function's computation, whatever layers it came from, to the same sums in other forms: shifted
multiply-adds, comparisons of shifted maps, matrix products. On other devices it changes nothing.

Only JAX is imported here, and this only under JAX.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Literal
from jax.extend.core.primitives import conv_general_dilated_p, jit_p, reduce_window_max_p

_MAPS = (0, 3, 1, 2)  # (B, H, W, C), as (batch, channel, spatial ...)
_KERNEL = (3, 2, 0, 1)  # (h, w, in, out), as (out, in, spatial ...)
_LARGEST_WINDOW = 64


def for_cpu(function: Callable) -> Callable:
    """A function of arrays that computes what `function` does, in the forms that suit a CPU.

    Args:
        function: of pytrees of arrays, to a pytree of arrays; it may be differentiated, compiled
            and closed over arrays of an outer computation.
    """
    if jax.default_backend() != "cpu":
        return function

    @functools.wraps(function)
    def rewritten(*args):
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
        results = _evaluate(closed.jaxpr, closed.consts, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return rewritten


def _evaluate(jaxpr, constants, inputs):
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *inputs), strict=True))

    def value_of(variable):
        return variable.val if isinstance(variable, Literal) else values[variable]

    for equation in jaxpr.eqns:
        given = [value_of(variable) for variable in equation.invars]
        values.update(zip(equation.outvars, _results(equation, given), strict=True))
    return [value_of(variable) for variable in jaxpr.outvars]


def _results(equation, inputs):
    primitive, parameters = equation.primitive, equation.params
    if primitive is jit_p:
        inner = parameters["jaxpr"]
        return _evaluate(inner.jaxpr, inner.consts, inputs)
    rewrite = _REWRITES.get(primitive)
    result = None if rewrite is None else rewrite(*inputs, **parameters)
    if result is not None:
        return [result]
    with equation.ctx.manager:
        results = primitive.bind(*inputs, **primitive.get_bind_params(parameters))
    return results if primitive.multiple_results else [results]


def _convolution(
    maps,
    kernel,
    *,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    precision,
    preferred_element_type,
    **_,
) -> Any:
    """The convolution in another form; None where that would be no faster."""
    if (
        tuple(dimension_numbers) != (_MAPS, _KERNEL, _MAPS)
        or maps.dtype != jnp.float32
        or set(lhs_dilation) != {1}
        or batch_group_count != 1
        or any(length < 0 for pair in padding for length in pair)
    ):
        return None
    channels = maps.shape[3]
    if feature_group_count == channels == kernel.shape[3] and channels > 1:
        padded = jnp.pad(maps, ((0, 0), *padding, (0, 0)))
        return _depthwise(padded, kernel[:, :, 0], tuple(window_strides), tuple(rhs_dilation))
    is_point = kernel.shape[:2] == (1, 1) and set(sum(padding, ())) == {0}
    if feature_group_count == 1 and is_point:
        rows, columns = window_strides
        contracted = (((3,), (0,)), ((), ()))
        return lax.dot_general(
            maps[:, ::rows, ::columns],
            kernel[0, 0],
            contracted,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )
    return None


def _strided(maps, first, count, strides):
    """Every `strides`-th of `count` rows and columns, from the first ones on."""
    start = (0, *first, 0)
    end = (
        maps.shape[0],
        *(
            at + (length - 1) * stride + 1
            for at, length, stride in zip(first, count, strides, strict=True)
        ),
        maps.shape[3],
    )
    return lax.slice(maps, start, end, (1, *strides, 1))


def _offsets(size, dilation):
    return [
        (row * dilation[0], column * dilation[1])
        for row in range(size[0])
        for column in range(size[1])
    ]


def _lengths(lengths, size, strides, dilation):
    """The length of the result, along both axes."""
    return tuple(
        (length - (width - 1) * apart - 1) // stride + 1
        for length, width, stride, apart in zip(lengths, size, strides, dilation, strict=True)
    )


def _shifted_sum(maps, kernel, strides, dilation):
    size = kernel.shape[:2]
    count = _lengths(maps.shape[1:3], size, strides, dilation)
    weights = kernel.reshape(-1, kernel.shape[2])
    return sum(
        _strided(maps, offset, count, strides) * weight
        for offset, weight in zip(_offsets(size, dilation), weights, strict=True)
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _depthwise(maps, kernel, strides, dilation):
    """Depthwise convolution of padded maps (B, H, W, C) by a kernel (h, w, C)."""
    return _shifted_sum(maps, kernel, strides, dilation)


def _depthwise_forward(maps, kernel, strides, dilation):
    return _depthwise(maps, kernel, strides, dilation), (maps, kernel)


def _depthwise_backward(strides, dilation, given, upstream):
    maps, kernel = given
    (by_maps,) = jax.linear_transpose(
        lambda maps: _shifted_sum(maps, kernel, strides, dilation), maps
    )(upstream)
    size = kernel.shape[:2]
    columns = upstream.shape[2]

    def add_row(total, row):
        # One after another: XLA would run all products at once, each at a tenth of the speed.
        rows = lax.dynamic_slice_in_dim(
            maps, row * strides[0], (size[0] - 1) * dilation[0] + 1, axis=1
        )
        factor = lax.dynamic_slice_in_dim(upstream, row, 1, axis=1)
        products = [
            (_strided(rows, offset, (1, columns), (1, strides[1])) * factor).sum((0, 1, 2))
            for offset in _offsets(size, dilation)
        ]
        return total + jnp.stack(products), None

    start = jnp.zeros((size[0] * size[1], kernel.shape[2]), kernel.dtype)
    by_kernel, _ = lax.scan(add_row, start, jnp.arange(upstream.shape[1]))
    return by_maps, by_kernel.reshape(kernel.shape)


_depthwise.defvjp(_depthwise_forward, _depthwise_backward)


def _max_pooling(
    maps, *, window_dimensions, window_strides, padding, base_dilation, window_dilation
) -> Any:
    """Maxima over windows; the gradient goes to the first of equal ones, as in XLA's own."""
    if (
        len(window_dimensions) != 4
        or {window_dimensions[0], window_dimensions[3]} != {1}
        or window_dimensions[1] * window_dimensions[2] > _LARGEST_WINDOW
        or {window_strides[0], window_strides[3]} != {1}
        or set(sum((padding[0], padding[3]), ())) != {0}
        or set(base_dilation) != {1}
        or not jnp.issubdtype(maps.dtype, jnp.floating)
    ):
        return None
    size, strides, dilation = (
        tuple(own[1:3]) for own in (window_dimensions, window_strides, window_dilation)
    )
    return _maxima(jnp.pad(maps, padding, constant_values=-jnp.inf), size, strides, dilation)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _maxima(maps, size, strides, dilation):
    """Maxima over windows of padded maps (B, H, W, C)."""
    return _maxima_and_numbers(maps, size, strides, dilation)[0]


def _maxima_and_numbers(maps, size, strides, dilation):
    """Maxima, and which of a window's pixels, by number, each of them is."""
    count = _lengths(maps.shape[1:3], size, strides, dilation)
    first, *others = (_strided(maps, at, count, strides) for at in _offsets(size, dilation))
    largest, numbers = first, jnp.zeros(first.shape, "int8")
    for number, other in enumerate(others, start=1):
        # A NaN is above everything.
        above = (other > largest) | (other != other)
        largest = jnp.where(above, other, largest)
        numbers = jnp.where(above, jnp.int8(number), numbers)
    return largest, numbers


def _maxima_forward(maps, size, strides, dilation):
    largest, numbers = _maxima_and_numbers(maps, size, strides, dilation)
    return largest, (jnp.zeros((0, *maps.shape[1:3])), numbers)


def _maxima_backward(size, strides, dilation, given, upstream):
    like, numbers = given
    lengths = like.shape[1:]
    gradient = 0
    for number, offset in enumerate(_offsets(size, dilation)):
        margins = [
            (at, length - at - (count - 1) * stride - 1, stride - 1)
            for at, length, count, stride in zip(
                offset, lengths, upstream.shape[1:3], strides, strict=True
            )
        ]
        own = jnp.where(numbers == number, upstream, jnp.zeros((), upstream.dtype))
        zero = jnp.zeros((), upstream.dtype)
        gradient = gradient + lax.pad(own, zero, [(0, 0, 0), *margins, (0, 0, 0)])
    return (gradient,)


_maxima.defvjp(_maxima_forward, _maxima_backward)


_REWRITES = {conv_general_dilated_p: _convolution, reduce_window_max_p: _max_pooling}
