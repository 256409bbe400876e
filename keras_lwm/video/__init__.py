"""Moving pictures: the class of every pixel of video files and cameras, frame by frame.

    predictor = keras_lwm.Predictor("runs/rooms")
    for seconds, class_ids in predict_video(predictor, "clip.mp4"):
        ...

Importing this needs no package of the extra `video`; opening a video does.
"""

from keras_lwm.video.cameras import open_camera
from keras_lwm.video.predictions import predict_video, write_video_predictions
from keras_lwm.video.reading import VIDEO_SUFFIXES, open_video

__all__ = [
    "VIDEO_SUFFIXES",
    "open_camera",
    "open_video",
    "predict_video",
    "write_video_predictions",
]
