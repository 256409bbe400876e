import numpy as np
import pytest

from keras_lwm.metrics import DepthErrors


def errors_by_loops(depth, depth_pred):
    relative, squared, close = [], [], []
    for d, p in zip(depth.ravel().tolist(), depth_pred.ravel().tolist(), strict=True):
        if np.isfinite(d) and d > 0:
            relative.append(abs(p - d) / d)
            squared.append((p - d) ** 2)
            close.append(max(p / d, d / p) < 1.25)
    return {
        "abs_rel": np.mean(relative),
        "rmse": np.sqrt(np.mean(squared)),
        "delta_1.25": np.mean(close),
    }


def random_maps(seed, shape):
    random = np.random.default_rng(seed)
    depth = random.uniform(0.5, 8, shape).astype("float32")
    holes = random.random(shape)
    for below, value in ((0.4, -1.0), (0.3, np.inf), (0.2, np.nan), (0.1, 0.0)):
        depth[holes < below] = value
    return depth, random.uniform(0.5, 8, shape).astype("float32")


def test_errors_equal_loops_over_measured_pixels_of_all_batches():
    batches = [random_maps(0, (2, 5, 6, 1)), random_maps(1, (1, 3, 3, 1))]
    metric = DepthErrors()
    for depth, depth_pred in batches:
        metric.update_state(depth, depth_pred)
    together = [
        np.concatenate([maps.ravel() for maps in side]) for side in zip(*batches, strict=True)
    ]
    result = metric.result()
    for name, value in errors_by_loops(*together).items():
        assert float(result[name]) == pytest.approx(value, rel=1e-5), name


def test_a_smaller_prediction_is_resized_bilinearly():
    depth = np.array([2.0, 2.0, 2.0, 2.0], "float32").reshape(1, 1, 4, 1)
    metric = DepthErrors()
    metric.update_state(depth, np.array([1.0, 3.0], "float32").reshape(1, 1, 2, 1))
    resized = np.array([1.0, 1.5, 2.5, 3.0])  # half-pixel centres, clamped at the edges
    for name, value in errors_by_loops(depth, resized).items():
        assert float(metric.result()[name]) == pytest.approx(value, rel=1e-6), name


def test_nothing_measured_has_no_error_and_harms_no_later_batch():
    metric = DepthErrors()
    metric.update_state(np.full((1, 2, 2, 1), np.nan, "float32"), np.ones((1, 2, 2, 1), "float32"))
    assert all(np.isnan(float(value)) for value in metric.result().values())
    metric.update_state(np.ones((1, 2, 2, 1), "float32"), np.ones((1, 2, 2, 1), "float32"))
    assert float(metric.result()["delta_1.25"]) == 1
