"""PyTorch without any extra: it imports, builds and trains. `tests_core` does that under JAX."""

from test_imports import run_blind

WITHOUT_TENSORFLOW = """
ABSENT |= {"tensorflow", "tensorflow_datasets", "tensorboard", "keras_cv", "keras_hub"}
ABSENT |= {"trimesh", "embreex"}
ABSENT |= {"onnx", "onnxruntime", "tf2onnx", "ai_edge_litert", "openvino", "matplotlib"}
ABSENT |= {"jax", "scipy"}

import keras
import numpy as np
import keras_lwm
import keras_lwm_cli.datasets, keras_lwm_cli.evaluate, keras_lwm_cli.export, keras_lwm_cli.predict

for module in ("keras_lwm.pipeline", "keras_lwm.datasets"):
    assert sentence(module).endswith(
        f" ({module}) needs a package that cannot be imported (No module named 'tensorflow'): "
        '`pip install "keras_lwm[tensorflow]"`.'
    )
for module in ("keras_lwm.report", "keras_lwm.experiment.run"):
    assert sentence(module) == (
        "Drawing (keras_lwm.report) needs a package that cannot be imported (No module named "
        "'matplotlib'): " '`pip install "keras_lwm[report]"`.'
    )
try:
    from keras_lwm.experiment import train
except ImportError as error:
    assert str(error).startswith("Drawing (keras_lwm.report) needs a package")
else:
    raise AssertionError("It can be imported.")
# What trains does not draw.
import keras_lwm.ablation
assert not ABSENT & set(sys.modules)

keras_lwm.RefineNet("resnet50", num_classes=5, variant="light", channels=16)
network = keras_lwm.RefineNet("efficientnet_lite0", 5, "light", weights="imagenet", channels=32)
model = keras_lwm.DepthPrivilegedModel(network)
model.compile(keras.optimizers.AdamW(1e-3))
random = np.random.default_rng(0)
images = random.integers(0, 256, (4, 64, 64, 3)).astype("uint8")
labels = random.integers(0, 5, (4, 64, 64)).astype("uint8")
depths = random.uniform(1, 5, (4, 64, 64, 1)).astype("float32")
history = model.fit(
    images,
    {"label": labels, "depth": depths},
    batch_size=2,
    callbacks=[keras_lwm.CurriculumCallback()],
    verbose=0,
)
assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 2
assert np.isfinite(history.history["loss"]).all()
assert not ABSENT & set(sys.modules)
"""


def test_without_any_extra_it_imports_builds_and_trains():
    run_blind(WITHOUT_TENSORFLOW, backend="torch")
