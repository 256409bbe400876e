"""Any monocular depth model in an ONNX file, run by onnxruntime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_lwm.extras import imports_of
from keras_lwm.made_depth.estimators import file_digest, fixed_size
from keras_lwm.made_depth.kinds import METRES, RELATIVE_DEPTH, RELATIVE_INVERSE_DEPTH
from keras_lwm.option_values import reals

OUTPUTS = {"metres": METRES, "depth": RELATIVE_DEPTH, "inverse-depth": RELATIVE_INVERSE_DEPTH}
# Of ImageNet's images, from 0 to 1: what most backbones were trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxEstimator:
    """A model of one RGB image input, channels first or last, and one map; see `estimators`.

    It sees (image / 255 - mean) / deviation. Which axis holds the channels is read off the input's
    shape, as are a fixed size and a fixed number of images.

    Args:
        path: the file.
        size: (height, width) to show it images in; None: its own, or each image's.
        output: what its map holds: "metres", "depth" or "inverse-depth", the last two but for a
            scale and a shift. No file says that.
        mean, deviation: of RGB values from 0 to 1.

    Raises:
        ValueError: a file that cannot be opened; inputs or outputs that are not of this form; a
            size that it does not take; options out of their range.
        ImportError: onnxruntime is missing.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int] | None = None,
        output: str | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        deviation: Sequence[float] = IMAGENET_DEVIATION,
    ):
        if output not in OUTPUTS:
            raise ValueError(
                f"Expected output to say what {path} gives, {', '.join(OUTPUTS)}; received "
                f"{output!r}."
            )
        self._mean, self._deviation = _channels("mean", mean), _channels("deviation", deviation)
        if not all(self._deviation > 0):
            raise ValueError(f"Expected a deviation above 0; received {tuple(deviation)}.")
        self._path = path
        self._session = _session(path)
        self._input, self._channels_first = _image_input(self._session, path)
        self._output = _map_output(self._session, path)
        batch, *own = _lengths(self._input.shape, self._channels_first)
        self._batch = batch
        self.kind = OUTPUTS[output]
        self.name = path.name
        self.size = fixed_size(tuple(own), size, str(path))
        self.identity = {
            "name": path.name,
            "digest": file_digest(path),
            "size": None if self.size is None else list(self.size),
            "mean": self._mean.tolist(),
            "deviation": self._deviation.tolist(),
        }

    def __call__(self, images: np.ndarray) -> np.ndarray:
        values = (images.astype(np.float64) / 255 - self._mean) / self._deviation
        values = values.astype(_DTYPES[self._input.type])
        if self._channels_first:
            values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        step = self._batch or len(values)
        parts = [self._run(values[at : at + step], step) for at in range(0, len(values), step)]
        return np.concatenate(parts)

    def _run(self, values, step):
        count = len(values)
        if count < step:
            values = np.concatenate([values, np.repeat(values[-1:], step - count, axis=0)])
        try:
            outputs = self._session.run([self._output], {self._input.name: values})[0]
        except Exception as error:
            raise ValueError(
                f"{self._path} cannot be run on images of {values.shape} (onnxruntime says "
                f"{_first_line(error)}): give a size that it takes."
            ) from error
        return self._as_map(outputs, values.shape)[:count]

    def _as_map(self, outputs, shape):
        outputs = np.asarray(outputs, np.float32)
        if outputs.ndim == 4 and 1 in (outputs.shape[1], outputs.shape[3]):
            outputs = outputs.squeeze(1 if outputs.shape[1] == 1 else 3)
        if outputs.ndim != 3 or len(outputs) != shape[0]:
            raise ValueError(
                f"Expected one map an image, (B, H, W), (B, 1, H, W) or (B, H, W, 1), of "
                f"{self._path}; received {outputs.shape} for images of {shape}."
            )
        return outputs


def _channels(name, values):
    values = np.array(reals(name, values, least=-np.inf))
    if len(values) != 3:
        raise ValueError(f"Expected {name} of three channels; received {len(values)} numbers.")
    return values


def _session(path):
    with imports_of("onnx", f"Running {path}"):
        import onnxruntime
    available = onnxruntime.get_available_providers()
    providers = [provider for provider in _PROVIDERS if provider in available]
    try:
        return onnxruntime.InferenceSession(str(path), providers=providers)
    except Exception as error:
        # onnxruntime's own classes derive from RuntimeError, and there are a dozen.
        raise ValueError(
            f"{path} cannot be opened as an ONNX file ({_first_line(error)})."
        ) from error


def _first_line(error):
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def _image_input(session, path):
    """The input, and whether its channels come first."""
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].type in _DTYPES and len(inputs[0].shape) == 4:
        first, last = (inputs[0].shape[axis] == 3 for axis in (1, 3))
        if first != last:
            return inputs[0], first
    received = ", ".join(f"{value.name}: {value.type} {value.shape}" for value in inputs)
    raise ValueError(
        f"Expected one input of images, (B, 3, H, W) or (B, H, W, 3) of float32 or float16, in "
        f"{path}; received {received}."
    )


def _map_output(session, path):
    names = [value.name for value in session.get_outputs()]
    if len(names) == 1:
        return names[0]
    of_depth = [name for name in names if "depth" in name.lower()]
    if len(of_depth) != 1:
        raise ValueError(
            f"Expected one output in {path}, or one with depth in its name; received "
            f"{', '.join(names)}."
        )
    return of_depth[0]


def _lengths(shape, channels_first):
    """Batch, height and width; None for what is free."""
    batch, *size = (shape[axis] for axis in ((0, 2, 3) if channels_first else (0, 1, 2)))
    return [length if isinstance(length, int) and length > 0 else None for length in (batch, *size)]
