"""Other weightings with the Loss Weight Module's call: rivals to beat, controls to doubt it by."""

import keras
from keras import ops

from keras_lwm.mining.loss_weight_module import (
    HardnessWeighting,
    LossWeightModule,
    beside_average,
)
from keras_lwm.mining.measures import window_error
from keras_lwm.mining.weighting import Weighting
from keras_lwm.option_values import real, whole
from keras_lwm.tensors import Tensor


@keras.saving.register_keras_serializable(package="keras_lwm")
class UniformWeighting(Weighting):
    """Every valid pixel counts 1: the plain mean cross-entropy.

    Args:
        strength: changes nothing here.
    """


@keras.saving.register_keras_serializable(package="keras_lwm")
class FocalWeighting(Weighting):
    """The focal loss's factor (Lin et al., ICCV 2017), error ** gamma, scaled to mean 1.

    Args:
        gamma: exponent of the segmentation error, not negative.
        strength: the share of it; the rest is uniform.
    """

    def __init__(self, gamma=2.0, strength=1.0, **kwargs):
        super().__init__(strength=strength, **kwargs)
        self.gamma = real("gamma", gamma)

    def raw_weight(self, maps) -> Tensor:
        return self.blended(maps["segmentation_error"] ** self.gamma, maps["valid"])

    def get_config(self) -> dict:
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="keras_lwm")
class OnlineHardExampleMining(Weighting):
    """Only hard pixels count (OHEM, Shrivastava et al., CVPR 2016, for pixels).

    Hard is a pixel whose segmentation error is above `threshold`, or not below that of the image's
    hardest `min_share` of valid pixels (rounded up to a whole pixel; ties all count).

    Args:
        threshold: in [0, 1]; an error of 0.3 is a probability of 0.7 for the right class.
        min_share: in (0, 1].
        strength: the share of it; the rest is uniform.
    """

    def __init__(self, threshold=0.3, min_share=1 / 16, strength=1.0, **kwargs):
        super().__init__(strength=strength, **kwargs)
        self.threshold = real("threshold", threshold, most=1.0)
        self.min_share = real("min_share", min_share, most=1.0)
        if self.min_share == 0:
            raise ValueError(f"Expected min_share above 0; received min_share={min_share}.")

    def raw_weight(self, maps) -> Tensor:
        error, valid = maps["segmentation_error"], maps["valid"]
        batch, height, width = ops.shape(error)[:3]
        ranked = ops.sort(ops.reshape(error - (1.0 - valid), (batch, height * width)), axis=1)
        wanted = ops.ceil(self.min_share * ops.sum(valid, axis=(1, 2, 3)))
        index = height * width - ops.cast(ops.maximum(wanted, 1.0), "int32")
        least = ops.take_along_axis(ranked, ops.reshape(index, (-1, 1)), axis=1)
        hard = ops.logical_or(error > self.threshold, error >= ops.reshape(least, (-1, 1, 1, 1)))
        return self.blended(ops.cast(hard, "float32") * valid, valid)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "min_share": self.min_share,
        }


@keras.saving.register_keras_serializable(package="keras_lwm")
class PixelErrorWeighting(HardnessWeighting):
    """The Loss Weight Module's map from each pixel's own segmentation error: no gathering.

    Args:
        strength, floor, ceiling: see `HardnessWeighting`.
    """

    def measurements(
        self, maps, labels, depth, depth_pred, main_output, training
    ) -> dict[str, Tensor]:
        return {"hardness": beside_average(maps["segmentation_error"], maps["valid"])}


@keras.saving.register_keras_serializable(package="keras_lwm")
class ErrorWindowWeighting(HardnessWeighting):
    """The Loss Weight Module's map from the mean error of a window: gathering without depth.

    Args:
        strength, floor, ceiling: see `HardnessWeighting`.
        window, dilation: see `depth_aware_segmentation_error`.
    """

    def __init__(self, strength=0.5, floor=0.1, ceiling=4.0, window=5, dilation=1, **kwargs):
        super().__init__(strength=strength, floor=floor, ceiling=ceiling, **kwargs)
        self.window = whole("window", window)
        self.dilation = whole("dilation", dilation)

    def measurements(
        self, maps, labels, depth, depth_pred, main_output, training
    ) -> dict[str, Tensor]:
        error, valid = maps["segmentation_error"], maps["valid"]
        gathered = window_error(error, valid, self.window, self.dilation)
        return {"hardness": beside_average(gathered, valid)}

    def get_config(self) -> dict:
        return {**super().get_config(), "window": self.window, "dilation": self.dilation}


@keras.saving.register_keras_serializable(package="keras_lwm")
class ShuffledWeighting(LossWeightModule):
    """The Loss Weight Module's map, permuted at random over each image's valid pixels.

    It keeps every image's set of weights and forgets where they belong.

    Args:
        seed: of the permutations; the layer's own state goes on from it. None draws one.
        **options: those of `LossWeightModule`.
    """

    def __init__(self, seed=None, **options):
        super().__init__(**options)
        self.seed = None if seed is None else whole("seed", seed, least=0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def raw_weight(self, maps) -> Tensor:
        weight, valid = super().raw_weight(maps), maps["valid"]
        shape = ops.shape(weight)
        pixels = (shape[0], shape[1] * shape[2])
        weight, valid = ops.reshape(weight, pixels), ops.reshape(valid, pixels)
        draw = keras.random.uniform(ops.shape(weight), seed=self.seed_generator)
        order = ops.argsort(draw + 2.0 * (1.0 - valid), axis=1)
        drawn = ops.take_along_axis(weight, order, axis=1)
        rank = ops.cumsum(ops.cast(valid, "int32"), axis=1) - 1
        shuffled = ops.take_along_axis(drawn, ops.maximum(rank, 0), axis=1)
        return ops.reshape(shuffled, shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "seed": self.seed}
