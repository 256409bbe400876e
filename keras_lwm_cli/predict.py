"""`keras-lwm predict`: the class of every pixel of many images, videos or a camera, as pictures."""

import sys

import click

from keras_lwm_cli.running import (
    backend_option,
    in_a_sentence,
    memory_options,
    notes_on_large_images,
    use_backend,
)
from keras_lwm_cli.videos import predict_camera, predict_videos


@click.command()
@click.argument("model", type=click.Path())
@click.argument("images", nargs=-1, type=click.Path())
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
    help="Write these pictures alone; may be repeated. Of videos, else, the overlay alone.",
)
@click.option(
    "--frames-per-second",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Of videos and cameras: take N frames of each second, evenly; else all.",
)
@click.option(
    "--camera",
    metavar="SOURCE",
    help="Predict a camera in place of IMAGES: 0 for the first one, a name, or an address such as "
    "rtsp://HOST/PATH. Ctrl-C ends it.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="End the camera after N seconds.",
)
@memory_options
@backend_option
@in_a_sentence
def predict(
    model, images, out, only, frames_per_second, camera, seconds, max_memory, longest_side, backend
) -> None:
    """Predicts the class of every pixel of IMAGES: image and video files, folders with all that is
    in them, or quoted patterns such as 'photos/**/*.jpg'; or of a camera.

    MODEL is a run folder, a .keras file, a SavedModel folder, or an ONNX, LiteRT or OpenVINO file.
    For each image, DIR gets NAME_ids.png (class ids, in 16 bits beyond 255 classes), NAME_mask.png
    (their colours; up to 256 classes a palette image of the ids) and NAME_overlay.png (colours over
    the image), in the same subfolders, and classes.csv says which class has which id and colour.
    For each video it gets NAME_overlay.mp4, and by --only a folder of PNGs, NAME_ids or NAME_mask,
    named by their seconds. What cannot be read is reported and left out; the exit code is 1 then.
    """
    if (camera is None) == (not images):
        raise click.UsageError("Expected either IMAGES or --camera.")
    if seconds is not None and camera is None:
        raise click.UsageError("--seconds ends a camera: leave it out.")
    use_backend(backend)
    from keras_lwm import Predictor
    from keras_lwm.deployment.image_files import SUFFIXES, list_files
    from keras_lwm.deployment.prediction_files import is_prediction
    from keras_lwm.video.predictions import is_video_prediction
    from keras_lwm.video.reading import VIDEO_SUFFIXES, import_av

    def leave_out(path):
        return is_prediction(path, out) or is_video_prediction(path, out)

    listed = {"image": {}, "video": {}}
    if camera is None:
        listed = list_files(images, {"image": SUFFIXES, "video": VIDEO_SUFFIXES}, leave_out)
    if camera is not None or listed["video"]:
        import_av()  # What is missing is said before anything is predicted.
    predictor = Predictor(model, max_memory=max_memory, longest_side=longest_side)
    whole = True
    with notes_on_large_images():
        if listed["image"]:
            whole &= _predict_images(predictor, listed["image"], out, only)
        if listed["video"]:
            whole &= predict_videos(predictor, listed["video"], out, only, frames_per_second)
        if camera is not None:
            whole &= predict_camera(predictor, camera, out, only, frames_per_second, seconds)
    if not whole:
        sys.exit(1)


def _predict_images(predictor, images, out, pictures):
    """Whether all of them can be read."""
    from keras_lwm.deployment.prediction_files import PICTURES, write_predictions
    from keras_lwm.progress_bar import ProgressBar

    pictures = pictures or PICTURES
    done = write_predictions(predictor, images, out, pictures)
    broken = 0
    with ProgressBar(done, "Predicting", "images", len(images)) as bar:
        for _, error in bar:
            if error is not None:
                broken += 1
                # Above the bar; click.echo would write into it.
                print(f"Error: {error}", file=sys.stderr)
    click.echo(f"{len(images) - broken} of {len(images)} images in {out}: {', '.join(pictures)}")
    return not broken
