"""One cell of the ablation: one row trained from one seed, and scored."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import keras

from keras_lwm import mining
from keras_lwm.ablation.frames import Frames
from keras_lwm.ablation.rows import ROWS
from keras_lwm.ablation.views import ViewBatches, Views
from keras_lwm.arrays import ArrayBatches
from keras_lwm.evaluation import evaluate
from keras_lwm.experiment import (
    SUBSETS,
    compiled_model,
    dtype_policy,
    encoder_rates,
    fit,
    given,
    new_augmentation,
)
from keras_lwm.networks import build_backbone, refinenet_outputs
from keras_lwm.networks.rgbd import encoded, usual_focal_length


def train_cell(
    row_name: str,
    seed: int,
    options: Mapping,
    train_frames: Frames,
    score_frames: Frames,
    class_names: Sequence[str],
    views: Sequence[Views] = (),
    teacher: keras.Model | None = None,
    on_frame: Callable | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> tuple[dict, keras.Model]:
    """Trains and scores one cell.

    Args:
        row_name: out of `ROWS`.
        seed: of initial values, and of the order of the data.
        options: of the whole ablation.
        train_frames, score_frames: what to train on and what to score.
        class_names: one name a class.
        views: the frozen encoder's features of `train_frames`; none: everything is trained.
        teacher: the whole network of the cell that teaches this one, for a row that is taught.
        on_frame: called with each scored frame, see `evaluate`.
        callbacks: of the training, beside its own.

    Returns:
        Scores, history and seconds as plain values, ready for JSON. And the whole network, from
        images to outputs; of images with depth for a row that sees it.
    """
    row, num_classes = ROWS[row_name], len(class_names)
    extractor, decoder = build(options, num_classes, seed, row.depth_input)
    decoder = keras.Model(decoder.input, row.kept_outputs(decoder.output), name="decoder")
    # Frames are scored as crops are trained on, whose size is another.
    focal_length = float(usual_focal_length(options["crop"]))
    image, features = encoded(extractor, (None, None, 3), row.depth_input, focal_length)
    whole = keras.Model(image, decoder(features), name=row_name)
    if not views:
        trained, multipliers = whole, encoder_rates(whole, options)
        batches = ArrayBatches(
            train_frames.images,
            train_frames.labels,
            train_frames.depths,
            num_classes=num_classes,
            batch_size=options["batch_size"],
            augmentation=new_augmentation(options),
            seed=seed,
            **given(options, ("unusual_depth",)),
            workers=options["loaders"],
            use_multiprocessing=False,
        )
    else:
        trained, multipliers = decoder, {}
        teacher = None if teacher is None else teacher.get_layer("decoder")
        batches = ViewBatches(views, options["batch_size"], seed)
    steps = batches.steps_per_epoch
    weighting = mining.get(row.weighting, **row.weighting_options(options, seed))
    all_steps = steps * options["epochs"]
    model = compiled_model(trained, weighting, multipliers, options, all_steps, teacher)
    start = time.perf_counter()
    curriculum = row.curriculum_options(options)
    history = fit(
        model.fit, batches, steps, options, curriculum, callbacks=callbacks, shuffle=False
    ).history
    seconds = time.perf_counter() - start
    scores = evaluate(
        whole,
        single_frames(score_frames),
        num_classes,
        class_names,
        subsets=SUBSETS,
        on_frame=on_frame,
        **given(options, ("unusual_depth",)),
    )
    result = {
        "row": row_name,
        "seed": seed,
        "seconds": seconds,
        "scores": scores,
        "history": {name: [_plain(value) for value in values] for name, values in history.items()},
    }
    return result, whole


def _plain(value):
    """A float; None for the NaN of an epoch that had nothing to measure."""
    return float(value) if math.isfinite(value) else None


def build(
    options: Mapping, num_classes: int, seed: int, depth_input: bool = False
) -> tuple[keras.Model, keras.Model]:
    """The encoder, and on its features the decoder with all heads, the same for every row.

    With `depth_input` the decoder takes the features of depth as well, see `encode_with_depth`.
    """
    # A frozen encoder's features were computed in float32.
    with dtype_policy(options["precision"] if options["train_encoder"] else "float32"):
        extractor = build_backbone(options["backbone"], weights=options["weights"])
    keras.utils.set_random_seed(seed)
    with dtype_policy(options["precision"]):
        features = {
            f"{prefix}{name}": keras.Input((None, None, maps.shape[-1]), name=f"{prefix}{name}")
            for prefix in (("", "depth_") if depth_input else ("",))
            for name, maps in extractor.output.items()
        }
        outputs = refinenet_outputs(
            features,
            num_classes,
            options["variant"],
            channels=options["channels"],
            initial_depth=options["initial_depth"],
        )
    return extractor, keras.Model(features, outputs, name="decoder")


def single_frames(frames: Frames) -> Iterator[tuple]:
    """Batches of one frame each, as `evaluate` takes them."""
    for index in range(len(frames)):
        part = slice(index, index + 1)
        yield (
            frames.images[part],
            {"label": frames.labels[part], "depth": frames.depths[part]},
        )
