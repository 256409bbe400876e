import keras
import numpy as np
import pytest
from keras import ops

from keras_lwm.metrics import ConfusionMatrix
from keras_lwm.metrics.confusion import add_pixels, new_matrix

CLASSES = 5


def counted_by_loops(labels, class_ids, num_classes=CLASSES, void=255):
    matrix = np.zeros((num_classes, num_classes), "int64")
    for label, class_id in zip(labels.ravel().tolist(), class_ids.ravel().tolist(), strict=True):
        if label != void:
            matrix[label, class_id] += 1
    return matrix


def scores_by_loops(matrix):
    ious, accuracies, weighted, total = [], [], 0.0, matrix.sum()
    for k in range(len(matrix)):
        row, column = int(matrix[k].sum()), int(matrix[:, k].sum())
        if row or column:
            iou = matrix[k, k] / (row + column - matrix[k, k])
            ious.append(iou)
            weighted += row * iou / total
        if row:
            accuracies.append(matrix[k, k] / row)
    return {
        "pixel_accuracy": np.trace(matrix) / total,
        "mean_accuracy": sum(accuracies) / len(accuracies),
        "mean_iou": sum(ious) / len(ious),
        "frequency_weighted_iou": weighted,
    }


def random_batch(seed, shape=(2, 7, 9), dtype="uint8"):
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES - 1, shape)  # the last class is absent from the labels
    labels[random.random(shape) < 0.2] = 255
    return labels.astype(dtype), random.integers(0, CLASSES, shape).astype("int32")


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_counts_and_scores_equal_loops_over_batches_of_any_size(dtype):
    metric = ConfusionMatrix(CLASSES)
    expected = 0
    for seed, shape in enumerate([(2, 7, 9), (1, 3, 4), (3, 1, 1)]):
        labels, class_ids = random_batch(seed, shape, dtype)
        metric.update_state(labels, class_ids)
        expected = expected + counted_by_loops(labels, class_ids)
    np.testing.assert_array_equal(metric.matrix(), expected)
    assert metric.matrix().dtype == np.int64
    result = metric.result()
    for name, value in scores_by_loops(expected).items():
        assert ops.convert_to_numpy(result[name]) == pytest.approx(value, rel=1e-6), name


def test_pixels_on_the_host_are_counted_alike():
    matrix = new_matrix(CLASSES)
    expected = np.zeros((CLASSES, CLASSES), "int64")
    for seed in range(2):
        labels, class_ids = random_batch(seed)
        expected += counted_by_loops(labels, class_ids)
        add_pixels(matrix, labels[labels != 255], class_ids[labels != 255])
    assert matrix.dtype == "int64"
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize("labels", [np.zeros((0, 4, 4), "int32"), np.full((1, 4, 4), 255)])
def test_nothing_to_count_has_no_score(labels):
    metric = ConfusionMatrix(CLASSES)
    metric.update_state(labels, np.zeros(labels.shape, "int32"))
    assert metric.matrix().sum() == 0
    assert all(np.isnan(float(value)) for value in metric.result().values())


def test_counts_stay_exact_past_32_bits():
    metric = ConfusionMatrix(2)
    before = np.array([2**30 - 3, 5 * 2**30 + 7, 0, 2**33 - 1, 0])
    metric.low.assign((before & (2**30 - 1)).astype("int32"))
    metric.high.assign((before >> 30).astype("int32"))
    labels = np.array([[[0] * 6 + [1] * 5]])
    class_ids = np.array([[[0] * 6 + [1] * 5]])
    metric.update_state(labels, class_ids)
    after = before[:4].reshape(2, 2) + [[6, 0], [0, 5]]
    np.testing.assert_array_equal(metric.matrix(), after)
    for name, value in scores_by_loops(after).items():
        assert float(metric.result()[name]) == pytest.approx(value, rel=1e-6)


def test_an_update_counts_more_pixels_of_a_cell_than_float32_can():
    pixels = np.zeros((1, 4097, 4097), "uint8")
    metric = ConfusionMatrix(2)
    metric.update_state(pixels, pixels)
    assert pixels.size > 2**24
    assert metric.matrix().tolist() == [[pixels.size, 0], [0, 0]]


@pytest.mark.parametrize(("label", "class_id"), [(CLASSES, 0), (254, 0), (-1, 0), (0, CLASSES)])
def test_an_id_outside_the_classes_is_refused_when_the_matrix_is_read(label, class_id):
    labels, class_ids = random_batch(0, dtype="int32")
    labels[0, 0, 0], class_ids[0, 0, 0] = label, class_id
    metric = ConfusionMatrix(CLASSES)
    metric.update_state(labels, class_ids)
    with pytest.raises(ValueError, match="from 0 to 4 or 255 .* 1 pixels"):
        metric.matrix()


def test_reset_and_configuration():
    metric = ConfusionMatrix(CLASSES, name="test")
    metric.update_state(*random_batch(0))
    metric.reset_state()
    assert metric.matrix().sum() == 0
    copy = ConfusionMatrix.from_config(metric.get_config())
    assert (copy.num_classes, copy.name) == (CLASSES, "test")


@pytest.mark.parametrize("num_classes", [0, 1, 65536])
def test_fewer_than_two_or_too_many_classes_are_refused(num_classes):
    with pytest.raises(ValueError, match=f"2 to 65535 classes; .*num_classes={num_classes}"):
        ConfusionMatrix(num_classes)


def test_more_classes_than_cells_can_be_numbered_are_refused():
    with pytest.raises(ValueError, match="at most 46339 classes .* num_classes=46340"):
        ConfusionMatrix(46340)


def test_300_classes_are_counted_with_255_among_them():
    random = np.random.default_rng(0)
    labels = random.choice([3, 254, 255, 256, 299, 65535], (2, 9, 11)).astype("uint16")
    class_ids = random.choice([3, 254, 255, 256, 298], (2, 9, 11)).astype("int32")
    metric = ConfusionMatrix(300)
    metric.update_state(labels, class_ids)
    expected = counted_by_loops(labels, class_ids, 300, void=65535)
    assert expected[255].sum() > 0
    np.testing.assert_array_equal(metric.matrix(), expected)
    for name, value in scores_by_loops(expected).items():
        assert float(metric.result()[name]) == pytest.approx(value, rel=1e-6), name


@pytest.mark.parametrize("seed", range(8))
def test_mean_iou_is_that_of_keras_also_where_a_class_is_predicted_alone(seed):
    random = np.random.default_rng(seed)
    labels = random.choice(random.permutation(CLASSES)[: 1 + seed % 4], (2, 5, 6))
    labels[random.random(labels.shape) < 0.2] = 255
    class_ids = random.choice(random.permutation(CLASSES)[: 1 + seed % 3], (2, 5, 6))
    ours, theirs = ConfusionMatrix(CLASSES), keras.metrics.MeanIoU(CLASSES, ignore_class=255)
    ours.update_state(labels, class_ids)
    theirs.update_state(labels, class_ids)
    assert float(ours.result()["mean_iou"]) == pytest.approx(float(theirs.result()), rel=1e-5)


class ArgmaxLogs(keras.Model):
    """A model that updates the metric in its compiled test step, as training does."""

    def __init__(self):
        super().__init__()
        self.scale = keras.layers.Rescaling(1.0)
        self.confusion = ConfusionMatrix(CLASSES)

    def call(self, logits):
        return self.scale(logits)

    @property
    def metrics(self):
        return [self.confusion]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.confusion.update_state(y, ops.argmax(y_pred, axis=-1))
        return self.get_metrics_result()


def test_logs_of_a_compiled_evaluation_equal_loops():
    random = np.random.default_rng(3)
    logits = random.normal(size=(5, 6, 7, CLASSES)).astype("float32")
    labels, _ = random_batch(4, (5, 6, 7), "int32")
    model = ArgmaxLogs()
    model.compile()
    logs = model.evaluate(logits, labels, batch_size=2, verbose=0, return_dict=True)
    expected = scores_by_loops(counted_by_loops(labels, logits.argmax(-1)))
    for name, value in expected.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5), name
    np.testing.assert_array_equal(
        model.confusion.matrix(), counted_by_loops(labels, logits.argmax(-1))
    )
