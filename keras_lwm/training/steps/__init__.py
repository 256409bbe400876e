"""One training step for each backend, as thin as it can be; only the one in use is imported."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_lwm.training.steps.tensorflow import TrainingStep
elif keras.backend.backend() == "jax":
    from keras_lwm.training.steps.jax import TrainingStep
elif keras.backend.backend() == "torch":
    from keras_lwm.training.steps.torch import TrainingStep
else:
    raise ImportError(
        "keras_lwm trains with the Keras backends tensorflow, jax and torch; received "
        f"KERAS_BACKEND={keras.backend.backend()!r}."
    )

__all__ = ["TrainingStep"]
