"""The model that is trained: a functional network, its weighting, and its losses."""

import inspect
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_lwm import mining, replicas
from keras_lwm.depth_input import sees_depth
from keras_lwm.devices import devices_sharing
from keras_lwm.metrics import ConfusionMatrix, DepthErrors
from keras_lwm.metrics.confusion import confusion_counts
from keras_lwm.metrics.depth import depth_error_sums
from keras_lwm.metrics.running import RunningMean, RunningSum
from keras_lwm.metrics.scores import MEANS
from keras_lwm.mining.measures import is_class, measured_mask
from keras_lwm.option_values import real, whole
from keras_lwm.resampling import resize_bilinear, resize_labels
from keras_lwm.tensors import Tensor
from keras_lwm.training.checks import InputCheck, InputMonitor, check_arrays, check_targets
from keras_lwm.training.even_batches import even_batches, is_tf_dataset
from keras_lwm.training.objective import (
    DEPTH_LOSSES,
    MAIN_OUTPUT,
    MEASURES,
    plain_objective,
    privileged_objective,
    segmentation_outputs,
)
from keras_lwm.training.optimizer import TrainingOptimizer, portable_config
from keras_lwm.training.options import (
    check_network,
    network_ends,
    plain_class_weights,
    plain_multipliers,
    refuse_other_losses,
    refuse_weights,
)
from keras_lwm.training.progress import closed_on_errors
from keras_lwm.training.step import TrainingStep
from keras_lwm.training.synchronized_batch_norm import synchronize_batch_norm
from keras_lwm.training.teacher import check_teacher, network_input, teacher_logits
from keras_lwm.void import void_id
from keras_lwm.with_backbone import WithBackbone


def _measured_images(depth):
    measured = measured_mask(ops.cast(depth, "float32"))
    return ops.sum(ops.cast(ops.any(measured > 0, axis=(1, 2, 3)), "float32"))


@keras.saving.register_keras_serializable(package="keras_lwm")
class DepthPrivilegedModel(WithBackbone, TrainingStep):
    """A functional segmentation network, trained with depth as privileged information.

    Trained by `fit` on `(image, {"label": ..., "depth": ...})`, from tf.data, arrays or any other
    source that Keras takes: `image` (B, H, W, 3), 0..255; `label` (B, H, W) integer class ids,
    255 = void (65535 with more than 255 classes); `depth` (B, H, W, 1) metres, not finite or <= 0 =
    not measured. Validation needs no depth. A step whose loss or gradients are not finite changes
    no weight, and is counted; an epoch of such steps alone logs NaN, which, in the first epoch,
    `keras.callbacks.ModelCheckpoint` takes for the best there can be (`RunFolder` does not).

    Arrays are checked before they are trained on. What comes from elsewhere is checked after the
    first step and at each epoch's end: label ids, the range of images, the unit of depth.

    Logs of training: `loss`, one loss an output (unweighted by `side_weight` and
    `depth_weight`), the means of what the weighting measures, `coefficient`, `skipped_steps`, and
    the segmentation scores at the main output's resolution. Logs of validation: `loss`, the main
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
        teacher: None, or a trained network of the same outputs, as `RefineNet(depth_input=True)`
            trained before: it is frozen, sees depth in training, and is saved with the model, but
            is no part of the network that predicts.
        distillation_weight: factor of the divergence from the teacher's classes, see
            `keras_lwm.training.teacher.distillation_loss`.
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
        distillation_weight=0.0,
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
            segmentation_outputs(outputs),
            num_classes,
            weighting.uses_teacher or self.distillation_weight > 0,
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
        losses += ["distillation_loss"] if self.distillation_weight else []
        names = ("loss", *losses, *MEASURES)
        self.mean_logs = {name: RunningMean(name) for name in names}
        self.skipped_steps = RunningSum("skipped_steps")
        self.segmentation_scores = ConfusionMatrix(self.num_classes)
        self.depth_errors = DepthErrors()
        self.input_monitor = InputMonitor(self.num_classes, self.unusual_depth)
        self._evaluated = ("loss", *MEANS)

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

    def teacher_logits(self, x, y) -> dict[str, Tensor] | None:
        """The teacher's logits by output, see `keras_lwm.training.teacher`; None without one."""
        return None if self.teacher is None else teacher_logits(self.teacher, x, y)

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
            teacher_logits=self.teacher_logits(x, y),
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
        labelled = self._labelled_images(y["label"])
        measured = _measured_images(y["depth"]) if "depth" in y else images
        # A part is a mean over images, in which one without what it is a mean of counts as 0.
        values = {"loss": loss, **parts}
        sums = [ops.stop_gradient(value) * images for value in values.values()]
        sums = replicas.total(ops.stack([images, labelled, measured, *sums]))
        images, labelled, measured, *sums = ops.unstack(sums, 3 + len(values))
        logs = {}
        for name, value in zip(values, sums, strict=True):
            of_depth = name in ("depth_loss", "depth_prediction_error")
            seen = images if name == "loss" else measured if of_depth else labelled
            value = ops.where(finite, value / ops.maximum(seen, 1.0), 0.0)
            self.mean_logs[name].update_state(value, counts * seen)
            logs[name] = self.mean_logs[name].result()
        self.skipped_steps.update_state(1.0 - counts)
        # Copies: under PyTorch what is read is the variable itself, which a validation resets.
        logs["coefficient"] = ops.copy(self.weighting.coefficient.value)
        logs["skipped_steps"] = ops.copy(self.skipped_steps.result())
        logits = outputs[MAIN_OUTPUT]
        labels = resize_labels(ops.cast(y["label"], "int32"), ops.shape(logits)[1:3])
        labels = ops.where(finite, labels, void_id(self.num_classes))
        self._count_pixels(labels, logits)
        return {**logs, **self.segmentation_scores.result()}

    def _count_pixels(self, labels, logits):
        counts = confusion_counts(labels, ops.argmax(logits, axis=-1), self.num_classes)
        self.segmentation_scores.add_counts(replicas.total(counts))

    def _labelled_images(self, labels):
        valid = is_class(ops.cast(labels, "int32"), self.num_classes)
        return ops.sum(ops.cast(ops.any(valid, axis=(1, 2)), "float32"))

    def evaluation_logs(self, x, y) -> dict[str, Tensor]:
        """Takes a validation batch into the running logs, and returns them."""
        check_targets(y, sees_depth(self))
        self.input_monitor.update_state(x, y)
        outputs = self(self.network_input(x, y), training=False)
        loss, labelled = self.mean_logs["loss"], self._labelled_images(y["label"])
        images = ops.cast(ops.shape(y["label"])[0], "float32")
        plain = plain_objective(outputs, y["label"]) * images
        plain, labelled = ops.unstack(replicas.total(ops.stack([plain, labelled])), 2)
        loss.update_state(plain / ops.maximum(labelled, 1.0), labelled)
        labels = ops.cast(y["label"], "int32")
        logits = resize_bilinear(outputs[MAIN_OUTPUT], ops.shape(labels)[1:3])
        self._count_pixels(labels, logits)
        logs = {"loss": loss.result(), **self.segmentation_scores.result()}
        if "depth" in outputs and "depth" in y:
            self.depth_errors.add_sums(
                replicas.total(depth_error_sums(y["depth"], outputs["depth"]))
            )
            logs |= self.depth_errors.result()
        return logs

    def compile(
        self,
        optimizer="rmsprop",
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
        **not_supported,
    ) -> None:
        """Chooses optimiser and execution, as `keras.Model.compile`; the losses are the model's.

        With `auto_scale_loss` the loss is scaled where a layer computes in float16.

        Raises:
            ValueError: losses or metrics are given; `jit_compile=True` or several steps per
                execution under PyTorch, whose compiler cannot take a training step through Keras.
        """
        refuse_other_losses(not_supported)
        if keras.backend.backend() == "torch":
            if jit_compile is True:
                raise ValueError(
                    'Expected jit_compile="auto" or False under the torch backend; received True.'
                )
            if steps_per_execution != 1:
                raise ValueError(
                    "Expected steps_per_execution=1 under the torch backend; "
                    f"received {steps_per_execution}."
                )
        optimizer = keras.optimizers.get(optimizer)
        own = self.optimizer if self.compiled else None
        if own is not None and optimizer is own.given() and self._is_trained_by(own):
            optimizer = own
        if not isinstance(optimizer, TrainingOptimizer) or not self._is_trained_by(optimizer):
            if isinstance(optimizer, TrainingOptimizer):
                optimizer = optimizer.given()
            scales = auto_scale_loss and self._computes_in_float16()
            optimizer = TrainingOptimizer(optimizer, self._multiplier_of(), scales)
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=False,
        )
        # What was asked for: what "auto" comes to here need not suit the backend that loads it.
        self._compile_options = {
            "run_eagerly": bool(run_eagerly),
            "steps_per_execution": int(steps_per_execution),
            "jit_compile": jit_compile,
            "auto_scale_loss": bool(auto_scale_loss),
        }

    def _computes_in_float16(self):
        # A model or an input computes nothing itself, and its policy is whatever was global.
        layers = [layer for layer in self._flatten_layers() if not isinstance(layer, keras.Model)]
        return any(layer.compute_dtype == "float16" for layer in layers if layer.weights)

    def _multiplier_of(self):
        multipliers = {
            id(variable): multiplier
            for name, multiplier in self.learning_rate_multipliers.items()
            for variable in self.get_layer(name).variables
        }
        return lambda variable: multipliers.get(id(variable), 1.0)

    def _is_trained_by(self, optimizer):
        trained = {id(variable) for variable in optimizer.trained_variables()}
        return trained == {id(variable) for variable in self.trainable_variables}

    def make_train_function(self, force=False) -> Callable:
        """Makes the compiled step, once the optimiser has its state.

        An optimiser that is built inside a traced function doubles the time of the first step.

        Raises:
            ValueError: layers were frozen or unfrozen since the model was compiled.
        """
        if not self.trainable_variables:
            raise ValueError(
                f"Expected a model with trainable layers; all layers of {self.name!r} are frozen."
            )
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        elif not self._is_trained_by(self.optimizer):
            raise ValueError(
                "Layers were frozen or unfrozen after compile(): expected the "
                f"{len(self.optimizer.trained_variables())} trainable variables of then, found "
                f"{len(self.trainable_variables)}. Compile the model again, with a new optimizer."
            )
        if replicas.number_of(self) > 1:
            synchronize_batch_norm(self)
        return super().make_train_function(force)

    def get_compile_config(self) -> dict:
        if not self.compiled:
            return {}
        index = {id(variable): number for number, variable in enumerate(self.weights)}
        trained, undecayed = (
            [index[id(variable)] for variable in variables]
            for variables in (
                self.optimizer.trained_variables(),
                self.optimizer.excluded_from_weight_decay(self.trainable_variables),
            )
        )
        optimizer = keras.saving.serialize_keras_object(self.optimizer.given())
        return {
            **self._compile_options,
            "optimizer": portable_config(optimizer),
            "trained_weights": trained if self.optimizer.built else None,
            "weights_without_decay": undecayed,
        }

    def compile_from_config(self, config) -> None:
        config = keras.saving.deserialize_keras_object(config)
        trained, undecayed = config.pop("trained_weights"), config.pop("weights_without_decay")
        options = {name: value for name, value in config.items() if name != "optimizer"}
        if keras.backend.backend() == "torch":
            # What other backends compile, and how much of it at a time, is theirs.
            jit = config["jit_compile"]
            config |= {"jit_compile": "auto" if jit is True else jit, "steps_per_execution": 1}
        self.compile(**config)
        self._compile_options = options
        if trained is not None:
            self.optimizer.build([self.weights[index] for index in trained])
        if undecayed:
            weights = [self.weights[index] for index in undecayed]
            self.optimizer.exclude_from_weight_decay(var_list=weights)

    def _seeds(self):
        """The state of random layers, which Keras saves with none of them."""
        saved = {id(variable) for variable in (*self.weights, *self.metrics_variables)}
        return [v for v in self.non_trainable_variables if id(v) not in saved]

    def save_own_variables(self, store) -> None:
        super().save_own_variables(store)
        for index, seed in enumerate(self._seeds()):
            store[f"seed_{index}"] = ops.convert_to_numpy(seed)

    def load_own_variables(self, store) -> None:
        seeds = self._seeds()
        names = [f"seed_{index}" for index in range(len(seeds))]
        given = {name: store[name] for name in sorted(store.keys()) if name.startswith("seed_")}
        if sorted(given) != sorted(names):
            raise ValueError(
                f"Expected the state of {len(seeds)} random layers; the file holds {len(given)}."
            )
        for seed, name in zip(seeds, names, strict=True):
            seed.assign(given[name])

    def fit(self, *args, **kwargs) -> keras.callbacks.History:
        """Trains as `keras.Model.fit`; arrays are checked first, see `check_arrays`.

        Raises:
            ValueError: data that does not fit the model; weights of samples or classes, which are
                the weighting's and `class_weights`' to say; `max_skipped_steps` steps in a row
                without a finite loss and gradients.
        """
        call = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        given = call.arguments
        refuse_weights(given)
        self._check_arrays(given.get("x"), given.get("y"), self.needs_depth)
        if is_tf_dataset(given.get("x")):
            # It is shuffled by itself; Keras warns that its own default is of no use then.
            given["shuffle"] = False
        validation = given.get("validation_data")
        if isinstance(validation, (tuple, list)):
            if len(validation) == 3:
                refuse_weights({"sample_weight": validation[2]})
            self._check_arrays(*validation[:2], sees_depth(self))
        if validation is not None:
            given["validation_data"] = self._even_validation(validation, given)
        callbacks = given.get("callbacks") or []
        check = InputCheck(self.max_skipped_steps)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            check.set_model(self)
            callbacks.callbacks.insert(0, check)
            try:
                with closed_on_errors(callbacks.callbacks):
                    return super().fit(*call.args[1:], **call.kwargs)
            finally:
                callbacks.callbacks.remove(check)
        one = isinstance(callbacks, keras.callbacks.Callback)
        given["callbacks"] = [check, *([callbacks] if one else callbacks)]
        with closed_on_errors(given["callbacks"]):
            return super().fit(*call.args[1:], **call.kwargs)

    def _even_validation(self, validation, given):
        arrays = isinstance(validation, (tuple, list))
        x, y = validation[:2] if arrays else (validation, None)
        size = given.get("validation_batch_size") or given.get("batch_size")
        x, y = even_batches(x, y, devices_sharing(self), self.num_classes, size)
        return (x, y) if arrays else x

    def train_on_batch(self, *args, **kwargs) -> list | dict:
        """Trains as `keras.Model.train_on_batch`, and checks what the batch held."""
        logs = super().train_on_batch(*args, **kwargs)
        self.input_monitor.check()
        return logs

    def test_on_batch(self, *args, **kwargs) -> list | dict:
        """Evaluates as `keras.Model.test_on_batch`, and checks what the batch held."""
        logs = super().test_on_batch(*args, **kwargs)
        self.input_monitor.check()
        return logs

    def evaluate(self, *args, **kwargs) -> list | dict:
        """Evaluates as `keras.Model.evaluate`; arrays are checked first, see `check_arrays`.

        `metrics_names` are the names of the scores, in their order, once they were taken.
        """
        call = inspect.signature(keras.Model.evaluate).bind(self, *args, **kwargs)
        given = call.arguments
        refuse_weights(given)
        self._check_arrays(given.get("x"), given.get("y"), sees_depth(self))
        as_dictionary = given.get("return_dict", False)
        given["return_dict"] = True
        given["x"], given["y"] = even_batches(
            given.get("x"),
            given.get("y"),
            devices_sharing(self),
            self.num_classes,
            given.get("batch_size"),
        )
        scores = super().evaluate(*call.args[1:], **call.kwargs)
        self.input_monitor.check()
        self._evaluated = tuple(scores)
        return scores if as_dictionary else list(scores.values())

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returned last, in its order; of its segmentation at first."""
        return list(self._evaluated)

    def _check_arrays(self, x, y, needs_depth):
        if isinstance(x, np.ndarray):
            check_arrays(x, y, self.num_classes, needs_depth, self.unusual_depth)

    def save(self, filepath, *args, **kwargs) -> None:
        """Saves as `keras.Model.save`; what cannot be loaded again is refused before."""
        self.get_config()
        super().save(filepath, *args, **kwargs)

    def get_config(self) -> dict:
        weighting = type(self.weighting)
        registered = keras.saving.get_registered_name(weighting)
        if keras.saving.get_registered_object(registered) is not weighting:
            raise ValueError(
                f"A model with the weighting {weighting.__name__} cannot be saved, because nobody "
                "could load it: expected a class that is registered by "
                "@keras.saving.register_keras_serializable()."
            )
        serialize = keras.saving.serialize_keras_object
        layers = self._flatten_layers()
        return {
            "network": serialize(keras.Model(self.input, self.output, name=f"{self.name}_network")),
            "weighting": serialize(self.weighting),
            "teacher": None if self.teacher is None else serialize(self.teacher),
            "distillation_weight": self.distillation_weight,
            "side_weight": self.side_weight,
            "depth_weight": self.depth_weight,
            "depth_loss": self.depth_loss,
            "class_weights": self.class_weights,
            "l2": self.l2,
            "learning_rate_multipliers": dict(self.learning_rate_multipliers),
            "max_skipped_steps": self.max_skipped_steps,
            "unusual_depth": self.unusual_depth,
            "name": self.name,
            # No configuration of Keras holds this for layers inside composite layers.
            "trainable_layers": [bool(layer.trainable) for layer in layers],
        }

    @classmethod
    def from_config(cls, config, custom_objects=None) -> "DepthPrivilegedModel":
        config = dict(config)
        trainable = config.pop("trainable_layers")
        network, weighting, teacher = (
            keras.saving.deserialize_keras_object(config.pop(key, None), custom_objects)
            for key in ("network", "weighting", "teacher")
        )
        model = cls(network, weighting=weighting, teacher=teacher, **config)
        layers = model._flatten_layers()
        if len(layers) != len(trainable):
            raise ValueError(
                f"Expected a file of {len(layers)} layers, as its network has under this version "
                f"of Keras; received one that says of {len(trainable)} whether they are trainable."
            )
        # A layer hands its flag on to those inside, which come after it.
        for layer, flag in zip(layers, trainable, strict=True):
            layer.trainable = flag
        return model

    def _run_through_graph(self, inputs, *functions, **named_functions):
        called_by = {f.__module__ for f in (*functions, *named_functions.values()) if f is not None}
        if any(module.endswith(".models.cloning") for module in called_by):
            raise ValueError(
                "keras.models.clone_model would return the plain network, without weighting and "
                f"losses: use {type(self).__name__}.from_config(model.get_config())."
            )
        return super()._run_through_graph(inputs, *functions, **named_functions)
