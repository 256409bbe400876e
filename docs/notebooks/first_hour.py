# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # The first hour
#
# From a trained network to one of your own, on rendered rooms: nothing is downloaded, and it
# takes less than five minutes on 2 CPU cores. It needs the extras `rooms`, `report` and
# `pretrained`; for another backend than TensorFlow, set `KERAS_BACKEND` before Keras is imported.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_lwm
from keras_lwm import Augmentation, CurriculumCallback, DepthPrivilegedModel, RefineNet
from keras_lwm.datasets import load_builder
from keras_lwm.evaluation import evaluate, text_table
from keras_lwm.pipeline import evaluation_dataset, steps_per_epoch, training_dataset
from keras_lwm.report import hard_pixel_maps
from keras_lwm.training import ProgressLine

# %% [markdown]
# ## A trained network
#
# The package brings one, and a frame that it was not trained on. It sees the image alone: depth
# and label are here to compare.

# %%
predictor = keras_lwm.load_example()
image, label, depth = keras_lwm.load_example_frame()
class_ids = predictor(image)


def in_colours(class_ids):
    colours = np.full((256, 3), 60, "uint8")
    colours[: len(predictor.description.palette)] = predictor.description.palette
    return colours[class_ids]


figure, axes = plt.subplots(1, 4, figsize=(14, 3), layout="constrained")
shown = {
    "image": image,
    "label": in_colours(label),
    "prediction": in_colours(class_ids),
    "depth, m (never seen)": np.where(depth > 0, depth, np.nan)[..., 0],
}
for axis, (title, picture) in zip(axes, shown.items(), strict=True):
    drawn = axis.imshow(picture)
    axis.set(title=title, xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes[-1])
plt.show()

# %% [markdown]
# ## What the method looks at
#
# In training, two measurements say which pixels are hard: how wrong the depth branch is (DPE),
# and how badly pixels of this class are segmented at this distance (DSE). The loss weight map is
# made of both; its mean is 1.

# %%
maps = hard_pixel_maps(predictor.network, image, label, depth)
figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
titles = {"dpe": "depth prediction error", "dse": "segmentation error by class and distance"}
for axis, (name, title) in zip(axes, {**titles, "weight": "loss weight"}.items(), strict=True):
    drawn = axis.imshow(maps[name], cmap="magma")
    axis.set(title=title, xticks=[], yticks=[])
    figure.colorbar(drawn, ax=axis)
plt.show()

# %% [markdown]
# ## Training one
#
# `rooms/small` is rendered here: 96 frames of 120x160 to train on. The network begins with
# ImageNet's weights in its backbone, which learns ten times slower than the decoder. The
# curriculum brings the weight map in over the epochs.

# %%
rooms = load_builder("rooms/small", data_dir="data")
names = rooms.info.metadata["class_names"]
train = training_dataset(rooms, "train", batch_size=8, augmentation=Augmentation(crop=(96, 128)))
steps = steps_per_epoch(rooms, "train", batch_size=8)

keras.utils.set_random_seed(0)
network = RefineNet("efficientnet_lite0", len(names), "light", weights="imagenet", channels=32)
model = DepthPrivilegedModel(network, learning_rate_multipliers={"backbone": 0.1})
model.compile(keras.optimizers.AdamW(2e-3))

EPOCHS = 3
history = model.fit(
    train,
    steps_per_epoch=steps,
    epochs=EPOCHS,
    verbose=0,
    callbacks=[CurriculumCallback(), ProgressLine()],
).history

# %% [markdown]
# `coefficient` is how much of the weight map counts; `skipped_steps` would count steps that were
# not finite.

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 2.5), layout="constrained")
for axis, name in zip(axes, ("segmentation_loss", "mean_iou", "coefficient"), strict=True):
    axis.plot(range(1, EPOCHS + 1), history[name], marker="o")
    axis.set(title=name, xlabel="epoch")
plt.show()

# %% [markdown]
# ## How good it is
#
# On frames of rooms that it has not seen, from RGB alone. Three short epochs are few: the recipe
# (`python recipes/rooms.py`, eight epochs of five times the frames, at twice the resolution)
# comes to 60 % mIoU.

# %%
scores = evaluate(model, evaluation_dataset(rooms, "test"), len(names), names)
print(text_table(scores))
assert scores["mean_iou"] > 0.08, "one class alone comes to less"

# %% [markdown]
# ## Taking it along
#
# What is deployed has no depth branch, no side outputs and no weighting: RGB in, logits out.

# %%
segmenter = keras_lwm.segmenter(model)
segmenter.save("segmenter.keras")
print(f"{model.count_params():,} weights in training, {segmenter.count_params():,} in use")

# %% [markdown]
# Next: [your own folder](own_folder.md), [a weighting of your own](own_weighting.md), [reading a
# run](reading_a_run.md).
