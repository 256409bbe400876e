"""What docs/contributing.md adds where TensorFlow is: a data set, a format; README's Python."""

import keras
import numpy as np
import pytest
from coloured_frames import write_frames
from deployment.small_refinenet import small_refinenet
from documentation.examples import ROOT, example

from keras_lwm import Augmentation, Predictor, datasets, export_segmenter
from keras_lwm.datasets.check import check_builder
from keras_lwm.deployment import export, export_process, formats, runtimes
from keras_lwm.pipeline import evaluation_dataset, training_dataset


@pytest.fixture
def boxes(tmp_path, monkeypatch):
    monkeypatch.setitem(datasets.BUILDERS, "boxes", example("data_set").Boxes)
    return datasets.load_builder("boxes", data_dir=tmp_path)


def test_the_data_set_is_prepared_checked_and_served(boxes):
    report = check_builder(boxes)
    assert report.clean and not report.warnings
    batches = training_dataset(boxes, batch_size=4, augmentation=Augmentation(crop=(48, 32)))
    images, targets = next(iter(batches))
    assert images.shape == (4, 48, 32, 3) and targets["depth"].shape == (4, 48, 32, 1)
    [(image, target), *others] = evaluation_dataset(boxes, "test")
    assert len(others) == 7
    label, depth = target["label"][0].numpy(), target["depth"][0, ..., 0].numpy()
    palette = np.asarray(boxes.info.metadata["palette"])
    np.testing.assert_array_equal(image[0].numpy(), palette[label])
    assert (label == 1).sum() == 24**2 and set(depth[label == 1]) <= {0, 1.5}


@pytest.fixture
def frozen_graphs(monkeypatch):
    """The format as it would be once its three lines are in the library."""
    exporter = example("exporter")
    monkeypatch.setitem(formats.FORMATS, "frozen_graph", exporter.FORMAT)
    monkeypatch.setitem(export_process._WRITERS, "frozen_graph", exporter.write_frozen_graph)
    monkeypatch.setitem(runtimes._RUNTIMES, ".pb", exporter.FrozenGraphRuntime)
    # The exporting process knows nothing of these lines.
    monkeypatch.setattr(export, "export_in_child", export_process.export)


def test_the_format_is_exported_to_and_predicts_as_the_model(frozen_graphs, tmp_path):
    network = small_refinenet()
    path = tmp_path / "model.pb"
    exported = export_segmenter(network, path, "frozen_graph", probabilities=True)
    assert exported.path == path and exported.num_bytes == path.stat().st_size
    network.save(tmp_path / "model.keras")
    own, other = Predictor(tmp_path / "model.keras"), Predictor(path)
    assert own.description.class_names == other.description.class_names
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3)).astype("uint8")
    np.testing.assert_allclose(own.probabilities(image), other.probabilities(image), atol=1e-4)
    assert np.mean(own(image) == other(image)) > 0.999


def test_what_is_no_frozen_graph_ends_in_a_sentence(frozen_graphs, tmp_path):
    path = tmp_path / "other.pb"
    path.write_bytes(b"other")
    with pytest.raises(ValueError, match="other.pb cannot be opened as a frozen graph"):
        Predictor(path)


def replaced(text, **others):
    for old, new in others.values():
        assert text.count(old) == 1, f"README's Python has {old!r} {text.count(old)} times."
        text = text.replace(old, new)
    return text


def test_the_python_of_readme_trains_scores_and_saves(tmp_path, monkeypatch):
    write_frames(tmp_path / "frames")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [program] = [part.partition("\n```")[0] for part in readme.split("```python\n")[1:]]
    small = replaced(
        program,
        folder=('folder="FOLDER"', 'folder="frames", data_dir="data"'),
        crop=("crop=(240, 320)", "crop=(32, 32)"),
        epochs=("epochs=20", "epochs=1"),
        network=('"efficientnet_lite0"', "plain_backbone(width=4)"),
        weights=(', weights="imagenet"', ", channels=4"),
    ).replace("batch_size=8", "batch_size=2")
    monkeypatch.chdir(tmp_path)
    exec(small, {"plain_backbone": example("backbone").plain_backbone})
    logits = keras.saving.load_model("segmenter.keras").predict(np.zeros((1, 40, 50, 3)), verbose=0)
    assert logits.shape == (1, 40, 50, 3) and np.isfinite(logits).all()
