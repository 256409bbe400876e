"""Looking inside somebody's functional model, nested models included, and reusing its layers."""

from typing import Any, NamedTuple

import keras


class Call(NamedTuple):
    """One use of a layer or operation in a graph: its positional arguments and its result."""

    layer: Any
    arguments: tuple
    output: Any


def _is_graph(layer):
    is_functional = isinstance(layer, keras.Model) and hasattr(layer, "operations")
    return is_functional or isinstance(layer, keras.Sequential)


def _contains(model, names):
    layers = model.layers
    return any(
        layer.name in names or (_is_graph(layer) and _contains(layer, names)) for layer in layers
    )


class OpenedGraph:
    """A functional model run again on its own inputs, with its layers, and every call on record.

    Nested models stay nested, except for the one that makes the output and those that hold a layer
    asked for: these are opened, so that the tensors inside them can be had.

    Args:
        model: a functional `keras.Model` with one input and one output tensor.
        names: layers, at any depth, whose outputs will be asked for.
    """

    def __init__(self, model, names=()):
        self.model_name = model.name
        self._names = set(names)
        self._calls = []
        self.image = model.inputs[0]
        self.output = self._run(model, self.image)

    def _run(self, model, inputs):
        if isinstance(model, keras.Sequential):
            for layer in model.layers:
                inputs = self._call(layer, inputs, is_last=layer is model.layers[-1])
            return inputs
        last = model.operations[-1]
        # Keras has no public way to run a graph's operations one by one.
        return model._run_through_graph(
            inputs,
            operation_fn=lambda operation: operation,
            call_fn=lambda layer, *args, **kwargs: self._call(
                layer, *args, is_last=layer is last, **kwargs
            ),
        )

    def _call(self, layer, *args, is_last, **kwargs):
        if _is_graph(layer) and (is_last or _contains(layer, self._names)):
            return self._run(layer, args[0])
        output = layer(*args, **kwargs)
        self._calls.append(Call(layer, args, output))
        return output

    def producer(self, tensor) -> Call | None:
        """The call that made a tensor; None for the graph's input."""
        return next((call for call in self._calls if call.output is tensor), None)

    def find(self, name) -> Call:
        """The last call of the layer of this name. ValueError if there is none."""
        found = [call for call in self._calls if call.layer.name == name]
        if not found:
            last = ", ".join(call.layer.name for call in self._calls[-8:])
            raise ValueError(
                f"Model {self.model_name!r} has no layer {name!r}; its last layers are {last}."
            )
        return found[-1]
