"""What the measurements of hard pixels find: do they point at what depth would resolve?

    python benchmarks/measures.py OUT

OUT is the folder of an ablation (`recipes/ablation.py`) in which cells of `multi_task` and
`teacher` are complete. On its scored frames, at the main output's resolution, a pixel's depth gain
is relu(p_teacher[y] - p[y]): what the network that sees depth knows better of it. Printed are, for
each measurement, its correlation with the pixel's error 1 - p[y], its correlation with the depth
gain, and the share of all depth gain that lies in the tenth of the pixels for which it is largest,
means over the seeds; the share of a measurement that finds nothing is 10 %, and the most that any
could reach is that of the gain itself. Bins are filled by the scored frames. It takes a minute a
seed on two cores.
"""

import click
import numpy as np
from sides import markdown_table

from keras_lwm_cli.running import in_a_sentence

SHARE = 0.1


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's, of two vectors."""
    return float(np.corrcoef(one, other)[0, 1])


def share_found(measured: np.ndarray, gain: np.ndarray) -> float:
    """The share of all gain in the pixels, a tenth, of which most is measured."""
    count = max(1, round(SHARE * len(gain)))
    largest = np.argpartition(measured, -count)[-count:]
    return float(gain[largest].sum() / gain.sum())


def by_cell(errors: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The mean error of all pixels of each pixel's cell."""
    total = np.bincount(cells, errors)
    return (total / np.maximum(np.bincount(cells), 1))[cells]


def maps_of(network, teacher, image, label, depth, num_classes) -> dict[str, np.ndarray]:
    """What is measured of one frame, at the main output's resolution, (h, w).

    Args:
        network, teacher: of images; of images with depth.
        image, label, depth: of one frame, (H, W, 3), (H, W) and (H, W, 1).

    Returns:
        `gain`, `error`, `DSE by window`, `DPE`; and `label`, `depth` at that resolution, and
        `known`, which is true where both are.
    """
    from keras import ops

    from keras_lwm import mining
    from keras_lwm.depth_input import beside_depth
    from keras_lwm.mining.measures import measured_mask, valid_mask
    from keras_lwm.resampling import resize_depth, resize_labels

    image, depth = image[None].astype("float32"), depth[None]
    seen = ops.convert_to_numpy(beside_depth(image, depth))
    outputs, taught = network.predict_on_batch(image), teacher.predict_on_batch(seen)
    logits = ops.convert_to_tensor(outputs["segmentation"])
    size = tuple(logits.shape[1:3])
    label = resize_labels(ops.convert_to_tensor(label[None].astype("int32")), size)
    depth = resize_depth(ops.convert_to_tensor(depth), size)
    valid = valid_mask(label, num_classes)
    own = mining.segmentation_error(logits, label)
    other = mining.segmentation_error(ops.convert_to_tensor(taught["segmentation"]), label)
    maps = {
        "gain": ops.relu(own - other),
        "error": own,
        "DSE by window": mining.depth_aware_segmentation_error(own, depth, valid),
        "DPE": mining.depth_prediction_error(outputs["depth"], depth, valid),
        "label": label[..., None],
        "depth": depth,
        "known": valid * measured_mask(depth) > 0,
    }
    return {name: ops.convert_to_numpy(values)[0, ..., 0] for name, values in maps.items()}


def pixels_of(network, teacher, frames, num_classes, depth_range) -> dict[str, np.ndarray]:
    """All valid, measured pixels of the frames: vectors of what is measured of each, and `gain`."""
    from keras import ops

    from keras_lwm import mining

    found = {}
    for image, label, depth in zip(frames.images, frames.labels, frames.depths, strict=True):
        maps = maps_of(network, teacher, image, label, depth, num_classes)
        known = maps.pop("known")
        for name, values in maps.items():
            found.setdefault(name, []).append(values[known])
    found = {name: np.concatenate(values) for name, values in found.items()}
    bins = mining.ClassDepthErrors(num_classes, depth_range=depth_range)
    classes, depth = found.pop("label").astype(int), found.pop("depth")
    distance = ops.convert_to_numpy(bins.depth_bins(depth[:, None, None, None])).ravel().astype(int)
    cells = classes * bins.bins + distance
    return {
        **found,
        "DSE by class": by_cell(found["error"], classes),
        "DSE by distance": by_cell(found["error"], distance),
        "DSE by class and distance": by_cell(found["error"], cells),
        "DPE by class and distance": by_cell(found["DPE"], cells),
    }


def figures(pixels: dict[str, np.ndarray]) -> dict[str, tuple[float, float, float]]:
    """By measurement: correlation with the error, with the gain, and the share of gain found."""
    gain, error = pixels["gain"], pixels["error"]
    return {
        name: (correlation(values, error), correlation(values, gain), share_found(values, gain))
        for name, values in pixels.items()
    }


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False))
@in_a_sentence
def main(out) -> None:
    """Prints a table of Markdown."""
    import keras

    from keras_lwm.ablation import AblationFolder

    folder = AblationFolder(out)
    frames, classes = folder.frames.open(folder.splits[1]), len(folder.frames.class_names)
    of_seeds = []
    while all(folder.cell_path(row, len(of_seeds)).exists() for row in ("multi_task", "teacher")):
        network, teacher = (
            keras.saving.load_model(folder.network_path(row, len(of_seeds)), compile=False)
            for row in ("multi_task", "teacher")
        )
        ranges = folder.options["depth_range"]
        of_seeds.append(figures(pixels_of(network, teacher, frames, classes, ranges)))
    if not of_seeds:
        raise click.ClickException(f"Expected cells of multi_task and teacher in {out}.")
    rows = []
    for name in of_seeds[0]:
        mean = np.mean([one[name] for one in of_seeds], axis=0)
        rows.append([name, f"{mean[0]:.2f}", f"{mean[1]:.2f}", f"{mean[2]:.1%}"])
    head = ["", "correlation with the error", "with the gain", "gain found in a tenth"]
    click.echo(f"{len(of_seeds)} seeds\n\n{markdown_table(head, rows)}")


if __name__ == "__main__":
    main()
