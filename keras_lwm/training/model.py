"""The model that is trained: a functional network, its weighting, and its losses."""

import keras
from keras import ops

from keras_lwm import mining, replicas
from keras_lwm.depth_input import sees_depth
from keras_lwm.metrics import ConfusionMatrix, DepthErrors
from keras_lwm.metrics.confusion import confusion_counts
from keras_lwm.metrics.depth import depth_error_sums
from keras_lwm.metrics.running import RunningMean, RunningSum
from keras_lwm.mining.measures import are_labelled, are_measured
from keras_lwm.option_values import real, whole
from keras_lwm.resampling import resize_bilinear, resize_labels
from keras_lwm.tensors import Tensor
from keras_lwm.training.checked import CheckedTraining
from keras_lwm.training.checks import InputMonitor, check_targets
from keras_lwm.training.compiled import CompiledTraining
from keras_lwm.training.objective import (
    DEPTH_LOSSES,
    MAIN_OUTPUT,
    MEASURES,
    labels_of_outputs,
    plain_objective,
    privileged_objective,
    segmentation_outputs,
)
from keras_lwm.training.options import (
    check_network,
    network_ends,
    plain_class_weights,
    plain_multipliers,
)
from keras_lwm.training.saved import SavedTraining
from keras_lwm.training.step import TrainingStep
from keras_lwm.training.teacher import check_teacher, network_input, teacher_logits
from keras_lwm.void import void_id
from keras_lwm.with_backbone import WithBackbone


def _number(images):
    return ops.sum(ops.cast(images, "float32"))


@keras.saving.register_keras_serializable(package="keras_lwm")
class DepthPrivilegedModel(
    WithBackbone, SavedTraining, CompiledTraining, CheckedTraining, TrainingStep
):
    """A functional segmentation network, trained with depth as privileged information.

    Trained by `fit` on `(image, {"label": ..., "depth": ...})`, from tf.data, arrays or any other
    source that Keras takes: `image` (B, H, W, 3), 0..255; `label` (B, H, W) integer class ids,
    255 = void (65535 with more than 255 classes); `depth` (B, H, W, 1) metres, not finite or <= 0 =
    not measured. Images may be void all over: depth and a teacher are what is learnt from them.
    Validation needs no depth. A step whose loss or gradients are not finite changes
    no weight, and is counted; an epoch of such steps alone logs NaN, which, in the first epoch,
    `keras.callbacks.ModelCheckpoint` takes for the best there can be (`RunFolder` does not).

    Arrays are checked before they are trained on. What comes from elsewhere is checked after the
    first step and at each epoch's end: label ids, the range of images, the unit of depth.

    Logs of training: `loss`, the mean of the steps'; one loss an output, over the images that have
    what it is of (unweighted by `side_weight` and `depth_weight`), and `distillation_loss`; the
    means of what the weighting measures, `coefficient`, `skipped_steps`, and the segmentation
    scores at the main output's resolution. Logs of validation: `loss`, the main
    output's plain cross-entropy, so that weightings compare; the scores at the labels'
    resolution; and, where depth is given, the depth errors.

    Args:
        inputs, outputs: the functional network alone, or its inputs and outputs as `keras.Model`
            takes them. The outputs are a dictionary: logits `segmentation` and any of `side_8`,
            `side_16`, `side_32`, and, for the weightings and losses that need it, `depth` in
            metres.
        weighting: a `keras_lwm.mining.Weighting`, or the name of one.
        side_weight, depth_weight: factors of side and depth losses in the total.
        depth_loss: `"berhu"`, `"log_l1"` or `"scale_invariant"`.
        class_weights: None, or factors of the loss of each class's pixels: one a class, or a
            dictionary from class ids to factors, 1 for those that it does not hold.
        l2: factor of half the sum of all squared trainable weights, added to the training loss. Its
            gradient is `l2` times each weight: the "weight decay" of the published SGD schedules,
            which Keras' optimisers, whose `weight_decay` is the decoupled kind, do not have.
        learning_rate_multipliers: dictionary from the name of one of the network's layers to the
            factor on its learning rate, such as `{"backbone": 0.1}`; 0 leaves its weights as they
            are, but not its batch statistics, for which it is to be frozen.
        teacher: None, or a trained network with the same outputs that segment, such as a
            `RefineNet(depth_input=True)`, which sees depth, or one of images: it is frozen, and
            saved with the model, but is no part of the network that predicts.
        distillation_weight: factor of the divergence from the teacher's classes, where there is a
            teacher, see `keras_lwm.training.teacher.distillation_loss`.
        max_skipped_steps: number of steps in a row with a loss or gradient that is not finite that
            ends `fit` with an error.
        unusual_depth: whether depth that does not look like metres (a median beyond 0.1 to 80 m) is
            right.
        **kwargs: `name` and `trainable`, as for `keras.Model`.

    Raises:
        ValueError: options that do not go with the network; data that does not (see `fit`).

    Examples:
        >>> network = RefineNet("efficientnet_lite0", num_classes=13, variant="light")
        >>> model = DepthPrivilegedModel(network, weighting="lwm")
        >>> model.compile(keras.optimizers.AdamW(1e-3))
        >>> model.fit(images, {"label": labels, "depth": depths}, callbacks=[CurriculumCallback()])
    """

    def __init__(
        self,
        inputs,
        outputs=None,
        weighting="lwm",
        side_weight=0.4,
        depth_weight=0.5,
        depth_loss="berhu",
        class_weights=None,
        l2=0.0,
        learning_rate_multipliers=None,
        teacher=None,
        distillation_weight=1.0,
        max_skipped_steps=50,
        unusual_depth=False,
        **kwargs,
    ):
        inputs, outputs = network_ends(inputs, outputs)
        weighting = mining.get(weighting)
        num_classes = check_network(outputs, weighting)
        if depth_loss not in DEPTH_LOSSES:
            raise ValueError(
                f"Expected depth_loss to be one of {sorted(DEPTH_LOSSES)}; received {depth_loss!r}."
            )
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        if not weighting.built:
            weighting.build(outputs[MAIN_OUTPUT].shape)
        self.weighting = weighting
        self.distillation_weight = real("distillation_weight", distillation_weight)
        check_teacher(
            teacher,
            self,
            segmentation_outputs(outputs),
            num_classes,
            self.distillation_weight,
        )
        self.teacher = teacher
        if teacher is not None:
            teacher.trainable = False
        self.side_weight = real("side_weight", side_weight)
        self.depth_weight = real("depth_weight", depth_weight)
        self.depth_loss = depth_loss
        self.class_weights = plain_class_weights(class_weights, num_classes)
        self.l2 = real("l2", l2)
        self.learning_rate_multipliers = plain_multipliers(self, learning_rate_multipliers or {})
        self.max_skipped_steps = whole("max_skipped_steps", max_skipped_steps)
        self.unusual_depth = bool(unusual_depth)
        self.num_classes = num_classes
        self._create_metrics(outputs)

    def _create_metrics(self, outputs):
        losses = [f"{name}_loss" for name in segmentation_outputs(outputs)]
        losses += ["depth_loss"] if "depth" in outputs else []
        losses += ["distillation_loss"] if self.teacher is not None else []
        names = ("loss", *losses, *MEASURES)
        self.mean_logs = {name: RunningMean(name) for name in names}
        self.skipped_steps = RunningSum("skipped_steps")
        self.segmentation_scores = ConfusionMatrix(self.num_classes)
        self.depth_errors = DepthErrors()
        self.input_monitor = InputMonitor(self.num_classes, self.unusual_depth)

    @property
    def trainable(self) -> bool:
        """Whether the network's layers are trained; setting it sets all of them, as Keras does.

        The teacher stays frozen.
        """
        return super().trainable

    @trainable.setter
    def trainable(self, value) -> None:
        keras.Model.trainable.fset(self, value)
        teacher = getattr(self, "teacher", None)  # Keras may set it before there is one.
        if teacher is not None:
            teacher.trainable = False

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [
            *self.mean_logs.values(),
            self.skipped_steps,
            self.segmentation_scores,
            self.depth_errors,
            self.input_monitor,
        ]

    def reset_metrics(self) -> None:
        """Resets all metrics, once what they saw of the data has been checked."""
        self.input_monitor.check()
        super().reset_metrics()

    @property
    def needs_depth(self) -> bool:
        """Whether training targets must hold depth."""
        depth_is_taught = self.teacher is not None and sees_depth(self.teacher)
        uses_depth = self.weighting.uses_depth or "depth" in self.output
        return uses_depth or depth_is_taught or sees_depth(self)

    def unpack(self, data) -> tuple:
        """Takes a batch apart into image and targets."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(
                "Expected batches of (image, targets); received sample weights as well. The weight "
                "of a pixel is the weighting's to say, the weight of a class `class_weights`."
            )
        return x, y

    def network_input(self, x, y) -> Tensor | dict:
        """What the network takes of a batch, see `keras_lwm.training.teacher.network_input`."""
        return network_input(self, x, y)

    def training_loss(self, x, y) -> tuple[Tensor, dict, dict]:
        """Forward pass and objective: the loss, its parts for the logs, and the outputs."""
        check_targets(y, self.needs_depth)
        outputs = self(self.network_input(x, y), training=True)
        loss, parts = privileged_objective(
            outputs,
            y["label"],
            y.get("depth"),
            self.weighting,
            side_weight=self.side_weight,
            depth_weight=self.depth_weight,
            depth_loss=self.depth_loss,
            class_weights=self.class_weights,
            teacher_logits=None if self.teacher is None else teacher_logits(self.teacher, x, y),
            distillation_weight=self.distillation_weight,
        )
        return loss + sum(self.losses) + self._l2_penalty(), parts, outputs

    def _l2_penalty(self):
        if not self.l2:
            return 0.0
        squares = [ops.sum(ops.square(variable)) for variable in self.trainable_variables]
        return 0.5 * self.l2 * sum(ops.cast(square, "float32") for square in squares)

    def training_logs(self, x, y, loss, parts, outputs, finite) -> dict[str, Tensor]:
        """Takes a step into the running logs, unless it was skipped, and returns them."""
        self.input_monitor.update_state(x, y)
        counts = ops.cast(finite, "float32")
        images = ops.cast(ops.shape(y["label"])[0], "float32")
        labels = labels_of_outputs(outputs, y["label"])
        labelled = {name: are_labelled(each, self.num_classes) for name, each in labels.items()}
        measured = ops.ones_like(labelled[MAIN_OUTPUT])
        if "depth" in y:
            measured = are_measured(ops.cast(y["depth"], "float32"))
        both = ops.logical_and(labelled[MAIN_OUTPUT], measured)
        numbers = [images, *map(_number, (measured, both, *labelled.values()))]
        # A part is a mean over images, in which one without what it is a mean of counts as 0.
        values = {"loss": loss, **parts}
        sums = [ops.stop_gradient(value) * images for value in values.values()]
        totals = ops.unstack(replicas.total(ops.stack([*numbers, *sums])), len(numbers) + len(sums))
        images, measured, both, *labelled_images = totals[: len(numbers)]
        sums = totals[len(numbers) :]
        of_outputs = dict(zip(labelled, labelled_images, strict=True))
        number_of = {
            "loss": images,
            "distillation_loss": images,
            "depth_loss": measured,
            "depth_prediction_error": both,
            "depth_aware_segmentation_error": of_outputs[MAIN_OUTPUT],
            **{f"{name}_loss": number for name, number in of_outputs.items()},
        }
        logs = {}
        for name, value in zip(values, sums, strict=True):
            seen = number_of[name]
            value = ops.where(finite, value / ops.maximum(seen, 1.0), 0.0)
            self.mean_logs[name].update_state(value, counts * seen)
            logs[name] = self.mean_logs[name].result()
        self.skipped_steps.update_state(1.0 - counts)
        # Copies: under PyTorch what is read is the variable itself, which a validation resets.
        logs["coefficient"] = ops.copy(self.weighting.coefficient.value)
        logs["skipped_steps"] = ops.copy(self.skipped_steps.result())
        counted = ops.where(finite, labels[MAIN_OUTPUT], void_id(self.num_classes))
        self._count_pixels(counted, outputs[MAIN_OUTPUT])
        return {**logs, **self.segmentation_scores.result()}

    def _count_pixels(self, labels, logits):
        counts = confusion_counts(labels, ops.argmax(logits, axis=-1), self.num_classes)
        self.segmentation_scores.add_counts(replicas.total(counts))

    def evaluation_logs(self, x, y) -> dict[str, Tensor]:
        """Takes a validation batch into the running logs, and returns them."""
        check_targets(y, sees_depth(self))
        self.input_monitor.update_state(x, y)
        outputs = self(self.network_input(x, y), training=False)
        loss = self.mean_logs["loss"]
        labels, logits = ops.cast(y["label"], "int32"), outputs[MAIN_OUTPUT]
        seen = resize_labels(labels, ops.shape(logits)[1:3])
        labelled = _number(are_labelled(seen, self.num_classes))
        images = ops.cast(ops.shape(y["label"])[0], "float32")
        plain = plain_objective(outputs, y["label"]) * images
        plain, labelled = ops.unstack(replicas.total(ops.stack([plain, labelled])), 2)
        loss.update_state(plain / ops.maximum(labelled, 1.0), labelled)
        self._count_pixels(labels, resize_bilinear(logits, ops.shape(labels)[1:3]))
        logs = {"loss": loss.result(), **self.segmentation_scores.result()}
        if "depth" in outputs and "depth" in y:
            self.depth_errors.add_sums(
                replicas.total(depth_error_sums(y["depth"], outputs["depth"]))
            )
            logs |= self.depth_errors.result()
        return logs
