import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image

from keras_lwm.report import prediction_sheet, training_sheet
from keras_lwm.report.drawing import (
    UNMEASURED,
    VOID_STRIPES,
    ColourBar,
    Panel,
    colour_depth,
    colour_labels,
    depth_norm,
    weight_norm,
    write_grid,
)

NAMES = ["wall", "floor", "chair"]
PALETTE = [(10, 20, 30), (200, 0, 0), (0, 150, 90)]


def maps(seed=0, size=(24, 32)):
    random = np.random.default_rng(seed)
    label = random.integers(0, 3, size).astype("uint8")
    label[:4] = 255
    depth = random.uniform(1, 6, (*size, 1)).astype("float32")
    depth[:, :3] = 0
    small = (size[0] // 4, size[1] // 4)
    return {
        "image": random.integers(0, 256, (*size, 3)).astype("uint8"),
        "label": label,
        "prediction": random.integers(0, 3, size),
        "depth": depth,
        "predicted": random.uniform(1, 6, (*small, 1)),
        "dpe": random.random((*small, 1)),
        "dse": random.random(small),
        "weight": random.uniform(0, 2, (*small, 1)),
    }


def written(path):
    with Image.open(path) as picture:
        picture.load()
        return np.asarray(picture.convert("RGB"))


def has_colour(picture, colour):
    return bool((picture == np.uint8(colour)).all(-1).any())


def test_a_prediction_sheet_shows_every_map_of_every_image(tmp_path):
    samples = [maps(0), maps(1, (20, 36))]
    columns = [[sample[name] for sample in samples] for name in samples[0]]
    path = tmp_path / "predictions.png"
    prediction_sheet(path, *columns, class_names=NAMES, palette=PALETTE, names=["a", "b"])
    full = written(path)
    prediction_sheet(path, *columns[:3], class_names=NAMES, palette=PALETTE)
    short = written(path)
    assert full.shape[1] > 2.5 * short.shape[1]
    for colour in PALETTE:
        assert has_colour(full, colour)
    assert has_colour(full, UNMEASURED)
    assert [entry.name for entry in tmp_path.iterdir()] == ["predictions.png"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_training_sheet_takes_any_number_of_samples_with_and_without_depth(tmp_path, count):
    samples = [maps(seed) for seed in range(count)]
    images, labels, depths = (
        [sample[name] for sample in samples] for name in ("image", "label", "depth")
    )
    path = tmp_path / "training_samples.png"
    training_sheet(path, images, labels, depths, class_names=NAMES, palette=PALETTE)
    with_depth = written(path)
    training_sheet(path, images, labels, class_names=NAMES, palette=PALETTE)
    without_names = written(path)
    assert with_depth.shape[1] > without_names.shape[1]
    names = ["kitchen", "hall", "bath"][:count]
    training_sheet(path, images, labels, class_names=NAMES, palette=PALETTE, names=names)
    assert (written(path) != without_names).any()


def test_only_classes_that_occur_are_explained(tmp_path):
    image, label = np.zeros((1, 8, 8, 3)), np.full((1, 8, 8), 255)
    label[0, 0, 0] = 1
    training_sheet(tmp_path / "a.png", image, label, class_names=NAMES, palette=PALETTE)
    picture = written(tmp_path / "a.png")
    assert has_colour(picture, PALETTE[1])
    assert not has_colour(picture, PALETTE[2])


def test_samples_without_anything_measured_or_labelled_are_drawn(tmp_path):
    sample = maps()
    columns = [[values] for values in sample.values()]
    columns[1][0] = np.full_like(sample["label"], 255)
    columns[3][0] = np.full_like(sample["depth"], np.nan)
    columns[7][0] = np.zeros_like(sample["weight"])
    prediction_sheet(tmp_path / "a.png", *columns, class_names=NAMES, palette=PALETTE)
    assert has_colour(written(tmp_path / "a.png"), UNMEASURED)


def test_labels_have_their_colours_and_void_its_stripes():
    label = np.array([[0, 1], [2, 255]])
    picture = colour_labels(label, PALETTE)
    np.testing.assert_array_equal(picture[0, 0], PALETTE[0])
    np.testing.assert_array_equal(picture[1, 0], PALETTE[2])
    void = colour_labels(np.full((6, 6), 255), PALETTE).reshape(-1, 3)
    assert {tuple(map(int, colour)) for colour in void} == set(VOID_STRIPES)


def test_unmeasured_depth_has_a_colour_that_no_depth_has():
    depth = np.array([[0.0, -1.0, np.nan, np.inf, 1.0, 2.0, 3.0]])
    norm = depth_norm([depth])
    assert (norm.vmin, norm.vmax) == pytest.approx((1.02, 2.98))
    picture = colour_depth(depth, "viridis", norm)
    assert (picture[0, :4] == UNMEASURED).all()
    scale = colour_depth(np.linspace(1, 3, 300)[None], "viridis", norm)
    assert not has_colour(scale, UNMEASURED)


def test_the_weights_scale_has_its_middle_at_one():
    assert float(weight_norm([np.array([[0.2, 3.0]])])(1.0)) == 0.5


def test_what_does_not_fit_together_is_refused_and_an_earlier_picture_left_alone(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"earlier")
    image, label = np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 8), int)
    with pytest.raises(ValueError, match="2 of image, 1 of label"):
        training_sheet(path, image, label[:1], class_names=NAMES, palette=PALETTE)
    with pytest.raises(ValueError, match="at least 1; received 0 of image"):
        training_sheet(path, [], [], class_names=NAMES, palette=PALETTE)
    with pytest.raises(ValueError, match="received 3 class names and 2 colours"):
        training_sheet(path, image, label, class_names=NAMES, palette=PALETTE[:2])
    with pytest.raises(ValueError, match=r"ids from 0 to 2, or 255 \(void\).* from 7 to 7"):
        training_sheet(path, image, label + 7, class_names=NAMES, palette=PALETTE)
    assert path.read_bytes() == b"earlier"


def test_pictures_need_no_window_system_and_leave_pyplot_alone(tmp_path):
    script = (
        "import sys, numpy as np; from keras_lwm.report import training_sheet;"
        "training_sheet(sys.argv[1], np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 8), int),"
        " class_names=['wall'], palette=[(1, 2, 3)]);"
        "from matplotlib import pyplot; assert pyplot.get_fignums() == []"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.png")], check=True)


def test_the_numbers_of_scales_side_by_side_do_not_touch(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: drawn.append(figure))
    panels = [Panel(np.zeros((12, 16, 3), "uint8"), "error") for _ in range(2)]
    bars = [ColourBar(column, column, "viridis", Normalize(0, 1), "") for column in range(2)]
    with pytest.raises(FileNotFoundError):  # Nothing was written that could be put in place.
        write_grid(tmp_path / "sheet.png", [panels], bars, [])
    (figure,) = drawn
    figure.canvas.draw()
    one, other = (
        [label.get_window_extent() for label in axes.get_xticklabels()] for axes in figure.axes[-2:]
    )
    assert max(extent.x1 for extent in one) + 5 < min(extent.x0 for extent in other)
