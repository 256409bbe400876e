# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Reading a run
#
# A recipe leaves a folder, and ends in a page, `report.html`. Everything on that page is in files
# that a few lines read. First a run is made, as small as can be; with one of yours, such as
# `runs/rooms`, skip the next cell and name it. It needs the extras `rooms`, `report` and
# `pretrained`.

# %%
from keras_lwm.datasets import load_builder
from keras_lwm.experiment import report, train
from keras_lwm.run_folder import RunFolder

options = {
    **{"backbone": "efficientnet_lite0", "variant": "light", "weights": "imagenet", "channels": 32},
    **{"weighting": "lwm", "precision": "float32", "seed": 0, "crop": (48, 64), "batch_size": 2},
    **{"epochs": 3, "encoder_rate": 0.1, "learning_rate": 2e-3, "optimizer": "adamw"},
}
rooms = load_builder("rooms/tiny", data_dir="data")
run = RunFolder("runs/tiny", options)
train(run, rooms, "train", validation="validation")
report(run, rooms, "test")

# %% [markdown]
# ## What is there

# %%
from pathlib import Path

folder = Path("runs/tiny")
for path in sorted(folder.iterdir()):
    print(path.name)

# %% [markdown]
# ## Curves
#
# One line an epoch. `coefficient` is the curriculum's: how much of the weight map counts.

# %%
import csv

import matplotlib.pyplot as plt

with open(folder / "history.csv", newline="") as file:
    history = list(csv.DictReader(file))
figure, axes = plt.subplots(1, 3, figsize=(12, 2.5), layout="constrained")
for axis, name in zip(axes, ("loss", "val_mean_iou", "coefficient"), strict=True):
    axis.plot([float(epoch[name]) for epoch in history], marker="o")
    axis.set(title=name, xlabel="epoch")
plt.show()

# %% [markdown]
# ## Scores
#
# `scores/single_scale/` has them as JSON, Markdown and CSV: over all pixels, near boundaries, by
# distance, and by class.

# %%
import json

scores = json.loads((folder / "scores/single_scale/scores.json").read_text())
print({name: round(scores[name], 3) for name in ("pixel_accuracy", "mean_accuracy", "mean_iou")})
with open(folder / "scores/single_scale/classes.csv", newline="") as file:
    for row in list(csv.reader(file))[:4]:
        print(row)

# %% [markdown]
# ## What the weighting looked at
#
# The same training frames at several epochs. A weight of 1 is an average pixel; void is grey.

# %%
kept = folder / "report/weight_maps"
epochs = sorted(kept.glob("epoch_*.json"))
figure, axes = plt.subplots(1, 1 + len(epochs), figsize=(14, 3), layout="constrained")
axes[0].imshow(plt.imread(kept / "frame_0_image.webp"))
for axis, path in zip(axes[1:], epochs, strict=True):
    epoch = json.loads(path.read_text())
    axis.imshow(plt.imread(kept / f"{path.stem}_frame_0.png"))
    axis.set(title=f"epoch {epoch['epoch']}, coefficient {epoch['coefficient']:.2f}")
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## The learned bins
#
# The Loss Weight Module keeps the mean error of each class at each distance: the rows are
# classes, the columns run from near to far. What no training pixel fell into is empty.

# %%
import numpy as np

bins = json.loads((folder / "report/bins.json").read_text())
names = rooms.info.metadata["class_names"]
figure, axes = plt.subplots(1, len(bins["tables"]), figsize=(12, 4), layout="constrained")
for axis, (name, table) in zip(np.atleast_1d(axes), bins["tables"].items(), strict=True):
    drawn = axis.imshow(np.array(table, float), cmap="magma", aspect="auto")
    ticks = np.arange(len(bins["edges"])) - 0.5
    axis.set(title=name, yticks=range(len(names)), yticklabels=names, xlabel="metres")
    axis.set_xticks(ticks, [f"{edge:.1f}" for edge in bins["edges"]])
    figure.colorbar(drawn, ax=axis)
plt.show()

# %% [markdown]
# `keras-lwm report runs/tiny` writes the page anew; with several runs it shows their curves over
# each other and the differences between them.
