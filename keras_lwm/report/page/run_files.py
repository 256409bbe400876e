"""What a run folder holds, read for its page: files alone, so neither Keras nor the data."""

import csv
import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path

_FRAMES = Path("report/frames/frames.json")
_WEIGHT_MAPS = Path("report/weight_maps")
_BINS = Path("report/bins.json")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run, as far as it has come.

    Attributes:
        name: what the page calls it.
        path: the folder.
        options: that it was started with.
        command: what started it; empty where that was not kept.
        history: {log: a value an epoch, None where there is none}; with the column `epoch`, from 1.
        scores: {view: what `evaluate` returned}.
        frames: `frames.json`, see `keep_frames`; None where there is none.
        weight_maps: the JSON files of `KeepWeightMaps`, by epoch; of a uniform weighting none.
        bins: `bins.json`, see `keep_bins`; None where there is none.
    """

    name: str
    path: Path
    options: dict
    command: str
    history: dict[str, list]
    scores: dict[str, dict]
    frames: dict | None
    weight_maps: list[dict]
    bins: dict | None

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, as far as anything says them."""
        if self.scores:
            return [row["name"] for row in next(iter(self.scores.values()))["classes"]]
        return [row["name"] for row in self.frames["classes"]] if self.frames is not None else []

    def frame_picture(self, name: str) -> Path:
        """The path of a picture that `frames` names; ValueError unless it lies beside that."""
        if Path(name).name != name:
            raise ValueError(f"Expected a file beside {self.path / _FRAMES}; received {name!r}.")
        return self.path / _FRAMES.parent / name

    def weight_map_pictures(self, pattern: str) -> list[Path]:
        """The pictures of `KeepWeightMaps` whose names match, in the order of the frames."""
        return sorted((self.path / _WEIGHT_MAPS).glob(pattern))


def read_run(path, name: str = "") -> Run:
    """Reads the folder of a run.

    Raises:
        ValueError: it is no run folder, or a file in it cannot be read.
    """
    path = Path(path)
    if not (path / "options.json").is_file():
        there = "a folder without options.json" if path.is_dir() else "no folder"
        raise ValueError(f"Expected the folder of a run; received {path}, which is {there}.")
    views = sorted((path / "scores").glob("*/scores.json"), key=_view_order)
    command = path / "command.txt"
    options = _read_json(path / "options.json")
    # All ones are not worth a look.
    weight_maps = [] if is_uniform(options) else sorted((path / _WEIGHT_MAPS).glob("epoch_*.json"))
    return Run(
        name=name or path.resolve().name,
        path=path,
        options=options,
        command=command.read_text(encoding="utf-8").strip() if command.is_file() else "",
        history=_read_history(path / "history.csv"),
        scores={view.parent.name: _read_json(view) for view in views},
        frames=_read_json(path / _FRAMES) if (path / _FRAMES).is_file() else None,
        weight_maps=[_read_json(epoch) for epoch in weight_maps],
        bins=_read_json(path / _BINS) if (path / _BINS).is_file() else None,
    )


def is_uniform(options: Mapping) -> bool:
    """Whether the weight of a run's pixels is always 1, by its options."""
    return options.get("weighting") == "uniform"


def _view_order(path):
    return path.parent.name != "single_scale", path.parent.name


def read_runs(paths) -> list[Run]:
    """Reads several runs, each named after its folder; the one above tells like names apart."""
    paths = [Path(path).resolve() for path in paths]
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}/{path.name}" for path in paths]
    if len(set(paths)) < len(paths):
        raise ValueError(
            f"Expected different runs; received {', '.join(map(str, paths))}: one comes twice."
        )
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return [read_run(path, name) for path, name in zip(paths, names, strict=True)]


def _read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not readable as JSON ({error}).") from error


def _read_history(path):
    if not path.is_file():
        return {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        columns = {name: [_number(row[name]) for row in rows] for name in (rows or [{}])[0]}
    except (ValueError, TypeError, csv.Error) as error:
        raise ValueError(f"{path} is not readable as a table of numbers ({error}).") from error
    if "epoch" in columns:
        columns["epoch"] = [int(epoch) + 1 for epoch in columns["epoch"]]
    return columns


def _number(text):
    """A float; None for an empty cell and for what JSON cannot hold."""
    value = float(text or "nan")
    return value if math.isfinite(value) else None
