"""The figure and the page of an ablation, from its tables."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from keras_lwm.ablation.rows import BASELINE
from keras_lwm.atomic_write import atomic_write
from keras_lwm.extras import imports_of


def draw_tables(folder: str | Path) -> None:
    """Draws `ablation.png` and `.html` of what `write_tables` wrote to `ablation.json`.

    Args:
        folder: where that is; nothing else of the ablation is needed.

    Raises:
        ImportError: a package of the extra `report` is missing.
    """
    # Cells are trained, and tables written, where it is not installed.
    from keras_lwm.report.page import write_ablation_page

    folder = Path(folder)
    tables = json.loads((folder / "ablation.json").read_text(encoding="utf-8"))
    rows = tables["rows"]
    if len(rows) > 1 and BASELINE in rows:
        draw_differences(folder / "ablation.png", rows)
    page = folder / "ablation.html"
    write_ablation_page(page, rows, tables["command"], tables["setting"], BASELINE)


def draw_differences(path: Path, summary: Mapping) -> None:
    """Draws each row's paired difference in mIoU and PixAcc, with both intervals, as a PNG."""
    with imports_of("report", "The ablation's figure"):
        from matplotlib.figure import Figure

    rows = [row for row in summary if row != BASELINE]
    drawing = Figure(figsize=(9, 0.4 * len(rows) + 1.4))
    axes = drawing.subplots(1, 2, sharey=True)
    for axis, name in zip(axes, ("mIoU", "PixAcc"), strict=True):
        figures = [summary[row]["figures"][name] for row in rows]
        means = [entry.get("difference", math.nan) for entry in figures]
        halves = [entry.get("interval") or 0.0 for entry in figures]
        axis.axvline(0, color="0.6", linewidth=1)
        drawn = {
            place: entry["bootstrap"] for place, entry in enumerate(figures) if "bootstrap" in entry
        }
        if drawn:
            axis.hlines(list(drawn), *zip(*drawn.values(), strict=True), color="C0", alpha=0.4)
        axis.errorbar(means, range(len(rows)), xerr=halves, fmt="o", capsize=3)
        axis.set_xlabel(f"{name}, difference to {BASELINE} (points)")
        axis.set_yticks(range(len(rows)), rows)
        axis.locator_params(axis="x", nbins=6)
        axis.grid(axis="x", color="0.9")
    axes[0].invert_yaxis()
    if drawn:
        drawing.suptitle("bars: other seeds; pale lines: other scenes and seeds (95 %)", fontsize=9)
    drawing.tight_layout()
    with atomic_write(path) as partial:
        drawing.savefig(partial, dpi=110)
