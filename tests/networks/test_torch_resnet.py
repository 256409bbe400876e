"""ResNets against plain PyTorch ones, as torchvision writes them, by every kind of checkpoint."""

import json
import re

import keras
import numpy as np
import pytest
import torch
from torch import nn

from keras_lwm import RefineNet
from keras_lwm.networks import build_backbone, resnet

STRIDES = (4, 8, 16, 32)
BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}


class Block(nn.Module):
    """torchvision's, by its names: two or three convolutions and a shortcut."""

    def __init__(self, inputs, width, stride, is_bottleneck):
        super().__init__()
        outputs = 4 * width if is_bottleneck else width
        kinds = [(inputs, width, 3, stride), (width, width, 3, 1)]
        if is_bottleneck:
            kinds = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        self.count = len(kinds)
        for number, (size, channels, kernel, step) in enumerate(kinds, start=1):
            conv = nn.Conv2d(size, channels, kernel, step, kernel // 2, bias=False)
            setattr(self, f"conv{number}", conv)
            setattr(self, f"bn{number}", nn.BatchNorm2d(channels))
        self.downsample = None
        if stride > 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x) -> torch.Tensor:
        residual = x
        for number in range(1, self.count + 1):
            residual = getattr(self, f"conv{number}")(residual)
            residual = getattr(self, f"bn{number}")(residual)
            residual = residual.relu() if number < self.count else residual
        return (residual + (x if self.downsample is None else self.downsample(x))).relu()


class TorchResNet(nn.Module):
    def __init__(self, name):
        super().__init__()
        is_bottleneck = name == "resnet50"
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for stage, count in enumerate(BLOCKS[name], start=1):
            width, blocks = 32 * 2**stage, []
            for number in range(count):
                stride = 2 if number == 0 and stage > 1 else 1
                blocks.append(Block(channels, width, stride, is_bottleneck))
                channels = 4 * width if is_bottleneck else width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, 5)

    def forward(self, x) -> list[torch.Tensor]:
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        features = []
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
            features.append(x)
        return features


def torch_resnet(name):
    """One with random statistics and scales, so that none of them can be missed."""
    torch.manual_seed(0)
    network = TorchResNet(name).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                nn.init.uniform_(tensor, -0.5, 0.5)
    return network


def write_safetensors(path, tensors):
    """Writes named float32 arrays."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in tensors.items():
        # Counters are no floats; a file may hold them all the same.
        dtype = "I64" if array.dtype == np.int64 else "F32"
        offsets = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": offsets}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """The network of each name, and paths of its weights in each format."""
    folder, made = tmp_path_factory.mktemp("checkpoints"), {}
    for name in BLOCKS:
        network = torch_resnet(name)
        state, paths = network.state_dict(), {}
        for kind, is_zip in (("zip", True), ("old", False)):
            paths[kind] = folder / f"{name}_{kind}.pth"
            torch.save(state, paths[kind], _use_new_zipfile_serialization=is_zip)
        arrays = {key: tensor.numpy() for key, tensor in state.items()}
        paths["safe"] = write_safetensors(folder / f"{name}.safetensors", arrays)
        made[name] = network, paths
    return made


@pytest.mark.parametrize(
    ("name", "kind"), [("resnet50", "zip"), ("resnet18", "old"), ("resnet18", "safe")]
)
def test_features_are_those_of_the_torch_network(name, kind, checkpoints, random_images):
    network, paths = checkpoints[name]
    images = random_images(49, 66)
    features = build_backbone(name, weights=paths[kind]).predict(images, verbose=0)
    x = torch.tensor(images).permute(0, 3, 1, 2) / 255
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        expected = network((x - mean) / deviation)
    for stride, maps in zip(STRIDES, expected, strict=True):
        maps = maps.permute(0, 2, 3, 1).numpy()
        assert maps.shape[1:3] == tuple(-(-length // stride) for length in images.shape[1:3])
        atol = 1e-4 * np.abs(maps).max()
        np.testing.assert_allclose(features[f"stride_{stride}"], maps, atol=atol)


def test_a_checkpoint_fills_the_backbone_of_a_network(checkpoints):
    weights = str(checkpoints["resnet18"][1]["safe"])
    network = RefineNet("resnet18", 3, "light", channels=4, weights=weights)
    kernel = network.get_layer("backbone").get_layer("conv1").kernel
    expected = checkpoints["resnet18"][0].conv1.weight.detach().numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), expected)


@pytest.mark.parametrize(
    ("name", "of", "sentence"),
    [
        ("resnet50", "resnet18", "expected layer1.0.conv1.weight to fit .* received shape"),
        ("resnet34", "resnet18", "expected layer1.2.conv1.weight to fit .* received shape .0,."),
        ("resnet18", "resnet50", "expected layer1.0.conv1.weight to fit"),
    ],
)
def test_a_checkpoint_of_another_depth_gets_a_sentence(name, of, sentence, checkpoints):
    path = checkpoints[of][1]["safe"]
    sentence = f"^{re.escape(str(path))} is not a checkpoint of {name}: {sentence}"
    with pytest.raises(ValueError, match=sentence):
        build_backbone(name, weights=path)


def test_a_checkpoint_with_more_layers_gets_a_sentence(checkpoints, tmp_path):
    arrays = {key: value.numpy() for key, value in checkpoints["resnet18"][0].state_dict().items()}
    arrays["layer1.2.conv1.weight"] = np.zeros((64, 64, 3, 3), "float32")
    path = write_safetensors(tmp_path / "deeper.safetensors", arrays)
    with pytest.raises(
        ValueError, match=r"tensors that resnet18 has not, such as layer1\.2\.conv1"
    ):
        build_backbone("resnet18", weights=path)


def test_weights_that_are_no_file_get_a_sentence(tmp_path):
    with pytest.raises(
        ValueError, match=r"There is no file .*none\.pth to load weights of resnet18"
    ):
        build_backbone("resnet18", weights=tmp_path / "none.pth")
    sentence = r"None, 'imagenet' or a file that ends in \.pth, .*; received weights='preset'"
    with pytest.raises(ValueError, match=sentence):
        build_backbone("resnet18", weights="preset")


def test_imagenet_weights_are_torchvisions(checkpoints, monkeypatch, tmp_path):
    """Downloaded from a folder here, in the place of torchvision's server."""
    state = checkpoints["resnet18"][0].state_dict()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(resnet, "ORIGIN", f"{tmp_path.as_uri()}/")
    asked_for = []

    def get_file(name, origin, cache_subdir):
        asked_for.append(origin)
        torch.save(state, tmp_path / name)
        return str(tmp_path / name)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(ValueError, match=r"resnet18-f37072fd\.pth is damaged: .* starts with f370"):
        build_backbone("resnet18", weights="imagenet")
    assert asked_for == [f"{tmp_path.as_uri()}/resnet18-f37072fd.pth"]

    def unreachable(name, origin, cache_subdir):
        raise OSError("no route to host")

    monkeypatch.setattr(keras.utils, "get_file", unreachable)
    sentence = r"Cannot download the ImageNet weights of resnet18 \(no route to host\); .*a file"
    with pytest.raises(ValueError, match=sentence):
        build_backbone("resnet18", weights="imagenet")
