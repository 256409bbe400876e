"""`.keras` files and run folders, on the tests' backend, and what is no model at all."""

import keras
import numpy as np
import pytest
from evaluation import oracle
from PIL import Image

from keras_lwm import Predictor, segmenter
from keras_lwm.description import Description
from keras_lwm.run_folder.models import save_model

NAMES = ("wall", "floor", "chair", "lamp")
DESCRIPTION = Description(NAMES, [(1, 2, 3), (4, 5, 6), (7, 8, 9), (0, 1, 2)])
IMAGE = np.random.default_rng(0).integers(0, 256, (9, 13, 3)).astype("uint8")
CLASS_IDS = oracle.logits_of(IMAGE).argmax(axis=-1)
PROBABILITIES = oracle.softmax(oracle.logits_of(IMAGE))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder whose last model has other weights than its best."""
    folder = tmp_path_factory.mktemp("run")
    save_model(oracle.network(depth=True), folder / "best.keras", {}, DESCRIPTION)
    last = oracle.network(depth=True)
    last.get_layer("logits").set_weights([oracle.weights(seed=5)])
    save_model(last, folder / "last.keras", {}, DESCRIPTION)
    return folder


@pytest.fixture(scope="module")
def predictor(run):
    return Predictor(run)


def test_a_run_folder_s_best_model_is_asked(predictor):
    class_ids = predictor(IMAGE)
    assert class_ids.dtype == "uint8"
    np.testing.assert_array_equal(class_ids, CLASS_IDS)
    probabilities = predictor.probabilities(IMAGE)
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities, PROBABILITIES, atol=1e-5)
    assert predictor.description == DESCRIPTION
    assert set(predictor.network.output) == {"segmentation", "depth"}


def test_without_a_best_model_the_last_one_is_asked(run, tmp_path):
    (tmp_path / "last.keras").write_bytes((run / "last.keras").read_bytes())
    expected = oracle.logits_of(IMAGE, seed=5).argmax(axis=-1)
    np.testing.assert_array_equal(Predictor(tmp_path)(IMAGE), expected)


def test_an_image_may_be_a_path_a_picture_or_an_array_of_any_form(predictor, tmp_path):
    picture = Image.fromarray(IMAGE)
    picture.save(tmp_path / "image.png")
    for image in (tmp_path / "image.png", str(tmp_path / "image.png"), picture, IMAGE * 1.0):
        np.testing.assert_array_equal(predictor(image), CLASS_IDS)
    grey = IMAGE[..., 0]
    expected = oracle.logits_of(np.stack([grey] * 3, axis=-1)).argmax(axis=-1)
    np.testing.assert_array_equal(predictor(grey), expected)
    with pytest.raises(ValueError, match="Expected one image"):
        predictor(IMAGE[None])


@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_a_saved_segmenter_is_asked(tmp_path, output):
    path = tmp_path / "segmenter.keras"
    segmenter(oracle.network(depth=True), output).save(path)
    predictor = Predictor(path)
    np.testing.assert_array_equal(predictor(IMAGE), CLASS_IDS)
    np.testing.assert_allclose(predictor.probabilities(IMAGE), PROBABILITIES, atol=1e-5)
    # What evaluation takes the softmax of.
    logits = predictor.network.predict(IMAGE[None], verbose=0)[0]
    np.testing.assert_allclose(logits, oracle.logits_of(IMAGE), atol=1e-3)
    assert predictor.description == Description.unnamed(oracle.CLASSES)


def test_a_network_of_one_size_sees_images_resized_to_it(tmp_path):
    image = keras.Input((18, 26, 3))
    kernel = oracle.weights()
    conv = keras.layers.Conv2D(oracle.CLASSES, 3, padding="same", use_bias=False)
    keras.Model(image, conv(image)).save(tmp_path / "fixed.keras")
    model = keras.saving.load_model(tmp_path / "fixed.keras")
    model.layers[-1].set_weights([kernel])
    model.save(tmp_path / "fixed.keras")
    seen = oracle.resized(IMAGE.astype("float64"), (18, 26))
    expected = oracle.logits_of(seen).argmax(axis=-1)[1::2, 1::2]  # the pixel under the centre
    np.testing.assert_array_equal(Predictor(tmp_path / "fixed.keras")(IMAGE), expected)


def test_scores_that_are_not_finite_are_told(tmp_path):
    network = oracle.network()
    network.get_layer("logits").set_weights([np.full((3, 3, 3, oracle.CLASSES), 1e38)])
    network.save(tmp_path / "huge.keras")
    predictor = Predictor(tmp_path / "huge.keras")
    with pytest.raises(ValueError, match="finite scores .*huge.keras; received others at 117 pix"):
        predictor(IMAGE)
    with pytest.raises(ValueError, match="finite probabilities of .*huge.keras"):
        predictor.probabilities(IMAGE)
    network.get_layer("logits").set_weights([np.full((3, 3, 3, oracle.CLASSES), np.nan)])
    network.save(tmp_path / "nan.keras")
    with pytest.raises(ValueError, match="finite weights; received NaN or infinity in .*nan.keras"):
        Predictor(tmp_path / "nan.keras")


def test_a_description_of_other_classes_is_told(tmp_path):
    path = tmp_path / "last.keras"
    save_model(oracle.network(), path, {}, Description.unnamed(6))
    with pytest.raises(ValueError, match="last.keras describes 6 classes; its network has 4"):
        Predictor(tmp_path)


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"a run folder, .*; there is nothing at .*nowhere"):
        Predictor(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is a folder of other things"):
        Predictor(tmp_path)
    (tmp_path / "options.json").write_text("{}")
    with pytest.raises(ValueError, match="has saved no model yet"):
        Predictor(tmp_path)
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(ValueError, match=r"Expected a model \(a run .* received the file .*photo"):
        Predictor(tmp_path / "photo.jpg")
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(ValueError, match="text.keras"):
        Predictor(tmp_path / "text.keras")
    dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    dense.save(tmp_path / "dense.keras")
    with pytest.raises(ValueError, match="dense.keras holds no network that can be used here: "):
        Predictor(tmp_path / "dense.keras")
