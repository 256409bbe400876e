"""What TensorFlow's part of the table of speed is made of: tracing, and the kinds of operations.

    python benchmarks/tensorflow_profile.py resnet50
    python benchmarks/tensorflow_profile.py efficientnet_lite0

Prints the seconds of a first step, of the calls within which Python traces it, and how many
operations that makes; then the milliseconds of a later step by kind of operation, of one thread, by
TensorFlow's own profiler.
"""

import collections
import os
import tempfile
import time
from pathlib import Path

import click
from table import LITE0, RESNET, ours_step

SETTINGS = {
    "resnet50": {**RESNET, "weighting": "uniform", "with_depth": False},
    "efficientnet_lite0": {**LITE0, "weighting": "lwm"},
}
TRACED = ("training_loss", "_differentiate", "_finish", "train_step")
STEPS = 5


def watch(owner, names, found) -> None:
    """Has methods say in `found` how long they take and how many operations they add to a graph."""
    import tensorflow as tf

    def operations():
        return len(tf.compat.v1.get_default_graph().get_operations())

    def watched(name, method):
        def call(*args, **kwargs):
            start, before = time.perf_counter(), operations()
            result = method(*args, **kwargs)
            found[name] = time.perf_counter() - start, operations() - before
            return result

        return call

    for name in names:
        setattr(owner, name, watched(name, getattr(owner, name)))


def milliseconds(step) -> collections.Counter:
    """Of a step, by kind of operation."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(STEPS):
                step()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    kinds = collections.Counter()
    for plane in space.planes:
        for line in plane.lines if plane.name == "/host:CPU" else ():
            for event in line.events:
                # "name of the operation:its kind"
                name, _, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if name and not name.endswith(":") and kind.isidentifier():
                    kinds[kind] += event.duration_ps / 1e9 / STEPS
    return kinds


@click.command()
@click.argument("setting", type=click.Choice(list(SETTINGS)))
def main(setting) -> None:
    """Profiles the steps."""
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    os.environ.update({"KERAS_BACKEND": "tensorflow", **dict.fromkeys(threads, "1")})
    import keras_lwm

    found = {}
    watch(keras_lwm.DepthPrivilegedModel, TRACED, found)
    step = ours_step(**SETTINGS[setting])
    start = time.perf_counter()
    step()
    click.echo(f"{time.perf_counter() - start:8.2f} s  first step")
    for name in TRACED:
        seconds, operations = found[name]
        click.echo(f"{seconds:8.2f} s  {operations:6d} operations by {name}")
    step()
    kinds = milliseconds(step)
    for kind, time_of_kind in kinds.most_common(16):
        click.echo(f"{time_of_kind:8.1f} ms  {time_of_kind / kinds.total():6.1%} {kind}")


if __name__ == "__main__":
    main()
