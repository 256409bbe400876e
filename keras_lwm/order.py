"""The seeds of an epoch: who comes when, and which luck every sample has.

Both are functions of numbers alone (the run's seed, the epoch, the sample's index), never of what
was drawn before. So threads cannot change a run, and epoch 7 is the same whether a run started at
epoch 0 or was resumed at epoch 7.
"""

import numpy as np


def epoch_order(seed: int, epoch: int, size: int) -> np.ndarray:
    """The order, int64 (size,), in which the `size` samples of a split come in this epoch."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    return rng.permutation(size)


def sample_seed(seed: int, epoch: int, index: int) -> np.random.SeedSequence:
    """The seed of whatever is drawn at random for sample `index` in this epoch."""
    return np.random.SeedSequence(seed, spawn_key=(epoch, index))


def full_batches(samples: int, batch_size: int) -> int:
    """How many full batches an epoch has; the samples left over wait for another epoch's order.

    Raises:
        ValueError: if `batch_size` is not positive or there is not a single full batch.
    """
    if batch_size < 1 or batch_size > samples:
        raise ValueError(
            f"Expected a batch_size from 1 to the number of samples, {samples}; "
            f"received {batch_size}."
        )
    return samples // batch_size


def check_step(step: int, steps: int) -> None:
    """Raises a `ValueError` unless an epoch of so many steps has this one, counted from 0."""
    if not 0 <= step < steps:
        raise ValueError(
            f"Expected an initial_step from 0 to {steps - 1}, as an epoch has {steps} steps; "
            f"received {step}."
        )
