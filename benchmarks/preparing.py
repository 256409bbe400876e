"""What preparing a folder of frames takes, by one process and by Apache Beam, and a plan for many.

    python benchmarks/preparing.py FOLDER --depth-unit 0.001 --first-id 1 --void-ids 0 \
        --out docs/figures/preparing.md

FOLDER is a folder of frames as `keras-lwm datasets build` takes it, of a few hundred frames. It
needs the extra `beam`, and about 3 minutes on two cores for 497 frames of 480x640.

Each way prepares all of the frames of `train.txt`, and a quarter of them, in processes of their
own: the difference is what frames take, the rest is what starting takes. A frame is looked for
several times before it is read (its name, size and time of change), which one process has to do;
this is timed by itself.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click
from sides import machine

from keras_lwm_cli.dataset_options import folder_options

ROOT = Path(__file__).parents[1]
WAYS = {
    "one process": [],
    "Beam, one worker": ["--beam"],
    "Beam, two workers": [
        *("--beam", "--beam-option", "direct_num_workers=2"),
        *("--beam-option", "direct_running_mode=multi_processing"),
    ],
}
MANY = 2_500_000
WORKERS = (1, 64)
# How often the process that leads looks at every file: as the builder is made, before it is
# prepared, and for the state of the sources, before and after. A worker does as it begins.
LOOKS = 4


def linked(source, names, folder):
    """A folder of the same files, whose `train.txt` holds these names and is its only list."""
    folder.mkdir()
    for kind in ("rgb", "label", "depth"):
        (folder / kind).mkdir()
        for path in (source / kind).iterdir():
            if path.stem in names:
                os.link(path.resolve(), folder / kind / path.name)
    for name in ("classes.txt", "colours.txt"):
        if (source / name).exists():
            (folder / name).write_bytes((source / name).read_bytes())
    (folder / "train.txt").write_text("\n".join(names) + "\n")
    return folder


def command_line(options):
    """The options of a folder as they were given."""
    for name, value in options.items():
        values = value if isinstance(value, tuple) and name != "size" else (value,)
        for each in values:
            if each is not None and each is not False:
                yield f"--{name.replace('_', '-')}"
                yield from map(str, () if each is True else each if name == "size" else (each,))


def prepare(folder, way, options, data):
    """Seconds of preparing a folder, gigabytes that the process had at the most, the records'."""
    command = [sys.executable, "-m", "keras_lwm_cli", "datasets", "build", folder, *options]
    command = [*map(str, command), "--data-dir", str(data), *WAYS[way]]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    errors = data.with_suffix(".errors")
    start = time.perf_counter()
    with open(errors, "wb") as file:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise click.ClickException(errors.read_text().splitlines()[-1].removeprefix("Error: "))
    records = sum(path.stat().st_size for path in data.rglob("*.tfrecord*"))
    return seconds, usage.ru_maxrss / 1e6, records / 1e9


def look(folder, options):
    """Seconds of looking at every file of a folder once."""
    from keras_lwm.datasets import RgbdFolder

    RgbdFolder(folder, **options)
    start = time.perf_counter()
    RgbdFolder(folder, **options)
    return time.perf_counter() - start


class Measured(NamedTuple):
    """What a way of preparing takes.

    Attributes:
        start: seconds, however many frames there are.
        each: seconds a frame.
        memory: gigabytes of the process that was started.
    """

    start: float
    each: float
    memory: float


def measure(folder, options):
    """What each way takes, by name; the frames; gigabytes, and seconds of looking, a frame."""
    given = list(command_line(options))
    names = (folder / "train.txt").read_text().split()
    quarter = len(names) // 4
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        few = linked(folder, names[:quarter], place / "few")
        every = linked(folder, names, place / "all")
        ways = {}
        for way in WAYS:
            short, *_ = prepare(few, way, given, place / f"{way} few")
            long, memory, size = prepare(every, way, given, place / f"{way} all")
            each = (long - short) / (len(names) - quarter)
            ways[way] = Measured(short - each * quarter, each, memory)
        options = {name: value for name, value in options.items() if value not in (None, (), False)}
        looking = look(every, options) / len(names)
    return ways, len(names), size / len(names), looking


def hours(workers, way, looking):
    """Hours of preparing `MANY` frames."""
    looks = LOOKS + (workers > 1)
    return (way.start + MANY * (looks * looking + way.each / workers)) / 3600


TEXT = """# Preparing many frames

Made by `{command}` on {machine}

| | starting, s | ms a frame | memory, GB |
| --- | ---: | ---: | ---: |
{rows}

Of {frames} frames. A frame takes {kilobytes:.0f} KB as a record, and {looking:.3f} ms to be
looked at: its files' names, sizes and times of change. The process that leads looks at every file
{looks} times, and every worker once as it begins; what is left is shared by the workers, each of
which reads and writes one frame after the other.

## A set of 2.5 million frames, on paper

As many as ScanNet has. One worker is `keras-lwm datasets build FOLDER --beam`, 64 are those of
another runner (`--beam-option runner=...`) on a file system that all of them see; assumed is that
it serves 64 readers as quickly as this machine's disk serves one. No such set has been prepared.

| workers | hours | of these looking | records | memory, GB a worker |
| ---: | ---: | ---: | ---: | ---: |
{plans}

Prepared, it is read as any other: shards of 32 frames, whose records are found by reading their
lengths alone.
"""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@folder_options
@click.option("--out", type=click.Path(path_type=Path), help="Write the page to this file.")
def main(folder, out, **options) -> None:
    """Prepares FOLDER in every way, and plans."""
    ways, frames, size, looking = measure(folder, options)
    shared = ways["Beam, one worker"]
    plans = [
        f"| {workers} | {hours(workers, shared, looking):.1f} | "
        f"{MANY * looking * (LOOKS + (workers > 1)) / 3600:.1f} | {MANY * size / 1e3:.2f} TB | "
        f"{shared.memory:.1f} |"
        for workers in WORKERS
    ]
    command = ["FOLDER", *command_line(options), "--out", "docs/figures/preparing.md"]
    page = TEXT.format(
        command=f"python benchmarks/preparing.py {' '.join(command)}",
        machine=machine("tensorflow", "tensorflow-datasets", "apache-beam"),
        rows="\n".join(
            f"| {name} | {way.start:.1f} | {1e3 * way.each:.1f} | {way.memory:.1f} |"
            for name, way in ways.items()
        ),
        frames=frames,
        kilobytes=1e6 * size,
        looking=1e3 * looking,
        looks=LOOKS,
        plans="\n".join(plans),
    )
    click.echo(page)
    if out is not None:
        out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
