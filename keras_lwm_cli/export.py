"""`keras-lwm export`: a trained model as a file that needs no Keras."""

import click

from keras_lwm_cli.dataset_options import open_dataset
from keras_lwm_cli.running import backend_option, in_a_sentence, use_backend


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "--format",
    "format_name",
    required=True,
    type=click.Choice(["saved_model", "onnx", "litert", "openvino"]),
)
@click.option(
    "--out",
    required=True,
    metavar="PATH",
    type=click.Path(),
    help="What to write: a folder for saved_model, else a file: .onnx, .tflite (LiteRT), .xml "
    "(OpenVINO).",
)
@click.option("--size", type=(int, int), help="Height and width of every image; else any.")
@click.option(
    "--input-type",
    type=click.Choice(["uint8", "float32"]),
    default="uint8",
    show_default=True,
    help="Of the image, 0 to 255 either way.",
)
@click.option("--probabilities", is_flag=True, help="Give these too, beside the class ids.")
@click.option(
    "--quantisation",
    type=click.Choice(["float16", "dynamic_int8"]),
    help="Of a LiteRT file: smaller, and no longer quite the same network.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@click.option(
    "--check-on",
    metavar="IMAGE",
    type=click.Path(),
    help="Say how far the file is from RUN on this image.",
)
@click.option(
    "--measure-on",
    metavar="NAME|FOLDER",
    help="Say the mIoU of RUN and of the file on the test frames of this data set; for one that "
    "needs more options, use keras-lwm evaluate.",
)
@click.option("--data-dir", type=click.Path(), help="Where TFDS keeps prepared data.")
@backend_option
@in_a_sentence
def export(run, format_name, out, backend, check_on, measure_on, data_dir, **options) -> None:
    """Exports the segmenter of RUN: a run folder, or a .keras file.

    The file takes RGB images and gives class ids, at the image's size; its description of the
    classes is inside. TensorFlow writes it, in a process of its own; --backend is what RUN itself
    is asked with by --check-on and --measure-on.
    """
    use_backend(backend)
    from keras_lwm import Predictor, export_segmenter

    exported = export_segmenter(run, out, format_name, **options)
    click.echo(
        f"wrote {exported.path}: {exported.num_bytes / 1e6:.1f} MB, "
        f"{exported.parameters} parameters"
    )
    for kind, tensors in (("input", exported.inputs), ("output", exported.outputs)):
        for name, (dtype, shape) in tensors.items():
            lengths = ", ".join("any" if length is None else str(length) for length in shape)
            click.echo(f"{kind} {name}: {dtype} ({lengths})")
    if check_on is not None:
        _check(Predictor(run), Predictor(out), check_on, options["size"])
    if measure_on is not None:
        _measure({"trained": Predictor(run), "exported": Predictor(out)}, measure_on, data_dir)


def _check(trained, exported, image, size):
    from keras_lwm.deployment.predictor import compare

    agreement = compare(trained, exported, image, size)
    click.echo(f"same class as the trained model: {100 * agreement.same_class:.3f} % of {image}")
    if agreement.difference is not None:
        click.echo(f"largest difference of a probability: {agreement.difference:.1e}")


def _measure(predictors, dataset, data_dir):
    from keras_lwm.evaluation import evaluate
    from keras_lwm.pipeline import evaluation_dataset
    from keras_lwm.progress_bar import ProgressBar

    builder = open_dataset(dataset, data_dir=data_dir)
    class_names = builder.info.metadata["class_names"]
    scores = {}
    for name, predictor in predictors.items():
        frames = evaluation_dataset(builder, "test")
        with ProgressBar(frames, f"Evaluating {name}", "frames") as shown:
            of_file = evaluate(predictor, shown, len(class_names), class_names, progress=False)
        scores[name] = of_file["mean_iou"]
    cost = scores["trained"] - scores["exported"]
    click.echo(
        f"mIoU on {builder.info.full_name}: trained {100 * scores['trained']:.2f} %, exported "
        f"{100 * scores['exported']:.2f} %, cost {100 * cost:+.2f} points"
    )
