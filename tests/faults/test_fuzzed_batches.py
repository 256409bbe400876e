"""Whatever a batch holds, the objective is a number and a weight map has mean 1.

pytest --backend jax tests/faults/test_fuzzed_batches.py --examples 10000
"""

import functools

import keras
import numpy as np
import pytest
from gradients import values_and_gradient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

from keras_lwm import mining
from keras_lwm.training.objective import DEPTH_LOSSES, privileged_objective
from keras_lwm.void import void_id

# (images, classes, labels' size, main output's size, side output's size); few, as JAX compiles anew
# for each.
FORMS = [
    (1, 2, (1, 1), (1, 1), (1, 1)),
    (2, 3, (5, 7), (3, 4), (1, 2)),
    (3, 4, (1, 9), (1, 3), (1, 1)),
    (2, 300, (4, 4), (4, 4), (2, 2)),
]
WEIGHTINGS = [
    ("lwm", {"gathering": "binned", "bins": 3, "depth_range": (1, 6)}),
    ("lwm", {"gathering": "window", "window": 3}),
    *((name, {}) for name in sorted(mining.WEIGHTINGS) if name != "lwm"),
]
SMALLEST, LARGEST = np.finfo("float32").tiny, np.finfo("float32").max
UNMEASURED = (0.0, -0.0, -1.0, -LARGEST, np.nan, np.inf, -np.inf)
STRANGE_DEPTHS = (SMALLEST / 1000, SMALLEST, 1e-30, 1e-3, 1e4, 1e30, LARGEST)


@st.composite
def batches(draw, form):
    """A batch of a form, made of a few numbers more, by which a failure can be found again."""
    images, classes, size, output, side = form
    shares = st.sampled_from([0.0, 0.1, 0.9, 1.0])
    void, holes, strange, confident = (draw(shares) for _ in range(4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, classes, (images, *size))
    outside = [void_id(classes), classes, -1, 2**31 - 1, -(2**31)]
    _replace(rng, labels, void, outside[: draw(st.sampled_from([1, 5]))])
    depth = rng.uniform(0.5, 9, (images, *size, 1)).astype("float32")
    _replace(rng, depth, strange, STRANGE_DEPTHS)
    _replace(rng, depth, holes, UNMEASURED)
    dtype = draw(st.sampled_from(["int32", "int64"]))
    if labels.min() >= 0 and labels.max() < 2**16:
        dtype = draw(st.sampled_from(["uint16", "int32", "int64"]))
    logits, side_logits = (
        rng.normal(0, 3, (images, *at, classes)).astype("float32") for at in (output, side)
    )
    for each in (logits, side_logits):
        _replace(rng, each, confident, [-1e4, -80, 80, 1e4])
    depth_pred = rng.uniform(0.5, 9, (images, *output, 1)).astype("float32")
    _replace(rng, depth_pred, strange, [1e-6, 1e-3, 1e3, 1e6])
    return {
        "labels": labels.astype(dtype),
        "depth": depth,
        "depth_pred": depth_pred,
        "logits": logits,
        "side_logits": side_logits,
    }


def _replace(rng, array, share, values):
    chosen = rng.random(array.shape) < share
    array[chosen] = rng.choice(np.array(values, array.dtype), chosen.sum())


@functools.cache
def measuring(index, classes):
    """A function of a batch and a coefficient, to the weighting's maps, the loss with its parts,
    and its gradient by all predictions; compiled under JAX."""
    name, options = WEIGHTINGS[index]
    weighting = mining.get(name, **options)
    weighting.build((None, None, None, classes))
    depth_loss = sorted(DEPTH_LOSSES)[index % len(DEPTH_LOSSES)]

    def measure(batch, coefficient):
        def maps():
            arguments = [batch[name] for name in ("logits", "labels", "depth", "depth_pred")]
            return weighting.measure(*arguments, training=True)

        def loss(predictions):
            logits, depth = ops.split(predictions, [classes], axis=-1)
            outputs = {"segmentation": logits, "side_8": batch["side_logits"], "depth": depth}
            total, parts = privileged_objective(
                outputs, batch["labels"], batch["depth"], weighting, depth_loss=depth_loss
            )
            return ops.stack([total, *(0.0 * part for part in parts.values())])

        predictions = ops.concatenate([batch["logits"], batch["depth_pred"]], axis=-1)
        return maps, loss, predictions

    if keras.backend.backend() == "jax":
        import jax

        @jax.jit
        def compiled(batch, coefficient):
            with keras.StatelessScope(state_mapping=[(weighting.coefficient, coefficient)]):
                maps, loss, predictions = measure(batch, coefficient)
                return maps(), *values_and_gradient(loss, predictions)

        def run(batch, coefficient):
            # Every dtype would be compiled anew; each becomes this first of all.
            return compiled({**batch, "labels": batch["labels"].astype("int32")}, coefficient)

    else:

        def run(batch, coefficient):
            weighting.coefficient.assign(coefficient)
            maps, loss, predictions = measure(batch, coefficient)
            return maps(), *values_and_gradient(loss, predictions)

    return run


def test_any_batch_has_a_finite_loss_and_weights_of_mean_1(request):
    examples = request.config.getoption("--examples")
    indices = range(len(WEIGHTINGS))
    forms = len(FORMS) if examples >= 1000 else 1
    cases = [(i, FORMS[(i + j) % len(FORMS)]) for i in indices for j in range(forms)]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), coefficient=st.sampled_from([-1.0, 0.0, 0.3, 1.0]))
    def check(data, coefficient):
        index, form = data.draw(st.sampled_from(cases))
        batch = data.draw(batches(form))
        maps, *values = measuring(index, form[1])(batch, coefficient)
        maps = {name: ops.convert_to_numpy(own) for name, own in maps.items()}
        measured = {**maps, **dict(zip(("losses", "gradient"), values, strict=True))}
        broken = [name for name, own in measured.items() if not np.isfinite(own).all()]
        assert not broken, (WEIGHTINGS[index], form)
        check_weights(maps["loss_weight"], maps["valid"])

    check()


def check_weights(weight, valid):
    assert set(np.unique(valid)) <= {0, 1}
    assert (weight >= 0).all() and (weight[valid == 0] == 0).all()
    for own_weight, own_valid in zip(weight, valid, strict=True):
        if own_valid.any():
            assert own_weight[own_valid == 1].mean(dtype="float64") == pytest.approx(1, rel=1e-4)
