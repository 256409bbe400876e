"""Evaluation of what stands for a model file, against plain NumPy."""

import pytest
from evaluation import oracle

from keras_lwm.description import Description
from keras_lwm.evaluation import MultiScale, SlidingWindow, evaluate

NAMES = ("wall", "floor", "chair", "ghost")
COLOURS = [(index, index, index) for index in range(oracle.CLASSES)]


class ModelFile:
    """Answers as `keras_lwm.Predictor` does, by NumPy."""

    path = "model.onnx"
    network = None

    def __init__(self, gives_probabilities, names=NAMES):
        self.gives_probabilities = gives_probabilities
        self.description = Description(names, COLOURS[: len(names)])

    def __call__(self, image):
        return oracle.logits_of(image).argmax(axis=-1).astype("uint8")

    def probabilities(self, image):
        assert self.gives_probabilities
        return oracle.softmax(oracle.logits_of(image)).astype("float32")

    def class_ids(self, image, size):
        return oracle.resized(self.probabilities(image), size).argmax(axis=-1).astype("uint8")


def run(model, frames, **options):
    data = oracle.batches(*frames)
    return evaluate(model, data, oracle.CLASSES, progress=False, **options)


@pytest.mark.parametrize("gives_probabilities", [True, False])
def test_at_the_image_s_size_a_file_scores_as_its_network(gives_probabilities):
    images, labels, _ = oracle.random_frames(3)
    expected = run(oracle.network(), (images, labels), class_names=NAMES)
    scores = run(ModelFile(gives_probabilities), (images, labels), class_names=NAMES)
    assert scores == expected


def test_at_another_size_resized_probabilities_decide():
    images, labels, _ = oracle.random_frames(2, (10, 13), (20, 26))
    predictions = [
        oracle.resized(oracle.softmax(oracle.logits_of(image)), (20, 26)).argmax(axis=-1)
        for image in images
    ]
    scores = run(ModelFile(True), (images, labels))
    assert scores["confusion_matrix"] == oracle.counted(labels, predictions).tolist()


def test_at_another_size_class_ids_alone_are_taken_from_the_nearest_pixel():
    images, labels, _ = oracle.random_frames(2, (10, 13), (20, 26))
    predictions = [
        oracle.logits_of(image).argmax(axis=-1).repeat(2, axis=0).repeat(2, axis=1)
        for image in images
    ]
    scores = run(ModelFile(False), (images, labels))
    assert scores["confusion_matrix"] == oracle.counted(labels, predictions).tolist()


def test_the_keras_model_of_a_file_is_taken_where_there_is_one():
    frames = oracle.random_frames(2)
    model = ModelFile(True)
    model.network = oracle.network(depth=True)
    assert run(model, frames) == run(model.network, frames)
    assert run(model, frames, view=MultiScale((0.6,)))["frames"] == 2


@pytest.mark.parametrize("view", [MultiScale(), SlidingWindow((4, 4))])
def test_another_view_of_an_exported_file_is_refused(view):
    with pytest.raises(ValueError, match=rf"{type(view).__name__}; model.onnx is exported"):
        run(ModelFile(True), oracle.random_frames(1), view=view)


def test_other_classes_are_refused():
    frames = oracle.random_frames(1)
    with pytest.raises(ValueError, match="network of 4 classes, as the data set has; .* of 3"):
        run(ModelFile(True, NAMES[:3]), frames)
    with pytest.raises(ValueError, match="class 1 is 'floor' in the model and 'bed' in the data"):
        run(ModelFile(True), frames, class_names=["wall", "bed", "chair", "ghost"])
    unnamed = Description.unnamed(oracle.CLASSES).class_names
    for names in (NAMES, unnamed):
        assert run(ModelFile(True, names), frames)["frames"] == 1
    assert run(ModelFile(True, unnamed), frames, class_names=NAMES)["frames"] == 1


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="or a keras_lwm.Predictor; received 'runs/rooms'"):
        run("runs/rooms", oracle.random_frames(1))
