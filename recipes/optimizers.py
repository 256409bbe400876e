"""The recipes' optimisers, with their learning rates. Imported only after the backend is chosen."""

import keras

from keras_lwm.training import PolynomialDecay


def new_optimizer(options, steps):
    """AdamW or SGD; the learning rate rises over a share of the steps, then falls to 0.

    Args:
        options: `optimizer`, `schedule`, `learning_rate`, `warm_up` and `weight_decay`, as the
            recipes' options of these names.
        steps: of the whole training.
    """
    highest, rising = options["learning_rate"], int(options["warm_up"] * steps)
    if options["schedule"] == "poly":
        rate = PolynomialDecay(highest, steps, rising=rising)
    else:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - rising, warmup_target=highest, warmup_steps=rising
        )
    if options["optimizer"] == "sgd":
        decay = options["weight_decay"] or None
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=decay)
    return keras.optimizers.AdamW(rate, weight_decay=options["weight_decay"])
