"""The decoder of Light-Weight RefineNet.

Nekrasov, Shen, Reid, "Light-Weight RefineNet for Real-Time Semantic Segmentation" (BMVC 2018): all
convolutions of the decoder are 1x1, the residual conv units are dropped, and CRP has four pools.
"""

from keras_lwm.networks.blocks import chained_residual_pooling, conv, fuse


def light_decoder(features, widths, pools):
    """Refines backbone features from coarse to fine.

    Args:
        features: mapping of stride to feature maps (B, ceil(H / stride), ceil(W / stride), any),
            for the strides 4, 8, 16, 32.
        widths: mapping of the same strides to the decoder's channels there.
        pools: links of each pooling chain.

    Returns:
        Mapping of stride to refined maps (B, ceil(H / stride), ceil(W / stride), widths[stride]).
    """
    refined = {}
    coarser = None
    for stride in sorted(features, reverse=True):
        name = f"stage_{stride}"
        x = conv(features[stride], widths[stride], 1, f"{name}_reduce")
        if coarser is not None:
            x = conv(x, widths[stride], 1, f"{name}_adapt")
            coarse = conv(refined[coarser], widths[stride], 1, f"stage_{coarser}_to_{stride}")
            x = fuse(x, coarse, f"{name}_fusion")
        refined[stride] = chained_residual_pooling(x, pools, 1, f"{name}_crp")
        coarser = stride
    return refined
