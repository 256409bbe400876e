"""What a report scores: how the network looks at a frame, and which pixels count."""

from keras_lwm.evaluation import DEPTH_RANGES, MultiScale, SingleScale, TrimapBand

SINGLE_SCALE = {"single_scale": SingleScale()}
"""Views by name, for `report`: the frame as it is."""

LITERATURE = {**SINGLE_SCALE, "multi_scale": MultiScale()}
"""Those of the publications on RefineNet beside it."""

SUBSETS = (TrimapBand(3), *DEPTH_RANGES)
"""Parts of the pixels that every report scores by themselves."""
