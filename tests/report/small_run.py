"""A tiny run in its folder, trained, scored and with all that its page shows."""

from types import SimpleNamespace

import numpy as np
from exact_runs import EPOCHS, IMAGES, STEPS, TARGETS, batches, new_model
from training_samples import tiny_batch

from keras_lwm import CurriculumCallback
from keras_lwm.evaluation import DepthRange, TrimapBand, evaluate, write_report
from keras_lwm.report import FrameScores, KeepWeightMaps, choose_frames, keep_bins, keep_frames
from keras_lwm.run_folder import RunFolder

NAMES = ["wall", "floor", "a <b>chair</b>", "sofa & rug"]
PALETTE = [[200, 30, 30], [30, 200, 30], [30, 30, 200], [180, 180, 60]]
TEST_IMAGES, TEST_TARGETS = tiny_batch(5, seed=3)


def frames_of(images, targets):
    """(image, label, depth) of each frame of a batch."""
    return list(zip(images, targets["label"], targets["depth"], strict=True))


TRAINING_FRAMES = frames_of(IMAGES[:2], {name: maps[:2] for name, maps in TARGETS.items()})
TEST_FRAMES = frames_of(TEST_IMAGES, TEST_TARGETS)


def train_run(folder, hardest=2, random=2, model=None):
    """Trains, scores and keeps everything but the page; returns what the tests compare with."""
    model = model or new_model()
    run = RunFolder(folder, {"epochs": EPOCHS, "bins": None}, command="python recipes/mine.py")
    run.begin(NAMES, PALETTE)
    run.fit(
        model,
        batches,
        STEPS,
        EPOCHS,
        callbacks=[
            CurriculumCallback(over=1.0),
            KeepWeightMaps(run.report_path / "weight_maps", TRAINING_FRAMES, PALETTE),
        ],
        validation_data=tiny_batch(2, seed=1),
        verbose=0,
    )
    of_frames = FrameScores(len(NAMES))
    scores = evaluate(
        model,
        [(TEST_IMAGES, TEST_TARGETS)],
        len(NAMES),
        NAMES,
        subsets=[TrimapBand(3), DepthRange(0, 2)],
        on_frame=of_frames,
        progress=False,
    )
    write_report(run.scores_path / "single_scale", scores)
    chosen = choose_frames(of_frames.scores, hardest, random)
    for frame in chosen:
        frame["name"] = f"room_{frame['index']}"
    keep_frames(
        run.report_path / "frames",
        model,
        [TEST_FRAMES[frame["index"]] for frame in chosen],
        chosen,
        class_names=NAMES,
        palette=PALETTE,
        split="test of mine",
        count=len(TEST_FRAMES),
    )
    keep_bins(run.report_path / "bins.json", model)
    return SimpleNamespace(
        path=run.path, model=model, scores=scores, frame_scores=of_frames.scores, chosen=chosen
    )


def mean_iou_of_frame(label, class_ids, num_classes):
    """The mean IoU over the classes of one frame, by loops over classes."""
    known = label != 255
    ious = []
    for class_id in range(num_classes):
        labelled, predicted = (label == class_id) & known, (class_ids == class_id) & known
        if (labelled | predicted).any():
            ious.append((labelled & predicted).sum() / (labelled | predicted).sum())
    return np.mean(ious) if ious else None
