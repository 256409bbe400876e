# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Your own folder
#
# A folder of frames is read as it lies, whatever wrote it. Here a folder is made of rendered
# rooms, in a form that many tools write: colour as JPEG, depth as 16-bit PNG of millimetres,
# labels that begin with 1 and keep 0 for "none". With frames of yours, skip the first cell. It
# needs the extras `rooms`, `report` and `pretrained`.

# %%
from pathlib import Path

import numpy as np
from PIL import Image

from keras_lwm.datasets.rooms import CLASS_NAMES, frames

folder = Path("my_frames")
for part in ("rgb", "depth", "label"):
    (folder / part).mkdir(parents=True, exist_ok=True)
(folder / "classes.txt").write_text("\n".join(CLASS_NAMES))
for split, rendered in (("train", "validation"), ("test", "test")):
    names = []
    for frame in frames(rendered, "small"):
        name = frame["name"].replace("/", "_")
        millimetres = np.rint(1000 * frame["depth"][..., 0]).astype("uint16")
        label = np.where(frame["label"] == 255, 0, frame["label"] + 1).astype("uint8")
        Image.fromarray(frame["image"]).save(folder / "rgb" / f"{name}.jpg", quality=95)
        Image.fromarray(millimetres).save(folder / "depth" / f"{name}.png")
        Image.fromarray(label).save(folder / "label" / f"{name}.png")
        names.append(name)
    (folder / f"{split}.txt").write_text("\n".join(names))

# %% [markdown]
# ## Looking it through
#
# The check reads every frame, says what it took the folder for, names all that is wrong, draws a
# few frames, and ends in the command that trains on them.

# %%
import subprocess
import sys

check = [sys.executable, "-m", "keras_lwm_cli", "datasets", "check", str(folder)]
told = subprocess.run([*check, "--sheet", "checked.png"], capture_output=True, text=True)
print(told.stdout)
assert told.returncode == 0, told.stderr

# %%
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(12, 8), layout="constrained")
axis.imshow(plt.imread("checked.png"))
axis.axis("off")
plt.show()

# %% [markdown]
# It found that depth is in millimetres and that labels begin with 1, and says which options mean
# that. What it infers is a guess from these files: say it yourself, as below, where you know it.

# %%
from keras_lwm.datasets import load_builder

mine = load_builder(
    "rgbd_folder", folder=folder, depth_unit=0.001, first_id=1, void_ids=(0,), data_dir="data"
)
print({split: info.num_examples for split, info in mine.info.splits.items()})

# %% [markdown]
# ## Training on it
#
# The same as in [the first hour](first_hour.md), but for the builder. Twelve frames are enough to
# see the loss fall, and for no more.

# %%
import keras

from keras_lwm import Augmentation, CurriculumCallback, DepthPrivilegedModel, RefineNet
from keras_lwm.pipeline import evaluation_dataset, training_dataset
from keras_lwm.training import ProgressLine

classes = mine.info.metadata["class_names"]
keras.utils.set_random_seed(0)
network = RefineNet("efficientnet_lite0", len(classes), "light", weights="imagenet", channels=32)
network.backbone.trainable = False  # With so few frames, the decoder alone is trained.
model = DepthPrivilegedModel(network)
model.compile(keras.optimizers.AdamW(2e-3))
train = training_dataset(mine, "train", batch_size=4, augmentation=Augmentation(crop=(96, 128)))
history = model.fit(
    train,
    steps_per_epoch=6,
    epochs=3,
    verbose=0,
    callbacks=[CurriculumCallback(), ProgressLine()],
).history
assert history["loss"][-1] < history["loss"][0]

# %% [markdown]
# Test frames need no depth: the scores are the same with and without.

# %%
scores = model.evaluate(evaluation_dataset(mine, "test"), return_dict=True, verbose=0)
print({name: round(scores[name], 3) for name in ("pixel_accuracy", "mean_iou")})
