import json

import numpy as np
import pytest
from evaluation import oracle

from keras_lwm.evaluation import (
    DEPTH_RANGES,
    DepthRange,
    MultiScale,
    SlidingWindow,
    TrimapBand,
    evaluate,
)

NAMES = ["wall", "floor", "chair", "ghost"]


def run(images, labels, depths=None, size=2, depth=False, **options):
    data = oracle.batches(images, labels, depths, size)
    return evaluate(oracle.network(depth), data, oracle.CLASSES, progress=False, **options)


@pytest.mark.parametrize("label_size", [(10, 13), (20, 26), (5, 7)])
def test_single_scale_equals_numpy_at_the_labels_resolution(label_size):
    images, labels, _ = oracle.random_frames(3, (10, 13), label_size)
    predictions = [oracle.resized(oracle.logits_of(x), label_size).argmax(-1) for x in images]
    expected = oracle.counted(labels, predictions)
    scores = run(images, labels, class_names=NAMES)
    assert scores["confusion_matrix"] == expected.tolist()
    assert scores["frames"] == 3
    assert scores["pixels"] == expected.sum()
    assert scores["pixel_accuracy"] == np.trace(expected) / expected.sum()
    assert expected[:, 3].any()  # predicted, though never labelled
    assert scores["classes"][3] == {"name": "ghost", "iou": 0.0, "accuracy": None, "pixels": 0}
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


@pytest.mark.parametrize(
    ("scales", "percents", "flip"),
    [((0.4, 1.0, 1.2), [40, 100, 120], True), ((0.55, 1.0), [55, 100], False)],
)
def test_multi_scale_equals_numpy(scales, percents, flip):
    images, labels, _ = oracle.random_frames(2, (10, 13))
    predictions = [oracle.multi_scale(x, (10, 13), percents, flip).argmax(-1) for x in images]
    scores = run(images, labels, view=MultiScale(scales, flip))
    assert scores["confusion_matrix"] == oracle.counted(labels, predictions).tolist()


@pytest.mark.parametrize("label_size", [(11, 17), (22, 34)])
def test_a_sliding_window_that_tiles_unevenly_equals_numpy(label_size):
    images, labels, _ = oracle.random_frames(2, (11, 17), label_size)
    predictions = []
    for image in images:
        total, looks = np.zeros((11, 17, oracle.CLASSES)), np.zeros((11, 17, 1))
        for top in (0, 2, 5):  # 6 high, at most 4 apart; 7 wide, at most 4 apart
            for left in (0, 3, 6, 10):
                window = image[top : top + 6, left : left + 7]
                seen = oracle.multi_scale(window, (6, 7), [100], flip=True) / 2
                total[top : top + 6, left : left + 7] += seen
                looks[top : top + 6, left : left + 7] += 1
        predictions.append(oracle.resized(total / looks, label_size).argmax(-1))
    scores = run(images, labels, view=SlidingWindow((6, 7), overlap=1 / 3, flip=True))
    assert scores["confusion_matrix"] == oracle.counted(labels, predictions).tolist()


def test_a_frame_smaller_than_the_window_is_seen_whole():
    images, labels, _ = oracle.random_frames(1, (5, 6))
    assert run(images, labels, view=SlidingWindow((64, 64))) == run(images, labels)


@pytest.mark.parametrize("view", [None, MultiScale((0.6,)), SlidingWindow((6, 7))])
def test_scores_are_the_same_to_the_last_digit_for_any_batch_size(view):
    images, labels, depths = oracle.random_frames(5)
    results = [
        run(images, labels, depths, size, depth=True, view=view, subsets=[DepthRange(0, 3)])
        for size in (1, 3)
    ]
    assert results[0] == results[1]


def test_depth_changes_no_segmentation_score():
    images, labels, depths = oracle.random_frames(3)
    with_depth = run(images, labels, depths, depth=True)
    del with_depth["depth"]
    assert with_depth == run(images, labels)


def test_depth_errors_equal_loops():
    images, labels, depths = oracle.random_frames(3, (10, 14))
    relative, squared, close = [], [], []
    for image, depth in zip(images, depths, strict=True):
        metres = image.astype("float64").sum(-1) * 0.01
        pooled = metres.reshape(5, 2, 7, 2).max(axis=(1, 3))
        metres = oracle.resized(pooled[..., None], (10, 14))
        for d, p in zip(depth.ravel().tolist(), metres.ravel().tolist(), strict=True):
            if d > 0:
                relative.append(abs(p - d) / d)
                squared.append((p - d) ** 2)
                close.append(max(p / d, d / p) < 1.25)
    scores = run(images, labels, depths, depth=True)["depth"]
    assert scores["pixels"] == len(relative)
    assert scores["abs_rel"] == pytest.approx(np.mean(relative), rel=1e-5)
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean(squared)), rel=1e-5)
    assert scores["delta_1.25"] == pytest.approx(np.mean(close), rel=1e-5)


def mean_iou_by_loops(matrix):
    unions = [matrix[k].sum() + matrix[:, k].sum() - matrix[k, k] for k in range(len(matrix))]
    ious = [matrix[k, k] / union for k, union in enumerate(unions) if union]
    return sum(ious) / len(ious)


def test_subsets_equal_loops():
    images, labels, depths = oracle.random_frames(2)
    predictions = [oracle.logits_of(image).argmax(-1) for image in images]
    subsets = [TrimapBand(2), *DEPTH_RANGES]
    scores = run(images, labels, depths, subsets=subsets)["subsets"]
    for near, far, name in ((0, 2, "0 to 2 m"), (6, 99, "from 6 m")):
        inside = (depths[..., 0] > 0) & (depths[..., 0] >= near) & (depths[..., 0] < far)
        matrix = oracle.counted(np.where(inside, labels, 255), predictions)
        assert scores[name]["pixels"] == matrix.sum()
        assert scores[name]["pixel_accuracy"] == np.trace(matrix) / matrix.sum()
        assert scores[name]["mean_iou"] == pytest.approx(mean_iou_by_loops(matrix))
    assert 0 < scores["within 2 px of a boundary"]["pixels"] <= (labels != 255).sum()


def test_frames_of_several_sizes_are_counted_together():
    first = oracle.random_frames(1, (10, 13))
    second = oracle.random_frames(1, (7, 9))
    data = [*oracle.batches(*first), *oracle.batches(*second)]
    together = evaluate(oracle.network(), data, oracle.CLASSES, progress=False)
    apart = [run(*frames)["confusion_matrix"] for frames in (first, second)]
    assert together["confusion_matrix"] == np.add(*apart).tolist()


def test_progress_is_shown_in_batches(capsys):
    data = list(oracle.batches(*oracle.random_frames(3)))
    evaluate(oracle.network(), data, oracle.CLASSES)
    assert "Evaluating: 2 of 2 batches, 0:00:0" in capsys.readouterr().err


def test_a_label_outside_the_classes_is_refused_with_its_frame():
    images, labels, _ = oracle.random_frames(4)
    labels[2, 3, 3] = 9
    with pytest.raises(ValueError, match=r"from 0 to 3 or 255 \(void\); received 9 in frame 2"):
        run(images, labels)


def test_parts_that_do_not_fit_together_are_refused():
    images, labels, depths = oracle.random_frames(2)
    with pytest.raises(ValueError, match=r"of one aspect from frame 0 on; .*\(2, 10, 9\)"):
        run(images, labels[..., :9])
    with pytest.raises(ValueError, match=r"\(1, 10, 13\)"):
        list_ = [(images, {"label": labels[:1]})]
        evaluate(oracle.network(), list_, oracle.CLASSES, progress=False)
    with pytest.raises(ValueError, match=r"depths \(B, h, w, 1\)"):
        run(images, labels, depths[..., 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images / np.float32(255), "from 0 to 255 in frame 0; received values from"),
        (lambda images: images - np.float32(128), "from 0 to 255 in frame 0; received .* from -12"),
        (lambda images: np.where(images < 3, np.nan, images), "finite image values .* in frame 0"),
    ],
)
def test_images_of_another_range_are_refused(change, message):
    images, labels, _ = oracle.random_frames(1)
    with pytest.raises(ValueError, match=message):
        run(change(images), labels)


def test_float_images_score_as_uint8_and_a_dark_frame_may_follow_a_bright_one():
    images, labels, _ = oracle.random_frames(2)
    images[1] //= 200
    assert run(images.astype("float32"), labels) == run(images, labels)


def test_depth_in_another_unit_is_refused_where_it_is_scored():
    images, labels, depths = oracle.random_frames(20)
    depths *= 1000
    message = r"^Frame \d+ has a median depth of .* looks like millimetres: .* unusual_depth=True"
    for options in ({"depth": True}, {"subsets": [DepthRange(0, 3)]}):
        with pytest.raises(ValueError, match=message):
            run(images, labels, depths, **options)
        assert run(images, labels, depths, unusual_depth=True, **options)["frames"] == 20
    network = oracle.network(depth=True)
    network.unusual_depth = True
    data = oracle.batches(images, labels, depths)
    assert evaluate(network, data, oracle.CLASSES, progress=False)["frames"] == 20
    with pytest.raises(ValueError, match=message):
        run(images[:1], labels[:1], depths[:1], depth=True)
    assert run(images[:1], labels[:1], depths[:1])["frames"] == 1


def test_a_single_class_is_refused():
    images, labels, _ = oracle.random_frames(1)
    with pytest.raises(ValueError, match="2 to 65535 classes; received num_classes=1"):
        evaluate(oracle.network(classes=1), oracle.batches(images, labels), 1, progress=False)


def test_what_the_network_cannot_give_is_refused():
    images, labels, _ = oracle.random_frames(1)
    data = list(oracle.batches(images, labels))
    with pytest.raises(ValueError, match="Expected a network of 4 classes, .* received one of 6"):
        evaluate(oracle.network(classes=6), data, oracle.CLASSES, progress=False)
    broken = oracle.network()
    broken.get_layer("logits").set_weights([np.full((3, 3, 3, oracle.CLASSES), np.nan)])
    with pytest.raises(ValueError, match="NaN or infinity .* at 130 pixels of frame 0"):
        evaluate(broken, data, oracle.CLASSES, progress=False)
    with pytest.raises(ValueError, match="at least one frame"):
        evaluate(oracle.network(), [], oracle.CLASSES, progress=False)
    with pytest.raises(ValueError, match="0 to 3 m; frame 0 has none"):
        run(images, labels, subsets=[DepthRange(0, 3)])
