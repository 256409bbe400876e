# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A weighting of your own
#
# A weighting turns what is known of a batch into a weight for every pixel's loss. This one says
# that pixels are hard where depth jumps, at the outlines of things: it needs the depth of the
# training images, and nothing of it is left in what is deployed.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

import keras_lwm
from keras_lwm import CurriculumCallback, DepthPrivilegedModel, LossWeightModule
from keras_lwm.mining import HardnessWeighting
from keras_lwm.mining.measures import measured_mask

# %% [markdown]
# A `HardnessWeighting` is told how many times as hard as an average pixel each one is, and turns
# that into a weight of mean 1, by its strength and the curriculum's coefficient. Maps are (B, h,
# w, 1), at the size of the output whose loss is weighted.


# %%
@keras.saving.register_keras_serializable(package="my_project")
class DepthEdgeWeighting(HardnessWeighting):
    """Hardness is 4 where depth jumps by 10 % or more between neighbours, and 1 elsewhere."""

    uses_depth = True

    def measurements(self, maps, labels, depth, depth_pred, main_output, training):
        measured = measured_mask(depth)
        logarithm = ops.log(ops.where(measured > 0, depth, 1.0))
        # Where nothing is measured there is no jump: it is neither the nearest nor the farthest.
        farthest = highest(ops.where(measured > 0, logarithm, -10.0))
        nearest = -highest(ops.where(measured > 0, -logarithm, -10.0))
        return {"hardness": ops.where(farthest - nearest > np.log(1.1), 4.0, 1.0)}


def highest(maps):
    return ops.max_pool(maps, 3, strides=1, padding="same")


# %% [markdown]
# ## What it weighs
#
# On a frame that comes with the package, beside the Loss Weight Module, both as a map of one
# weight a pixel. Of one without bins that have seen data, `gathering="window"` gathers errors
# around each pixel.

# %%
image, label, depth = keras_lwm.load_example_frame()
model = keras_lwm.load_example().network
outputs = model.predict(image[None], verbose=0)
batch = (outputs["segmentation"], label[None], depth[None], outputs["depth"])
weightings = {
    "by depth's edges": DepthEdgeWeighting(strength=1.0),
    "LWM, by window": LossWeightModule(gathering="window", strength=1.0),
}

figure, axes = plt.subplots(1, 3, figsize=(13, 3), layout="constrained")
axes[0].imshow(image)
for axis, (name, weighting) in zip(axes[1:], weightings.items(), strict=True):
    weight = ops.convert_to_numpy(weighting(*map(ops.convert_to_tensor, batch)))[0]
    drawn = axis.imshow(weight, cmap="magma")
    axis.set(title=name)
    figure.colorbar(drawn, ax=axis)
    valid = label[2::4, 2::4] != 255
    assert abs(weight[valid].mean() - 1) < 0.02
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Training with it
#
# It goes wherever a weighting's name does. Here the packaged network learns the one frame for a
# few steps, from arrays: enough to see that it trains, and what is logged. Whether a weighting is
# worth anything takes paired runs over several seeds, as `recipes/ablation.py` makes them.

# %%
trained = DepthPrivilegedModel(model, weighting=DepthEdgeWeighting(), name="edges")
trained.compile(keras.optimizers.SGD(1e-3))
history = trained.fit(
    image[None, :96, :128],
    {"label": label[None, :96, :128], "depth": depth[None, :96, :128]},
    epochs=3,
    callbacks=[CurriculumCallback()],
    verbose=0,
).history
print({name: np.round(history[name], 3).tolist() for name in ("segmentation_loss", "coefficient")})

# %% [markdown]
# Because the class is registered, the model is saved and loaded with it.

# %%
trained.save("edges.keras")
loaded = keras.saving.load_model("edges.keras")
print(type(loaded.weighting).__name__, loaded.weighting.get_config()["strength"])
assert isinstance(loaded.weighting, DepthEdgeWeighting)
