"""Run in a process of its own: one backend's outputs, weight maps, loss and gradients, as arrays.

    KERAS_BACKEND=jax python one_backend.py MODEL.keras OUT.npz [MODEL.keras OUT.npz ...]

Whoever runs this has written the models under any backend.
"""

import sys

import keras
import numpy as np
from keras import ops
from training_samples import tiny_batch

import keras_lwm  # noqa: F401 - registers what the file holds


def gradients(model, x, y):
    """Gradients of the training objective, batch norm in inference mode."""

    def loss_of(outputs):
        from keras_lwm.training import privileged_objective

        return privileged_objective(outputs, y["label"], y["depth"], model.weighting)[0]

    variables = model.trainable_variables
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = loss_of(model(x, training=False))
        return loss, tape.gradient(loss, variables)
    if backend == "jax":
        import jax

        def stateless(values):
            mapping = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return loss_of(model(x, training=False))

        return jax.value_and_grad(stateless)([variable.value for variable in variables])
    loss = loss_of(model(x, training=False))
    loss.backward()
    return loss, [variable.value.grad for variable in variables]


def arrays_of(model_path):
    """Everything that the model computes of one batch, by name, as NumPy arrays."""
    model = keras.saving.load_model(model_path)
    x, y = tiny_batch(3, size=(33, 50))
    x = x.astype("float32")
    outputs = model(x, training=False)
    weights = {
        name: model.weighting(outputs[name], y["label"], y["depth"], outputs["depth"])
        for name in ("segmentation", "side_8")
    }
    loss, of_variables = gradients(model, x, y)
    arrays = {f"output {name}": values for name, values in outputs.items()}
    arrays |= {f"weight {name}": values for name, values in weights.items()}
    arrays["loss"] = loss
    arrays |= {
        f"gradient {variable.path}": values
        for variable, values in zip(model.trainable_variables, of_variables, strict=True)
    }
    return {
        name.replace("/", "|"): ops.convert_to_numpy(ops.stop_gradient(values))
        for name, values in arrays.items()
    }


if __name__ == "__main__":
    for model_path, out_path in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        np.savez(out_path, **arrays_of(model_path))
