"""`keras-lwm report`: the page of one run, or of several beside each other."""

import importlib.util
import sys

import click

from keras_lwm_cli.running import in_a_sentence


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path())
@click.option(
    "--out",
    default="report.html",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The HTML file.",
)
@in_a_sentence
def report(runs, out) -> None:
    """Writes one HTML file that shows what the folders RUN... hold, for a browser without network.

    It has curves, scores, confusions, the hardest test frames, loss weight maps, the learned bins
    and the options; of several runs, the curves over each other and what differs from the first.
    Neither the data nor a model is read.
    """
    _leave_out_keras()
    from keras_lwm.report.page import write_page

    path = write_page(out, runs)
    click.echo(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _leave_out_keras():
    """Makes the page importable by itself.

    The packages above it import Keras, which takes seconds and needs a backend; the page does not.
    """
    for name in ("keras_lwm", "keras_lwm.report"):
        if name not in sys.modules:
            sys.modules[name] = importlib.util.module_from_spec(importlib.util.find_spec(name))
