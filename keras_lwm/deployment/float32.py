"""Loading a `.keras` file as a network that computes in float32 throughout."""

import json
import zipfile

import keras
import numpy as np

_CONFIGURATION = "config.json"
_REDUCED = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


def load_in_float32(path, title):
    """Loads the model of a `.keras` file, without its optimiser, whatever its dtype policies.

    A network trained in mixed precision keeps its weights in float32. Half precision in its
    computation was for the training device's sake: many runtimes lack it on a CPU, or emulate it.

    Args:
        path: the file.
        title: what sentences call it.

    Raises:
        ValueError: the file is no `.keras` file, Keras cannot load it here, or its weights are not
            finite.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            configuration = json.loads(archive.read(_CONFIGURATION))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(f"Expected a .keras file; received {title} ({error}).") from error
    configuration = _in_float32({**configuration, "compile_config": None})
    try:
        model = keras.saving.deserialize_keras_object(configuration)
        model.load_weights(path)
    except Exception as error:
        told = " ".join(str(error).split())[:300]
        raise ValueError(
            f"Cannot load {title}: layers of yours must be registered with Keras, in a module that "
            f"can be imported; Keras says {type(error).__name__}: {told}"
        ) from error
    for variable in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise ValueError(
                f"Expected finite weights; received NaN or infinity in {variable.path} of {title}."
            )
    return model


def _in_float32(value):
    """A configuration with every policy and dtype of reduced precision replaced, at any depth."""
    if isinstance(value, list):
        return [_in_float32(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "DTypePolicy" and value["config"].get("name") in _REDUCED:
        return {**value, "config": {**value["config"], "name": "float32"}}
    replaced = {key: _in_float32(item) for key, item in value.items()}
    if replaced.get("dtype") in _REDUCED:
        replaced["dtype"] = "float32"
    return replaced
