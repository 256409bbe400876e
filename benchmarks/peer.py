"""The peer of the training benchmark: the published light RefineNet in PyTorch alone, no Keras.

Light-Weight RefineNet (Nekrasov et al., BMVC 2018) on ResNet-50, as PyTorch users write it: an
encoder named as torchvision's, with its strides, 1x1 convolutions, four pools a chain, a 3x3
classifier. It has no side outputs and no depth branch, and goes with `RefineNet("resnet50",
classes, "light", side_outputs=(), depth_branch=False)`, which has as many parameters and
multiply-adds.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

MEANS = (0.485, 0.456, 0.406)
DEVIATIONS = (0.229, 0.224, 0.225)
VOID = 255
STRIDE = 4


class Bottleneck(nn.Module):
    """ResNet's block: (B, inputs, H, W) to (B, 4 width, ceil(H / stride), ceil(W / stride))."""

    def __init__(self, inputs, width, stride=1):
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x) -> torch.Tensor:
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu(x + residual)


class ResNet50(nn.Module):
    """Images (B, 3, H, W), normalised, to maps at the strides 4, 8, 16 and 32."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._stage(64, 64, 3, 1)
        self.layer2 = self._stage(256, 128, 4, 2)
        self.layer3 = self._stage(512, 256, 6, 2)
        self.layer4 = self._stage(1024, 512, 3, 2)

    @staticmethod
    def _stage(inputs, width, blocks, stride):
        later = (Bottleneck(4 * width, width) for _ in range(blocks - 1))
        return nn.Sequential(Bottleneck(inputs, width, stride), *later)

    def forward(self, x) -> list[torch.Tensor]:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        features = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features


class ChainedResidualPooling(nn.Module):
    """relu(x) plus a chain of 5x5 maxima, each followed by a 1x1 convolution; shape kept."""

    def __init__(self, channels, pools=4):
        super().__init__()
        convs = (nn.Conv2d(channels, channels, 1, bias=False) for _ in range(pools))
        self.convs = nn.ModuleList(convs)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x) -> torch.Tensor:
        x = pooled = functional.relu(x)
        for conv in self.convs:
            pooled = conv(self.pool(pooled))
            x = x + pooled
        return x


class Refinement(nn.Module):
    """A stage: features reduced, fused with the coarser stage's result, and pooled.

    Args:
        inputs, width: channels of the features and of the stage.
        coarser: channels of the coarser stage's result; None for the coarsest stage.
    """

    def __init__(self, inputs, width, coarser=None):
        super().__init__()
        self.reduce = nn.Conv2d(inputs, width, 1, bias=False)
        if coarser is not None:
            self.adapt = nn.Conv2d(width, width, 1, bias=False)
            self.from_coarser = nn.Conv2d(coarser, width, 1, bias=False)
        self.crp = ChainedResidualPooling(width)

    def forward(self, features, coarser=None) -> torch.Tensor:
        x = self.reduce(features)
        if coarser is not None:
            coarser = functional.interpolate(
                self.from_coarser(coarser), size=x.shape[-2:], mode="bilinear"
            )
            x = self.adapt(x) + coarser
        return self.crp(x)


class LightRefineNet(nn.Module):
    """Images (B, 3, H, W), normalised, to logits (B, classes, ceil(H / 4), ceil(W / 4)).

    Args:
        classes: number of classes.
        channels: width of the decoder; its coarsest stage is twice as wide.
    """

    def __init__(self, classes=40, channels=256):
        super().__init__()
        self.encoder = ResNet50()
        widths = (channels, channels, channels, 2 * channels)
        coarser = (*widths[1:], None)
        self.stages = nn.ModuleList(
            Refinement(inputs, width, below)
            for inputs, width, below in zip((256, 512, 1024, 2048), widths, coarser, strict=True)
        )
        self.classifier = nn.Conv2d(channels, classes, 3, padding=1)

    def forward(self, x) -> torch.Tensor:
        refined = None
        features = self.encoder(x)
        for stage, maps in zip(reversed(self.stages), reversed(features), strict=True):
            refined = stage(maps, refined)
        return self.classifier(refined)


def training_step(network, optimizer, layout="channels_last", precision="float32") -> Callable:
    """A function of images (B, H, W, 3), uint8, and labels (B, H, W), uint8, that takes a step.

    The loss is the mean cross-entropy over the pixels that are not 255, with the label under the
    centre of each of the logits' cells, as in `keras_lwm`.

    Args:
        network: a `LightRefineNet`, compiled or not, on the device of the images and labels.
        optimizer: of its parameters.
        layout: "contiguous" or "channels_last", which the network is in.
        precision: "float32" or "bfloat16", by autocast.

    Returns:
        A function that returns the loss, a scalar on the device, not waited for.
    """
    device = next(network.parameters()).device
    means = 255.0 * torch.tensor(MEANS, device=device).reshape(1, 3, 1, 1)
    deviations = 255.0 * torch.tensor(DEVIATIONS, device=device).reshape(1, 3, 1, 1)

    def step(images, labels):
        x = images.permute(0, 3, 1, 2)  # a view, whose memory is in channels_last already
        if layout == "contiguous":
            x = x.contiguous()
        x = (x.float() - means) / deviations
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            logits = network(x)
        centres = labels[:, STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE].long()
        loss = functional.cross_entropy(logits.float(), centres, ignore_index=VOID)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def multiply_adds(classes, channels, size) -> int:
    """Multiply-adds of the convolutions of a forward pass of one image of `size` pixels.

    Counted at every convolution that runs, on tensors without memory.
    """
    counts = []

    def count(conv, inputs, output):
        _, outputs, height, width = output.shape
        kernel = conv.kernel_size[0] * conv.kernel_size[1] * conv.in_channels // conv.groups
        counts.append(outputs * height * width * kernel)

    with torch.device("meta"), torch.no_grad():
        network = LightRefineNet(classes, channels)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(count)
        network(torch.empty(1, 3, *size))
    return sum(counts)
