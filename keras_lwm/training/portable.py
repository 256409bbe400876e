"""Configurations that are read the same under every backend."""

_TORCH_OPTIMIZERS = "keras.src.backend.torch.optimizers."


def portable_config(config):
    """The serialized `config`, with PyTorch's optimisers under the public names they stand for.

    Under PyTorch Keras puts a class of its own behind `keras.optimizers.AdamW`, and saves that
    one's name, which other backends cannot run. The public name gives each backend its own.
    """
    if isinstance(config, dict):
        config = {name: portable_config(value) for name, value in config.items()}
        if str(config.get("module")).startswith(_TORCH_OPTIMIZERS):
            config["module"] = "keras.optimizers"
    elif isinstance(config, (list, tuple)):
        config = type(config)(map(portable_config, config))
    return config
