"""A format more to export to: TensorFlow's frozen graph, one .pb file, and what runs it."""

import json

import numpy as np

from keras_lwm.deployment.formats import Format
from keras_lwm.deployment.inference_network import IMAGE
from keras_lwm.deployment.runtimes.stored import (
    fixed_lengths,
    known_outputs,
    opening,
    stored_description,
)
from keras_lwm.extras import imports_of

FORMAT = Format("a frozen graph", ".pb", (), "tensorflow")
DESCRIPTION, OUTPUTS = "keras_lwm_description", "keras_lwm_outputs"


def write_frozen_graph(traced, path, description: str) -> None:
    """Writes `path`: the graph with its weights as constants, and two texts beside them.

    Args:
        traced: a `TracedSegmenter`.
        path: of the file.
        description: `Description.as_json()`.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(traced.concrete)
    # Outputs of a graph have no names of ours: flattened, they come in the order of their names.
    tensors = [tensor.name for tensor in frozen.outputs]
    outputs = dict(zip(sorted(traced.concrete.structured_outputs), tensors, strict=True))
    with frozen.graph.as_default():
        tf.constant(description, name=DESCRIPTION)
        tf.constant(json.dumps(outputs), name=OUTPUTS)
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())


class FrozenGraphRuntime:
    """What `keras_lwm.deployment.runtimes` asks of what runs a file."""

    kind = "saved_model"  # Its memory is that of a SavedModel.

    def __init__(self, path):
        with imports_of("tensorflow", f"Running {path}"):
            import tensorflow as tf
        graph = tf.Graph()
        with opening(path, "a frozen graph"), graph.as_default():
            stored = tf.compat.v1.GraphDef.FromString(path.read_bytes())
            texts = {node.name: node.attr["value"].tensor.string_val for node in stored.node}
            self._tensors = json.loads(texts[OUTPUTS][0])
            tf.import_graph_def(stored, name="")
            image = graph.get_tensor_by_name(f"{IMAGE}:0")
        self.description = stored_description(texts[DESCRIPTION][0].decode(), path)
        self.outputs = known_outputs([IMAGE], self._tensors, path)
        self.dtype = image.dtype.name
        self.batch, self.size = fixed_lengths(image.shape)
        self._session = tf.compat.v1.Session(graph=graph)

    def __call__(self, images, output) -> np.ndarray:
        return self._session.run(self._tensors[output], {f"{IMAGE}:0": images})

    def part(self, images, output, window) -> np.ndarray:
        """A part of an image is taken for an image: this file knows of no windows."""
        return self(images, output)
