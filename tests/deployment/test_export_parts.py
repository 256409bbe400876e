"""The parts of an export that need no process of their own."""

import os

import keras
import numpy as np
import pytest
from deployment.small_refinenet import small_refinenet, trained_model

from keras_lwm.deployment.export import check_place, complete_or_not_at_all
from keras_lwm.deployment.inference_network import inference_network, load_in_float32
from keras_lwm.networks import segmenter

IMAGES = np.random.default_rng(0).integers(0, 256, (1, 37, 53, 3)).astype("float32")


def logits_of(model):
    return keras.ops.convert_to_numpy(model(IMAGES, training=False))


def test_every_form_of_a_model_gives_the_same_logits():
    model = trained_model()
    expected = logits_of(segmenter(model))
    forms = [
        model,
        segmenter(model),
        segmenter(model, "probabilities"),
        inference_network(model),
        keras.Sequential([keras.Input((None, None, 3)), segmenter(model)]),
    ]
    for form in forms:
        network = inference_network(form)
        np.testing.assert_allclose(logits_of(network), expected, rtol=1e-5, atol=1e-5)
        assert network.name == "segmenter"
        resizes = [each for each in network.layers if each.name.startswith("logits_at_image_size")]
        assert len(resizes) == 1


def test_a_network_of_other_images_gets_a_sentence():
    for channels, message in (
        (5, r"inputs of shape \(None, None, None, 5\)"),
        (4, "received one that sees depth"),
    ):
        image = keras.Input((None, None, channels))
        model = keras.Model(image, {"segmentation": keras.layers.Conv2D(5, 1)(image)})
        with pytest.raises(ValueError, match=message):
            inference_network(model)
    with pytest.raises(ValueError, match="ends in logits .* or their softmax; received model"):
        inference_network(segmenter(small_refinenet(), "labels"))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_of_mixed_precision_is_loaded_in_float32(policy, tmp_path):
    model = small_refinenet()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = small_refinenet()
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(model.get_weights())
    mixed.save(tmp_path / "mixed.keras")
    network = inference_network(load_in_float32(tmp_path / "mixed.keras", "mixed.keras"))
    for layer in network._flatten_layers():
        assert layer.compute_dtype == "float32", layer
    expected = logits_of(segmenter(model))
    np.testing.assert_allclose(logits_of(network), expected, rtol=1e-5, atol=1e-5)


def test_weights_that_are_not_finite_get_a_sentence(tmp_path):
    model = small_refinenet()
    layer = model.get_layer("segmentation_logits")
    layer.bias.assign([0, 0, float("nan"), 0, 0])
    model.save(tmp_path / "broken.keras")
    with pytest.raises(ValueError, match=r"NaN or infinity in .*bias of .*broken.keras"):
        load_in_float32(tmp_path / "broken.keras", "broken.keras")


def write(path):
    """As an exporter writes: a folder, or a file, or a pair of them."""
    if path.suffix:
        path.write_text("new")
        if path.suffix == ".xml":
            path.with_suffix(".bin").write_text("new")
    else:
        path.mkdir()
        (path / "saved_model.pb").write_text("new")


@pytest.mark.parametrize("name", ["model.onnx", "model.xml", "model"])
@pytest.mark.parametrize("earlier", [False, True])
def test_an_export_takes_its_place_only_once_complete(tmp_path, name, earlier):
    path = tmp_path / name
    if earlier:
        with complete_or_not_at_all(path) as partial:
            write(partial)
        (path if path.suffix else path / "saved_model.pb").write_text("earlier")
        if not path.suffix:
            (path / "left over").write_text("earlier")
    before = contents(tmp_path)

    def interrupted():
        with complete_or_not_at_all(path) as partial:
            write(partial)
            raise KeyboardInterrupt

    pytest.raises(KeyboardInterrupt, interrupted)
    assert contents(tmp_path) == before
    with complete_or_not_at_all(path) as partial:
        write(partial)
        assert contents(tmp_path, hidden=False) == before
    assert set(contents(tmp_path).values()) == {"new"}
    assert len(contents(tmp_path)) == (2 if name == "model.xml" else 1)


def contents(folder, hidden=True):
    files = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder): path.read_text() for path in files}
    return {
        path: text for path, text in names.items() if hidden or not path.parts[0].startswith(".")
    }


def test_no_stranger_is_overwritten(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    check_place(folder, "", overwrite=True)
    (folder / "one.jpg").write_text("a photo")
    (tmp_path / "notes").write_text("a text")
    (tmp_path / "model.bin").write_text("the weights of another format")
    os.symlink(tmp_path / "nowhere", tmp_path / "model.onnx")
    for name in ("photos", "notes"):
        with pytest.raises(ValueError, match=f"earlier export to overwrite; received .*{name}"):
            check_place(tmp_path / name, "", overwrite=True)
    for name, suffix, kept in (("model.xml", ".xml", "model.bin"), ("model.onnx", ".onnx", None)):
        with pytest.raises(ValueError, match=f"{kept or name} exists and is kept"):
            check_place(tmp_path / name, suffix, overwrite=False)
