"""How far predicted depth is from measured depth."""

import keras
from keras import ops

from keras_lwm.measured import is_measured
from keras_lwm.resampling import resize_bilinear
from keras_lwm.tensors import Tensor


def depth_error_sums(depth, depth_pred) -> Tensor:
    """Sums what the usual depth scores are means of, over the measured pixels.

    Args:
        depth: (B, H, W, 1) metres; not finite or <= 0 = not measured, left out.
        depth_pred: (B, h, w, 1) metres, positive; resized bilinearly to `depth`'s size.

    Returns:
        float32 (4,): number of measured pixels, sum of |p - d| / d, sum of (p - d)^2 in square
        metres, number of pixels with max(p / d, d / p) < 1.25.
    """
    depth = ops.cast(depth, "float32")
    depth_pred = ops.cast(depth_pred, "float32")
    if tuple(depth.shape[1:3]) != tuple(depth_pred.shape[1:3]) or None in depth.shape[1:3]:
        depth_pred = resize_bilinear(depth_pred, ops.shape(depth)[1:3])
    measured = is_measured(depth)
    # Unmeasured pixels compare 1 m with 1 m, so that no infinity or division by 0 gets far.
    depth = ops.where(measured, depth, 1.0)
    depth_pred = ops.where(measured, depth_pred, 1.0)
    error = ops.abs(depth_pred - depth)
    # The larger of the two ratios is below 1.25, written without dividing by the prediction.
    close = ops.logical_and(depth_pred < 1.25 * depth, depth < 1.25 * depth_pred)
    close = ops.logical_and(close, measured)
    return ops.stack(
        [
            ops.sum(ops.cast(measured, "float32")),
            ops.sum(error / depth),
            ops.sum(ops.square(error)),
            ops.sum(ops.cast(close, "float32")),
        ]
    )


@keras.saving.register_keras_serializable(package="keras_lwm")
class DepthErrors(keras.metrics.Metric):
    """Errors of predicted depth over all measured pixels of an evaluation.

    `result()` returns float32 scalars: `abs_rel` (mean of |p - d| / d), `rmse` (metres) and
    `delta_1.25` (share of pixels with max(p / d, d / p) < 1.25), as in Eigen, Puhrsch and Fergus,
    "Depth map prediction from a single image using a multi-scale deep network" (NIPS 2014). All
    are NaN while nothing measured was seen.

    Examples:
        >>> metric = DepthErrors()
        >>> metric.update_state(np.array([[[[2.0], [0.0]]]]), np.array([[[[3.0], [7.0]]]]))
        >>> float(metric.result()["abs_rel"])
        0.5
    """

    def __init__(self, name="depth_errors"):
        super().__init__(name=name)
        self.sums = self.add_variable((4,), "zeros", "float32", "only_first_replica", "sums")

    def update_state(self, depth, depth_pred) -> None:
        """Adds a batch; takes what `depth_error_sums` takes."""
        self.add_sums(depth_error_sums(depth, depth_pred))

    def add_sums(self, sums) -> None:
        """Adds what `depth_error_sums` has summed, over one batch or several."""
        self.sums.assign(ops.add(self.sums, sums))

    def result(self) -> dict:
        count, relative, squared, close = ops.unstack(ops.convert_to_tensor(self.sums), 4)
        count = ops.where(count > 0, count, float("nan"))
        return {
            "abs_rel": relative / count,
            "rmse": ops.sqrt(squared / count),
            "delta_1.25": close / count,
        }

    def get_config(self) -> dict:
        return {"name": self.name}
