"""Data sets as TFDS builders. Importing this package registers them."""

import contextlib
from collections.abc import Sequence

import keras

from keras_lwm.extras import imports_of
from keras_lwm.local_paths import local_path

with imports_of("tensorflow", "Preparing a data set (keras_lwm.datasets)"):
    import tensorflow as tf
    import tensorflow_datasets as tfds

from keras_lwm.datasets.cityscapes import CityscapesDepth
from keras_lwm.datasets.nyu_depth_v2 import NyuDepthV2Labeled
from keras_lwm.datasets.one_at_a_time import one_at_a_time
from keras_lwm.datasets.rgbd_folder import RgbdFolder
from keras_lwm.datasets.rooms import Rooms
from keras_lwm.datasets.sun_rgbd import SunRgbd

__all__ = [
    "BUILDERS",
    "CityscapesDepth",
    "NyuDepthV2Labeled",
    "RgbdFolder",
    "Rooms",
    "SunRgbd",
    "load_builder",
    "new_builder",
]

BUILDERS = {
    "cityscapes_depth": CityscapesDepth,
    "nyu_depth_v2_labeled": NyuDepthV2Labeled,
    "rgbd_folder": RgbdFolder,
    "rooms": Rooms,
    "sun_rgbd": SunRgbd,
}
"""The builders by the name that `load_builder` and `keras-lwm datasets` take."""


def load_builder(
    name: str,
    *,
    data_dir=None,
    manual_dir=None,
    beam: Sequence[str] | None = None,
    **options,
) -> tfds.core.DatasetBuilder:
    """The data set of this name, prepared; the first time takes a while, with progress shown.

    An interrupted preparation goes on where it was; what another process prepares is waited for.

    Args:
        name: a key of `BUILDERS`, or `NAME/CONFIG`; without a config, the builder's first.
        data_dir: where prepared data sets are kept; `None`: TFDS's own folder.
        manual_dir: the folder of files that were fetched by hand, for data sets that need them;
            `None`: `downloads/manual` in `data_dir`.
        beam: options of Apache Beam, such as `["runner=DirectRunner"]`, to prepare the data set by
            its workers; needs the extra `beam`. `None`: this process does.
        **options: passed to the builder, such as `folder` for `rgbd_folder`.

    Raises:
        ValueError: for an unknown name or config; the known ones are listed. For data that are
            missing or cannot be used: as the builder says.
    """
    if beam is not None:
        from keras_lwm.datasets.beam import beam_options

        # Workers may be started in another folder.
        data_dir, manual_dir = (
            None if path is None else local_path(path).expanduser().absolute()
            for path in (data_dir, manual_dir)
        )
    builder = new_builder(name, data_dir=data_dir, **options)
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    if beam is not None:
        config = config.replace(beam_options=beam_options(beam))
    with contextlib.ExitStack() as waiting:
        if not builder.data_path.exists():
            waiting.enter_context(one_at_a_time(local_path(builder.data_path.parent)))
        builder.download_and_prepare(download_config=config)
    return builder


def new_builder(name: str, *, data_dir=None, **options) -> tfds.core.DatasetBuilder:
    """The builder that `load_builder` prepares, as it is: prepared already, or not.

    Args:
        name, data_dir, **options: see `load_builder`.

    Raises:
        ValueError: for an unknown name or config.
    """
    name, _, config = name.partition("/")
    if name not in BUILDERS:
        raise ValueError(f"Unknown data set {name!r}: expected one of {sorted(BUILDERS)}.")
    if config:
        configs = list(BUILDERS[name].builder_configs)
        if config not in configs:
            raise ValueError(
                f"Unknown config {config!r} of the data set {name}: "
                + (f"expected one of {configs}." if configs else "it has none.")
            )
        options["config"] = config
    return BUILDERS[name](data_dir=data_dir, **options)


def _keep_tensorflow_off_the_gpu():
    """TensorFlow only reads data here, and would take the GPU's memory from the real backend."""
    # It refuses if its GPUs are in use already, by somebody who wants them.
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


if keras.config.backend() != "tensorflow":
    _keep_tensorflow_off_the_gpu()
