import keras
import numpy as np
import pytest
from keras import ops

from keras_lwm import Predictor
from keras_lwm.depth_input import beside_depth
from keras_lwm.evaluation import MultiScale, evaluate
from keras_lwm.networks import DepthPicture, RefineNet, segmenter
from keras_lwm.windows import Window, seen_through


def small_encoder():
    image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    names = {stride: f"stride_{stride}" for stride in (4, 8, 16, 32)}
    for stride, name in names.items():
        x = keras.layers.Conv2D(4, 3, 4 if stride == 4 else 2, "same", name=name)(x)
    return keras.Model(image, x), names


def network_with_depth(**options):
    return RefineNet(small_encoder(), 3, "light", channels=4, depth_input=True, **options)


def picture_by_loops(depth):
    """What `DepthPicture` says of itself, pixel by pixel."""
    height, width = depth.shape
    measured = np.isfinite(depth) & (depth > 0)
    focal_length = 0.8 * max(height, width)
    picture = np.zeros((height, width, 3))
    for row, column in np.ndindex(height, width):
        slopes, here = [], measured[row, column]
        for down, across in ((0, 1), (1, 0)):
            steps, reaches = [], []
            for reach in (1, 2, 4, 6, 8):
                ends = [
                    (row + sign * reach * down, column + sign * reach * across) for sign in (-1, 1)
                ]
                inside = all(0 <= r < height and 0 <= c < width for r, c in ends)
                if here and inside and all(measured[end] for end in ends):
                    before, after = (np.log(depth[end]) for end in ends)
                    if abs(after + before - 2 * np.log(depth[row, column])) < 0.06:
                        steps += [before, after]
                        reaches += [-reach, reach]
            # The line of least squares.
            fitted = np.polyfit(reaches, steps, 1)[0] if reaches else 0.0
            slopes.append(focal_length * fitted)
        length = np.sqrt(1 + slopes[0] ** 2 + slopes[1] ** 2)
        nearness = 0.5 / max(depth[row, column], 0.5) if measured[row, column] else 0.0
        turned = [127.5 * (1 + slope / length) for slope in slopes]
        picture[row, column] = [255 * nearness, *turned]
    return picture


def test_the_picture_of_depth_is_what_loops_make_of_it():
    random = np.random.default_rng(0)
    slanted = 2 * np.exp(0.01 * np.arange(20) - 0.02 * np.arange(18)[:, None])
    noise = np.exp(random.normal(0, 0.02, (2, 18, 20, 1)))
    depth = (slanted[..., None] * noise).astype("float32")
    depth[:, 6:9, 4:9] *= 3  # An edge is no slope.
    depth[random.random(depth.shape) < 0.3] = 0.0
    depth[0, 2, 3], depth[0, 4, 5], depth[1, 1, 1] = np.nan, np.inf, -1.0
    made = ops.convert_to_numpy(DepthPicture()(ops.convert_to_tensor(depth)))
    expected = np.stack([picture_by_loops(one[..., 0]) for one in depth])
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=2e-3)


def test_a_plane_is_turned_alike_at_every_distance_and_a_mirrored_one_the_other_way():
    across = np.arange(20.0)
    plane = np.broadcast_to(1 / (1 - 0.02 * across), (16, 20))[None, ..., None]
    pictures = [
        ops.convert_to_numpy(DepthPicture()(ops.convert_to_tensor(depth.astype("float32"))))
        for depth in (plane, 3 * plane, plane[:, :, ::-1])
    ]
    near, far, mirrored = (picture[:, :, 1:-1] for picture in pictures)
    np.testing.assert_allclose(near[..., 1:], far[..., 1:], atol=1e-2)
    np.testing.assert_allclose(near[..., 1] + mirrored[:, :, ::-1, 1], 255.0, atol=1e-2)
    assert (near[..., 1] > 140).all() and (near[..., 0] > far[..., 0]).all()


def test_a_crop_shows_surfaces_turned_as_the_frame_does_where_the_camera_is_known():
    across = np.arange(40.0)
    plane = np.broadcast_to(2 / (1 - 0.01 * across), (30, 40))[None, ..., None].astype("float32")
    picture = DepthPicture(focal_length=32.0)
    made = [ops.convert_to_numpy(picture(plane)), ops.convert_to_numpy(picture(plane[:, 8:, 8:]))]
    np.testing.assert_allclose(made[0][:, 16:22, 16:32], made[1][:, 8:14, 8:24], atol=1e-3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(picture))
    assert again.focal_length == 32.0
    network = network_with_depth(focal_length=32.0)
    assert network.get_layer("depth_picture").focal_length == 32.0
    with pytest.raises(ValueError, match="focal_length above 0"):
        DepthPicture(focal_length=0)


def test_a_tile_shows_surfaces_turned_as_the_whole_image_does():
    across = np.arange(60.0)
    plane = np.broadcast_to(2 / (1 - 0.01 * across), (30, 60))[None, ..., None].astype("float32")
    picture = DepthPicture()
    whole = ops.convert_to_numpy(picture(plane))
    with seen_through(Window((0, 16), (30, 44), (30, 60))):
        tile = ops.convert_to_numpy(picture(plane[:, :, 16:]))
    np.testing.assert_allclose(tile[:, :, 8:], whole[:, :, 24:], atol=1e-3)
    alone = ops.convert_to_numpy(picture(plane[:, :, 16:]))
    assert np.abs(alone[:, :, 8:] - whole[:, :, 24:]).max() > 1


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_depth_reaches_its_picture_as_it_was(policy):
    keras.config.set_dtype_policy(policy)
    try:
        network = network_with_depth()
    finally:
        keras.config.set_dtype_policy("float32")
    image, depth = np.full((1, 32, 32, 3), 200.0), np.full((1, 32, 32, 1), 2.0)
    depth[0, :, 16:] = 2.001  # Less apart than bfloat16 can tell.
    seen = keras.Model(network.inputs, network.get_layer("depth_picture").output)
    picture = ops.convert_to_numpy(seen(beside_depth(image, depth)))
    assert picture[0, 16, 16, 1] > picture[0, 16, 4, 1]


def test_a_network_with_depth_sees_it_and_one_without_does_not():
    random = np.random.default_rng(0)
    image = random.uniform(0, 255, (1, 64, 64, 3))
    depths = random.uniform(1, 5, (2, 1, 64, 64, 1))
    network = network_with_depth()
    one, other = (
        ops.convert_to_numpy(network(beside_depth(image, depth))["segmentation"])
        for depth in depths
    )
    assert one.shape == (1, 16, 16, 3)
    assert np.abs(one - other).max() > 1e-4
    names = [layer.name for layer in network.layers]
    assert {"backbone", "depth_backbone"} <= set(names)
    weights = [network.get_layer(name).get_weights() for name in ("backbone", "depth_backbone")]
    for own, of_depth in zip(*weights, strict=True):
        np.testing.assert_array_equal(own, of_depth)


def test_both_encoders_begin_at_the_weights_of_a_file_of_images_alone(tmp_path, capsys):
    keras.utils.set_random_seed(0)
    of_images = RefineNet(small_encoder(), 3, "light", channels=4)
    of_images.save(tmp_path / "of_images.keras")
    network = network_with_depth(weights=str(tmp_path / "of_images.keras"))
    assert capsys.readouterr().out.endswith("depth_backbone: as backbone.\n")
    expected = of_images.backbone.get_weights()
    for name in ("backbone", "depth_backbone"):
        for own, wanted in zip(network.get_layer(name).get_weights(), expected, strict=True):
            np.testing.assert_array_equal(own, wanted)
    # A file of a network that sees depth has both.
    of_depth = network.get_layer("depth_backbone")
    of_depth.set_weights([2 * values for values in of_depth.get_weights()])
    network.save(tmp_path / "with_depth.keras")
    again = network_with_depth(weights=str(tmp_path / "with_depth.keras"))
    for own, wanted in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(own, wanted)


def test_frozen_batch_norm_holds_for_both_encoders():
    network = RefineNet(
        "efficientnet_lite0", 3, "light", channels=4, depth_input=True, frozen_batch_norm=True
    )
    of_each = [
        [
            layer.trainable
            for layer in network.get_layer(name).layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        for name in ("backbone", "depth_backbone")
    ]
    assert of_each[0] and of_each[0] == of_each[1]
    assert not any(of_each[0])


def test_it_is_scored_with_depth_in_metres_and_never_deployed(tmp_path):
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (2, 32, 48, 3), dtype="uint8")
    depth = random.uniform(1, 5, (2, 32, 48, 1)).astype("float32")
    network = network_with_depth()
    network.save(tmp_path / "teacher.keras")
    network = keras.saving.load_model(tmp_path / "teacher.keras")
    logits = ops.convert_to_numpy(segmentation_at_full_size(network, image, depth))
    data = [(image, {"label": logits.argmax(-1).astype("uint8"), "depth": depth})]
    assert evaluate(network, data, 3, progress=False)["pixel_accuracy"] == 1.0
    # Nobody scores this network's depth: it sees it.
    in_millimetres = [(image, {**data[0][1], "depth": depth * 1000})]
    with pytest.raises(ValueError, match=r"^Frame \d has a median depth .*millimetres"):
        evaluate(network, in_millimetres, 3, progress=False)
    with pytest.raises(ValueError, match="SingleScale for a network that sees depth"):
        evaluate(network, data, 3, view=MultiScale(), progress=False)
    without = [(image, {"label": data[0][1]["label"]})]
    with pytest.raises(ValueError, match=r"Expected depth of the image's size.*None in frame 0"):
        evaluate(network, without, 3, progress=False)
    for deployed in (segmenter, lambda network: Predictor(tmp_path / "teacher.keras")):
        with pytest.raises(ValueError, match="Expected a network of RGB images; .* sees depth"):
            deployed(network)


def segmentation_at_full_size(network, image, depth):
    from keras_lwm.resampling import resize_bilinear

    logits = network(beside_depth(image, depth), training=False)["segmentation"]
    return resize_bilinear(logits, image.shape[1:3])
