"""The pictures of docs/method.md, one a map, from what a run keeps for its page.

    python docs/maps/draw.py runs/rooms --frame 67 --training-frame 1

RUN is that of `recipes/rooms.py`; the frames are two of those that its report has. It needs the
extra `report`.
"""

import json
from pathlib import Path

import click
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from PIL import Image

from keras_lwm.atomic_write import atomic_write
from keras_lwm.report.drawing import (
    DEPTH_MAP,
    ERROR_MAP,
    WEIGHT_MAP,
    ColourBar,
    Panel,
    write_grid,
)

EPOCHS = (1, 2, 3, 8)
ROWS = {
    "given": ("image", "label", "depth"),
    "dpe": ("depth", "predicted depth", "DPE"),
    "dse": ("label", "prediction", "DSE"),
    "weight": ("DPE", "DSE", "loss weight"),
}


def picture(path) -> np.ndarray:
    """A picture of the run's, uint8 (H, W, 3)."""
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def bars(titles, scales) -> list[ColourBar]:
    """A bar under those columns that have a scale, neighbours of one scale sharing it."""
    depth, error, weight = (scale["values"] for scale in scales)
    kinds = {
        "depth": (DEPTH_MAP, Normalize(depth[0], depth[2]), "depth (m)"),
        "error": (ERROR_MAP, Normalize(0, 1), "error (no unit): 0 easy, 1 hard"),
        "weight": (WEIGHT_MAP, TwoSlopeNorm(1, 0, weight[2]), "loss weight (no unit, mean 1)"),
    }
    of = {"depth": "depth", "predicted depth": "depth", "DPE": "error", "DSE": "error"}
    of["loss weight"] = "weight"
    columns = {}
    for column, title in enumerate(titles):
        if title in of:
            columns.setdefault(of[title], []).append(column)
    return [ColourBar(own[0], own[-1], *kinds[kind]) for kind, own in columns.items()]


def draw_frame(folder, index, out) -> None:
    """The maps of one test frame."""
    told = json.loads((folder / "frames" / "frames.json").read_text(encoding="utf-8"))
    [frame] = [frame for frame in told["frames"] if frame["index"] == index]
    shown = {title: picture(folder / "frames" / name) for title, name in frame["views"].items()}
    labels = np.concatenate([shown[title].reshape(-1, 3) for title in ("label", "prediction")])
    colours = {tuple(colour) for colour in np.unique(labels, axis=0).tolist()}
    classes = [(c["name"], c["colour"]) for c in told["classes"] if tuple(c["colour"]) in colours]
    for name, titles in ROWS.items():
        explained = classes if "label" in titles else []
        panels = [Panel(shown[title], title) for title in titles]
        of = bars(titles, told["scales"])
        write_grid(out / f"{name}.png", [panels], of, explained, unmeasured="depth" in titles)


def draw_curriculum(folder, index, out) -> None:
    """The loss weight of one training frame, early and late."""
    panels = [Panel(picture(folder / f"frame_{index}_image.webp"), "image")]
    for epoch in EPOCHS:
        told = json.loads((folder / f"epoch_{epoch:04}.json").read_text(encoding="utf-8"))
        title = f"epoch {epoch}, c = {told['coefficient']:g}"
        panels.append(Panel(picture(folder / f"epoch_{epoch:04}_frame_{index}.png"), title))
    norm = TwoSlopeNorm(1, 0, told["scale"]["values"][2])
    bar = ColourBar(1, len(EPOCHS), WEIGHT_MAP, norm, "loss weight (no unit, mean 1)")
    write_grid(out / "curriculum.png", [panels], [bar], [])


def draw_bins(folder, out) -> None:
    """The running means by class and distance, white where nothing was seen."""
    told = json.loads((folder / "bins.json").read_text(encoding="utf-8"))
    frames = json.loads((folder / "frames" / "frames.json").read_text(encoding="utf-8"))
    names = [entry["name"] for entry in frames["classes"]]
    figure = Figure((9, 4.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    both = figure.subplots(1, 2, sharey=True)
    for axes, (title, errors) in zip(both, sorted(told["tables"].items()), strict=True):
        errors = np.array(errors, float)
        shown = axes.imshow(errors, ERROR_MAP, Normalize(0, 1), aspect="auto")
        axes.set_title(title, fontsize=11)
        axes.set_yticks(range(len(names)), names, fontsize=9)
        edges = np.arange(len(told["edges"])) - 0.5
        axes.set_xticks(edges, [f"{edge:.2g}" for edge in told["edges"]], fontsize=8)
        axes.set_xlabel("depth (m)", fontsize=9)
    bar = figure.colorbar(shown, ax=both, label="error (no unit): 0 easy, 1 hard")
    bar.ax.tick_params(labelsize=8)
    with atomic_write(out / "bins.png") as partial:
        figure.savefig(partial, dpi=110, facecolor="white")


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--frame", default=67, show_default=True, help="Of the test split, by its index.")
@click.option("--training-frame", default=1, show_default=True, help="Of the four that are kept.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(__file__).parent)
def main(run, frame, training_frame, out) -> None:
    """Draws the pictures of RUN into a folder, docs/maps if no other is given."""
    folder = run / "report"
    draw_frame(folder, frame, out)
    draw_curriculum(folder / "weight_maps", training_frame, out)
    draw_bins(folder, out)


if __name__ == "__main__":
    main()
