"""A few frames to look at."""

import numpy as np
from PIL import Image

from keras_lwm.datasets.check.report import Example
from keras_lwm.rgbd_folder.frames import resize_nearest

_LONGEST_SIDE = 640


def spread_examples(source, frames, reading, files_at_fault, number) -> list[Example]:
    """Frames in which nothing is wrong, spread evenly over the set."""
    sound = [
        index
        for index, facts in enumerate(frames)
        if facts.size and facts.label and not facts.faults and not files_at_fault & _files(facts)
    ]
    if not sound or not source.class_names or not number:
        return []
    places = np.unique(np.linspace(0, len(sound) - 1, min(number, len(sound))).astype(int))
    return [
        _example(f"{frames[index].split}: {frames[index].name}", source.sample(index, reading))
        for index in (sound[place] for place in places)
    ]


def _files(facts):
    return {facts.image} | {part.file for part in (facts.label, facts.depth) if part is not None}


def _example(name, sample):
    """The sample, no larger than a contact sheet has use for."""
    image = sample["image"]
    label, depth = sample["label"][..., 0], sample["depth"][..., 0]
    shrink = max(*label.shape, _LONGEST_SIDE) / _LONGEST_SIDE
    size = tuple(max(round(side / shrink), 1) for side in label.shape)
    small = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BOX)
    return Example(
        name, np.asarray(small), resize_nearest(label, size), resize_nearest(depth, size)[..., None]
    )
