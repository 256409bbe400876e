"""Where the ablation keeps its cells: one JSON file each, written when the cell is complete."""

import json
from pathlib import Path

import click

from keras_lwm.atomic_write import as_json, write_json


class AblationFolder:
    """`options.json`, `cells/ROW-SEED.json`, and beside them what a cell printed, and its network.

    Cells of other options than the folder's are refused.
    """

    def __init__(self, path, options):
        self.path = Path(path)
        self.cells = self.path / "cells"
        self.views_path = self.path / "views"
        options_path = self.path / "options.json"
        self.options = json.loads(as_json(options))
        if options_path.exists():
            recorded = json.loads(options_path.read_text(encoding="utf-8"))
            for name, value in self.options.items():
                if recorded.get(name) != value:
                    raise click.ClickException(
                        f"The ablation in {path} has {name}={recorded.get(name)!r}; received "
                        f"{name}={value!r}: choose another folder by --out."
                    )
        else:
            self.cells.mkdir(parents=True, exist_ok=True)
            write_json(options_path, self.options)

    def cell_path(self, row, seed):
        return self.cells / f"{row}-{seed}.json"

    def log_path(self, row, seed):
        return self.cells / f"{row}-{seed}.log"

    def network_path(self, row, seed):
        return self.cells / f"{row}-{seed}.keras"

    def write_cell(self, result):
        write_json(self.cell_path(result["row"], result["seed"]), result)

    def read_cell(self, row, seed):
        return json.loads(self.cell_path(row, seed).read_text(encoding="utf-8"))
