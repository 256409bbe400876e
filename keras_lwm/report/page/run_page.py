"""The page of one run, or of several beside each other."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_lwm.report.page import figures
from keras_lwm.report.page.figures import OVERALL
from keras_lwm.report.page.html import jinja2, write_html
from keras_lwm.report.page.run_files import Run, is_uniform, read_runs

# Of pictures on a page, in bytes before they become a third longer as text: a page has to open.
_MOST_PICTURE_BYTES = 10_000_000


def write_page(path, runs: Sequence) -> Path:
    """Writes the page of runs: curves, scores, confusions, frames, weight maps, bins and options.

    What a folder does not hold, as of a run that has not ended, is left out, and the page says so.

    Args:
        path: the HTML file.
        runs: folders of runs, at least one; the others are compared to the first.

    Returns:
        The path.

    Raises:
        ValueError: a folder is none of a run, a file in it cannot be read, or the page cannot be
            written.
    """
    read = read_runs(runs)
    with _of_our_own_making(read):
        return write_html(path, "run_page.html", **_values(read))


@contextlib.contextmanager
def _of_our_own_making(runs) -> Iterator[None]:
    """A sentence for files that are JSON, but not in the form that this library writes."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, jinja2.UndefinedError) as error:
        raise ValueError(
            f"Expected files as keras_lwm writes them in {', '.join(str(r.path) for r in runs)}; "
            f"received others ({type(error).__name__}: {error})."
        ) from error


def _values(runs):
    pictured = _pictured(runs)
    return {
        "title": " and ".join([", ".join(run.name for run in runs[:-1]), runs[-1].name])
        if len(runs) > 1
        else runs[0].name,
        "runs": runs,
        "overall": OVERALL,
        "score_rows": [row for run in runs for row in _score_rows(run)],
        "differences": _differences(runs),
        "class_tables": [(run.name, _class_rows(run)) for run in runs],
        "missing": [
            *_other_frames(runs),
            *(sentence for run in runs for sentence in _missing(run, run in pictured)),
        ],
        **_options(runs),
        "pictured": pictured,
        "several": len(runs) > 1,
        "figures": {
            "curves": figures.curves(runs),
            "subsets": figures.subset_bars(runs),
            "classes": figures.class_bars(runs),
            "differences": figures.difference_bars(runs) if len(runs) > 1 else None,
            "confusion": [figure for run in runs if (figure := figures.confusion(run))],
            "histograms": {run.path: figures.weight_histogram(run) for run in runs},
            "bins": {run.path: figures.bins(run) for run in runs},
        },
    }


def _score_rows(run) -> list[dict[str, Any]]:
    return [
        {
            "run": run.name,
            "view": view.replace("_", " "),
            "frames": scores["frames"],
            "scores": [scores[name] for name in OVERALL],
            "depth": scores.get("depth"),
            "subsets": {
                name: [part[score] for score in OVERALL]
                for name, part in scores.get("subsets", {}).items()
            },
        }
        for view, scores in run.scores.items()
    ]


def _differences(runs):
    """Each other run's overall scores minus those of the first, in points, where both have them."""
    first, *others = (next(iter(run.scores.values()), None) for run in runs)
    return [
        {
            "run": run.name,
            "points": [
                None
                if scores[name] is None or first[name] is None
                else 100 * (scores[name] - first[name])
                for name in OVERALL
            ],
        }
        for run, scores in zip(runs[1:], others, strict=True)
        if first is not None and scores is not None
    ]


def _options(runs):
    """{option: a text a run}, and the names of the options that none of them gives a value."""
    names = list(dict.fromkeys(name for run in runs for name in run.options))
    values = {name: [run.options.get(name) for run in runs] for name in names}
    unset = [name for name in names if all(value is None for value in values[name])]
    texts = {name: list(map(_text, values[name])) for name in names if name not in unset}
    return {"options": texts, "unset": unset}


def _text(value):
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "default" if value is None else str(value)


def _class_rows(run):
    scores = next(iter(run.scores.values()), None)
    if scores is None:
        return []
    total = max(scores["pixels"], 1)
    return [{**row, "share": row["pixels"] / total} for row in scores["classes"]]


def _pictured(runs: Sequence[Run]) -> list[Run]:
    """The first runs, as many as a page has room for the frames of."""
    pictured, size = [], 0
    for run in runs:
        files = (run.path / "report").rglob("*.*") if (run.path / "report").is_dir() else ()
        size += sum(file.stat().st_size for file in files)
        if size > _MOST_PICTURE_BYTES and pictured:
            break
        pictured.append(run)
    return pictured


def _other_frames(runs):
    """A sentence for each run whose scores are of other frames than those of the first."""
    first, *others = ((run.name, _scored_frames(run)) for run in runs)
    for name, frames in others:
        if None not in (frames, first[1]) and frames != first[1]:
            yield (
                f"{name} was scored on {frames}, {first[0]} on {first[1]}: unless these are the "
                "same frames, the difference between their scores says nothing of the runs."
            )


def _scored_frames(run):
    return run.frames and "{count} frames of {split}".format(**run.frames)


def _missing(run, pictured):
    """A sentence for each part of the page that the run's folder has nothing for."""
    parts = {
        "no history": not run.history,
        "no scores": not run.scores,
        "no pictures of test frames": run.frames is None,
        "no weight maps": not run.weight_maps and not is_uniform(run.options),
        "no bins": run.bins is None and run.frames is None,
        "no command": not run.command,
    }
    absent = [name for name, is_missing in parts.items() if is_missing]
    if absent:
        yield (
            f"{run.name} holds {', '.join(absent)}: its training has not ended, or it was made "
            "before these were kept."
        )
    if not pictured:
        yield f"{run.name} has a page of its own for its frames: there is no room for them here."
