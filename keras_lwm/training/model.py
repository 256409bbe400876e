"""The model that is trained: a functional network, its weighting, and its losses."""

import keras
import numpy as np
from keras import ops

from keras_lwm import mining
from keras_lwm.metrics import ConfusionMatrix, DepthErrors
from keras_lwm.resampling import resize_bilinear, resize_labels
from keras_lwm.training.inputs import check_arrays, check_targets
from keras_lwm.training.objective import (
    DEPTH_LOSSES,
    MAIN_OUTPUT,
    MEASURES,
    plain_objective,
    privileged_objective,
    segmentation_outputs,
)
from keras_lwm.training.portable import portable_config
from keras_lwm.training.steps import TrainingStep
from keras_lwm.training.updates import variable_multipliers
from keras_lwm.void import VOID


@keras.saving.register_keras_serializable(package="keras_lwm")
class DepthPrivilegedModel(TrainingStep, keras.Model):
    """A functional segmentation network, trained with depth as privileged information.

    Trained by `fit` on `(image, {"label": ..., "depth": ...})`, from tf.data, arrays or any other
    source that Keras takes: `image` (B, H, W, 3), 0..255; `label` (B, H, W) integer class ids,
    255 = void; `depth` (B, H, W, 1) metres, not finite or <= 0 = not measured. Validation needs
    no depth. A step whose loss or gradients are not finite changes no weight, and is counted.

    Logs of training: `loss`, one loss an output (unweighted by `side_weight` and
    `depth_weight`), the means of what the weighting measures, `coefficient`, `skipped_steps`, and
    the segmentation scores at the main output's resolution. Logs of validation: `loss`, the main
    output's plain cross-entropy, so that weightings compare; the scores at the labels'
    resolution; and, where depth is given, the depth errors.

    Args:
        inputs, outputs: of the functional network, with outputs as a dictionary: logits
            `segmentation` and any of `side_8`, `side_16`, `side_32`, and, for the weightings and
            losses that need it, `depth` in metres.
        weighting: a `keras_lwm.mining.Weighting`, or the name of one.
        side_weight, depth_weight: factors of side and depth losses in the total.
        depth_loss: `"berhu"`, `"log_l1"` or `"scale_invariant"`.
        class_weights: None, or one factor a class for its pixels' loss.
        l2: factor of half the sum of all squared trainable weights, added to the training loss. Its
            gradient is `l2` times each weight: the "weight decay" of the published SGD schedules,
            which Keras' optimisers, whose `weight_decay` is the decoupled kind, do not have.
        learning_rate_multipliers: dictionary from the name of one of the network's layers to the
            factor on its learning rate, such as `{"backbone": 0.1}`.
        **kwargs: `name` and `trainable`, as for `keras.Model`.

    Raises:
        ValueError: options that do not go with the network; data that does not (see `fit`).

    Example:

    >>> network = RefineNet("efficientnet_lite0", num_classes=13, variant="light")
    >>> model = DepthPrivilegedModel(network.inputs, network.output, weighting="lwm")
    >>> model.compile(keras.optimizers.AdamW(1e-3))
    >>> model.fit(images, {"label": labels, "depth": depths}, callbacks=[CurriculumCallback()])
    """

    def __init__(
        self,
        inputs,
        outputs,
        weighting="lwm",
        side_weight=0.4,
        depth_weight=0.5,
        depth_loss="berhu",
        class_weights=None,
        l2=0.0,
        learning_rate_multipliers=None,
        **kwargs,
    ):
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
            inputs = inputs[0]
        weighting = mining.get(weighting)
        num_classes = _check_network(outputs, weighting)
        if depth_loss not in DEPTH_LOSSES:
            raise ValueError(
                f"Expected depth_loss to be one of {sorted(DEPTH_LOSSES)}; received {depth_loss!r}."
            )
        if class_weights is not None and len(class_weights) != num_classes:
            raise ValueError(
                f"Expected {num_classes} class weights, one a class; received {len(class_weights)}."
            )
        if not 0 <= l2 < float("inf"):
            raise ValueError(f"Expected l2 to be a finite number of at least 0; received {l2!r}.")
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        if not weighting.built:
            weighting.build(outputs[MAIN_OUTPUT].shape)
        self.weighting = weighting
        self.side_weight = side_weight
        self.depth_weight = depth_weight
        self.depth_loss = depth_loss
        self.class_weights = class_weights
        self.l2 = l2
        self.learning_rate_multipliers = dict(learning_rate_multipliers or {})
        self.num_classes = num_classes
        variable_multipliers(self, self.learning_rate_multipliers)
        self._create_metrics(outputs)

    def _create_metrics(self, outputs):
        losses = [f"{name}_loss" for name in segmentation_outputs(outputs)]
        losses += ["depth_loss"] if "depth" in outputs else []
        names = ("loss", *losses, *MEASURES)
        self.mean_logs = {name: keras.metrics.Mean(name=name) for name in names}
        self.skipped_steps = keras.metrics.Sum(name="skipped_steps")
        self.segmentation_scores = ConfusionMatrix(self.num_classes)
        self.depth_errors = DepthErrors()

    @property
    def metrics(self):
        return [
            *self.mean_logs.values(),
            self.skipped_steps,
            self.segmentation_scores,
            self.depth_errors,
        ]

    @property
    def needs_depth(self):
        """Whether training targets must hold depth."""
        return self.weighting.uses_depth or "depth" in self.output

    def unpack(self, data):
        """Takes a batch apart into image and targets."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(
                "Expected batches of (image, targets); received sample weights as well. The weight "
                "of a pixel is the weighting's to say, the weight of a class `class_weights`."
            )
        return x, y

    def training_loss(self, x, y):
        """Forward pass and objective: the loss, its parts for the logs, and the outputs."""
        check_targets(y, self.needs_depth)
        outputs = self(x, training=True)
        loss, parts = privileged_objective(
            outputs,
            y["label"],
            y.get("depth"),
            self.weighting,
            side_weight=self.side_weight,
            depth_weight=self.depth_weight,
            depth_loss=self.depth_loss,
            class_weights=self.class_weights,
        )
        return loss + sum(self.losses) + self._l2_penalty(), parts, outputs

    def _l2_penalty(self):
        if not self.l2:
            return 0.0
        squares = [ops.sum(ops.square(variable)) for variable in self.trainable_variables]
        return 0.5 * self.l2 * sum(ops.cast(square, "float32") for square in squares)

    def training_logs(self, loss, parts, outputs, y, finite):
        """Takes a step into the running logs, unless it was skipped, and returns them."""
        counts = ops.cast(finite, "float32")
        weight = counts * ops.cast(ops.shape(y["label"])[0], "float32")
        logs = {}
        for name, value in {"loss": loss, **parts}.items():
            value = ops.where(finite, ops.stop_gradient(value), 0.0)
            self.mean_logs[name].update_state(value, sample_weight=weight)
            logs[name] = self.mean_logs[name].result()
        logs["coefficient"] = ops.convert_to_tensor(self.weighting.coefficient)
        self.skipped_steps.update_state(1.0 - counts)
        logs["skipped_steps"] = self.skipped_steps.result()
        logits = outputs[MAIN_OUTPUT]
        labels = resize_labels(ops.cast(y["label"], "int32"), ops.shape(logits)[1:3])
        labels = ops.where(finite, labels, VOID)
        self.segmentation_scores.update_state(labels, ops.argmax(logits, axis=-1))
        return {**logs, **self.segmentation_scores.result()}

    def evaluation_logs(self, x, y):
        """Takes a validation batch into the running logs, and returns them."""
        check_targets(y, needs_depth=False)
        outputs = self(x, training=False)
        loss = self.mean_logs["loss"]
        loss.update_state(plain_objective(outputs, y["label"]), ops.shape(y["label"])[0])
        labels = ops.cast(y["label"], "int32")
        logits = resize_bilinear(outputs[MAIN_OUTPUT], ops.shape(labels)[1:3])
        self.segmentation_scores.update_state(labels, ops.argmax(logits, axis=-1))
        logs = {"loss": loss.result(), **self.segmentation_scores.result()}
        if "depth" in outputs and "depth" in y:
            self.depth_errors.update_state(y["depth"], outputs["depth"])
            logs |= self.depth_errors.result()
        return logs

    def compile(
        self,
        optimizer="rmsprop",
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Chooses optimiser and execution, as `keras.Model.compile`; the losses are the model's."""
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )
        self._jit_compile_asked_for = jit_compile
        if self.learning_rate_multipliers and getattr(self.optimizer, "use_ema", False):
            raise ValueError(
                "Expected an optimizer without use_ema, whose averages would be taken before the "
                "learning_rate_multipliers; received use_ema=True."
            )

    def get_compile_config(self):
        # What was asked for: what "auto" came to here need not suit the backend that loads it.
        config = super().get_compile_config()
        if not config:
            return config
        return {**portable_config(config), "jit_compile": self._jit_compile_asked_for}

    def compile_from_config(self, config):
        config = keras.saving.deserialize_keras_object(config)
        names = ("optimizer", "run_eagerly", "steps_per_execution", "jit_compile")
        self.compile(**{name: config[name] for name in names if name in config})
        self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, *args, validation_data=None, **kwargs):
        """Trains as `keras.Model.fit`; arrays are checked first, see `check_arrays`."""
        if isinstance(x, np.ndarray):
            check_arrays(x, y, self.num_classes, self.needs_depth)
        if isinstance(validation_data, tuple) and isinstance(validation_data[0], np.ndarray):
            check_arrays(*validation_data, self.num_classes, needs_depth=False)
        return super().fit(x, y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Evaluates as `keras.Model.evaluate`; arrays are checked first, see `check_arrays`."""
        if isinstance(x, np.ndarray):
            check_arrays(x, y, self.num_classes, needs_depth=False)
        return super().evaluate(x, y, *args, **kwargs)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "network": serialize(keras.Model(self.input, self.output, name=f"{self.name}_network")),
            "weighting": serialize(self.weighting),
            "side_weight": self.side_weight,
            "depth_weight": self.depth_weight,
            "depth_loss": self.depth_loss,
            "class_weights": self.class_weights,
            "l2": self.l2,
            "learning_rate_multipliers": dict(self.learning_rate_multipliers),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        network, weighting = (
            keras.saving.deserialize_keras_object(config.pop(key), custom_objects)
            for key in ("network", "weighting")
        )
        return cls(network.inputs, network.output, weighting=weighting, **config)


def _check_network(outputs, weighting):
    """Refuses outputs that cannot be trained with this weighting; returns the number of classes."""
    names = sorted(outputs) if isinstance(outputs, dict) else type(outputs).__name__
    known = {MAIN_OUTPUT, "side_8", "side_16", "side_32", "depth"}
    if not isinstance(outputs, dict) or MAIN_OUTPUT not in outputs or not set(outputs) <= known:
        raise ValueError(
            f"Expected outputs as a dictionary with {MAIN_OUTPUT!r} and any of side_8, side_16, "
            f"side_32 and depth; received {names}."
        )
    classes = {name: outputs[name].shape[-1] for name in segmentation_outputs(outputs)}
    if len(set(classes.values())) > 1:
        raise ValueError(f"Expected one number of classes in every output; received {classes}.")
    num_classes = classes[MAIN_OUTPUT]
    if weighting.uses_depth_prediction and "depth" not in outputs:
        raise ValueError(
            f"{type(weighting).__name__} needs predicted depth: expected a network with a depth "
            f"output (depth_branch=True), or a weighting without it; received {names}."
        )
    if getattr(weighting, "num_classes", None) not in (None, num_classes):
        raise ValueError(
            f"Expected a weighting for the network's {num_classes} classes; received one of "
            f"{weighting.num_classes}, which it had before."
        )
    return num_classes
