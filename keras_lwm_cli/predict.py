"""`keras-lwm predict`: the class of every pixel of many images, as pictures."""

import sys

import click

from keras_lwm_cli.progress import progress_bar
from keras_lwm_cli.running import (
    backend_option,
    in_a_sentence,
    memory_options,
    notes_on_large_images,
    use_backend,
)


@click.command()
@click.argument("model", type=click.Path())
@click.argument("images", nargs=-1, required=True, type=click.Path())
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Folder for the pictures.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["ids", "mask", "overlay"]),
    help="Write these pictures alone; may be repeated.",
)
@memory_options
@backend_option
@in_a_sentence
def predict(model, images, out, only, max_memory, longest_side, backend) -> None:
    """Predicts the class of every pixel of IMAGES: files, folders with all that is in them, or
    quoted patterns such as 'photos/**/*.jpg'.

    MODEL is a run folder, a .keras file, a SavedModel folder, or an ONNX, LiteRT or OpenVINO file.
    For each image, DIR gets NAME_ids.png (class ids, in 16 bits beyond 255 classes), NAME_mask.png
    (their colours; up to 256 classes a palette image of the ids) and NAME_overlay.png (colours over
    the image), in the same subfolders, and classes.csv says which class has which id and colour. An
    image that cannot be read is reported and left out; the exit code is 1 then.
    """
    use_backend(backend)
    from keras_lwm import Predictor
    from keras_lwm.deployment.image_files import list_images
    from keras_lwm.deployment.prediction_files import PICTURES, is_prediction, write_predictions

    names = list_images(images, leave_out=lambda path: is_prediction(path, out))
    pictures = only or PICTURES
    predictor = Predictor(model, max_memory=max_memory, longest_side=longest_side)
    done = write_predictions(predictor, names, out, pictures)
    broken = 0
    progress = progress_bar(done, "Predicting", "images", len(names))
    with notes_on_large_images(), progress as bar:
        for _, error in bar:
            if error is not None:
                broken += 1
                # Above the bar; click.echo would write into it.
                print(f"Error: {error}", file=sys.stderr)
    click.echo(f"{len(names) - broken} of {len(names)} images in {out}: {', '.join(pictures)}")
    if broken:
        sys.exit(1)
