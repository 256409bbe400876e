"""Keras' ways to train and to evaluate, with the data checked before and after."""

import inspect

import keras
import numpy as np

from keras_lwm.depth_input import sees_depth
from keras_lwm.devices import devices_sharing
from keras_lwm.metrics.scores import MEANS
from keras_lwm.training.checks import InputCheck, check_arrays
from keras_lwm.training.even_batches import even_batches, is_tf_dataset
from keras_lwm.training.options import refuse_weights
from keras_lwm.training.progress import closed_on_errors


class CheckedTraining:
    """Part of `DepthPrivilegedModel`: `fit`, `evaluate` and their like for single batches."""

    _evaluated = ("loss", *MEANS)

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
