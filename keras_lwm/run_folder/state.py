"""All that the next training step depends on, as arrays on the host."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

_GROUPS = ("model", "optimizer", "metric")


def state_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Weights, statistics and seeds, the optimiser's state, the running metrics, by name."""
    metrics = model.metrics_variables
    of_metrics = {id(variable) for variable in metrics}
    groups = (
        [variable for variable in model.variables if id(variable) not in of_metrics],
        model.optimizer.variables,
        metrics,
    )
    return {
        f"{group}_{index}": variable
        for group, variables in zip(_GROUPS, groups, strict=True)
        for index, variable in enumerate(variables)
    }


def state_bytes(model: keras.Model) -> int:
    """Bytes that the model's state takes at the most, once the optimiser is built."""
    # None of the usual dtypes takes more but int64, of which there are a few counters.
    return 4 * sum(int(np.prod(variable.shape)) for variable in state_variables(model).values())


def read_state(model: keras.Model) -> dict[str, np.ndarray]:
    """Copies of all state, which later steps do not touch; waits for the step that is running."""
    if hasattr(model, "jax_state_sync"):
        # Under JAX the variables are empty while `fit` runs.
        model.jax_state_sync()
    arrays = {}
    for name, variable in state_variables(model).items():
        array = np.array(ops.convert_to_numpy(variable))
        # NumPy's files know no bfloat16, which float32 holds exactly.
        arrays[name] = array.astype("float32") if array.dtype.kind == "V" else array
    return arrays | read_generators()


def restore_state(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Sets weights, seeds and the optimiser's state.

    Not metrics and generators, which the begin of a `fit` changes.

    Raises:
        ValueError: the arrays are not those of such a model and optimiser; nothing is set then.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    _assign(model, arrays, "model", "optimizer")


def later_state(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What `restore_state` leaves: the arrays of metrics and generators, a few kilobytes."""
    return {
        name: array
        for name, array in arrays.items()
        if not name.startswith(("model_", "optimizer_"))
    }


def restore_metrics(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Sets the running metrics, once `fit` has reset those of the epoch before."""
    _assign(model, arrays, "metric")


def _assign(model, arrays, *groups):
    def of_groups(name):
        return name.rsplit("_", 1)[0] in groups

    variables = {name: v for name, v in state_variables(model).items() if of_groups(name)}
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    received = {name: array.shape for name, array in arrays.items() if of_groups(name)}
    if expected != received:
        differing = [
            name for name in {**expected, **received} if expected.get(name) != received.get(name)
        ]
        raise ValueError(
            f"Expected the state of a model and an optimizer as they were saved; {len(differing)} "
            f"of {len(received)} saved arrays do not fit those of now ({differing[0]}: saved "
            f"{received.get(differing[0])}, now {expected.get(differing[0])})."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


if keras.backend.backend() == "torch":
    import torch

    def read_generators() -> dict[str, np.ndarray]:
        """The state of PyTorch's own generators, which layers without a seed draw from."""
        states = {"generator_cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            states["generator_cuda"] = torch.cuda.get_rng_state()
        return {name: np.array(state) for name, state in states.items()}

    def restore_generators(arrays: Mapping[str, np.ndarray]) -> None:
        """Sets PyTorch's generators, once all iterators of data, which draw from them, are made."""
        if "generator_cpu" in arrays:
            torch.set_rng_state(torch.tensor(arrays["generator_cpu"]))
        if "generator_cuda" in arrays and torch.cuda.is_available():
            torch.cuda.set_rng_state(torch.tensor(arrays["generator_cuda"]))

else:

    def read_generators() -> dict[str, np.ndarray]:
        """Nothing: every layer has a seed of its own."""
        return {}

    def restore_generators(arrays: Mapping[str, np.ndarray]) -> None:
        """Nothing to set."""
