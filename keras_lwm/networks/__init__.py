"""Networks: RefineNet on many backbones, side outputs, the depth branch, and taking it off."""

from keras_lwm.networks.attach import WithoutActivation, attach_depth_branch
from keras_lwm.networks.backbones import (
    BACKBONES,
    IMAGENET_BACKBONES,
    build_backbone,
    freeze_batch_norm,
    pretrained_weights,
)
from keras_lwm.networks.layers import ResizeLike
from keras_lwm.networks.network import SegmentationNetwork
from keras_lwm.networks.refinenet import PositiveDepth, RefineNet, refinenet_outputs
from keras_lwm.networks.rgbd import DepthPicture
from keras_lwm.networks.segmenter import segmenter
from keras_lwm.networks.transfer import Transfer, transfer_weights

__all__ = [
    "BACKBONES",
    "IMAGENET_BACKBONES",
    "DepthPicture",
    "PositiveDepth",
    "RefineNet",
    "ResizeLike",
    "SegmentationNetwork",
    "Transfer",
    "WithoutActivation",
    "attach_depth_branch",
    "build_backbone",
    "freeze_batch_norm",
    "pretrained_weights",
    "refinenet_outputs",
    "segmenter",
    "transfer_weights",
]
