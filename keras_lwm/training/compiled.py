"""How a model that is trained is compiled, and its optimiser made ready."""

from collections.abc import Callable

import keras

from keras_lwm import replicas
from keras_lwm.training.optimizer import TrainingOptimizer
from keras_lwm.training.options import refuse_other_losses
from keras_lwm.training.synchronized_batch_norm import synchronize_batch_norm


class CompiledTraining:
    """Part of `DepthPrivilegedModel`: optimiser and execution, chosen before the first step."""

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
