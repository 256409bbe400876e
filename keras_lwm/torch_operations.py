"""What Keras asks of PyTorch, without the work that it asks for on the way.

PyTorch takes maps as (B, C, H, W) and kernels as (out, in, h, w), in any order in memory. Keras
makes a copy of maps in that order before every convolution and pool, and another one, back, for the
convolution: two copies of most of a network's activations a step, and two more in the gradient.
Kernels, which it keeps as (h, w, in, out), are copied before every convolution, and their gradients
after it. It adds biases once a convolution is done. Batch normalisation is a dozen operations on
whole maps where PyTorch has one, and on a CPU a step of Adam a dozen on all weights. Around every
call of a layer it converts, checks and names what plain layers need none of, which takes longer
than to start their operations. And where the network is on a GPU, a Python number in an operation
is copied there from the CPU, which waits until the GPU has done all that came before: hundreds of
times a step.

Of other packages only PyTorch and Keras are imported here, and this only under PyTorch.
"""

import contextlib
import sys
import threading
from collections.abc import Iterable

import keras
import torch

from keras_lwm.replaced import Replacements

_CONV = keras.layers.Conv2D
_BATCH_NORM = keras.layers.BatchNormalization
_ADAM = type(keras.optimizers.Adam())  # PyTorch's own class, which that of AdamW inherits from
_BACKEND = sys.modules["keras.src.backend"]
_NN = sys.modules["keras.src.backend.torch.nn"]
_PLAIN_LAYERS = (
    *(_CONV, keras.layers.DepthwiseConv2D, _BATCH_NORM, keras.layers.ReLU, keras.layers.Activation),
    *(keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.layers.ZeroPadding2D),
    *(keras.layers.Add, keras.layers.Concatenate),
)
_IN_MEMORY = (3, 0, 1, 2)  # kernels (h, w, in, out), which convolutions take in the order of maps


class _Thread(threading.local):
    bias = None  # that the next convolution is to add


_thread = _Thread()


def _call(layer, *args, **kwargs):
    """What `keras.Layer.__call__` returns."""
    if _needs_nothing_around(layer, args, kwargs):
        return layer.call(*args, **(kwargs if type(layer) is _BATCH_NORM else {}))
    return _replacements.original(keras.Layer, "__call__")(layer, *args, **kwargs)


def _needs_nothing_around(layer, args, kwargs):
    """Whether a layer has its weights, and computes in float32 what it returns, and no more."""
    if type(layer) not in _PLAIN_LAYERS or not layer.built or len(args) != 1:
        return False
    training = "training" in kwargs or type(layer) is not _BATCH_NORM
    if not training or kwargs.keys() - {"training", "mask"} or kwargs.get("mask") is not None:
        return False
    inputs = args[0] if isinstance(args[0], (list, tuple)) else args
    return (
        all(isinstance(x, torch.Tensor) and x.dtype is torch.float32 for x in inputs)
        and not any(hasattr(x, "_keras_mask") for x in inputs)
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and layer.quantization_mode is None
        and layer.activity_regularizer is None
        and not layer._remat_mode
        and _BACKEND.get_autocast_scope() is None
    )


def _maps(inputs):
    """(B, H, W, C) as (B, C, H, W), as they lie in memory where convolutions take them so."""
    if inputs.dim() == 4:
        maps = inputs.permute(0, 3, 1, 2)
        if maps.is_contiguous(memory_format=torch.channels_last):
            return maps
    return _replacements.original(_NN, "_transpose_spatial_inputs")(inputs)


def _as_tensor(data, dtype=None, device=None):
    """What `torch.as_tensor` returns; a number is made on its device, not copied there."""
    is_number = isinstance(data, (bool, int, float))
    if is_number and device is not None and torch.device(device).type != "cpu":
        return torch.full((), data, dtype=dtype, device=device)
    return _replacements.original(torch, "as_tensor")(data, dtype=dtype, device=device)


def _conv2d(maps, kernel, *args, **kwargs):
    """What `torch.nn.functional.conv2d` returns, with the bias of `_conv`."""
    bias, _thread.bias = _thread.bias, None
    if maps.shape[0] == kernel.shape[0] == 1:
        # On a CPU, the gradient of one small map is by a method that wants its kernel so.
        kernel = kernel.contiguous()
    return torch.conv2d(
        maps, kernel, *args, **(kwargs if bias is None else {**kwargs, "bias": bias})
    )


def _conv(layer, inputs):
    """What `keras.layers.Conv2D.call` computes."""
    own_kind = type(layer).convolution_op is not _CONV.convolution_op
    if own_kind or not (layer.use_bias and isinstance(inputs, torch.Tensor)):
        return _replacements.original(_CONV, "call")(layer, inputs)
    _thread.bias = layer.bias.value
    try:
        outputs = layer.convolution_op(inputs, layer.kernel)
    finally:
        _thread.bias = None
    return outputs if layer.activation is None else layer.activation(outputs)


def _batch_norm(layer, inputs, training=None, mask=None):
    """What `keras.layers.BatchNormalization.call` computes.

    Keras' running variance is of the batch's own variance, PyTorch's of the estimate of that of a
    population, which is greater.
    """
    if mask is not None or not _is_plain(layer, inputs):
        return _replacements.original(_BATCH_NORM, "call")(
            layer, inputs, training=training, mask=mask
        )
    in_float32 = torch.promote_types(inputs.dtype, torch.float32)

    def vector(variable):
        return variable.value.to(in_float32)

    of_batch = bool(training and layer.trainable)
    normalised, mean, reciprocal = torch.native_batch_norm(
        torch.movedim(inputs, layer.axis, 1),
        vector(layer.gamma) if layer.scale else None,
        vector(layer.beta) if layer.center else None,
        None if of_batch else vector(layer.moving_mean),
        None if of_batch else vector(layer.moving_variance),
        of_batch,
        0.0,
        layer.epsilon,
    )
    if of_batch:
        variance = (reciprocal**-2 - layer.epsilon).clamp_min(0.0)
        for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(torch.lerp(batch, vector(moving), layer.momentum))
    return keras.ops.cast(torch.movedim(normalised, 1, layer.axis), layer.compute_dtype)


def _is_plain(layer, inputs):
    # Those of a subclass, or of several replicas: see `keras_lwm.training.synchronized_batch_norm`.
    own_moments = getattr(layer._moments, "__func__", None) is not _BATCH_NORM._moments
    return (
        not (layer.renorm or own_moments)
        and isinstance(inputs, torch.Tensor)
        and inputs.is_floating_point()
        and inputs.numel() > 0
    )


def _adam(optimizer, grads, variables, learning_rate):
    """The step of Keras' Adam: beta_1 and beta_2 correct the learning rate, not the square root.

    PyTorch corrects both by the number of the step; by that of the last one there is, by nothing.
    """
    places = [optimizer._get_variable_index(variable) for variable in variables]
    state = [optimizer._momentums, optimizer._velocities]
    state += [optimizer._velocity_hats] if optimizer.amsgrad else []
    updated = [
        [variable.value for variable in variables],
        grads,
        *([own[place].value for place in places] for own in state),
    ]
    updated = [list(map(_as_it_lies, tensors)) for tensors in updated]
    if not all(map(_fit_together, *updated)):
        return _replacements.original(_ADAM, "_parallel_update_step")(
            optimizer, grads, variables, learning_rate
        )
    step = keras.ops.cast(optimizer.iterations + 1, "float32")
    of_mean, of_square = (1.0 - beta**step for beta in (optimizer.beta_1, optimizer.beta_2))
    rate = keras.ops.cast(learning_rate, "float32") * torch.sqrt(of_square) / of_mean
    torch._fused_adam_(
        *(updated if optimizer.amsgrad else [*updated, []]),
        len(variables) * [torch.full_like(rate, torch.inf)],
        lr=rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        weight_decay=0.0,
        eps=optimizer.epsilon,
        amsgrad=optimizer.amsgrad,
        maximize=False,
    )
    return None


def _as_it_lies(tensor):
    """A view whose numbers are in the order of memory, where `lay_out_kernels` has changed it."""
    return tensor if tensor.is_contiguous() or tensor.dim() != 4 else tensor.permute(_IN_MEMORY)


def _fit_together(weight, *others):
    return weight.device.type == "cpu" and all(
        own.is_contiguous() and own.dtype == weight.dtype and own.shape == weight.shape
        for own in (weight, *others)
    )


_replacements = Replacements(
    {
        (keras.Layer, "__call__"): _call,
        (_NN, "_transpose_spatial_inputs"): _maps,
        (torch, "as_tensor"): _as_tensor,
        (torch.nn.functional, "conv2d"): _conv2d,
        (_CONV, "call"): _conv,
        (_BATCH_NORM, "call"): _batch_norm,
        (_ADAM, "_parallel_update_step"): _adam,
    }
)


def native_operations() -> contextlib.AbstractContextManager[None]:
    """A context in which Keras' operations are PyTorch's own.

    Maps are taken as they lie in memory; convolution with bias, batch normalisation and, on a CPU,
    Adam are one operation each; numbers are made on the device that needs them. Results are the
    same, but for rounding.
    """
    return _replacements()


def all_finite(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    """Whether every number in every tensor is finite, as a boolean scalar; in one operation."""
    # It multiplies them, by 1 here; elements that share memory it would refuse.
    own = [tensor.clone() if 0 in tensor.stride() else tensor for tensor in tensors]
    found = torch.zeros(1, device=own[0].device)
    torch._amp_foreach_non_finite_check_and_unscale_(own, found, torch.ones_like(found))
    return found[0] == 0


def lay_out_kernels(variables: Iterable[keras.Variable]) -> None:
    """Moves kernels of convolutions (h, w, in, out), and what belongs to them, in memory.

    They get the order in which PyTorch's convolutions take them, and their gradients come. Shapes
    and values stay, and so does the order, whatever is assigned to them.

    Args:
        variables: of a model or an optimiser; those of other than four dimensions stay.
    """
    for variable in variables:
        if len(variable.shape) == 4:
            value = variable.value
            if not value.permute(_IN_MEMORY).is_contiguous():
                kernel = value.data.permute(_IN_MEMORY).contiguous()
                value.data = kernel.permute(1, 2, 3, 0)
