"""What the weight map points at while its network learns: figures and a picture, epoch by epoch.

    python benchmarks/maps_over_epochs.py OUT

OUT is the folder of an ablation (`recipes/ablation.py --train-encoder`) in which the cell of
`teacher` is complete for the seed. The whole method, `full`, is trained again from that seed, and
looked at after 1, 2, 4, 8 .. epochs on the scored frames: how does what it measures go with the
depth gain, which is what the teacher, trained to its end, knows better of a pixel (`measures.py`)?
Printed are correlations; OUT/maps_over_epochs.png shows the loss weight of a few frames early and
late, as it is at the curriculum's coefficient of 1, beside the gain. It takes as long as a cell and
its looks, 20 seconds each for 200 frames of 144x192 on two cores, under the backend of the cells.
"""

import click
import keras
from measures import figures, maps_of, pixels_of
from sides import markdown_table

from keras_lwm_cli.running import in_a_sentence

MEASUREMENTS = ("error", "DSE by class and distance", "DPE by class and distance")


def looked_at(epochs: int) -> list[int]:
    """After which epochs to look: 1, 2, 4, 8 .., and the last."""
    return sorted({2**power for power in range(epochs.bit_length())} | {epochs})


class Looks(keras.callbacks.Callback):
    """Keeps, after some epochs, the figures of `measures.py`, and the maps of a few frames.

    Args:
        teacher: of images with depth.
        frames: `Frames` on which to measure.
        num_classes, depth_range: see `measures.pixels_of`.
        shown: indices of the frames whose maps are kept.
    """

    def __init__(self, teacher, frames, num_classes, depth_range, shown):
        super().__init__()
        self._teacher, self._frames, self._num_classes = teacher, frames, num_classes
        self._depth_range, self._shown = depth_range, shown
        self.figures, self.weights, self.gains = {}, {}, []

    def on_epoch_end(self, epoch, logs=None) -> None:
        if epoch + 1 not in looked_at(self.params["epochs"]):
            return
        pixels = pixels_of(
            self.model, self._teacher, self._frames, self._num_classes, self._depth_range
        )
        self.figures[epoch + 1] = figures(pixels)
        coefficient = self.model.weighting.coefficient
        own = keras.ops.convert_to_numpy(coefficient)
        coefficient.assign(1.0)
        self.weights[epoch + 1] = [self._weight(index) for index in self._shown]
        coefficient.assign(own)
        self.gains = [self._gain(index) for index in self._shown]

    def _frame(self, index):
        frames = self._frames
        return frames.images[index], frames.labels[index], frames.depths[index]

    def _weight(self, index):
        from keras_lwm.report import hard_pixel_maps

        return hard_pixel_maps(self.model, *self._frame(index))["weight"]

    def _gain(self, index):
        frame = self._frame(index)
        return maps_of(self.model, self._teacher, *frame, self._num_classes)["gain"]


def draw(path, looks, frames, shown, class_names) -> None:
    """Draws a row a frame: image, label, gain, and its weight early, in between and late."""
    from keras_lwm.palette import distinct_palette
    from keras_lwm.report.drawing import (
        ERROR_MAP,
        WEIGHT_MAP,
        ColourBar,
        Panel,
        map_norms,
        map_picture,
        present_classes,
        write_grid,
    )

    palette = distinct_palette(len(class_names))
    labels = [frames.labels[index] for index in shown]
    epochs = list(looks.weights)
    epochs = sorted({epochs[0], epochs[len(epochs) // 2], epochs[-1]})
    norms = map_norms(None, None, [weight for epoch in epochs for weight in looks.weights[epoch]])
    rows = []
    for place, (index, label) in enumerate(zip(shown, labels, strict=True)):
        maps = [("image", "image", frames.images[index]), ("label", "label", label)]
        maps.append(("DSE", f"depth gain, epoch {epochs[-1]}", looks.gains[place]))
        maps += [
            ("loss weight", f"loss weight, epoch {epoch}", looks.weights[epoch][place])
            for epoch in epochs
        ]
        rows.append(
            [
                Panel(map_picture(kind, values, label, palette, norms), title)
                for kind, title, values in maps
            ]
        )
    bars = [
        ColourBar(2, 2, ERROR_MAP, norms["error"], "depth gain"),
        ColourBar(3, 2 + len(epochs), WEIGHT_MAP, norms["weight"], "loss weight (mean 1)"),
    ]
    write_grid(path, rows, bars, present_classes(class_names, palette, labels))


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False))
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--shown", type=click.IntRange(1), default=4, show_default=True, help="Frames drawn.")
@in_a_sentence
def main(out, seed, shown) -> None:
    """Prints a table of Markdown, and draws the picture."""
    from keras_lwm.ablation import METHOD, AblationFolder
    from keras_lwm.ablation.cell import train_cell
    from keras_lwm.samples import spread_indices

    folder = AblationFolder(out)
    if not folder.options["train_encoder"]:
        raise click.ClickException(
            f"Expected an ablation with --train-encoder; in {out} the encoder is frozen."
        )
    network = folder.network_path("teacher", seed)
    if not network.exists():
        raise click.ClickException(
            f"Expected the network of teacher, seed {seed}; not there: {network}."
        )
    frames, class_names = folder.frames.open(folder.splits[1]), folder.frames.class_names
    chosen = spread_indices(len(frames), shown)
    looks = Looks(
        keras.saving.load_model(network, compile=False),
        frames,
        len(class_names),
        folder.options["depth_range"],
        chosen,
    )
    result, _ = train_cell(
        METHOD,
        seed,
        {**folder.options, "loaders": 1},
        folder.training_frames,
        frames,
        class_names,
        callbacks=[looks],
    )
    path = folder.path / "maps_over_epochs.png"
    draw(path, looks, frames, chosen, class_names)
    rows = [
        [name, *(f"{of_epoch[name][1]:.2f}" for of_epoch in looks.figures.values())]
        for name in MEASUREMENTS
    ]
    table = markdown_table(["after epoch", *map(str, looks.figures)], rows)
    score = 100 * result["scores"]["mean_iou"]
    click.echo(f"\nCorrelation with the depth gain\n\n{table}\n\nmIoU {score:.2f} %; {path}")


if __name__ == "__main__":
    main()
