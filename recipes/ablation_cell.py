"""One cell of the ablation: one row trained from one seed, and scored."""

import time

import keras
from ablation_features import FeatureBatches, feature_inputs
from ablation_rows import ROWS, curriculum_options, weighting_options
from optimizers import new_optimizer

import keras_lwm
from keras_lwm import mining
from keras_lwm.arrays import ArrayBatches
from keras_lwm.evaluation import DEPTH_RANGES, TrimapBand, evaluate
from keras_lwm.networks import build_backbone, refinenet_outputs
from keras_lwm.training import ProgressLine

OPTIMIZER = {"optimizer": "adamw", "schedule": "cosine", "warm_up": 0.05}
SUBSETS = (TrimapBand(3), *DEPTH_RANGES)


def build(options, num_classes, seed):
    """The encoder and, on its features, the decoder with all heads, the same for every row."""
    # A frozen encoder's features were computed in float32.
    keras.config.set_dtype_policy(options["precision"] if options["train_encoder"] else "float32")
    extractor = build_backbone(options["backbone"], weights=options["weights"])
    keras.config.set_dtype_policy(options["precision"])
    keras.utils.set_random_seed(seed)
    features = feature_inputs(extractor)
    outputs = refinenet_outputs(
        features,
        num_classes,
        options["variant"],
        channels=options["channels"],
        initial_depth=options["initial_depth"],
    )
    keras.config.set_dtype_policy("float32")
    return extractor, features, keras.Model(features, outputs, name="decoder")


def kept_outputs(outputs, row):
    """The outputs that a row trains."""
    return {
        name: values
        for name, values in outputs.items()
        if name == "segmentation" or (row.sides if name.startswith("side") else row.depth)
    }


def train_cell(row_name, seed, options, frames, views, class_names):
    """Trains and scores one cell.

    Args:
        row_name: out of `ROWS`.
        seed: of initial values, and of the order of the data.
        options: of the whole ablation.
        frames: {"train": Frames, "score": Frames}.
        views: the frozen encoder's `Views`, or None where everything is trained.
        class_names: one name a class.

    Returns:
        Plain values: scores, history and seconds. And the whole network, images to outputs.
    """
    row, num_classes = ROWS[row_name], len(class_names)
    extractor, features, decoder = build(options, num_classes, seed)
    decoder = keras.Model(features, kept_outputs(decoder.output, row), name="decoder")
    image = keras.Input((None, None, 3), name="image")
    whole = keras.Model(image, decoder(extractor(image)), name=row_name)
    if views is None:
        inputs, outputs, multipliers = image, whole.output, {"backbone": options["encoder_rate"]}
        batches = ArrayBatches(
            frames["train"].images,
            frames["train"].labels,
            frames["train"].depths,
            num_classes=num_classes,
            batch_size=options["batch_size"],
            augmentation=augmentation(options),
            seed=seed,
            workers=options["loaders"],
            use_multiprocessing=False,
        )
    else:
        inputs, outputs, multipliers = features, decoder.output, {}
        batches = FeatureBatches(views, options["batch_size"], seed)
    weighting = weighting_options(row, options, seed)
    model = keras_lwm.DepthPrivilegedModel(
        inputs,
        outputs,
        weighting=mining.get(row.weighting, **weighting),
        side_weight=options["side_weight"],
        depth_weight=options["depth_weight"],
        depth_loss=options["depth_loss"],
        learning_rate_multipliers=multipliers,
    )
    steps = batches.steps_per_epoch * options["epochs"]
    model.compile(new_optimizer({**OPTIMIZER, **options}, steps))
    start = time.perf_counter()
    history = model.fit(
        batches,
        steps_per_epoch=batches.steps_per_epoch,
        epochs=options["epochs"],
        shuffle=False,
        callbacks=[
            mining.CurriculumCallback(**curriculum_options(row, options)),
            ProgressLine(),
        ],
        verbose=0,
    ).history
    seconds = time.perf_counter() - start
    scores = evaluate(whole, batches_of(frames["score"]), num_classes, class_names, subsets=SUBSETS)
    result = {
        "row": row_name,
        "seed": seed,
        "seconds": seconds,
        "scores": scores,
        "history": {name: [float(value) for value in values] for name, values in history.items()},
    }
    return result, whole


def augmentation(options):
    return keras_lwm.Augmentation(crop=options["crop"], scale=options["scale"])


def batches_of(frames):
    """Single frames, one a batch."""
    for index in range(len(frames.images)):
        part = slice(index, index + 1)
        yield (
            frames.images[part],
            {"label": frames.labels[part], "depth": frames.depths[part]},
        )
