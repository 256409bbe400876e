"""The decoder of RefineNet as published.

Lin, Milan, Shen, Reid, "RefineNet: Multi-Path Refinement Networks for High-Resolution Semantic
Segmentation" (CVPR 2017), with four cascaded blocks.
"""

from keras_lwm.networks.blocks import chained_residual_pooling, conv, fuse, residual_conv_units


def full_decoder(features, widths, pools):
    """Refines backbone features from coarse to fine.

    Each stage is reduced by a 3x3 convolution and adapted by two residual conv units (RCU), fused
    with the coarser block's result (itself adapted by two RCUs; both through a 3x3 convolution to
    the smaller width), pooled by CRP, and closed by one RCU. The finest block is followed by the
    paper's two additional RCUs.

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
        x = conv(features[stride], widths[stride], 3, f"{name}_reduce")
        x = residual_conv_units(x, 2, f"{name}_rcu")
        if coarser is not None:
            x = conv(x, widths[stride], 3, f"{name}_adapt")
            path = f"stage_{coarser}_to_{stride}"
            coarse = residual_conv_units(refined[coarser], 2, f"{path}_rcu")
            coarse = conv(coarse, widths[stride], 3, path)
            x = fuse(x, coarse, f"{name}_fusion")
        x = chained_residual_pooling(x, pools, 3, f"{name}_crp")
        refined[stride] = residual_conv_units(x, 1, f"{name}_output_rcu")
        coarser = stride
    refined[coarser] = residual_conv_units(refined[coarser], 2, "final_rcu")
    return refined
