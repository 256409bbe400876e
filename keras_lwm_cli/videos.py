"""Videos and cameras of `keras-lwm predict`: their progress, and what is said of them."""

import datetime
import math
import os
import time

import click


def predict_videos(predictor, videos, out, pictures, per_second) -> bool:
    """Predicts video files, a dictionary of path to name; whether all of them are whole."""
    from keras_lwm.video.ahead import Ahead
    from keras_lwm.video.predictions import PICTURES_OF_A_VIDEO, write_video_predictions
    from keras_lwm.video.reading import VideoError, open_video

    pictures = pictures or PICTURES_OF_A_VIDEO
    whole, written, frames, began = True, 0, 0, time.perf_counter()
    for path, name in videos.items():
        try:
            with open_video(path) as video, Ahead(video.frames(per_second)) as ahead:
                done = write_video_predictions(predictor, video, ahead, out, name, pictures)
                frames += _watched(done, path.name, video.expected(per_second))
        except (VideoError, FileNotFoundError) as error:
            whole = False
            click.echo(f"Error: {error}", err=True)
            continue
        written += 1
        if video.damage is not None:
            whole = False
            click.echo(f"Error: {video.damage}", err=True)
    rate = frames / (time.perf_counter() - began)
    click.echo(
        f"{written} of {len(videos)} videos in {out}: {', '.join(pictures)}; {frames} frames, "
        f"{rate:.1f} frames/s"
    )
    return whole


def predict_camera(predictor, source, out, pictures, per_second, seconds) -> bool:
    """Predicts a camera until Ctrl-C, for some seconds, or to its end; whether without errors."""
    from keras_lwm.run_folder.stopping import StopSignals
    from keras_lwm.video.ahead import Ahead
    from keras_lwm.video.cameras import open_camera
    from keras_lwm.video.predictions import PICTURES_OF_A_VIDEO, write_video_predictions

    pictures = pictures or PICTURES_OF_A_VIDEO
    name = f"camera_{datetime.datetime.now():%Y-%m-%d_%H-%M-%S}"
    with (
        open_camera(source) as video,
        StopSignals(unit="frame") as stop,
        Ahead(video.frames(per_second), most=1, newest=True) as newest,
    ):
        began = time.perf_counter()
        taken = _until(newest, stop, seconds)
        done = write_video_predictions(predictor, video, taken, out, name, pictures)
        frames = _watched(done, video.name, None)
        rate = frames / (time.perf_counter() - began)
    if video.damage is not None:
        click.echo(f"Error: {video.damage}", err=True)
    click.echo(
        f"{video.name} in {os.path.join(out, name)}: {', '.join(pictures)}; {frames} frames, "
        f"{rate:.1f} frames/s, {newest.dropped} dropped"
    )
    return video.damage is None


def _until(frames, stop, seconds):
    """Frames until a signal comes, or for some seconds from the first."""
    end = None
    for frame in frames:
        if end is None:
            end = math.inf if seconds is None else frame.time + seconds
        if stop.received or frame.time >= end:
            return
        yield frame


def _watched(done, name, expected):
    """The number of frames, all of which it takes."""
    from keras_lwm.progress_bar import ProgressBar

    frames = 0
    with ProgressBar(done, f"Predicting {name}", "frames", expected) as bar:
        for _ in bar:
            frames += 1
    return frames
