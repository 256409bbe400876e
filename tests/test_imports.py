"""What may be imported where, and that the core needs neither TensorFlow nor its companions."""

import ast
import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras_lwm

PACKAGE = Path(keras_lwm.__file__).parent
WITHOUT_TENSORFLOW = '''
import os, sys

ABSENT = {"tensorflow", "tensorflow_datasets", "keras_cv"}
ABSENT |= {"onnx", "onnxruntime", "tf2onnx", "ai_edge_litert", "openvino"}
if os.environ["KERAS_BACKEND"] == "jax":
    ABSENT |= {"torch"}

class WithoutAbsent:
    """Another finder, blind for what is absent: like a machine where it is not installed."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = map(WithoutAbsent, sys.meta_path)

import keras
import numpy as np
import keras_lwm
import keras_lwm.ablation, keras_lwm.experiment

keras_lwm.RefineNet("resnet50", num_classes=5, variant="light", channels=16)
network = keras_lwm.RefineNet("efficientnet_lite0", 5, "light", weights="imagenet", channels=32)
model = keras_lwm.DepthPrivilegedModel(network.inputs, network.output)
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
'''


def test_without_tensorflow_it_imports_builds_and_trains():
    backend = "jax" if importlib.util.find_spec("jax") is not None else "torch"
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(PACKAGE.parent),
    }
    subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW], env=environment, check=True)


@functools.cache
def imported_names(path):
    """The full names of everything that a file imports, inside its functions too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def importers(*packages):
    """The library's files, by their path in it, that import any of these packages."""
    return {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for name in imported_names(path)
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    }


def test_tensorflow_is_imported_only_where_data_and_its_own_step_are():
    for path in importers("tensorflow", "tensorflow_datasets"):
        assert path.startswith(("datasets/", "deployment/")) or path in (
            "pipeline.py",
            "training/optimizer.py",
            "training/step.py",
        )


def test_keras_cv_is_imported_in_one_module_and_only_when_asked_for():
    named = {path.name for path in PACKAGE.rglob("*.py") if '"keras_cv"' in path.read_text()}
    assert named == {"keras_cv_backbones.py"}
    assert importers("keras_cv") == set()


def test_click_is_for_the_command_line_alone():
    assert importers("click") == set()


def test_nobody_imports_private_keras():
    assert importers("keras.src") == set()


def test_imports_go_one_way():
    """Each package may import those that it names here, and no other."""
    known = {
        "mining": set(),
        "networks": set(),
        "metrics": set(),
        "training": {"mining", "metrics"},
        "rgbd_folder": set(),
        "datasets": {"rgbd_folder"},
        "run_folder": set(),
        "evaluation": {"metrics"},
        "report": {"mining", "metrics"},
        "deployment": {"networks", "run_folder", "evaluation"},
        "experiment": {"mining", "networks", "training", "run_folder", "evaluation", "report"},
        "ablation": {"mining", "networks", "rgbd_folder", "datasets", "evaluation", "experiment"},
    }
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(known)
    for package in known:
        for other in set(known) - known[package] - {package}:
            found = [
                path for path in importers(f"keras_lwm.{other}") if path.startswith(f"{package}/")
            ]
            assert not found, f"{found} import {other}"
    assert importers("keras_lwm_cli") == set()
