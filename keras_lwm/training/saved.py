"""How a model that is trained is written to a file, with all that it needs to go on."""

from typing import Self

import keras
from keras import ops

_TORCH_OPTIMIZERS = "keras.src.backend.torch.optimizers."


class SavedTraining:
    """Part of `DepthPrivilegedModel`: its configuration, and state that Keras does not save."""

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
            "optimizer": _portable(optimizer),
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
    def from_config(cls, config, custom_objects=None) -> Self:
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


def _portable(config):
    """The serialized `config`, with PyTorch's optimisers under the public names they stand for.

    Under PyTorch Keras puts a class of its own behind `keras.optimizers.AdamW`, and saves that
    one's name, which other backends cannot run. The public name gives each backend its own.
    """
    if isinstance(config, dict):
        config = {name: _portable(value) for name, value in config.items()}
        if str(config.get("module")).startswith(_TORCH_OPTIMIZERS):
            config["module"] = "keras.optimizers"
    elif isinstance(config, (list, tuple)):
        config = type(config)(map(_portable, config))
    return config
