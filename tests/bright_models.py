"""A model whose depth is how bright a pixel is, in memory and as an ONNX file."""

import numpy as np

from keras_lwm.made_depth.kinds import METRES


class Brightness:
    """An estimator: the mean of the channels over 100; the batch `fail_at` is interrupted."""

    def __init__(self, kind=METRES, size=None, fail_at=None):
        self.name, self.kind, self.size = "brightness", kind, size
        self.identity = {"name": self.name, "digest": "0"}
        self.batches = []
        self._fail_at = fail_at

    def __call__(self, images):
        if self._fail_at == len(self.batches):
            raise KeyboardInterrupt
        self.batches.append(images.shape)
        return images.astype("float32").mean(axis=-1) / 100


def write_onnx(
    path, channels_first=True, shape=(None, None, None), rank=4, channels=3, outputs=("depth",)
):
    """Mean of what the network sees over its channels, plus 3, as its last output.

    Args:
        shape: batch, height and width of the input, None = free.
        rank: 3 or 4, of the output.
        channels: of the input.
        outputs: names; those before the last are the mean alone.
    """
    from onnx import TensorProto, checker, helper, save

    batch, height, width = (n or name for n, name in zip(shape, "bhw", strict=True))
    image = (batch, height, width)
    axis = 1 if channels_first else 3
    image = (*image[:axis], channels, *image[axis:])
    *others, last = outputs
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean of it"], keepdims=rank == 4),
        helper.make_node("Add", ["mean of it", "three"], [last]),
        *(helper.make_node("Identity", ["mean of it"], [name]) for name in others),
    ]
    tensors = [
        helper.make_tensor("axes", TensorProto.INT64, (1,), [axis]),
        helper.make_tensor("three", TensorProto.FLOAT, (1,) * rank, [3.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None] * rank) for n in outputs],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    checker.check_model(model)
    save(model, path)
    return path


def normalised(image, mean, deviation):
    """What an ONNX model sees: (H, W, 3)."""
    return (np.asarray(image) / 255 - np.array(mean)) / np.array(deviation)
