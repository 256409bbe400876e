"""The table of `gpu.py`, a line as soon as its row is measured."""

import click
from gpu_rows import CLASSES, TINY

HEADINGS = (
    ("network", 34),
    ("batch", 5),
    ("step, ms", 9),
    ("images/s", 8),
    ("first step, s", 13),
    ("peak memory, GB", 15),
    ("of bf16 peak", 12),
)


def line(cells) -> str:
    """A line of a Markdown table, padded."""
    first, *others = (
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, (_, width)) in enumerate(zip(cells, HEADINGS, strict=True))
    )
    return "| " + " | ".join([first, *others]) + " |"


def table_row(row, setting, found) -> str:
    """A row's line: its numbers, or why there are none."""
    name = f"{row.network}, {row.framework}, {row.precision}"
    batch = str(row.batch // setting.batch_divisor)
    if "failed" in found:
        widths = (width for _, width in HEADINGS)
        return f"| {name.ljust(next(widths))} | {batch.rjust(next(widths))} | {found['failed']} |"
    share = found["peak_share"]
    return line(
        [
            name,
            batch,
            f"{found['step'] * 1000:.1f}",
            f"{found['images_a_second']:.1f}",
            f"{found['first']:.2f}",
            f"{found['peak_bytes'] / 1e9:.2f}",
            "?" if share is None else f"{share:.1%}",
        ]
    )


def print_header(where, setting) -> None:
    """Says what the numbers below are, and begins the table."""
    height, width = setting.size
    encoder = "a small encoder for ours" if setting == TINY else "resnet50"
    click.echo(
        f"{where}; light RefineNet, {encoder}, {height}x{width}, {CLASSES} classes, "
        f"{setting.channels} channels; AdamW; products of float32 in TF32 where the card has it; "
        f"the peer in channels_last; median of {setting.rounds} rounds of {setting.steps_a_round} "
        f"steps; peak memory {'resident' if where == 'CPU' else 'on the device'}\n"
    )
    click.echo(line([heading for heading, _ in HEADINGS]))
    first, *others = (width for _, width in HEADINGS)
    click.echo(line(["-" * first, *("-" * (width - 1) + ":" for width in others)]))
