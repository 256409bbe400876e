"""JAX compiles for the first frame of a video, and for no other."""

import jax
from evaluation import oracle
from made_videos import random_frames, write_video

from keras_lwm import Predictor
from keras_lwm.description import Description
from keras_lwm.run_folder.models import save_model
from keras_lwm.video import predict_video


def test_frames_of_one_size_are_compiled_for_once(tmp_path, caplog):
    palette = [(index, 0, 0) for index in range(oracle.CLASSES)]
    path = tmp_path / "model.keras"
    save_model(oracle.network(), path, {}, Description(["a", "b", "c", "d"], palette))
    clip = write_video(tmp_path / "clip.mkv", random_frames())
    compiled = []
    with jax.log_compiles():
        for _ in predict_video(Predictor(path), clip):
            compiled.append(sum("Compiling" in record.message for record in caplog.records))
    assert len(compiled) == 8
    assert compiled[0] > 0 and compiled[-1] == compiled[0]
