"""From maps to pictures: colours, one map as a picture, and a grid of them on a sheet."""

import dataclasses

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from keras_lwm.atomic_write import atomic_write
from keras_lwm.measured import is_measured
from keras_lwm.void import void_id

UNMEASURED = (217, 217, 217)
VOID_STRIPES = ((255, 255, 255), (96, 96, 96))


def colour_labels(label, palette) -> np.ndarray:
    """Colours class ids (H, W) by `palette` (C, 3): uint8 (H, W, 3); `void_id(C)` is striped.

    Raises:
        ValueError: if an id is neither void nor in the palette.
    """
    label = np.asarray(label).astype("int64")
    palette = np.asarray(palette, "uint8")
    void = label == void_id(len(palette))
    known = label[~void]
    if known.size and not 0 <= known.min() <= known.max() < len(palette):
        raise ValueError(
            f"Expected class ids from 0 to {len(palette) - 1}, or {void_id(len(palette))} (void), "
            f"one a colour; received ids from {known.min()} to {known.max()}."
        )
    return striped(palette[np.where(void, 0, label)], void)


def striped(colours, where) -> np.ndarray:
    """Returns `colours` uint8 (H, W, 3) with stripes where the booleans (H, W) say."""
    rows, columns = np.indices(where.shape)
    width = max(max(where.shape) // 100, 1)
    stripe = (rows + columns) // width % 3 == 0
    stripes = np.where(stripe[..., None], VOID_STRIPES[1], VOID_STRIPES[0])
    return np.where(where[..., None], stripes, colours).astype("uint8")


def colour_values(values, colour_map, norm) -> np.ndarray:
    """Colours float values (H, W) by a Matplotlib colour map and normalisation: uint8."""
    return matplotlib.colormaps[colour_map](norm(values), bytes=True)[..., :3]


def colour_depth(depth, colour_map, norm) -> np.ndarray:
    """Colours metres (H, W); unmeasured pixels (not finite or <= 0) have a colour of their own."""
    measured = is_measured(depth, np)
    colours = colour_values(np.where(measured, depth, norm.vmin), colour_map, norm)
    return np.where(measured[..., None], colours, np.uint8(UNMEASURED))


DEPTH_MAP = "viridis"
ERROR_MAP = "magma"
WEIGHT_MAP = "coolwarm"


def check_sequences(maps, class_names, palette) -> None:
    """Raises ValueError unless `maps`, sequences by title, are equally long and colours fit."""
    if len(palette) != len(class_names):
        raise ValueError(
            f"Expected one colour a class; received {len(class_names)} class names and "
            f"{len(palette)} colours."
        )
    lengths = {title: len(values) for title, values in maps.items() if values is not None}
    if set(lengths.values()) != {lengths["image"]} or not lengths["image"]:
        counts = ", ".join(f"{count} of {title}" for title, count in lengths.items())
        raise ValueError(f"Expected maps of one number of samples, at least 1; received {counts}.")


def as_picture(image) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype("uint8")


def as_map(values) -> np.ndarray:
    values = np.asarray(values, "float32")
    return values[..., 0] if values.ndim == 3 else values


def under_centres(label, size) -> np.ndarray:
    rows, columns = (
        (2 * np.arange(target) + 1) * source // (2 * target)
        for target, source in zip(size, label.shape[:2], strict=True)
    )
    return label[rows[:, None], columns]


def depth_norm(*sequences) -> Normalize:
    given = [as_map(depth) for depths in sequences if depths is not None for depth in depths]
    metres = [depth[is_measured(depth, np)] for depth in given]
    metres = np.concatenate(metres) if metres else np.zeros(0)
    # A hundredth at each end may saturate, so that no outlier takes the colours from the rest.
    near, far = np.percentile(metres, (1, 99)) if metres.size else (0.0, 1.0)
    return Normalize(near, max(far, near + 1e-3), clip=True)


def weight_norm(weights) -> TwoSlopeNorm:
    largest = (
        max((float(np.max(weight)) for weight in weights), default=0) if weights is not None else 0
    )
    return TwoSlopeNorm(1, 0, max(largest, 1.5))


def map_norms(depths, predicted_depths, weights) -> dict[str, Normalize]:
    """The scales of `map_picture`, over sequences of maps, each of which may be None."""
    return {
        "depth": depth_norm(depths, predicted_depths),
        "error": Normalize(0, 1),
        "weight": weight_norm(weights),
    }


def map_picture(title, values, label, palette, norms) -> np.ndarray:
    """One map of a frame as a picture, uint8 (h, w, 3).

    Args:
        title: which map: "image", "label", "prediction", "depth", "predicted depth", "DPE", "DSE"
            or "loss weight".
        values: the map, at any resolution.
        label: the frame's label: where it is void, the loss weight is striped.
        palette: RGB triples 0..255, one a class.
        norms: see `map_norms`.
    """
    if title == "image":
        return as_picture(values)
    if title in ("label", "prediction"):
        return colour_labels(values, palette)
    values = as_map(values)
    if title in ("depth", "predicted depth"):
        return colour_depth(values, DEPTH_MAP, norms["depth"])
    if title == "loss weight":
        void = under_centres(np.asarray(label), values.shape) == void_id(len(palette))
        return striped(colour_values(values, WEIGHT_MAP, norms["weight"]), void)
    return colour_values(values, ERROR_MAP, norms["error"])


def plain_scale(titles, colour_map, norm, unit="") -> dict:
    """A scale as plain values: what it is of, its least, middle and greatest value, colours."""
    middle = getattr(norm, "vcenter", (norm.vmin + norm.vmax) / 2)
    colours = matplotlib.colormaps[colour_map](np.linspace(0, 1, 9), bytes=True)[:, :3]
    return {
        "titles": titles,
        "values": [float(norm.vmin), float(middle), float(norm.vmax)],
        "unit": unit,
        "colours": colours.tolist(),
    }


def has_holes(depths) -> bool:
    return depths is not None and not all(is_measured(as_map(depth), np).all() for depth in depths)


def present_classes(class_names, palette, *sequences) -> list[tuple]:
    ids = {int(i) for labels in sequences for label in labels for i in np.unique(label)}
    ids -= {void_id(len(palette))}
    return [(class_names[class_id], palette[class_id]) for class_id in sorted(ids)]


# Inches.
_PANEL, _GAP, _MARGIN, _TITLE = 2.6, 0.08, 0.15, 0.3
_BAR, _LEGEND_LINE, _LEGEND_COLUMN = 0.62, 0.2, 1.75
_DPI = 110


@dataclasses.dataclass
class Panel:
    """One picture: uint8 (H, W, 3), its column's title, and a remark written into its corner."""

    picture: np.ndarray
    title: str = ""
    remark: str = ""


@dataclasses.dataclass
class ColourBar:
    """The scale of the columns `first` to `last`."""

    first: int
    last: int
    colour_map: str
    norm: Normalize
    text: str


def write_grid(path, rows, bars, classes, row_titles=None, unmeasured=False) -> None:
    """Draws and writes the PNG, whole or not at all.

    Args:
        path: where to, ending in `.png`.
        rows: lists of `Panel`, all of one length.
        bars: `ColourBar`s.
        classes: (name, RGB 0..255) of the classes to explain; void is always explained.
        row_titles: names of the rows, written at their left edge.
        unmeasured: whether to explain the colour of unmeasured depth.
    """
    entries = _legend_entries(classes, unmeasured)
    sheet = _Sheet(rows, bool(bars), len(entries), bool(row_titles))
    for index, row in enumerate(rows):
        for column, panel in enumerate(row):
            axes = sheet.axes(sheet.left(column), sheet.tops[index], _PANEL, sheet.heights[index])
            _draw(axes, panel, with_title=index == 0)
            if row_titles and column == 0:
                axes.text(
                    -0.03, 0.5, row_titles[index], transform=axes.transAxes, fontsize=8,
                    rotation=90, ha="right", va="center",
                )  # fmt: skip
    for bar in bars:
        _draw_bar(sheet, bar)
    sheet.figure.legend(
        handles=entries, loc="lower center", ncols=min(sheet.legend_columns, len(entries)),
        fontsize=9, frameon=False, handlelength=1.6, handleheight=1.0, columnspacing=1.4,
        borderaxespad=0.4,
    )  # fmt: skip
    with atomic_write(path) as partial:
        sheet.figure.savefig(partial, dpi=_DPI)


class _Sheet:
    """A figure, and where everything on it lies, in inches from its upper left corner."""

    def __init__(self, rows, with_bars, entries, with_row_titles):
        self.margin = _MARGIN + (_TITLE if with_row_titles else 0)
        self.width = self.left(len(rows[0])) + _MARGIN
        self.heights = [max(map(_aspect, row)) * _PANEL for row in rows]
        ends = np.cumsum([_TITLE, *(height + _GAP for height in self.heights)])
        self.tops, self.bars_top = ends[:-1], ends[-1] + _GAP
        self.legend_columns = max(int((self.width - 2 * _MARGIN) / _LEGEND_COLUMN), 1)
        lines = -(-entries // self.legend_columns)
        self.height = ends[-1] + (_BAR if with_bars else 0) + lines * _LEGEND_LINE + _TITLE
        self.figure = Figure((self.width, self.height), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(self.figure)

    def left(self, column):
        return self.margin + column * (_PANEL + _GAP)

    def axes(self, left, top, width, height):
        return self.figure.add_axes(
            (
                left / self.width,
                1 - (top + height) / self.height,
                width / self.width,
                height / self.height,
            )
        )


def _aspect(panel):
    return panel.picture.shape[0] / panel.picture.shape[1]


def _draw(axes, panel, with_title):
    smooth = panel.picture.shape[1] >= _PANEL * _DPI
    axes.imshow(panel.picture, interpolation="antialiased" if smooth else "nearest")
    axes.set_axis_off()
    if with_title:
        axes.set_title(panel.title, fontsize=11, pad=4)
    if panel.remark:
        axes.text(
            0.02, 0.03, panel.remark, transform=axes.transAxes, fontsize=8, color="white",
            bbox={"facecolor": "black", "alpha": 0.65, "linewidth": 0, "pad": 2},
        )  # fmt: skip


def _draw_bar(sheet, bar):
    start = sheet.left(bar.first)
    span = sheet.left(bar.last) + _PANEL - start
    # A short bar in the middle of a wide span is easier to read than one over the whole of it, and
    # numbers at its ends do not touch those of the next.
    length = min(0.8 * span, 1.6 * _PANEL)
    axes = sheet.axes(start + (span - length) / 2, sheet.bars_top, length, 0.14)
    mappable = ScalarMappable(bar.norm, matplotlib.colormaps[bar.colour_map])
    drawn = sheet.figure.colorbar(mappable, cax=axes, orientation="horizontal")
    if isinstance(bar.norm, TwoSlopeNorm):
        # Both halves have one width, whatever they span.
        low, middle, high = bar.norm.vmin, bar.norm.vcenter, bar.norm.vmax
        ticks = [low, (low + middle) / 2, middle, (middle + high) / 2, high]
        drawn.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])
    drawn.ax.tick_params(labelsize=8)
    drawn.set_label(bar.text, fontsize=9, labelpad=1)


def _legend_entries(classes, unmeasured):
    entries = [
        Patch(facecolor=np.asarray(colour) / 255, edgecolor="0.3", linewidth=0.5, label=name)
        for name, colour in classes
    ]
    light, dark = (np.asarray(colour) / 255 for colour in VOID_STRIPES)
    entries.append(
        Patch(facecolor=light, edgecolor=dark, hatch="//////", linewidth=0.5, label="void")
    )
    if unmeasured:
        grey = np.asarray(UNMEASURED) / 255
        entries.append(
            Patch(facecolor=grey, edgecolor="0.3", linewidth=0.5, label="depth not measured")
        )
    return entries
