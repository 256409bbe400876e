"""What an ablation's networks score on more scenes: narrower intervals from cells that are there.

    python benchmarks/more_scenes.py OUT --split tune

OUT is the folder of an ablation (`recipes/ablation.py`) with its networks, and SPLIT another one of
the same data. Printed are the differences of the rows to the baseline and to their controls, on the
split that the ablation scored, on the other, and on the scenes of both, with both intervals of
docs/ablation.md. What a network has scored is kept in OUT/more_scenes, so it goes on where it was
stopped. It takes two seconds a network and 100 frames of 144x192, on two cores.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from keras_lwm_cli.running import in_a_sentence

MOST_SEEDS = 100  # Seeds above are not looked for.


def cells_of(counts: Mapping) -> dict:
    """{row: {seed: {score: per cent}}} of {row: {seed: pixels (scenes, 3, C)}}."""
    from keras_lwm.ablation.report import OVERALL
    from keras_lwm.metrics.scores import scores_of_counts

    def figures(pixels):
        scores = scores_of_counts(*pixels.sum(axis=0).astype("float64"))
        return {title: 100 * float(scores[name]) for name, title in OVERALL.items()}

    return {
        row: {seed: figures(pixels) for seed, pixels in of_row.items()}
        for row, of_row in counts.items()
    }


def differences(counts: Mapping) -> dict[str, dict]:
    """{"row minus other": {score: difference, with its intervals}}; argument as of `cells_of`."""
    from keras_lwm.ablation import BASELINE
    from keras_lwm.ablation.report import OVERALL, add_bootstrap, summarise

    summary = summarise(cells_of(counts))
    add_bootstrap(summary, counts)
    found = {}
    for row, entry in summary.items():
        figures = {title: entry["figures"][title] for title in OVERALL.values()}
        others = {BASELINE: figures, **entry.get("control_gains", {})}
        for other, gains in others.items():
            # Rows that share no seed have none; nor has the baseline to itself.
            if any("difference" in figure for figure in gains.values()):
                found[f"`{row}` minus `{other}`"] = gains
    return found


def joined(one: Mapping, other: Mapping) -> dict:
    """The scenes of both; arguments as of `cells_of`, of the same networks."""
    return {
        row: {seed: np.concatenate([pixels, other[row][seed]]) for seed, pixels in of_row.items()}
        for row, of_row in one.items()
    }


def count_frames(network, frames, class_names, path: Path, **options) -> None:
    """Scores a network on frames, and writes the counts of each: see `FrameCounts`.

    `options` are further ones of `evaluate`.
    """
    from keras_lwm.ablation.cell import single_frames
    from keras_lwm.ablation.counts import FrameCounts
    from keras_lwm.evaluation import evaluate

    counts = FrameCounts(len(class_names))
    data, classes = single_frames(frames), len(class_names)
    evaluate(network, data, classes, class_names, on_frame=counts, **options)
    counts.save(path, frames.scenes)


def counts_of(folder, split: str) -> dict:
    """{split: {row: {seed: pixels (scenes, 3, C)}}}, of the ablation's scored split and another.

    Raises:
        click.ClickException: the network of a cell is not there.
        ValueError: the split cannot be read.
    """
    import keras

    from keras_lwm.ablation import ROWS
    from keras_lwm.ablation.counts import counts_by_scene
    from keras_lwm.ablation.frames import read_frames
    from keras_lwm.experiment import given

    _, scored = folder.splits
    kept = folder.path / "more_scenes" / split
    cells = [
        cell
        for cell in itertools.product(ROWS, range(MOST_SEEDS))
        if folder.cell_path(*cell).exists()
    ]
    files = {cell: kept / f"{cell[0]}-{cell[1]}.npz" for cell in cells}
    networks = {cell: folder.network_path(*cell) for cell in cells}
    missing = [cell for cell in cells if not _are_counted(files[cell], networks[cell])]
    gone = [networks[cell].name for cell in missing if not networks[cell].exists()]
    if gone:
        raise click.ClickException(
            f"Expected the networks of all cells in {folder.cells}; not there: {', '.join(gone)}."
        )
    if missing:
        by_split, class_names, _ = read_frames([split], folder.options)
        kept.mkdir(parents=True, exist_ok=True)
    for cell in missing:
        count_frames(
            keras.saving.load_model(networks[cell], compile=False),
            by_split[split],
            class_names,
            files[cell],
            **given(folder.options, ("unusual_depth",)),
        )
    counts = {scored: {}, split: {}}
    for row, seed in cells:
        of_scored = counts_by_scene(folder.counts_path(row, seed))
        counts[scored].setdefault(row, {})[seed] = of_scored
        counts[split].setdefault(row, {})[seed] = counts_by_scene(files[row, seed])
    return counts


def _are_counted(counts: Path, network: Path) -> bool:
    """Whether the counts are there, and were not made before the network was trained."""
    if not counts.exists():
        return False
    return not network.exists() or counts.stat().st_mtime >= network.stat().st_mtime


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False))
@click.option("--split", default="tune", show_default=True, help="The other split.")
@in_a_sentence
def main(out, split) -> None:
    """Prints three tables of Markdown."""
    from keras_lwm.ablation import BASELINE, AblationFolder
    from keras_lwm.ablation.report import OVERALL, difference_text, table

    folder = AblationFolder(out)
    trained, scored = folder.splits
    if split in (trained, scored):
        raise click.ClickException(
            f"Expected another split than those of the ablation, {trained} and {scored}; received "
            f"{split}."
        )
    counts = counts_of(folder, split)
    if BASELINE not in counts[split]:
        raise click.ClickException(f"Expected a cell of {BASELINE} in {out}; found none.")
    counts[f"{scored} and {split}"] = joined(counts[scored], counts[split])
    for name, of_rows in counts.items():
        scenes = len(next(iter(of_rows[BASELINE].values())))
        lines = [
            [pair, *map(difference_text, scores.values())]
            for pair, scores in differences(of_rows).items()
        ]
        click.echo(f"{table([f'{name}: {scenes} scenes', *OVERALL.values()], lines)}\n")


if __name__ == "__main__":
    main()
