"""What may be imported where, and that the core needs no package of an extra but a backend."""

import ast
import configparser
import functools
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keras_lwm
from keras_lwm.deployment.formats import FORMATS
from keras_lwm.extras import check_installed, imports_of

PACKAGE = Path(keras_lwm.__file__).parent
ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
BLIND = '''
import importlib
import sys

ABSENT = set()

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

def sentence(module):
    """What the import of a module says."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return str(error)
    raise AssertionError(f"{module} can be imported.")
'''
WITHOUT_A_BACKEND = """
ABSENT |= {"tensorflow", "jax", "torch"}
assert sentence("keras_lwm.mining") == (
    "Keras cannot import its backend (No module named 'jax'): name one that is installed in the "
    "environment variable KERAS_BACKEND (tensorflow, jax or torch), or install it, as by "
    '`pip install "keras_lwm[tensorflow]"`.'
)
"""
WITHOUT_A_RENDERER = """
import runpy

_, child, package = sys.argv
# Neither Keras nor TensorFlow: as in the processes that render.
runpy.run_path(child)["register_bare_packages"]()
from keras_lwm.datasets.rooms import splits

ABSENT.add(package)
try:
    next(splits.frames("train", "tiny"))
except ImportError as error:
    start, named, end = str(error).partition(f"(No module named '{package}")
    assert start == "Rendering rooms needs a package that cannot be imported ", error
    assert end.endswith('): `pip install "keras_lwm[rooms]"`.'), error
else:
    raise AssertionError("It rendered.")
"""


def run_blind(program, *arguments, backend):
    environment = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(PACKAGE.parent),
    }
    command = [sys.executable, "-c", BLIND + program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_without_a_backend_the_sentence_names_them():
    run_blind(WITHOUT_A_BACKEND, backend="jax")


@pytest.mark.parametrize("package", ["trimesh", "embreex", "scipy"])
def test_rooms_name_the_extra_that_renders_them(package):
    child = PACKAGE / "datasets" / "rooms" / "child.py"
    run_blind(WITHOUT_A_RENDERER, child, package, backend="jax")


def test_a_missing_package_is_named_with_its_extra():
    sentence = (
        "A picture needs a package that cannot be imported (No module named 'no_such_package'): "
        '`pip install "keras_lwm[report]"`.'
    )
    with (
        pytest.raises(ImportError, match=re.escape(sentence)),
        imports_of("report", "A picture"),
    ):
        importlib.import_module("no_such_package")
    with pytest.raises(ImportError, match="ONNX needs no_such and nor_such, not installed here: `"):
        check_installed("onnx", "ONNX", "no_such", "numpy", "nor_such")


def requirements(text):
    """The names in one of setup.cfg's lists of requirements."""
    lines = (line.strip() for line in text.splitlines())
    return {re.split(r"[\[<>=~! ]", line)[0] for line in lines if line and line[0] != "#"}


def test_the_core_requires_what_its_modules_import():
    imported = set()
    for path in (*PACKAGE.rglob("*.py"), *(ROOT / "keras_lwm_cli").glob("*.py")):
        # What their packages import first says which extra is missing.
        of_a_backend = path.name == "jax_on_cpu.py" or path.name.endswith("_operations.py")
        of_an_extra = path.is_relative_to(PACKAGE / "report") or of_a_backend
        if not path.is_relative_to(PACKAGE / "datasets") and not of_an_extra:
            nodes = ast.parse(path.read_text(encoding="utf-8")).body
            imported |= {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
            imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    own = {"keras_lwm", "keras_lwm_cli"}
    names = {"PIL": "pillow"}
    assert {names.get(root, root) for root in roots - own} == requirements(
        SETUP["options"]["install_requires"]
    )


def test_every_extra_that_is_named_can_be_installed():
    named = {format.extra for format in FORMATS.values()}
    for path in PACKAGE.rglob("*.py"):
        called = r'(?:imports_of|check_installed|install)\("([^"]+)"'
        named |= set(re.findall(called, path.read_text(encoding="utf-8")))
    assert named >= {"tensorflow", "rooms", "benchmarks", "report", "hub", "keras-cv", "pretrained"}
    assert named <= set(SETUP["options.extras_require"])


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


def test_tensorflow_is_imported_only_where_data_its_own_step_devices_and_resizing_are():
    for path in importers("tensorflow", "tensorflow_datasets"):
        assert path.startswith(("datasets/", "deployment/")) or path in (
            "devices.py",
            "pipeline.py",
            "replicas.py",
            "resampling.py",
            "tensorflow_operations.py",
            "training/even_batches.py",
            "training/optimizer.py",
            "training/step.py",
        )


def test_jax_and_torch_are_imported_where_a_step_its_devices_and_operations_are_theirs():
    assert importers("jax") == {"devices.py", "jax_on_cpu.py", "training/step.py"}
    of_torch = {"resampling.py", "run_folder/state.py", "torch_operations.py", "training/step.py"}
    assert importers("torch") == of_torch | {"devices.py", "replicas.py"}


def test_keras_cv_and_keras_hub_are_imported_where_they_are_asked_for_alone():
    assert importers("keras_cv") == {"networks/keras_cv_backbones.py"}
    of_hub = {"networks/hub_backbones.py", "made_depth/keras_hub_preset.py"}
    assert importers("keras_hub") == of_hub


def test_av_is_imported_where_a_video_is_opened():
    assert importers("av") == {"video/reading.py"}


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
        "large_images": {"networks"},
        "evaluation": {"metrics", "large_images"},
        "report": {"mining", "metrics"},
        "deployment": {"networks", "run_folder", "evaluation", "large_images"},
        "made_depth": {"rgbd_folder", "run_folder", "deployment"},
        "example": {"datasets", "run_folder", "deployment"},
        "video": {"deployment", "large_images"},
        "experiment": {
            *("mining", "networks", "training", "run_folder", "evaluation", "report"),
            "deployment",
        },
        "ablation": {
            *("mining", "networks", "metrics", "rgbd_folder", "made_depth", "datasets"),
            *("evaluation", "experiment", "report"),
        },
    }
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(known)
    for package in known:
        for other in set(known) - known[package] - {package}:
            found = [
                path for path in importers(f"keras_lwm.{other}") if path.startswith(f"{package}/")
            ]
            assert not found, f"{found} import {other}"
    assert importers("keras_lwm_cli") == set()


def test_every_public_function_says_what_it_returns():
    def public(nodes):
        for node in nodes:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from public(node.body)
            elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node

    silent = [
        f"{path.relative_to(PACKAGE.parent)}:{node.lineno} {node.name}"
        for package in (PACKAGE, PACKAGE.with_name("keras_lwm_cli"))
        for path in package.rglob("*.py")
        for node in public(ast.parse(path.read_text(encoding="utf-8")).body)
        if node.returns is None
    ]
    assert not silent
