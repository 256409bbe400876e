"""What the method has learned of each class at each distance: the bins, as plain numbers."""

from pathlib import Path

import numpy as np
from keras import ops

from keras_lwm.atomic_write import write_json

_TABLES = {
    "DSE": "binned_segmentation_error",
    "DPE": "binned_prediction_error",
}


def keep_bins(path: Path, model) -> None:
    """Writes the running errors by class and depth bin of a model's weighting, where it has any.

    The JSON holds `edges`, the bins' limits in metres, and `tables`, from "DSE" and "DPE" to rows,
    one a class, or one for all of them where they are gathered by distance alone, of errors from 0
    to 1, None where nothing was seen. Depths beyond the limits belong to the nearest bin.

    Args:
        path: where to, ending in `.json`.
        model: a `DepthPrivilegedModel`.
    """
    tables, edges = {}, []
    for title, name in _TABLES.items():
        memory = getattr(model.weighting, name, None)
        if memory is not None:
            errors, seen = (ops.convert_to_numpy(v) for v in (memory.errors, memory.seen))
            tables[title] = [
                [float(error) if known else None for error, known in zip(*row, strict=True)]
                for row in zip(errors, seen, strict=True)
            ]
            edges = np.geomspace(*memory.depth_range, memory.bins + 1).tolist()
    if tables:
        write_json(path, {"edges": edges, "tables": tables})
