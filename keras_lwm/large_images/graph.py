"""The memory that a network needs, by its graph, and running the graph with no more than that."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops, tree

_GLOBAL_LAYERS = (
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.MultiHeadAttention,
    layers.GroupQueryAttention,
    layers.Attention,
    layers.AdditiveAttention,
)
_PROBED_LENGTH = 1024
_TRIED_WIDTH = 64  # of the maps that unknown layers are tried on
_COARSEST = 128
_FLOAT32 = 4


def is_graph(layer) -> bool:
    """Whether a layer is a functional model, whose operations can be run one by one."""
    return isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth")


def run_graph(
    model: keras.Model, inputs: Any, call: Callable, freed: Callable = lambda value: None
) -> Any:
    """Runs a functional model's operations, nested ones too, and frees tensors once they are used.

    Keras keeps every intermediate tensor until the last operation is done. Where nothing compiles
    the graph, as under torch, that is several times the memory that its largest part needs.

    Args:
        model: a functional `keras.Model`.
        inputs: as the model takes them.
        call: function of an operation and its arguments, which runs it.
        freed: called with every tensor that an operation has given and no other needs any more.

    Returns:
        The outputs, in the model's structure.
    """
    values = {id(x): value for x, value in zip(model.inputs, tree.flatten(inputs), strict=True)}
    del inputs
    # Keras has no public way to run a graph's operations one by one.
    depths = sorted(model._nodes_by_depth, reverse=True)
    nodes = [node for depth in depths for node in model._nodes_by_depth[depth]]
    nodes = [node for node in nodes if node.operation and not node.is_input]
    uses = Counter(id(x) for node in nodes for x in node.input_tensors)
    uses.update(id(x) for x in model.outputs)
    inputs_of_model = {id(x) for x in model.inputs}
    for node in nodes:
        args, kwargs = node.arguments.fill_in(values)
        for x in node.input_tensors:
            uses[id(x)] -= 1
        if is_graph(node.operation):
            outputs = run_graph(node.operation, args[0], call, freed)
        else:
            outputs = call(node.operation, *args, **kwargs)
        del args, kwargs
        values.update(zip(map(id, node.outputs), tree.flatten(outputs), strict=True))
        del outputs
        for x in (*node.input_tensors, *node.outputs):
            if not uses[id(x)] and id(x) in values:
                value = values.pop(id(x))
                if id(x) not in inputs_of_model:
                    freed(value)
                del value
    return tree.pack_sequence_as(model._outputs_struct, [values[id(x)] for x in model.outputs])


def run_network(network: keras.Model, images: Any) -> Any:
    """The outputs of a network in inference, within a compiled step or not.

    Of torch's graph, tensors are freed once they are used; TensorFlow and JAX do so themselves.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        from keras_lwm.jax_on_cpu import for_cpu

        return for_cpu(lambda images: network(images, training=False))(images)
    if backend == "torch":
        from keras_lwm.torch_operations import lay_out_kernels, native_operations

        lay_out_kernels(network.weights)
        with native_operations():
            if not is_graph(network):
                return network(images, training=False)
            images = ops.cast(images, network.inputs[0].dtype)
            return run_graph(network, images, _in_inference)
    return network(images, training=False)


def _in_inference(operation, *args, **kwargs):
    if isinstance(operation, keras.Layer):
        kwargs["training"] = False
    return operation(*args, **kwargs)


@dataclasses.dataclass(frozen=True)
class Footprint:
    """The memory that a network needs, and the size of its outputs.

    Attributes:
        activations: bytes a pixel of the image of the largest sum of tensors that are needed at
            once, in float32.
        logits: bytes a pixel of the image of the logits, at the network's own resolution.
        classes: their number.
        stride: pixels of the image to one of the coarsest feature map.
        global_context: whether every pixel of the output depends on the whole image (see
            `has_global_context`); None where that is not known.
    """

    activations: float
    logits: float
    classes: int
    stride: int
    global_context: bool | None = None

    def __post_init__(self):
        for name in ("activations", "logits", "classes", "stride"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 < value < math.inf):
                raise ValueError(f"Expected a finite number above 0 as {name}; received {value!r}.")

    @classmethod
    def unknown(cls, classes: int = 40) -> "Footprint":
        """A cautious guess for a network whose graph is not known."""
        return cls(500.0, classes / 4, classes, 32)


def footprint(network: keras.Model) -> Footprint:
    """Computes what a network of images (B, H, W, 3) needs, from its graph's shapes alone.

    Args:
        network: with a dictionary of outputs that has `segmentation`, logits of any resolution.
    """
    if not is_graph(network):
        return Footprint.unknown()
    size = _probed_size(network)
    shapes = _Shapes(size)
    image = keras.KerasTensor((1, *size, 3), network.inputs[0].dtype)
    outputs = run_graph(network, image, shapes.call, shapes.freed)
    logits = outputs["segmentation"].shape
    return Footprint(
        activations=shapes.largest / math.prod(size),
        logits=_FLOAT32 * math.prod(logits) / math.prod(size),
        classes=logits[-1],
        stride=shapes.stride,
    )


def _probed_size(network):
    return tuple(_PROBED_LENGTH if own is None else own for own in network.inputs[0].shape[1:3])


class _Shapes:
    """Runs operations on shapes alone and counts the bytes of the tensors that exist at once."""

    def __init__(self, size):
        self._size = size
        self._bytes = 0
        self.largest = 0
        self.stride = 1

    def call(self, operation, *args, **kwargs):
        outputs = operation.compute_output_spec(*args, **kwargs)
        for x in tree.flatten(outputs):
            self._bytes += _FLOAT32 * math.prod(x.shape)
            if _is_map(self._size, x.shape):
                self.stride = max(self.stride, *_strides(self._size, x.shape))
        self.largest = max(self.largest, self._bytes + _inner_bytes(operation, args))
        return outputs

    def freed(self, x):
        self._bytes -= _FLOAT32 * math.prod(x.shape)


def _strides(size, shape):
    return [-(-own // length) for own, length in zip(size, shape[1:3], strict=True)]


def _is_map(size, shape):
    """Whether a shape is that of feature maps of an image of this size."""
    return len(shape) == 4 and max(_strides(size, shape)) <= _COARSEST


def _inner_bytes(operation, args):
    """Bytes of what layers inside a layer hold: two maps as wide as the widest of their kernels."""
    inner = [
        x
        for x in getattr(operation, "_flatten_layers", lambda **_: ())(include_self=False)
        if len(getattr(getattr(x, "kernel", None), "shape", ())) == 4
    ]
    if not inner:
        return 0
    # Of maps, or of the tokens of a transformer.
    positions = math.prod(tree.flatten(args)[0].shape[:-1])
    widest = max(x.kernel.shape[-1] for x in inner)
    return 2 * _FLOAT32 * positions * widest


def has_global_context(network: keras.Model) -> bool:
    """Whether every pixel of a network's output depends on the whole image, however large it is.

    As by global pooling or attention, in one of its layers or inside one.
    """
    if not is_graph(network):
        return False
    size = _probed_size(network)
    found = False

    def call(operation, *args, **kwargs):
        nonlocal found
        outputs = operation.compute_output_spec(*args, **kwargs)
        # Vectors and rows of tokens are no maps.
        are_maps = all(_is_map(size, x.shape) for x in tree.flatten(outputs))
        found = found or not are_maps or _pools(operation, args)
        return outputs

    run_graph(network, keras.KerasTensor((1, *size, 3), network.inputs[0].dtype), call)
    return found


def _pools(operation, args):
    inner = getattr(operation, "_flatten_layers", lambda: [operation])()
    if any(isinstance(layer, _GLOBAL_LAYERS) for layer in inner):
        return True
    if not isinstance(operation, keras.Layer) or len(args) != 1 or _is_known(operation):
        return False
    # A layer may hide its pooling in `call`: does the last column change the first one's output?
    channels = tree.flatten(args)[0].shape[-1]
    maps = np.random.default_rng(0).normal(size=(1, 8, _TRIED_WIDTH, channels)).astype("float32")
    changed = maps.copy()
    changed[:, :, -1] += 1
    before, after = (
        ops.convert_to_numpy(tree.flatten(operation(ops.convert_to_tensor(x), training=False))[0])
        for x in (maps, changed)
    )
    return not np.array_equal(before[:, :, 0], after[:, :, 0])


def _is_known(layer):
    return type(layer).__module__.partition(".")[0] in ("keras", "keras_lwm")
